// Directives of redis.conf and valkey.conf that this node accepts and keeps without acting on
// them, so that existing files and tools work. Each row says why it needs no action; one that gets
// an effect moves to its section.

import Directives

extension NodeDirectives {
    private static let noChild = "Snapshots need no child process."
    private static let ownTable = "The table has no encodings or passes of this kind."
    private static let noSuchType = "Concerns data types that this version does not have yet."
    private static let notYet = "The feature is not part of this version."

    private static func accepted(
        _ rows: [(name: String, value: String, why: String)], as shape: AcceptedShape,
        aliases: [String: [String]] = [:]
    ) -> [Directive<NodeSettings>] {
        rows.map {
            .accepted(
                $0.name, \.accepted, default: $0.value, as: shape, aliases: aliases[$0.name] ?? [],
                why: $0.why)
        }
    }

    static let acceptedSwitches: [Directive<NodeSettings>] =
        accepted(
            [
                ("activerehashing", "yes", ownTable), ("activedefrag", "no", ownTable),
                ("aof-rewrite-incremental-fsync", "yes", "The log thread always does."),
                ("aof-disable-auto-gc", "no", "See log-retention-seconds."),
                ("aof-timestamp-enabled", "no", "The index beside the log keeps the time."),
                ("aof-use-rdb-preamble", "yes", "The base is always a snapshot."),
                ("crash-log-enabled", "yes", notYet), ("crash-memcheck-enabled", "yes", notYet),
                ("disable-thp", "yes", noChild), ("dynamic-hz", "yes", "Passes have budgets."),
                ("dual-channel-replication-enabled", "no", "A full sync is a file and the log."),
                ("enable-debug-assert", "no", "There are no debug assertions to switch."),
                ("extended-redis-compatibility", "no", "The node speaks as Redis does."),
                ("hide-user-data-from-log", "yes", "The log never shows user data."),
                ("io-threads-do-reads", "no", "One thread serves the clients."),
                ("jemalloc-bg-thread", "yes", "The allocator is the node's own."),
                ("rdb-del-sync-files", "no", "Files of a full sync become the base."),
                ("rdb-save-incremental-fsync", "yes", "The writer thread always does."),
                ("replica-ignore-disk-write-errors", "no", notYet),
                ("replica-lazy-flush", "no", "A full sync replaces the data without a flush."),
                ("set-proc-title", "yes", "The title stays that of the command line."),
                ("use-exit-on-panic", "no", notYet),
            ], as: .bool,
            aliases: [
                "replica-lazy-flush": ["slave-lazy-flush"]
            ])

    static let acceptedNumbers: [Directive<NodeSettings>] =
        accepted(
            [
                ("active-defrag-cycle-max", "25", ownTable),
                ("active-defrag-cycle-min", "1", ownTable),
                ("active-defrag-max-scan-fields", "1000", ownTable),
                ("active-defrag-threshold-lower", "10", ownTable),
                ("active-defrag-threshold-upper", "100", ownTable),
                ("active-expire-effort", "1", "Passes skip what cannot have expired."),
                ("io-threads", "1", "One thread serves the clients."),
                ("repl-diskless-sync-delay", "5", "Late replicas share a running sync."),
                ("repl-diskless-sync-max-replicas", "0", "Late replicas share a running sync."),
                ("watchdog-period", "0", notYet),
            ], as: .integer(-1...Int(Int64.max)))
        + accepted(
            [
                ("active-defrag-ignore-bytes", "104857600", ownTable)
            ], as: .bytes)

    static let acceptedWords: [Directive<NodeSettings>] =
        accepted(
            [
                ("bgsave_cpulist", "", noChild), ("bgsave-cpulist", "", noChild),
                ("bio_cpulist", "", notYet), ("bio-cpulist", "", notYet),
                ("aof_rewrite_cpulist", "", noChild), ("aof-rewrite-cpulist", "", noChild),
                ("locale-collate", "", noSuchType),
                ("proc-title-template", "{title} {listen-addr} {server-mode}", notYet),
                ("server_cpulist", "", notYet), ("server-cpulist", "", notYet),
                ("syslog-ident", "redis", notYet), ("unixsocketgroup", "", notYet),
                ("availability-zone", "", notYet),
            ], as: .text)
        + acceptedChoices

    private static let acceptedChoices: [Directive<NodeSettings>] = [
        .accepted(
            "repl-diskless-load", \.accepted, default: "disabled",
            as: .oneOf(["disabled", "on-empty-db", "swapdb"]),
            why: "The old data always serve until the new ones are complete."),
        .accepted(
            "propagation-error-behavior", \.accepted, default: "ignore",
            as: .oneOf(["ignore", "panic", "panic-on-replicas"]), why: notYet),
        .accepted(
            "sanitize-dump-payload", \.accepted, default: "no",
            as: .oneOf(["no", "yes", "clients"]), why: "Payloads are always checked."),
        .accepted(
            "supervised", \.accepted, default: "no",
            as: .oneOf(["no", "upstart", "systemd", "auto"]), flags: [], why: notYet),
        .accepted(
            "enable-module-command", \.accepted, default: "no",
            as: .oneOf(["no", "yes", "local"]), flags: [], why: "There are no modules."),
    ]
}
