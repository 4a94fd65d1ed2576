import ControlModel
import Testing

struct ControlModelTests {
    private func roundTrip<Value: Codable & Equatable>(_ value: Value) throws -> Value {
        try ControlJSON.decode(Value.self, from: ControlJSON.encode(value))
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try ControlJSON.decode(type, from: text.utf8)
    }

    @Test(arguments: [
        ("250ms", 250), ("30s", 30_000), ("1.5s", 1500), ("5m", 300_000), ("2h", 7_200_000),
        ("1d", 86_400_000), ("0ms", 0),
    ])
    func durationsAreNumbersWithAUnit(text: String, milliseconds: Int64) {
        #expect(DurationText(text)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["", "250", "ms", "-1s", "1 s", ".5s", "1..2s", "1w", "1e9d", "999999999d"])
    func otherDurationsAreRefused(text: String) {
        #expect(DurationText(text) == nil)
    }

    @Test func durationsAreWrittenInTheLargestUnitThatDivides() {
        #expect(DurationText(milliseconds: 1500).text == "1500ms")
        #expect(DurationText(milliseconds: 30_000).text == "30s")
        #expect(DurationText(milliseconds: 0).text == "0ms")
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00.000Z", 0), ("2026-11-23T11:20:00.123Z", 1_795_432_800_123),
        ("2000-02-29T23:59:59.999Z", 951_868_799_999), ("1969-12-31T23:59:59.000Z", -1000),
    ])
    func timesAreRFC3339(text: String, milliseconds: Int64) {
        #expect(Timestamp(milliseconds: milliseconds).text == text)
        #expect(Timestamp(text)?.milliseconds == milliseconds)
    }

    @Test func everyDayOfFourCenturiesReadsBack() {
        for day in stride(from: Int64(-150_000), through: 150_000, by: 7) {
            let time = Timestamp(milliseconds: day * 86_400_000 + 45_296_007)
            #expect(Timestamp(time.text) == time)
        }
    }

    @Test(arguments: ["2026-11-23", "2026-11-23T11:20:00", "2026-13-23T11:20:00Z", "", "x"])
    func otherTimesAreRefused(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func endpointsHaveHostAndPort() {
        #expect(Endpoint("127.0.0.1:7001") == Endpoint(host: "127.0.0.1", port: 7001))
        #expect(Endpoint("[::1]:7001")?.text == "[::1]:7001")
        for wrong in [
            "", "host", "host:", ":1", "host:0", "host:65536", "::1:70", "a/b:1", "a@b:1",
        ] {
            #expect(Endpoint(wrong) == nil, "\(wrong)")
        }
    }

    @Test func aSpecNeedsLittleAndGetsDefaults() throws {
        let spec = try decode(
            ClusterSpec.self,
            #"""
            {"name":"orders",
             "policy":{"detection":{"deadline":"500ms"},"failover":{"budgetPerHour":9}},
             "nodes":[{"node":"n1","address":"10.0.0.1:6379","control":"10.0.0.1:8001"}],
             "topology":{"node":"n1","replicas":[{"node":"n2","promotion":"never"}]}}
            """#)
        #expect(spec.durability == .async)
        #expect(spec.policy.detection.probeInterval.milliseconds == 100)
        #expect(spec.policy.detection.deadline.milliseconds == 500)
        #expect(spec.policy.failover.automatic)
        #expect(spec.policy.failover.budgetPerHour == 9)
        #expect(spec.policy.reparent.order == [.sibling, .bestOrphan, .grandparent])
        #expect(spec.nodes?.first?.promotion == .neutral)
        #expect(spec.topology?.flattened.map(\.parent) == [nil, "n1"])
        #expect(try roundTrip(spec) == spec)
    }

    @Test func errorsPointAtTheOffendingPlace() {
        #expect(
            throws: ControlJSONError(
                pointer: "/policy/failover/automatic", detail: "is not of type Bool")
        ) {
            try decode(ClusterSpec.self, #"{"name":"x","policy":{"failover":{"automatic":3}}}"#)
        }
        #expect(throws: ControlJSONError(pointer: "/name", detail: "is required")) {
            try decode(ClusterSpec.self, "{}")
        }
        #expect(throws: ControlJSONError.self) { try decode(ClusterSpec.self, "{") }
    }

    @Test(arguments: [
        Order.Kind.master, .replica(of: .init(nodeID: "n1", host: "127.0.0.1", port: 7001)),
        .pause(maximumMilliseconds: 5000), .resume, .release,
    ])
    func ordersReadBack(kind: Order.Kind) throws {
        let order = Order(clusterID: "c1", nodeID: "n2", epoch: 7, kind: kind)
        #expect(try roundTrip(order) == order)
    }

    @Test func anOrderOnTheWireIsFlat() {
        let order = Order(
            clusterID: "c1", nodeID: "n2", epoch: 7,
            kind: .replica(of: .init(nodeID: "n1", host: "127.0.0.1", port: 7001)))
        let text = String(decoding: ControlJSON.encode(order), as: UTF8.self)
        #expect(
            text == #"{"clusterID":"c1","epoch":7,"kind":"replica","nodeID":"n2","#
                + #""upstream":{"host":"127.0.0.1","nodeID":"n1","port":7001}}"#)
    }

    @Test func unknownKindsOfOrderAreRefused() {
        #expect(throws: ControlJSONError.self) {
            try decode(Order.self, #"{"clusterID":"c","nodeID":"n","epoch":1,"kind":"dance"}"#)
        }
    }

    static let actions: [CommandAction] = [
        .createCluster(ClusterSpec(name: "a")),
        .replaceCluster(ClusterSpec(name: "a"), expectedGeneration: 3),
        .deleteCluster(ClusterTarget(cluster: "a", expectedGeneration: 4)),
        .applyTopology(cluster: "a", TopologySpec(node: "n1"), expectedGeneration: nil),
        .addNode(
            cluster: "a",
            NodeSpec(
                node: "n1", address: Endpoint(host: "h", port: 1),
                control: Endpoint(host: "h", port: 2))),
        .updateNode(
            cluster: "a",
            NodeSpec(
                node: "n1", address: Endpoint(host: "h", port: 1),
                control: Endpoint(host: "h", port: 2), promotion: .prefer,
                maintenanceUntil: Timestamp(milliseconds: 5)), expectedGeneration: 2),
        .removeNode(cluster: "a", node: "n1", expectedGeneration: 2),
        .switchover(SwitchoverRequest(cluster: "a", target: "n2")),
        .failover(FailoverRequest(cluster: "a", acceptDataLoss: true, reason: "test")),
        .setMaintenance(cluster: "a", Maintenance(owner: "me", reason: "disk")),
        .setMaintenance(cluster: "a", nil),
        .cancelOperation(id: "op-1"),
        .createToken(
            TokenRecord(
                id: "t", name: "ci", role: .operator, secretHash: "00",
                createdAt: Timestamp(milliseconds: 0), createdBy: "admin")),
        .deleteToken(id: "t"),
    ]

    @Test(arguments: actions)
    func commandsReadBack(action: CommandAction) throws {
        let command = InternalCommand(
            actor: "ci", source: "127.0.0.1", requestID: "r1", dryRun: true,
            idempotency: .init(key: "k", fingerprint: "f"), action: action)
        #expect(try roundTrip(command) == command)
    }

    @Test func everyKindOfCommandIsCovered() {
        #expect(Set(Self.actions.map(\.kind)) == Set(CommandAction.Kind.allCases))
    }

    @Test func rolesIncludeTheLesserOnes() {
        #expect(AccessRole.viewer < .operator && AccessRole.operator < .admin)
    }
}
