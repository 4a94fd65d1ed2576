// Directives on replication and on the control plane.

import Directives

extension NodeDirectives {
    static let replication: [Directive<NodeSettings>] = [
        upstream,
        .string(
            "masterauth", \.upstreamPassword, aliases: ["primaryauth"],
            "Password for the upstream."),
        .string(
            "masteruser", \.upstreamUser, aliases: ["primaryuser"], "User for the upstream."),
        .bool(
            "replica-serve-stale-data", \.servesStaleData, aliases: ["slave-serve-stale-data"],
            "Answer reads while the link to the upstream is down."),
        .bool(
            "replica-read-only", \.replicaIsReadOnly, aliases: ["slave-read-only"],
            "Refuse writes of clients on a replica."),
        .integer(
            "repl-ping-replica-period", \.pingPeriodSeconds, in: 1...Int(Int32.max),
            aliases: ["repl-ping-slave-period"], "Seconds between pings to replicas."),
        .integer(
            "repl-timeout", \.replicationTimeoutSeconds, in: 1...Int(Int32.max),
            "Seconds of silence after which a replication link is given up."),
        .bool(
            "repl-diskless-sync", \.sendsGrowingSnapshots,
            why: "The file is written all the same: replicas that come later read it too.",
            "Send the snapshot of a full sync while it is being written."),
        .bool(
            "repl-disable-tcp-nodelay", \.disablesReplicationNoDelay,
            "Let the kernel gather the stream to replicas into fewer packets."),
        .bytes(
            "repl-backlog-size", \.backlogBytes, in: 1...Int.max,
            why: "10 MB as in Valkey; with appendonly the log on disk is the backlog.",
            "Memory for the stream that reconnecting replicas may continue from."),
        .integer(
            "repl-backlog-ttl", \.backlogKeepSeconds, in: 0...Int(Int32.max),
            "Seconds after the last replica left until that memory is freed; 0 for never."),
        .integer(
            "replica-priority", \.replicaPriority, in: 0...Int(Int32.max),
            aliases: ["slave-priority"], "Lower is promoted earlier; 0 is never promoted."),
        .bool(
            "replica-announced", \.replicaIsAnnounced, "Whether the upstream lists this replica."),
        .string(
            "replica-announce-ip", \.announcedAddress, aliases: ["slave-announce-ip"],
            "Address that the upstream shows for this replica."),
        .integer(
            "replica-announce-port", \.announcedPort, in: 0...65535,
            aliases: ["slave-announce-port"], "Port that the upstream shows for this replica."),
        .integer(
            "min-replicas-to-write", \.replicasToWriteMin, in: 0...Int(Int32.max),
            aliases: ["min-slaves-to-write"],
            "Refuse writes with fewer replicas than this; 0 for never."),
        .integer(
            "min-replicas-max-lag", \.replicaLagSecondsMax, in: 0...Int(Int32.max),
            aliases: ["min-slaves-max-lag"], "Seconds of silence that such a replica may have."),
    ]

    static let controlPlane: [Directive<NodeSettings>] = [
        .integer(
            "http-port", \.httpPort, in: 0...65535, flags: [],
            "TCP port for health, metrics and the coordinator's orders; 0 for none."),
        .list("http-bind", \.httpBind, flags: [], "Addresses of the HTTP port."),
        .string(
            "cluster-secret", \.clusterSecret, flags: .hidden,
            why: "A file keeps it out of process lists: see cluster-secret-file.",
            "Secret that orders of the coordinator must carry."),
        .string(
            "cluster-secret-file", \.clusterSecretFile, flags: [],
            "File whose first line is the cluster secret."),
        .string(
            "node-id", \.nodeID, flags: [],
            "Name of this node in its cluster; empty takes that of the first order.",
            check: { (name) throws(DirectiveError) in try checkIdentity(name) }),
        .string(
            "cluster-id", \.clusterID, flags: [],
            "Name of the cluster; empty takes that of the first order.",
            check: { (name) throws(DirectiveError) in try checkIdentity(name) }),
    ]

    /// Longest node or cluster identity in bytes.
    static let identityBytesMax = 64

    private static func checkIdentity(_ name: String) throws(DirectiveError) {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isPlain, name.utf8.count <= identityBytesMax else {
            throw DirectiveError(
                "an identity has at most \(identityBytesMax) letters, digits, '-', '_', '.'")
        }
    }

    private static let upstream: Directive<NodeSettings> = .custom(
        "replicaof", aliases: ["slaveof"], flags: .words, shape: "host port|no one",
        "Replicate from this server.",
        apply: { (settings, words, _) throws(DirectiveError) in
            if words == [""] {
                settings.upstream = nil
                return
            }
            guard words.count == 2 else { throw .wrongNumberOfArguments }
            if words[0].lowercased() == "no" && words[1].lowercased() == "one" {
                settings.upstream = nil
                return
            }
            guard let port = DirectiveText.integer(words[1]), 0...65535 ~= port else {
                throw DirectiveError("Invalid master port")
            }
            settings.upstream = UpstreamAddress(host: words[0], port: port)
        }, value: { $0.upstream.map { "\($0.host) \($0.port)" } ?? "" },
        lines: { $0.upstream.map { ["\($0.host) \($0.port)"] } ?? [] })
}
