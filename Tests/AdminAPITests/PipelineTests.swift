import APIContract
import Bytes
import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
import Platform
import Testing

@testable import AdminAPI

@Suite struct PipelineTests {
    @Test func pathsMethodsAndFormsAreChecked() throws {
        let world = try AdminWorld.ready()
        #expect(try world.get("/v1/nothing").code == "NO_SUCH_PATH")
        #expect(try world.get("/v1/clusters/").status == 404)
        let wrong = try world.call("DELETE", "/v1/events")
        #expect(wrong.status == 405 && wrong.headers["allow"] == "GET, HEAD, OPTIONS")
        let options = try world.call("OPTIONS", "/v1/clusters", token: nil)
        #expect(options.status == 204 && options.headers["allow"] == "GET, HEAD, POST, OPTIONS")
        #expect(try world.get("/v1/clusters", ["Accept": "image/png"]).status == 406)
        let text = try world.call("POST", "/v1/clusters", "a,b", ["Content-Type": "text/csv"])
        #expect(text.status == 415 && text.headers["accept"] == "application/json")
        #expect(try world.call("POST", "/v1/clusters").code == "BODY_REQUIRED")
        #expect(try world.call("POST", "/v1/clusters", "{").code == "INVALID_JSON")
        #expect(world.coordinator.commands.count == 1, "the bootstrap token and nothing else")
    }

    @Test func everyProblemIsADocumentWithTheRequestsIdentity() throws {
        let world = try AdminWorld.ready()
        let answer = try world.get("/v1/clusters/none", ["X-Request-Id": "my-id.1"])
        #expect(answer.status == 404)
        #expect(answer.headers["content-type"] == "application/problem+json")
        #expect(answer.headers["x-request-id"] == "my-id.1")
        #expect(answer.json["instance"]?.text == "urn:headwater:request:my-id.1")
        let schema = Schemas.catalogue["Problem"]
        #expect(schema.violations(of: answer.json, in: Schemas.catalogue) == [])
        let drawn = try world.get("/v1/clusters/none", ["X-Request-Id": "bad id"])
        #expect(drawn.headers["x-request-id"]?.count == 16)
    }

