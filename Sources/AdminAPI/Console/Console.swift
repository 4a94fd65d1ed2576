// The web console: one static page without foreign resources. The token is typed in and kept in
// the page's memory only; the tree is read through this API and read anew at each event.

import HTTPWire

enum Console {
    /// The page, with a policy that allows its own inline style and script and nothing else.
    static var response: HTTPResponse {
        var response = HTTPResponse(.ok, text: page, type: "text/html; charset=utf-8")
        response.fields.set(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                + "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                + "frame-ancestors 'none'")
        response.fields.set("Referrer-Policy", "no-referrer")
        return response
    }

    private static let page = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>Headwater</title>
        <style>
        body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem;
          padding: 0 1rem; color: #123; background: #fafcfd; }
        h1 { font-size: 1.3rem; }
        pre { background: #fff; border: 1px solid #cde; border-radius: 6px; padding: 1rem;
          overflow-x: auto; }
        ul { list-style: none; padding: 0; font: 13px/1.6 ui-monospace, monospace; }
        input { font: inherit; width: 22rem; max-width: 100%; padding: .3rem .5rem; }
        button { font: inherit; padding: .3rem .8rem; }
        #say { color: #a30; min-height: 1.5em; }
        </style>
        </head>
        <body>
        <h1>Headwater</h1>
        <form id="form">
          <label>Token <input id="token" type="password" autocomplete="off"></label>
          <button>Watch</button>
        </form>
        <p id="say" role="status"></p>
        <main id="clusters"></main>
        <h1>Events</h1>
        <ul id="events"></ul>
        <script>
        "use strict";
        const eventsMax = 200;
        const element = id => document.getElementById(id);
        let token = "";
        let watching = 0;
        let position = null;

        async function ask(path, accept) {
          const answer = await fetch(path, {
            headers: { "Authorization": "Bearer " + token, "Accept": accept },
          });
          if (!answer.ok) {
            const problem = await answer.json().catch(() => ({}));
            const failure = new Error(problem.detail || answer.statusText);
            failure.status = answer.status;
            throw failure;
          }
          return answer;
        }

        async function draw() {
          const list = await (await ask("/v1/clusters", "application/json")).json();
          const main = element("clusters");
          const drawings = [];
          for (const cluster of list.items) {
            const path = "/v1/clusters/" + encodeURIComponent(cluster.spec.name) + "/topology";
            const drawing = document.createElement("pre");
            drawing.textContent = await (await ask(path, "text/plain")).text();
            drawings.push(drawing);
          }
          main.replaceChildren(...drawings);
        }

        function show(event) {
          const item = document.createElement("li");
          item.textContent = [event.time, event.kind, event.cluster || "", event.node || "",
            event.detail].join("  ");
          const list = element("events");
          list.prepend(item);
          while (list.children.length > eventsMax) list.lastChild.remove();
        }

        async function follow(round) {
          const query = position === null ? "" : "?after=" + position;
          const answer = await ask("/v1/events" + query, "text/event-stream");
          const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
          let rest = "";
          for (;;) {
            const { value, done } = await reader.read();
            if (round !== watching) return reader.cancel();
            if (done) return;
            const blocks = (rest + value).split("\\n\\n");
            rest = blocks.pop();
            let changed = false;
            for (const block of blocks) {
              const line = block.split("\\n").find(text => text.startsWith("data: "));
              if (!line) continue;
              const event = JSON.parse(line.slice(6));
              position = event.sequence;
              show(event);
              changed = true;
            }
            if (changed) await draw();
          }
        }

        async function watch(round) {
          while (round === watching) {
            try {
              await draw();
              element("say").textContent = "";
              await follow(round);
            } catch (failure) {
              element("say").textContent = failure.message;
              if (failure.status === 401 || failure.status === 403) return;
              if (failure.status === 410) position = null;
            }
            await new Promise(resolve => setTimeout(resolve, 1000));
          }
        }

        element("form").addEventListener("submit", event => {
          event.preventDefault();
          token = element("token").value.trim();
          element("token").value = "";
          watching += 1;
          watch(watching);
        });
        // Lag moves without events.
        setInterval(() => { if (watching) draw().catch(() => {}); }, 2000);
        </script>
        </body>
        </html>

        """
}
