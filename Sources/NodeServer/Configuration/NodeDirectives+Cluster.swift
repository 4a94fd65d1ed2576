// Directives of Redis Cluster and of the system log, accepted so that files of other servers load.
// The node has no cluster mode: `cluster-enabled yes` is refused, everything else waits unused.

import Directives

extension NodeDirectives {
    static let acceptedCluster: [Directive<NodeSettings>] =
        words + numbers + switches + [
            clusterEnabled,
            .accepted(
                "cluster-preferred-endpoint-type", \.accepted, default: "ip",
                as: .oneOf(["ip", "hostname", "unknown-endpoint"]), why: noCluster),
        ]

    private static let clusterEnabled = Directive<NodeSettings>.custom(
        "cluster-enabled", flags: .withoutEffect, shape: "no",
        why: "There is no cluster mode; a tree of replicas is managed by the coordinator.",
        "Accepted for compatibility; has no effect.",
        apply: { (_, words, _) throws(DirectiveError) in
            guard words.count == 1 else { throw .wrongNumberOfArguments }
            switch words[0].lowercased() {
            case "no": return
            case "yes":
                throw DirectiveError(
                    "there is no cluster mode: one master has all keys; set it to no, and let "
                        + "headwater-coordinator manage replicas and failover")
            default: throw .notBoolean
            }
        }, value: { _ in "no" })

    private static let noCluster = "There is no cluster mode."
    private static let standardOutput = "The log goes to standard output or a file."

    private static let words: [Directive<NodeSettings>] = [
        ("cluster-config-file", "nodes.conf", noCluster), ("cluster-announce-ip", "", noCluster),
        ("cluster-announce-hostname", "", noCluster),
        ("cluster-announce-human-nodename", "", noCluster),
        ("syslog-facility", "local0", standardOutput),
        ("ignore-warnings", "", "The node warns and goes on."),
    ].map { .accepted($0.0, \.accepted, default: $0.1, as: .text, why: $0.2) }

    private static let numbers: [Directive<NodeSettings>] = [
        ("cluster-port", "0"), ("cluster-node-timeout", "15000"),
        ("cluster-link-sendbuf-limit", "0"), ("cluster-migration-barrier", "1"),
        ("cluster-replica-validity-factor", "10"), ("cluster-announce-port", "0"),
        ("cluster-announce-bus-port", "0"), ("cluster-announce-tls-port", "0"),
        ("socket-mark-id", "0"),
    ].map {
        .accepted(
            $0.0, \.accepted, default: $0.1, as: .integer(0...Int(Int64.max)),
            aliases: $0.0 == "cluster-replica-validity-factor"
                ? ["cluster-slave-validity-factor"] : [],
            why: $0.0.hasPrefix("cluster") ? noCluster : "Packets carry no mark.")
    }

    private static let switches: [Directive<NodeSettings>] = [
        ("cluster-require-full-coverage", "yes", noCluster),
        ("cluster-allow-replica-migration", "yes", noCluster),
        ("cluster-allow-reads-when-down", "no", noCluster),
        ("cluster-allow-pubsubshard-when-down", "yes", noCluster),
        ("cluster-replica-no-failover", "no", noCluster), ("syslog-enabled", "no", standardOutput),
    ].map {
        .accepted(
            $0.0, \.accepted, default: $0.1, as: .bool,
            aliases: $0.0 == "cluster-replica-no-failover" ? ["cluster-slave-no-failover"] : [],
            why: $0.2)
    }
}
