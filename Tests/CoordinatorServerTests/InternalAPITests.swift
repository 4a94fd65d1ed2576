import ControlModel
import HTTPClient
import Platform
import Testing

@testable import CoordinatorServer

@Suite(.serialized, .timeLimit(.minutes(2)))
struct InternalAPITests {
    private func withHarness(_ body: (Harness) throws -> Void) throws {
        let directory = try ScratchDirectory()
        let harness = try Harness(directory: directory)
        defer { harness.crash() }
        try body(harness)
    }

    private func token(_ id: String) -> TokenRecord {
        TokenRecord(
            id: id, name: "name-\(id)", role: .viewer, secretHash: "00",
            createdAt: Timestamp(milliseconds: 1), createdBy: "test")
    }

    private func code(_ body: () throws -> Void) throws -> String? {
        do {
            try body()
            return nil
        } catch let problem as Problem {
            return problem.code
        }
    }

    @Test func theSecretIsNeededForAllButHealth() throws {
        try withHarness { harness in
            for path in ["/livez", "/readyz", "/metrics"] {
                #expect(try harness.request("GET", path, secret: nil).status == 200, "\(path)")
            }
            for secret in [nil, "", "0123456789abcdeX", "0123456789abcdef0"] {
                let answer = try harness.request("GET", "/internal/v1/state", secret: secret)
                #expect(answer.status == 401 && answer.header("www-authenticate") == "Bearer")
            }
        }
    }

    @Test func otherPathsMethodsAndBodiesAreRefused() throws {
        try withHarness { harness in
            #expect(try harness.request("GET", "/internal/v1/nothing").status == 404)
            #expect(try harness.request("GET", "/internal/v1/operations/op-9").status == 404)
            let delete = try harness.request("DELETE", "/internal/v1/state")
            #expect(delete.status == 405 && delete.header("allow") == "GET, HEAD")
            let body = Array(#"{"actor":"x","requestID":"r","kind":"dance","payload":{}}"#.utf8)
            let answer = try harness.request("POST", "/internal/v1/commands", body: body)
            #expect(answer.status == 422)
            let problem = try ControlJSON.decode(Problem.self, from: answer.body)
            #expect(problem.code == "INVALID_BODY" && problem.errors?.first?.pointer == "/kind")
        }
    }

    @Test func tokensAreKept() throws {
        try withHarness { harness in
            try harness.send(.createToken(token("t1")), dryRun: true)
            #expect(try harness.state().tokens.isEmpty)
            try harness.send(.createToken(token("t1")))
            #expect(try harness.state().tokens == [token("t1")])
            #expect(try code { try harness.send(.createToken(token("t1"))) } == "NAME_TAKEN")
            try harness.send(.deleteToken(id: "t1"))
            #expect(try harness.state().tokens.isEmpty)
            #expect(try code { try harness.send(.deleteToken(id: "t1")) } == "NOT_FOUND")
        }
    }

    @Test func aRepeatedCommandGetsTheStoredAnswer() throws {
        try withHarness { harness in
            let action = CommandAction.createCluster(ClusterSpec(name: "c"))
            let first = try harness.send(action, key: "k1")
            var second = try harness.send(action, key: "k1")
            #expect(!first.replayed && second.replayed)
            second.replayed = false
            #expect(second == first)
            #expect(
                try code { try harness.send(action, key: "k1", fingerprint: "g") }
                    == "IDEMPOTENCY_KEY_REUSED")
            #expect(try code { try harness.send(action, key: "k2") } == "NAME_TAKEN")
        }
    }

