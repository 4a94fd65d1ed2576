import APIContract
import ControlModel
import Platform
import Testing

@testable import AdminAPI

@Suite struct ClusterTests {
    static let document = String(
        decoding: ControlJSON.encode(Sample.spec("new")), as: UTF8.self)

    func violations(_ name: String, _ value: JSONValue) -> [SchemaViolation] {
        Schemas.catalogue[name].violations(of: value, in: Schemas.catalogue)
    }

    @Test func clustersAreReadWithTheirEntityTag() throws {
        let world = try AdminWorld.ready()
        let one = try world.get("/v1/clusters/demo")
        #expect(one.status == 200 && one.headers["etag"] == "\"7\"")
        #expect(one.headers["cache-control"] == "no-store")
        #expect(violations("Cluster", one.json) == [])
        #expect(!one.text.contains("health"))
        #expect(try world.get("/v1/clusters/demo?observed=true").text.contains("health"))
        #expect(violations("ClusterList", try world.get("/v1/clusters").json) == [])
        let head = try world.call("HEAD", "/v1/clusters/demo")
        #expect(head.status == 200 && head.text.isEmpty)
    }

    @Test func pagesFollowTheCursor() throws {
        let world = try AdminWorld.ready()
        world.coordinator.change { $0.clusters = ["a", "b", "c"].map { Sample.cluster($0) } }
        let first = try world.get("/v1/clusters?limit=2")
        let cursor = try #require(first.json["nextCursor"]?.text)
        #expect(
            first.headers["link"] == "</v1/clusters?limit=2&cursor=\(cursor)>; rel=\"next\"")
        let second = try world.get("/v1/clusters?limit=2&cursor=\(cursor)")
        #expect(second.text.contains("\"name\":\"c\"") && second.json["nextCursor"] == nil)
        #expect(try world.get("/v1/clusters?cursor=zz").status == 400)
        world.coordinator.change { $0.clusters.removeAll { $0.spec.name == "b" } }
        #expect(try world.get("/v1/clusters?cursor=\(cursor)").code == "CURSOR_EXPIRED")
    }

    @Test func creationSendsTheSpecAndAnswersWithTheCluster() throws {
        let world = try AdminWorld.ready()
        world.coordinator.answer = { _ in
            .success(CommandAnswer(cluster: Sample.cluster("new")))
        }
        let answer = try world.call(
            "POST", "/v1/clusters", Self.document, ["X-Request-Id": "make"])
        #expect(answer.status == 201, "\(answer.text)")
        #expect(answer.headers["location"] == "/v1/clusters/new")
        #expect(answer.headers["etag"] == "\"7\"")
        let command = try #require(world.coordinator.commands.last)
        #expect(command.action == .createCluster(Sample.spec("new")))
        #expect(command.actor == "bootstrap" && command.requestID == "make" && !command.dryRun)
        #expect(command.source == "127.0.0.1")
    }

    @Test func putCreatesOnlyWithIfNoneMatchAndTakesTheNameOfThePath() throws {
        let world = try AdminWorld.ready()
        world.coordinator.answer = { _ in
            .success(CommandAnswer(cluster: Sample.cluster("new")))
        }
        #expect(try world.call("PUT", "/v1/clusters/new", "{}").status == 428)
        let created = try world.call("PUT", "/v1/clusters/new", "{}", ["If-None-Match": "*"])
        #expect(created.status == 201, "\(created.text)")
        #expect(world.coordinator.commands.last?.action == .createCluster(ClusterSpec(name: "new")))
        let again = try world.call("PUT", "/v1/clusters/demo", "{}", ["If-None-Match": "*"])
        #expect(again.status == 412 && again.code == "ALREADY_EXISTS")
        let other = try world.call(
            "PUT", "/v1/clusters/demo", #"{"name":"x"}"#, ["If-Match": "*"])
        #expect(other.status == 422 && other.text.contains("/name"))
    }

    @Test func replacementNeedsTheCurrentEntityTag() throws {
        let world = try AdminWorld.ready()
        world.coordinator.answer = { _ in .success(CommandAnswer(cluster: Sample.cluster())) }
        let path = "/v1/clusters/demo"
        #expect(try world.call("PUT", path, "{}").status == 428)
        #expect(try world.call("PUT", path, "{}", ["If-Match": "\"6\""]).status == 412)
        #expect(try world.call("PUT", path, "{}", ["If-Match": "W/\"7\""]).status == 412)
        #expect(try world.call("PUT", path, "{}", ["If-Match": "\"6\", \"7\""]).status == 200)
        let spec = ClusterSpec(name: "demo")
        #expect(
            world.coordinator.commands.last?.action
                == .replaceCluster(spec, expectedGeneration: 7))
        #expect(try world.call("PUT", path, "{}", ["If-Match": "*"]).status == 200)
        #expect(
            world.coordinator.commands.last?.action
                == .replaceCluster(spec, expectedGeneration: nil))
    }

    @Test func theCoordinatorsRefusalIsPassedOn() throws {
        let world = try AdminWorld.ready()
        world.coordinator.answer = { _ in
            .failure(
                Problem(
                    status: 422, code: "CYCLE", title: "t", detail: "n1 is its own ancestor",
                    errors: [Problem.Detail(pointer: "/topology/replicas/0", detail: "again")]))
        }
        let tree = #"{"node":"n1","replicas":[{"node":"n1"}]}"#
        let answer = try world.call(
            "PUT", "/v1/clusters/demo/topology", tree, ["If-Match": "\"7\""])
        #expect(answer.status == 422 && answer.code == "CYCLE")
        #expect(answer.text.contains("\"/replicas/0\""), "a pointer into what was sent")
        for (body, detail) in [
            ("[]", "the body must be an object"), ("{}", "/node is required"),
        ] {
            let answer = try world.call(
                "PUT", "/v1/clusters/demo/topology", body, ["If-Match": "\"7\""])
            #expect(answer.status == 422 && answer.code == "INVALID_BODY")
            #expect(answer.text.contains("\"detail\":\"\(detail)"), "\(answer.text)")
        }
    }

    @Test func dryRunsAnswerWithThePlan() throws {
        let world = try AdminWorld.ready()
        world.coordinator.answer = { command in
            command.dryRun
                ? .success(CommandAnswer(plan: Sample.plan))
                : .failure(Problem.notFound("a dry run was wanted"))
        }
        let calls = [
            ("POST", "/v1/clusters", Self.document), ("PUT", "/v1/clusters/demo", "{}"),
            ("PUT", "/v1/clusters/demo/topology", #"{"node":"n1"}"#),
            ("POST", "/v1/clusters/demo/switchovers", "{}"),
            ("POST", "/v1/clusters/demo/failovers", "{}"),
            ("DELETE", "/v1/clusters/demo", nil), ("DELETE", "/v1/clusters/demo/nodes/n4", nil),
            ("PATCH", "/v1/clusters/demo/nodes/n4", "{}"),
            ("POST", "/v1/operations/op-2/cancel", nil),
        ]
        for (method, path, body) in calls {
            let answer = try world.call(
                method, path + "?dryRun=true", body, ["If-Match": "*"])
            #expect(answer.status == 200, "\(method) \(path): \(answer.text)")
            #expect(violations("PlanAnswer", answer.json) == [], "\(method) \(path)")
        }
        #expect(world.coordinator.commands.dropFirst().allSatisfy { $0.idempotency == nil })
    }

    @Test func topologyIsAnsweredAsDocumentAndAsDrawing() throws {
        let world = try AdminWorld.ready()
        let document = try world.get("/v1/clusters/demo/topology")
        #expect(document.headers["etag"] == "\"7\"")
        #expect(violations("Topology", document.json) == [])
        #expect(document.text.contains("\"converged\":true"))
        let text = try world.get("/v1/clusters/demo/topology", ["Accept": "text/plain"])
        #expect(text.headers["content-type"] == "text/plain; charset=utf-8")
        #expect(text.text.contains("└─ n3"))
    }

    @Test func nodesAreListedAddedPatchedAndRemoved() throws {
        let world = try AdminWorld.ready()
        world.coordinator.answer = { command in
            .success(CommandAnswer(node: Sample.state("n4", .replica, lag: 0)))
        }
        let listed = try world.get("/v1/clusters/demo/nodes?labelSelector=zone=b,use=analytics")
        #expect(violations("NodeList", listed.json) == [])
        #expect(listed.text.contains("\"n4\"") && !listed.text.contains("\"node\":\"n2\""))
        #expect(try world.get("/v1/clusters/demo/nodes?labelSelector=,").status == 400)
        #expect(try world.get("/v1/clusters/demo/nodes/n9").status == 404)
        let node = try world.get("/v1/clusters/demo/nodes/n4")
        #expect(node.headers["etag"] == "\"4\"" && violations("Node", node.json) == [])
        let added = try world.call(
            "POST", "/v1/clusters/demo/nodes",
            #"{"node":"n5","address":"[::1]:7005","control":"h-5.example:7105"}"#)
        #expect(added.status == 201 && added.headers["location"] == "/v1/clusters/demo/nodes/n5")
        let patch = #"{"labels":{"zone":null,"rack":"r1"},"promotion":"never"}"#
        let type = ["Content-Type": "application/merge-patch+json"]
        #expect(try world.call("PATCH", "/v1/clusters/demo/nodes/n4", patch, type).status == 428)
        let patched = try world.call(
            "PATCH", "/v1/clusters/demo/nodes/n4", patch, type.merging(["If-Match": "*"]) { $1 })
        #expect(patched.status == 200, "\(patched.text)")
        var spec = Sample.node("n4")
        spec.labels = ["rack": "r1"]
        spec.promotion = .never
        #expect(
            world.coordinator.commands.last?.action
                == .updateNode(cluster: "demo", spec, expectedGeneration: 4))
        let removed = try world.call(
            "DELETE", "/v1/clusters/demo/nodes/n4", nil, ["If-Match": "\"4\""])
        #expect(removed.status == 204)
    }

    @Test func maintenanceIsSetReadAndEnded() throws {
        let world = try AdminWorld.ready()
        let path = "/v1/clusters/demo/maintenance"
        #expect(try world.get(path).status == 404)
        let body = #"{"owner":"me","reason":"disks","until":"2027-01-01T00:00:00Z"}"#
        #expect(try world.call("PUT", path, body).status == 200)
        #expect(
            try world.call("PUT", path, #"{"owner":"me","reason":"d","until":"soon"}"#).status
                == 422)
        world.coordinator.change {
            $0.clusters[0].maintenance = Maintenance(owner: "me", reason: "disks")
        }
        #expect(try world.get(path).text.contains("disks"))
        #expect(try world.call("DELETE", path).status == 204)
        #expect(
            world.coordinator.commands.last?.action == .setMaintenance(cluster: "demo", nil))
    }

    @Test func routesSayWhereToConnect() throws {
        let world = try AdminWorld.ready()
        let text = ["Accept": "text/plain"]
        #expect(try world.get("/route/demo/master", text).text == "127.0.0.1:7001\n")
        #expect(try world.get("/route/demo/primary", text).text == "127.0.0.1:7001\n")
        #expect(try world.get("/route/demo/replica", text).text == "127.0.0.1:7003\n")
        let near = try world.get("/route/demo/replica?maxLag=20&labelSelector=zone=b", text)
        #expect(near.text == "127.0.0.1:7002\n")
        #expect(try world.get("/route/demo/replica?maxLag=1&labelSelector=zone=b").status == 503)
        let all = try world.get("/route/demo/endpoints")
        #expect(violations("RouteEndpoints", all.json) == [])
        let master = try world.get("/route/demo/master")
        #expect(violations("RouteEndpoint", master.json) == [])
        world.coordinator.change { $0.clusters[0].nodes[0].verdict = .down }
        #expect(try world.get("/route/demo/master").code == "NO_TARGET")
    }

    @Test func findingsAndSpecsAreGivenOut() throws {
        let world = try AdminWorld.ready()
        let analysis = try world.get("/v1/clusters/demo/analysis")
        #expect(violations("Analysis", analysis.json) == [])
        #expect(violations("Export", try world.get("/v1/export").json) == [])
        let version = try world.get("/version")
        #expect(violations("Version", version.json) == [])
    }
}
