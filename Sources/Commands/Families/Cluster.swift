// The commands of Redis Cluster. The node has no cluster mode: it knows the commands, so that their
// mistakes are told apart, and answers as a standalone server does.
internal import Bytes
internal import RESP

/// The commands of a cluster, all of them refused.
enum Cluster {
    static let table: [CommandSpec] = [
        .container(
            name: "cluster", since: "3.0.0", group: .cluster,
            summary: "A container for Redis Cluster commands.",
            subcommands: slots + nodes + facts),
        CommandSpec(
            name: "asking", since: "3.0.0", group: .cluster, arity: 1, flags: [.fast],
            categories: [.connection],
            summary: "Signals that a cluster client is following an -ASK redirect.",
            handler: refuse),
        connection(
            "readonly",
            "Enables read-only queries for a connection to a Redis Cluster replica node."),
        connection(
            "readwrite",
            "Enables read-write queries for a connection to a Reids Cluster replica node."),
    ]

    private static func refuse(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        throw .clusterDisabled
    }

    private static func connection(
        _ name: StaticString, _ summary: StaticString
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: "3.0.0", group: .cluster, arity: 1,
            flags: [.fast, .loading, .stale], categories: [.connection], summary: summary,
            handler: refuse)
    }

    /// A subcommand that changes the cluster.
    private static func change(
        _ name: StaticString, since: StaticString = "3.0.0", _ arity: Int,
        _ syntax: StaticString, _ summary: StaticString,
        flags: CommandFlags = [.noAsyncLoading], tips: [StaticString] = []
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .cluster, arity: arity,
            flags: flags.union([.admin, .stale]), syntax: syntax, summary: summary, tips: tips,
            handler: refuse)
    }

    /// A subcommand that tells something.
    private static func fact(
        _ name: StaticString, since: StaticString = "3.0.0", _ arity: Int,
        _ syntax: StaticString, _ summary: StaticString, flags: CommandFlags = [],
        tips: [StaticString] = ["nondeterministic_output"]
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .cluster, arity: arity,
            flags: flags.union([.stale]), syntax: syntax, summary: summary, tips: tips,
            handler: refuse)
    }

    private static let slots: [CommandSpec] = [
        change("addslots", -3, "slot [slot ...]", "Assigns new hash slots to a node."),
        change(
            "addslotsrange", since: "7.0.0", -4, "start-slot end-slot [start-slot end-slot ...]",
            "Assigns new hash slot ranges to a node."),
        fact(
            "countkeysinslot", 3, "slot", "Returns the number of keys in a hash slot.",
            tips: []),
        change("delslots", -3, "slot [slot ...]", "Sets hash slots as unbound for a node."),
        change(
            "delslotsrange", since: "7.0.0", -4, "start-slot end-slot [start-slot end-slot ...]",
            "Sets hash slot ranges as unbound for a node."),
        change("flushslots", 2, "", "Deletes all slots information from a node."),
        fact(
            "getkeysinslot", 4, "slot count", "Returns the key names in a hash slot."),
        fact("keyslot", 3, "key", "Returns the hash slot for a key.", tips: []),
        change(
            "setslot", -4, "slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>",
            "Binds a hash slot to a node."),
        fact(
            "shards", since: "7.0.0", 2, "", "Returns the mapping of cluster slots to shards."),
        fact("slots", 2, "", "Returns the mapping of cluster slots to nodes."),
    ]

    private static let nodes: [CommandSpec] = [
        change(
            "bumpepoch", 2, "", "Advances the cluster config epoch.",
            tips: ["nondeterministic_output"]),
        change(
            "failover", -2, "[FORCE | TAKEOVER]",
            "Forces a replica to perform a manual failover of its master."),
        change("forget", 3, "node-id", "Removes a node from the nodes table."),
        change(
            "meet", -4, "ip port [cluster-bus-port]",
            "Forces a node to handshake with another node."),
        change("replicate", 3, "node-id", "Configure a node as replica of a master node."),
        change("reset", -2, "[HARD | SOFT]", "Resets a node.", flags: [.noScript]),
        change(
            "saveconfig", 2, "", "Forces a node to save the cluster configuration to disk."),
        change(
            "set-config-epoch", 3, "config-epoch",
            "Sets the configuration epoch for a new node."),
    ]

    private static let facts: [CommandSpec] = [
        fact(
            "count-failure-reports", 3, "node-id",
            "Returns the number of active failure reports active for a node.",
            flags: [.admin]),
        fact("info", 2, "", "Returns information about the state of a node."),
        fact(
            "links", since: "7.0.0", 2, "",
            "Returns a list of all TCP links to and from peer nodes."),
        fact("myid", 2, "", "Returns the ID of a node.", tips: []),
        fact("myshardid", since: "7.2.0", 2, "", "Returns the shard ID of a node."),
        fact("nodes", 2, "", "Returns the cluster configuration for a node."),
        fact(
            "replicas", since: "5.0.0", 3, "node-id", "Lists the replica nodes of a master node.",
            flags: [.admin]),
        fact(
            "slaves", 3, "node-id", "Lists the replica nodes of a master node.",
            flags: [.admin]),
        fact(
            "help", since: "5.0.0", 2, "",
            "Returns helpful text about the different subcommands.", flags: [.loading],
            tips: []),
    ]
}
