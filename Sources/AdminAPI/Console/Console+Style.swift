// The style of the web console. Colour only repeats what a word beside it says.

extension Console {
    static let style = #"""
        :root { color-scheme: light dark; --back: #f5f8fa; --card: #fff; --text: #14242e;
          --soft: #566873; --line: #d5dfe6; --good: #177245; --warn: #8f5500; --bad: #b3261e;
          --blue: #0a6d8f; }
        @media (prefers-color-scheme: dark) {
          :root { --back: #0f171c; --card: #172229; --text: #e2eaee; --soft: #93a5b0;
            --line: #2b3a44; --good: #58c48c; --warn: #e0a445; --bad: #ff8a80; --blue: #5cc1e4; }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 74rem;
          padding: 1rem 1.5rem; color: var(--text); background: var(--back); }
        header, .title { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .7rem; }
        h1 { font-size: 1.3rem; margin: 0; }
        h2 { font-size: 1.05rem; margin: 0; }
        h3 { font-size: .9rem; margin: .9rem 0 .2rem; }
        #leave { margin-left: auto; }
        #form { margin: 1rem 0 0; }
        #form label { margin-right: .4rem; }
        #form p { color: var(--soft); font-size: .9em; margin: .4rem 0 0; }
        input { font: inherit; width: 26rem; max-width: 100%; padding: .3rem .5rem;
          border: 1px solid var(--soft); border-radius: 5px; }
        button { font: inherit; padding: .25rem .8rem; border: 1px solid var(--soft);
          border-radius: 5px; color: inherit; background: var(--card); cursor: pointer; }
        :focus-visible { outline: 2px solid var(--blue); outline-offset: 1px; }
        #say { color: var(--bad); margin: .6rem 0; }
        #say:empty { display: none; }
        .card, #log { background: var(--card); border: 1px solid var(--line);
          border-radius: 8px; padding: .8rem 1rem; margin: 1rem 0; }
        .stale { opacity: .5; }
        .soft, .empty { color: var(--soft); }
        .scroll { overflow-x: auto; margin-top: .4rem; }
        .tall { max-height: 26rem; overflow-y: auto; }
        .tall th { position: sticky; top: 0; background: var(--card); }
        table { border-collapse: collapse; width: 100%; }
        th { text-align: left; font-weight: 600; font-size: .82rem; color: var(--soft); }
        th, td { padding: .2rem 1.1rem .2rem 0; white-space: nowrap; vertical-align: baseline; }
        td { border-top: 1px solid var(--line); }
        td:last-child { white-space: normal; width: 99%; min-width: 14rem; padding-right: 0; }
        .node td { padding-top: 0; padding-bottom: 0; line-height: 1.9rem; }
        .branch, .address, .time { font-family: ui-monospace, "DejaVu Sans Mono", monospace;
          font-size: .88em; }
        .branch { white-space: pre; color: var(--soft); }
        .branch b { color: var(--text); }
        .lag { text-align: right; min-width: 5.5rem; }
        .badge { border: 1px solid; border-radius: 99px; padding: 0 .6rem; font-size: .82rem;
          color: var(--soft); }
        .badge.good, .good { color: var(--good); }
        .badge.warn, .warn { color: var(--warn); }
        .badge.bad, .bad { color: var(--bad); }
        .badge.blue, .blue { color: var(--blue); }
        .master { font-weight: 600; color: var(--blue); }
        ul { margin: 0; padding-left: 1.1rem; }
        #events td { font-size: .9rem; }
        @media (max-width: 48rem) {
          body { padding: .8rem; }
          td:last-child { white-space: nowrap; }
        }

        """#
}
