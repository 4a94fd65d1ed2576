import HTTPWire
import Testing

@testable import APIContract

@Suite struct RouterTests {
    static func row(
        _ method: HTTPMethod, _ path: String, _ name: String, _ parameters: [RouteParameter] = []
    ) -> Route<String> {
        Route(
            method: method, path: path, operation: name, scope: .view, tag: "t",
            parameters: parameters, replies: [.json(.ok, "Done.", .any)], summary: "s",
            handler: name)
    }

    static let router = Router([
        row(.get, "/", "root"), row(.get, "/v1/c", "list"), row(.post, "/v1/c", "create"),
        row(
            .get, "/v1/c/{c}", "get",
            [
                .query("wait", .string(pattern: "[0-9]+s"), ""), .query("n", .integer(1...9), ""),
                .query("dry", .boolean, ""),
            ]), row(.put, "/v1/c/special", "special"),
    ])

    func outcome(_ method: HTTPMethod, _ path: [String]) -> String {
        switch Self.router.route(method, path) {
        case .found(let route, let values): "\(route.handler) \(values.values.sorted())"
        case .notFound: "404"
        case .methodNotAllowed(let methods): "405 " + Router<String>.allow(methods)
        case .options(let methods): "204 " + Router<String>.allow(methods)
        }
    }

    @Test func rowsAreFound() {
        #expect(outcome(.get, []) == "root []")
        #expect(outcome(.post, ["v1", "c"]) == "create []")
        #expect(outcome(.get, ["v1", "c", "x"]) == #"get ["x"]"#)
        #expect(outcome(.head, ["v1", "c", "x"]) == #"get ["x"]"#)
        #expect(outcome(.put, ["v1", "c", "special"]) == "special []")
        #expect(outcome(.get, ["v1", "d"]) == "404")
        #expect(outcome(.get, ["v1", "c", "x", ""]) == "404")
    }

    @Test func wrongMethodsSayWhichAreAllowed() {
        #expect(outcome(.delete, ["v1", "c"]) == "405 GET, HEAD, POST, OPTIONS")
        #expect(outcome(.trace, []) == "405 GET, HEAD, OPTIONS")
        #expect(outcome(.options, ["v1", "c", "x"]) == "204 GET, HEAD, OPTIONS")
    }

    func violations(_ items: [(String, String)]) -> [String] {
        var request = HTTPRequest(method: .get, target: "/")
        request.query = items.map { HTTPRequest.QueryItem(name: $0.0, value: $0.1) }
        return Self.router.routes[3].parameterViolations(of: request, in: SchemaCatalogue([]))
            .map { $0.pointer + " " + $0.detail }
    }

    @Test func queriesAreChecked() {
        #expect(violations([("wait", "3s"), ("n", "9"), ("dry", "true")]) == [])
        #expect(
            violations([("wiat", "3s")])
                == [
                    "/query/wiat is not a parameter of this request; they are: wait, n, dry"
                ])
        #expect(violations([("n", "1"), ("n", "2")]) == ["/query/n is given twice"])
        #expect(violations([("n", "+1")]) == ["/query/n must be an integer"])
        #expect(violations([("n", "")]) == ["/query/n must be an integer"])
        #expect(violations([("dry", "1")]) == ["/query/dry must be true or false"])
        #expect(violations([("wait", "s")]) == ["/query/wait must match [0-9]+s"])
    }

    @Test(
        arguments: [
            (nil, "application/json"), ("*/*", "application/json"), ("text/plain", "text/plain"),
            ("text/*;q=0.5, application/json;q=0.4", "text/plain"),
            ("application/json;q=0, */*", "text/plain"), ("image/png", nil),
            ("text/plain;q=0", nil),
            ("APPLICATION/JSON", "application/json"), ("garbage", "application/json"),
            ("text/plain, application/json", "application/json"),
        ] as [(String?, String?)])
    func formsAreNegotiated(accept: String?, chosen: String?) {
        #expect(
            MediaNegotiation.choose(["application/json", "text/plain"], accept: accept) == chosen)
    }

    @Test func jsonContentTypesAreRecognised() {
        #expect(MediaNegotiation.isJSON("application/json"))
        #expect(MediaNegotiation.isJSON("Application/JSON ; charset=UTF-8"))
        #expect(!MediaNegotiation.isJSON("application/json; charset=latin1"))
        #expect(!MediaNegotiation.isJSON("text/json"))
        #expect(!MediaNegotiation.isJSON(nil))
    }

    @Test func scopesAreOrderedAndNamed() {
        #expect(Scope.allCases == Scope.allCases.sorted())
        #expect(Scope.allCases.map(\.role) == ["none", "viewer", "operator", "admin"])
    }
}
