// The web console: one static page without foreign resources, for watching; it changes nothing.
// The token is typed in and kept in the page's memory only; the trees are read through this API
// and read anew at each event. The page is put together from three files:
//
//   Console.swift         the answer and the markup
//   Console+Style.swift   the style, light and dark as the reader's system is set
//   Console+Script.swift  reading and drawing

import HTTPWire

enum Console {
    /// The page, with a policy that allows its own inline style, script and icon, nothing else.
    static var response: HTTPResponse {
        var response = HTTPResponse(.ok, text: page, type: "text/html; charset=utf-8")
        response.fields.set(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                + "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                + "frame-ancestors 'none'")
        response.fields.set("Referrer-Policy", "no-referrer")
        return response
    }

    private static let page =
        head + "<style>\n" + style + "</style>\n</head>\n"
        + body + "<script>\n" + script + "</script>\n</body>\n</html>\n"

    private static let head = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Headwater</title>
        <link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'
        viewBox='0 0 16 16'><g fill='none' stroke='%230a7ea4' stroke-width='1.6'><path
        d='M8 5v3M8 8L4 11M8 8l4 3'/></g><g fill='%230a7ea4'><circle cx='8' cy='3' r='2.4'/><circle
        cx='3.5' cy='12.5' r='2.4'/><circle cx='12.5' cy='12.5' r='2.4'/></g></svg>">

        """#

    private static let body = #"""
        <body>
        <header>
          <h1>Headwater</h1>
          <span id="state" class="badge" role="status">signed out</span>
          <button id="leave" type="button" hidden>Sign out</button>
        </header>
        <form id="form">
          <label for="token">Token</label>
          <input id="token" type="password" autocomplete="off" required autofocus>
          <button>Watch</button>
          <p>A token with the role viewer is enough. It stays in this page's memory and is
          forgotten when the page is closed.</p>
        </form>
        <p id="say" role="alert"></p>
        <main id="clusters"></main>
        <section id="log" hidden>
          <h2>Events</h2>
          <div class="scroll tall">
            <table>
              <thead><tr><th scope="col">Time (UTC)</th><th scope="col">Event</th>
              <th scope="col">Cluster</th><th scope="col">Node</th>
              <th scope="col">Detail</th></tr></thead>
              <tbody id="events"></tbody>
            </table>
          </div>
        </section>

        """#
}