    @Test func commandsAreAudited() throws {
        try withHarness { harness in
            try harness.send(.createCluster(ClusterSpec(name: "c")))
            try harness.send(.createCluster(ClusterSpec(name: "d")), dryRun: true)
            #expect(
                try code { try harness.send(.createCluster(ClusterSpec(name: "c"))) }
                    == "NAME_TAKEN")
            let page = try harness.get(AuditPage.self, "/internal/v1/audit?after=0")
            #expect(page.records.map(\.result) == ["accepted", "NAME_TAKEN"])
            #expect(page.records.map(\.target) == ["c", "c"] && page.latestSequence == 2)
            #expect(page.records[0].actor == "test" && page.records[0].requestID == "r-1")
        }
    }

    @Test func aReaderOfTheStateWaitsForAChange() throws {
        try withHarness { harness in
            let generation = try harness.state().generation
            let start = Clock.monotonicMilliseconds()
            let same = try harness.get(
                StateSnapshot.self,
                "/internal/v1/state?after=\(generation)&waitMilliseconds=300")
            #expect(same.generation == generation)
            #expect(Clock.monotonicMilliseconds() - start >= 290)
            let changed = try Handoff<Int64>()
            let thread = try SystemThread.start(name: "reader") {
                let snapshot = try? harness.get(
                    StateSnapshot.self,
                    "/internal/v1/state?after=\(generation)&waitMilliseconds=10000")
                changed.give(snapshot?.generation ?? -1)
            }
            try harness.send(.createCluster(ClusterSpec(name: "c")))
            #expect(changed.take() > generation)
            thread.join()
            #expect(Clock.monotonicMilliseconds() - start < 8000)
        }
    }

    @Test func eventsArePagedAndWaitedFor() throws {
        try withHarness { harness in
            for name in ["a", "b", "c"] {
                try harness.send(.createCluster(ClusterSpec(name: name)))
            }
            let page = try harness.get(EventPage.self, "/internal/v1/events?after=1&limit=2")
            #expect(page.events.map(\.sequence) == [2, 3])
            #expect(page.oldestSequence == 1 && page.latestSequence == 4)
            #expect(page.events.map(\.cluster) == ["a", "b"])
            let waited = try Handoff<[Int64]>()
            let thread = try SystemThread.start(name: "reader") {
                let page = try? harness.get(
                    EventPage.self, "/internal/v1/events?after=4&waitMilliseconds=10000")
                waited.give(page?.events.map(\.sequence) ?? [])
            }
            try harness.send(.createCluster(ClusterSpec(name: "d")))
            #expect(waited.take() == [5])
            thread.join()
        }
    }

    @Test func aDryRunAnswersWithAPlan() throws {
        try withHarness { harness in
            let node = NodeSpec(
                node: "n1", address: Endpoint(host: "127.0.0.1", port: 1),
                control: Endpoint(host: "127.0.0.1", port: 2))
            let spec = ClusterSpec(
                name: "c", nodes: [node], topology: TopologySpec(node: "n1"))
            let plan = try #require(try harness.send(.createCluster(spec), dryRun: true).plan)
            #expect(plan.master == "n1" && plan.kind == .applyTopology)
            #expect(try harness.state().clusters.isEmpty)
            #expect(try harness.get(AuditPage.self, "/internal/v1/audit").records.isEmpty)
        }
    }

    @Test func theMetricsPageNamesTheCluster() throws {
        try withHarness { harness in
            try harness.send(.createCluster(ClusterSpec(name: "orders")))
            let page = try harness.request("GET", "/metrics", secret: nil).text
            #expect(page.contains("headwater_cluster_epoch{cluster=\"orders\"} 0"))
            #expect(page.contains("# TYPE headwater_store_commit_seconds histogram"))
        }
    }

    @Test func aDrainAnswersThoseWhoWait() throws {
        try withHarness { harness in
            let generation = try harness.state().generation
            let answered = try Handoff<Int>()
            let thread = try SystemThread.start(name: "reader") {
                let answer = try? harness.request(
                    "GET", "/internal/v1/state?after=\(generation)&waitMilliseconds=10000")
                answered.give(answer?.status ?? -1)
            }
            // The reader waits as soon as its request is counted as open.
            let start = Clock.monotonicMilliseconds()
            while try !harness.isSomeoneWaiting(), Clock.monotonicMilliseconds() - start < 5000 {}
            try harness.drain()
            #expect(answered.take() == 200)
            thread.join()
            #expect(Clock.monotonicMilliseconds() - start < 8000)
        }
    }
}
