// The script of the web console. Two things run while someone watches:
//
//   follow   reads the event stream and asks for a drawing at each event; a stream that ends is
//            opened again behind the last event that was shown
//   redraw   reads the clusters and draws them, at most one at a time; also every two seconds,
//            because lag moves without events and because it notices a dead connection
//
// Each sign-in is a round of its own; what belongs to an older round ends at its next step. Text
// from the API is only ever set as text.

extension Console {
    static let script = reading + drawing

    private static let reading = #"""
        "use strict";
        const eventsMax = 200, pageItems = 100, redrawMilliseconds = 2000, retryMilliseconds = 1000;
        const answerMilliseconds = 5000;
        const element = id => document.getElementById(id);
        let token = "", round = 0, stop = null;
        let position = null, stream = null, hasAnswered = false;
        let isDrawing = false, isDue = false;

        async function ask(path, accept, signal) {
          const answer = await fetch(path, { signal, cache: "no-store", headers: {
            "Authorization": "Bearer " + token, "Accept": accept } });
          if (answer.ok) return answer;
          const problem = await answer.json().catch(() => ({}));
          const failure = new Error(problem.detail || problem.title || answer.statusText);
          failure.status = answer.status;
          throw failure;
        }

        async function read(path) {
          const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(answerMilliseconds)]);
          return (await ask(path, "application/json", signal)).json();
        }

        function say(words, className, problem) {
          const state = element("state");
          if (state.textContent !== words) state.textContent = words;
          state.className = "badge " + className;
          if (element("say").textContent !== problem) element("say").textContent = problem;
          element("clusters").classList.toggle("stale", className === "bad");
        }

        function leave(problem) {
          round += 1;
          if (stop) stop.abort();
          token = "";
          element("clusters").replaceChildren();
          element("events").replaceChildren();
          element("log").hidden = element("leave").hidden = true;
          element("form").hidden = false;
          document.title = "Headwater";
          say("signed out", "", problem);
          element("token").focus();
        }

        // What went wrong: a token that does not pass ends the round, all else is tried again.
        function fail(mine, failure) {
          if (mine !== round) return;
          const refusals = hasAnswered ? [403] : [403, 429];
          if (failure.status === 401) {
            return leave("This token is not known, or not valid any more.");
          }
          if (refusals.includes(failure.status)) return leave(failure.message);
          const reason = failure.status
            ? "The admin API answers " + failure.status + ": " + failure.message + "."
            : "The admin API does not answer.";
          say("connection lost", "bad", reason + " Trying again; what is shown may be old.");
          if (stream) stream.abort();
        }

        async function redraw(mine) {
          isDue = true;
          if (isDrawing) return;
          isDrawing = true;
          try {
            while (isDue && mine === round) {
              isDue = false;
              let path = "/v1/clusters", clusters = [];
              for (let cursor = ""; cursor !== undefined;) {
                const page = await read(path + "?limit=" + pageItems + cursor);
                clusters = clusters.concat(page.items);
                cursor = page.nextCursor && "&cursor=" + encodeURIComponent(page.nextCursor);
              }
              if (mine !== round) break;
              hasAnswered = true;
              element("form").hidden = true;
              element("log").hidden = element("leave").hidden = false;
              draw(clusters);
              if (stream) say("live", "good", "");
            }
          } catch (failure) {
            fail(mine, failure);
          } finally {
            isDrawing = false;
            if (isDue && mine !== round && token) redraw(round);
          }
        }

        // Fills the list with the last events and finds the position to follow from: anew at
        // first, and when the position is older or newer than what is kept.
        async function catchUp() {
          const { oldestSequence, latestSequence } = await read("/v1/events?limit=1");
          const isKept = position !== null && position <= latestSequence
            && position >= oldestSequence - 1;
          if (isKept) return;
          const after = Math.max(oldestSequence - 1, latestSequence - eventsMax, 0);
          const page = await read("/v1/events?after=" + after + "&limit=" + eventsMax);
          element("events").replaceChildren();
          position = after;
          for (const event of page.items) show(event);
        }

        async function follow(mine) {
          await catchUp();
          const own = new AbortController();
          const signal = AbortSignal.any([stop.signal, own.signal]);
          try {
            const answer = await ask("/v1/events?after=" + position, "text/event-stream", signal);
            const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
            stream = own;
            redraw(mine);
            for (let rest = "";;) {
              const { value, done } = await reader.read();
              if (done || mine !== round) return;
              const blocks = (rest + value).split("\n\n");
              rest = blocks.pop();
              let isChanged = false;
              for (const block of blocks) {
                const line = block.split("\n").find(text => text.startsWith("data: "));
                if (!line) continue;
                show(JSON.parse(line.slice(6)));
                isChanged = true;
              }
              if (isChanged) redraw(mine);
            }
          } finally {
            own.abort();
            if (stream === own) stream = null;
          }
        }

        async function watch(mine) {
          while (mine === round) {
            try {
              await follow(mine);
              throw new Error("the stream has ended");
            } catch (failure) {
              fail(mine, failure);
            }
            await new Promise(resolve => setTimeout(resolve, retryMilliseconds));
          }
        }

        """#

    private static let drawing = #"""
        function make(tag, className, ...children) {
          const made = document.createElement(tag);
          made.className = className;
          made.append(...children);
          return made;
        }

        function bytes(count) {
          let value = count, unit = 0;
          const units = ["B", "KB", "MB", "GB", "TB"];
          while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
          return (unit ? value.toFixed(1) : value) + " " + units[unit];
        }

        const verdictClass = { up: "good", loading: "blue", busy: "warn", suspect: "warn",
          down: "bad", foreign: "bad", unknown: "soft" };
        const severityClass = { critical: "bad", warning: "warn", info: "blue" };

        // Link and lag of a node that does not answer are old news, and are not shown.
        function row(cluster, tree, indent, branch) {
          const node = cluster.nodes.find(one => one.spec.node === tree.node);
          const difference = cluster.differences.find(one => one.node === tree.node);
          const isSilent = ["down", "foreign", "unknown"].includes(tree.verdict);
          const isMaster = tree.role === "master";
          const link = isSilent || isMaster ? "" : tree.linkState || "";
          const lag = isSilent || isMaster || tree.lagBytes === undefined
            ? "" : bytes(tree.lagBytes);
          const remarks = [];
          if (difference) remarks.push(difference.desiredUpstream
            ? "declared below " + difference.desiredUpstream : "declared as master");
          if (node && node.reason) remarks.push(node.reason);
          else if (difference) remarks.push(difference.reason);
          const cells = [
            make("td", "branch", indent + branch, make("b", "", tree.node)),
            make("td", isMaster && !isSilent ? "master" : "", (isSilent && tree.role ? "was " : "")
              + (tree.role || "unknown")),
            make("td", "address", node ? node.spec.address : ""),
            make("td", verdictClass[tree.verdict] || "", "● " + tree.verdict),
            make("td", link === "connected" ? "good" : "warn", link || "–"),
            make("td", "lag", lag || "–"),
            make("td", "soft", remarks.join("; ")),
          ];
          if (!link) cells[4].className = "soft";
          if (!lag) cells[5].className = "lag soft";
          else cells[5].title = tree.lagBytes + " bytes behind the master";
          return make("tr", "node", ...cells);
        }

        function rows(cluster, tree, indent, branch) {
          const inner = indent + { "": "", "├─ ": "│  ", "└─ ": "   " }[branch];
          const last = tree.replicas.length - 1;
          return [row(cluster, tree, indent, branch)].concat(tree.replicas.flatMap(
            (replica, index) => rows(cluster, replica, inner, index < last ? "├─ " : "└─ ")));
        }

        // Before anything is observed, the tree as it is declared.
        function declared(tree) {
          return { node: tree.node, verdict: "unknown",
            replicas: (tree.replicas || []).map(declared) };
        }

        function badges(cluster) {
          const found = [cluster.converged ? make("span", "badge good", "converged")
            : make("span", "badge warn", "not converged")];
          for (const severity of ["critical", "warning"]) {
            const count = cluster.findings.filter(one => one.severity === severity).length;
            const look = "badge " + severityClass[severity];
            if (count) found.push(make("span", look, count + " " + severity));
          }
          if (cluster.operation) {
            found.push(make("span", "badge blue", cluster.operation + " running"));
          }
          if (cluster.maintenance) found.push(make("span", "badge warn", "maintenance"));
          return found;
        }

        function card(cluster) {
          const topology = cluster.spec.topology;
          const trees = cluster.observed.length || !topology ? cluster.observed
            : [declared(topology)];
          const header = make("tr", "");
          for (const title of ["Node", "Role", "Address", "Health", "Link", "Lag", "Remark"]) {
            const cell = make("th", title === "Lag" ? "lag" : "", title);
            cell.scope = "col";
            header.append(cell);
          }
          const table = make("table", "", make("thead", "", header),
            make("tbody", "", ...trees.flatMap(tree => rows(cluster, tree, "", ""))));
          const drawn = make("section", "card", make("div", "title",
            make("h2", "", cluster.spec.name), make("span", "soft", "epoch " + cluster.epoch),
            ...badges(cluster)), make("div", "scroll", table));
          if (cluster.findings.length) {
            drawn.append(make("h3", "", "Findings"), make("ul", "", ...cluster.findings.map(one =>
              make("li", "", make("b", severityClass[one.severity] || "", one.code),
                " " + (one.node ? one.node + ": " : "") + one.detail))));
          }
          return drawn;
        }

        function draw(clusters) {
          const main = element("clusters");
          if (clusters.length) main.replaceChildren(...clusters.map(card));
          else main.replaceChildren(make("p", "empty", "No cluster is declared yet."));
          const isWell = clusters.every(cluster => cluster.converged
            && cluster.findings.every(one => one.severity === "info"));
          document.title = (isWell ? "" : "! ") + "Headwater";
        }

        function eventClass(event) {
          const { kind, attributes = {} } = event;
          if (kind === "node.down" || attributes.severity === "critical"
            || attributes.state === "failed") return "bad";
          if (attributes.severity === "info") return "blue";
          if (["finding.opened", "node.suspect", "edge.broken"].includes(kind)) return "warn";
          if (["node.up", "edge.restored", "finding.closed"].includes(kind)) return "good";
          return kind.startsWith("master.") ? "blue" : "";
        }

        function show(event) {
          const { kind, attributes = {} } = event;
          position = event.sequence;
          const [day, clock] = event.time.replace("Z", "").split("T");
          const isToday = day === new Date().toISOString().slice(0, 10);
          const time = make("td", "time", isToday ? clock : day + " " + clock);
          time.title = event.time;
          const list = element("events");
          list.prepend(make("tr", "", time, make("td", eventClass(event), kind),
            make("td", "", event.cluster || ""), make("td", "", event.node || ""),
            make("td", "", (kind === "finding.opened" && attributes.code
              ? attributes.code + ": " : "") + event.detail)));
          while (list.children.length > eventsMax) list.lastChild.remove();
        }

        element("form").addEventListener("submit", event => {
          event.preventDefault();
          const typed = element("token").value.trim();
          element("token").value = "";
          if (!typed) return;
          token = typed;
          position = null;
          hasAnswered = false;
          stop = new AbortController();
          round += 1;
          say("connecting", "", "");
          watch(round);
        });
        element("leave").addEventListener("click", () => leave(""));
        setInterval(() => { if (token && hasAnswered) redraw(round); }, redrawMilliseconds);

        """#
}
