import APIContract
import ControlModel
import Foundation
import Testing

@testable import AdminAPI

@Suite struct ContractTests {
    @Test func committedContractIsCurrent() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let committed = try String(
            contentsOf: root.appending(path: "openapi/admin.yaml"), encoding: .utf8)
        #expect(committed == OpenAPI.yaml, "run: make openapi")
    }

    @Test func everyReferenceLeadsToASchema() {
        func references(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let members):
                members.flatMap { member in
                    member.name == "$ref"
                        ? [member.value.text ?? ""] : references(member.value)
                }
            case .array(let values): values.flatMap(references)
            default: []
            }
        }
        let prefix = "#/components/schemas/"
        for reference in references(OpenAPI.document) where reference.hasPrefix(prefix) {
            #expect(Schemas.catalogue.contains(String(reference.dropFirst(prefix.count))))
        }
    }

    func violations(_ name: String, _ value: some Encodable) -> [SchemaViolation] {
        Schemas.catalogue[name].violations(of: JSONValue.of(value), in: Schemas.catalogue)
    }

    @Test func whatIsAnsweredFitsItsSchema() {
        var cluster = Sample.cluster()
        cluster.maintenance = Maintenance(owner: "o", reason: "r", until: Sample.time)
        cluster.operation = "op-1"
        cluster.nodes[0].reason = "r"
        cluster.nodes[0].spec.maintenanceUntil = Sample.time
        cluster.nodes[0].spec.addresses = ["public": Endpoint(host: "::1", port: 1)]
        #expect(violations("Cluster", cluster) == [])
        #expect(violations("Topology", TopologyView(cluster)) == [])
        #expect(violations("Operation", Sample.operation("op-1", .failed)) == [])
        #expect(violations("PlanAnswer", PlanAnswer(plan: Sample.plan)) == [])
        #expect(violations("Event", Sample.event(1)) == [])
        let token = PipelineTests.record("s", role: .viewer, expiresAt: Sample.time)
        #expect(violations("Token", TokenView(token)) == [])
        #expect(violations("NewToken", TokenView(token, secret: "s")) == [])
        let record = AuditRecord(
            sequence: 1, time: Sample.time, actor: "a", source: "s", requestID: "r", action: "x",
            target: "t", result: "accepted", operation: "op-1")
        #expect(violations("AuditRecord", record) == [])
        let page = Page(items: [cluster], nextCursor: "a")
        #expect(violations("ClusterList", page) == [])
        #expect(violations("Problem", Problems.invalidJSON) == [])
    }

    @Test func whatIsAnsweredIsAccepted() {
        #expect(violations("ClusterSpec", Sample.spec()) == [])
        #expect(violations("NodeSpec", Sample.node("n1")) == [])
        #expect(violations("TopologyTree", Sample.spec().topology) == [])
    }

    @Test func patchesMergeAsTheStandardSays() throws {
        func value(_ text: String) throws -> JSONValue {
            try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        }
        // The examples of RFC 7396, appendix A.
        let examples = [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
            (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
            (#"[1,2]"#, #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ]
        for (target, patch, result) in examples {
            let merged = MergePatch.apply(try value(patch), to: try value(target))
            #expect(merged == (try value(result)), "\(patch) on \(target)")
        }
    }

    @Test func selectorsChooseByLabels() {
        let labels = ["zone": "a", "tier": "cache"]
        for text in ["zone=a", "zone=a,tier!=disk", "zone", "!spot", "missing!=x"] {
            #expect(LabelSelector(text)?.matches(labels) == true, "\(text)")
        }
        for text in ["zone=b", "zone=a,tier!=cache", "!zone", "spot", "zone="] {
            #expect(LabelSelector(text)?.matches(labels) == false, "\(text)")
        }
        for text in ["", "=a", "!", "a,,b", "!=b", "!a=b"] {
            #expect(LabelSelector(text) == nil, "\(text)")
        }
    }

    @Test func entityTagsCompareStrongly() {
        #expect(Exchange.generations(of: "*") == nil)
        #expect(Exchange.generations(of: "\"7\"") == [7])
        #expect(Exchange.generations(of: "\"7\", \"8\"") == [7, 8])
        #expect(Exchange.generations(of: "W/\"7\"") == [])
        #expect(Exchange.generations(of: "7") == [])
        #expect(Exchange.generations(of: "\"stale\"") == [])
    }

    @Test func cursorsAreReadBackAndOthersRefused() {
        for key in ["demo", "op-1", "ü"] {
            #expect(Exchange.key(ofCursor: Exchange.cursor(ofKey: key)) == key)
        }
        for cursor in ["", "a", "zz", "+1", "ff"] {
            #expect(Exchange.key(ofCursor: cursor) == nil, "\(cursor)")
        }
    }

    @Test func theTreeIsDrawn() {
        #expect(
            TopologyText.render(Sample.cluster()) == """
                demo: epoch 3, in place, not as declared
                n1        master   127.0.0.1:7001  up
                ├─ n2     replica  127.0.0.1:7002  up  connected  lag 5 B
                │  └─ n4  replica  127.0.0.1:7004  up  connected  lag 12 B
                └─ n3     replica  127.0.0.1:7003  up  connected  lag 0 B
                differs: n3 is declared below n1: it moves
                warning: ReplicaLags n4: 12 bytes

                """)
        var cluster = Sample.cluster()
        cluster.differences = []
        #expect(TopologyText.render(cluster).hasPrefix("demo: epoch 3, converged\n"))
        cluster.converged = false
        #expect(TopologyText.render(cluster).hasPrefix("demo: epoch 3, not converged\n"))
    }

    @Test func aNodeThatIsDownHasNoLinkAndNoLag() {
        var cluster = Sample.cluster()
        let silent = ObservedTree(
            node: "n3", role: .replica, verdict: .down, linkState: .connected, lagBytes: 0,
            replicas: [])
        cluster.observed[0].replicas[1] = silent
        #expect(
            TopologyText.render(cluster).contains("└─ n3     replica  127.0.0.1:7003  down\n"))
    }

    @Test func whatStandsAloneSaysWhatItIs() {
        var cluster = Sample.cluster()
        cluster.epoch = 4
        cluster.master = "n2"
        cluster.nodes[0].verdict = .down
        cluster.nodes[0].intendedUpstream = "n2"
        cluster.nodes[2].intendedUpstream = nil
        let former = ObservedTree(
            node: "n1", role: .master, verdict: .down, linkState: LinkState.none, lagBytes: nil)
        let new = ObservedTree(
            node: "n2", role: .master, verdict: .up, linkState: LinkState.none, lagBytes: nil,
            replicas: [Sample.tree("n4", lag: 0)])
        let spare = ObservedTree(
            node: "n3", role: .replica, verdict: .up, linkState: .connecting, lagBytes: nil)
        cluster.observed = [new, former, spare]
        let seen = Sample.time.text
        let text = TopologyText.render(cluster)
        #expect(
            text.contains(
                "\nn1     master   127.0.0.1:7001  down" + String(repeating: " ", count: 23)
                    + "was master in epoch 3, last seen \(seen), belongs below n2\n"), "\(text)")
        #expect(text.contains("\nn2     master   127.0.0.1:7002  up\n"))
        #expect(text.contains("\nn3     replica  127.0.0.1:7003  up    connecting"))
        #expect(text.contains("  not in the tree\n"))
        // One that the tree leaves out may still follow somebody.
        cluster.nodes[2].intendedUpstream = "n2"
        cluster.nodes[3].intendedUpstream = nil
        #expect(TopologyText.render(cluster).contains("connected   lag 0 B  not in the tree\n"))
        // The master itself, while nobody has taken over yet.
        cluster.master = "n1"
        cluster.nodes[0].intendedUpstream = nil
        #expect(TopologyText.render(cluster).contains("  last seen \(seen)\n"))
    }

    @Test func theDeclaredTreeIsDrawnBeforeAnythingIsSeen() {
        var cluster = Sample.cluster()
        cluster.observed = []
        cluster.converged = false
        cluster.operation = "op-9"
        let text = TopologyText.render(cluster)
        #expect(text.hasPrefix("demo: epoch 3, not converged, op-9 running\nn1        unknown"))
        #expect(text.contains("│  └─ n4  unknown  127.0.0.1:7004  unknown  no answer\n"))
    }
}