    @Test func unknownParametersAndFieldsAreRefusedWithTheirPlace() throws {
        let world = try AdminWorld.ready()
        let parameter = try world.get("/v1/clusters?limt=3")
        #expect(parameter.status == 400 && parameter.text.contains("limt is not a parameter"))
        #expect(try world.get("/v1/clusters?limit=0").status == 400)
        let field = try world.call(
            "POST", "/v1/clusters",
            #"{"name":"x","nodez":[],"topology":{"node":"n1","replicas":[{"nod":"n2"}]}}"#)
        #expect(field.status == 422 && field.code == "INVALID_BODY")
        #expect(
            field.text.contains("/nodez") && field.text.contains("/topology/replicas/0/nod"))
        let duration = try world.call(
            "POST", "/v1/clusters/demo/switchovers", #"{"maxPause":"soon"}"#)
        #expect(duration.status == 422 && duration.text.contains("/maxPause"))
        let port = try world.call(
            "POST", "/v1/clusters",
            #"{"name":"x","nodes":[{"node":"a","address":"h:70000","control":"h:1"}]}"#)
        #expect(port.status == 422 && port.text.contains("/nodes/0/address"))
    }

    @Test func readsNeedATokenAndTheServiceItselfDoesNot() throws {
        let world = try AdminWorld.ready()
        for token in [nil, "wrong", ""] {
            let answer = try world.call("GET", "/v1/clusters", token: token)
            #expect(answer.status == 401)
            #expect(answer.headers["www-authenticate"] == "Bearer realm=\"headwater\"")
        }
        for path in ["/livez", "/readyz", "/metrics", "/version", "/openapi.json", "/"] {
            #expect(try world.call("GET", path, token: nil).status == 200, "\(path)")
        }
        #expect(try world.get("/readyz", ["Accept": "text/plain"]).text == "ready\n")
    }

    @Test func everyRowIsGuardedByItsScope() throws {
        let world = try AdminWorld.ready()
        let viewer = "hw_viewer_token_of_the_tests"
        world.coordinator.change {
            $0.tokens.append(Self.record(viewer, role: .viewer))
        }
        for route in RouteTable.all where route.scope > .view {
            let path = route.template.segments.map { segment in
                switch segment {
                case .literal(let text): "/" + text
                case .parameter: "/x"
                }
            }.joined()
            let answer = try world.call(route.method.rawValue, path, token: viewer)
            #expect(answer.status == 403, "\(route.operation)")
            #expect(answer.text.contains(route.scope.role), "\(route.operation)")
        }
        #expect(world.coordinator.commands.count == 1)
    }

    static func record(
        _ secret: String, role: AccessRole, expiresAt: Timestamp? = nil
    ) -> TokenRecord {
        TokenRecord(
            id: "t-\(role.rawValue)", name: role.rawValue, role: role,
            secretHash: SHA256.hexadecimal(Array(secret.utf8)), createdAt: Sample.time,
            createdBy: "test", expiresAt: expiresAt)
    }

    @Test func expiredTokenIsRefused() throws {
        let world = try AdminWorld.ready()
        let past = Timestamp(milliseconds: Clock.wallMilliseconds() - 1)
        world.coordinator.change {
            $0.tokens.append(Self.record("old", role: .admin, expiresAt: past))
        }
        let answer = try world.call("GET", "/v1/clusters", token: "old")
        #expect(answer.status == 401 && answer.text.contains("expired"))
    }

    @Test func guessingIsSlowedDownAndValidTokensPass() throws {
        let world = try AdminWorld.ready()
        var statuses: [Int] = []
        // The bucket refills while the test runs: as many as it takes, but not more.
        for index in 0..<200 where statuses.last != 429 {
            statuses.append(try world.call("GET", "/v1/clusters", token: "guess\(index)").status)
        }
        #expect(statuses.first == 401 && statuses.last == 429)
        #expect(statuses.count > 20)
        #expect(try world.get("/v1/clusters").status == 200)
    }

    @Test func bucketsRefillAndStayBounded() {
        var limiter = FailureLimiter()
        for _ in 0..<20 {
            let isOver = limiter.failed("a", now: 0)
            #expect(!isOver)
        }
        let outcomes = [
            limiter.failed("a", now: 0), limiter.failed("b", now: 0),
            limiter.failed("a", now: 5_000),
        ]
        #expect(outcomes == [true, false, false])
    }

    @Test func withoutACoordinatorEverythingSaysSo() throws {
        let world = try AdminWorld.ready()
        let port = world.coordinator.port
        world.coordinator.server?.close()
        for _ in 0..<5 { world.loop.runTurn(waitMillisecondsMax: 10) }
        let answer = try world.get("/v1/clusters")
        #expect(answer.status == 503 && answer.code == "COORDINATOR_UNAVAILABLE")
        #expect(answer.json["retryable"] == true && answer.headers["retry-after"] == "1")
        try world.until("unreadiness") { world.service.obstacle != nil }
        #expect(try world.get("/readyz").status == 503)
        #expect(try world.get("/livez").status == 200)
        try world.coordinator.listen(port: port)
        try world.until("recovery") { world.service.obstacle == nil }
        #expect(try world.get("/v1/clusters").status == 200)
    }

    @Test func refusedSecretIsNotTheCallersFault() throws {
        let world = try AdminWorld { $0.secret = "another secret of this service" }
        try world.until("failure") { world.service.cache.failure != nil }
        #expect(try world.get("/readyz").status == 503)
        #expect(try world.get("/v1/clusters").status == 503)
    }

    @Test func metricsCountByTemplate() throws {
        let world = try AdminWorld.ready()
        _ = try world.get("/v1/clusters/demo")
        _ = try world.get("/v1/clusters/none")
        let text = try world.get("/metrics").text
        let name = "headwater_admin_http_requests_total"
        #expect(
            text.contains("\(name){route=\"/v1/clusters/{c}\",method=\"GET\",code=\"200\"} 1\n"))
        #expect(
            text.contains("\(name){route=\"/v1/clusters/{c}\",method=\"GET\",code=\"404\"} 1\n"))
        #expect(text.contains("headwater_admin_cluster_converged{cluster=\"demo\"} 1\n"))
        #expect(text.contains("_bucket{le=\"+Inf\"}"))
    }

    @Test func consoleBringsEverythingItNeeds() throws {
        let world = try AdminWorld.ready()
        let page = try world.call("GET", "/", token: nil)
        #expect(page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(page.headers["content-security-policy"]?.contains("default-src 'none'") == true)
        #expect(
            !page.text.replacing("http://www.w3.org/2000/svg", with: "").contains("http://")
                && !page.text.contains("https://"))
        #expect(page.text.contains("split(\"\\n\\n\")"), "escapes reach the script")
    }
}
