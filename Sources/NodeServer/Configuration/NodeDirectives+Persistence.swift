// Directives on passwords, snapshots and the log.

import Commands
import Directives

extension NodeDirectives {
    static let security: [Directive<NodeSettings>] = [
        .string(
            "requirepass", \.requiredPassword, "Password that clients must send; empty for none."),
        .custom(
            "user", flags: [.repeated, .hidden], shape: "name rule …",
            why: "Either these lines or aclfile.", "A user and its rules; see ACL SETUSER.",
            apply: { (settings, words, _) throws(DirectiveError) in
                if settings.users.contains(where: { $0[0] == words[0] }) {
                    throw DirectiveError(
                        "Error in user declaration '\(words[0])': Duplicate user found. A user can "
                            + "only be defined once in config files")
                }
                if let problem = CommandEngine.problem(ofUserLine: words) {
                    throw DirectiveError(problem)
                }
                settings.users.append(words)
            }, value: { _ in "" },
            lines: { $0.users.map { $0.map(ConfigLine.word).joined(separator: " ") } }),
        .string(
            "aclfile", \.accessFile, flags: [],
            "File of users, written by ACL SAVE and read by ACL LOAD and at the start."),
        .enumeration(
            "acl-pubsub-default", \.channelDefault, "Which channels a new user may use."),
        .integer(
            "acllog-max-len", \.accessLogCountMax, in: 0...Int(Int64.max),
            "Most entries of ACL LOG; the oldest make room."),
        .enumeration(
            "enable-protected-configs", \.protectedConfigs, flags: [],
            "Who may change protected directives with CONFIG SET."),
        .enumeration(
            "enable-debug-command", \.debugCommand, flags: [], "Who may use DEBUG."),
        .custom(
            "rename-command", flags: [.repeated, .hidden, .transient], shape: "command name",
            "Not supported: commands keep their names.",
            apply: { (_, words, _) throws(DirectiveError) in
                guard words.count == 2 else { throw .wrongNumberOfArguments }
                guard words[0].lowercased() == words[1].lowercased() else {
                    throw DirectiveError("commands cannot be renamed in this version")
                }
            }, value: { _ in "" }, lines: { _ in [] }),
    ]

    static let snapshots: [Directive<NodeSettings>] = [
        savePoints,
        .string(
            "dir", \.directory, flags: [.mutable, .protected],
            "Directory of snapshot, log and state; the process works in it."),
        .string(
            "dbfilename", \.dumpFile, flags: [.mutable, .protected], "Name of the snapshot file.",
            check: { (name) throws(DirectiveError) in
                try checkFileName(name, as: "dbfilename")
            }),
        .bool("rdbcompression", \.compressesDumps, "Compress long strings in snapshots."),
        .bool(
            "rdbchecksum", \.checksumsDumps, flags: [], "End snapshots with a checksum."),
        .bool(
            "stop-writes-on-bgsave-error", \.stopsWritesOnSaveError,
            "Refuse writes while the last background save has failed."),
        .integer(
            "rdb-key-save-delay", \.saveDelayMicroseconds, in: Int(Int32.min)...Int(Int32.max),
            flags: [.mutable, .hidden], why: "For tests.",
            "Microseconds a snapshot waits at each key; -n waits one at each n keys."),
        .integer(
            "key-load-delay", \.loadDelayMicroseconds, in: Int(Int32.min)...Int(Int32.max),
            flags: [.mutable, .hidden], why: "For tests.",
            "Microseconds that loading waits at each key; -n waits one at each n keys."),
        .integer(
            "loading-process-events-interval-bytes", \.loadEventBytes, in: 1_024...Int(Int32.max),
            flags: [.mutable, .hidden], why: "For tests.",
            "Bytes of a file after which a node that loads looks at its clients."),
    ]

    static let log: [Directive<NodeSettings>] = [
        .bool("appendonly", \.appendOnly, "Keep a log of every change on disk."),
        .enumeration("appendfsync", \.appendFsync, "When the log is forced to disk."),
        .string(
            "appendfilename", \.appendFile, flags: [], "First part of the names of log files.",
            check: { (name) throws(DirectiveError) in
                try checkFileName(name, as: "appendfilename")
            }),
        .string(
            "appenddirname", \.appendDirectory, flags: [], "Folder of the log within dir.",
            check: { (name) throws(DirectiveError) in
                try checkFileName(name, as: "appenddirname")
            }),
        .bool(
            "no-appendfsync-on-rewrite", \.skipsFsyncDuringRewrite,
            "Do not force the log to disk while a snapshot is written."),
        .integer(
            "auto-aof-rewrite-percentage", \.rewritePercentage, in: 0...Int(Int32.max),
            "Growth of the log since the last base that starts a rewrite; 0 for never."),
        .bytes(
            "auto-aof-rewrite-min-size", \.rewriteBytesMin,
            "A smaller log is not rewritten by itself."),
        .bool(
            "aof-load-truncated", \.loadsTruncatedLog,
            "Start although the log ends in the middle of a command."),
        .integer(
            "log-retention-seconds", \.logRetentionSeconds, in: 0...Int(Int32.max),
            why: "A replica or a restore can start anywhere in what is kept.",
            "Keep log files of the last this many seconds."),
        .bytes(
            "log-retention-bytes", \.logRetentionBytes,
            why: "The smaller of the two retentions counts.",
            "Keep at most this many bytes of log files behind the newest base."),
    ]

    private static func checkFileName(
        _ name: String, as directive: String
    ) throws(DirectiveError) {
        guard !name.isEmpty else { throw DirectiveError("\(directive) can't be empty") }
        guard !name.contains("/") else {
            throw DirectiveError("\(directive) can't be a path, just a filename")
        }
    }

    private static let savePoints: Directive<NodeSettings> = .custom(
        "save", flags: [.mutable, .words, .repeated], shape: "seconds changes …",
        "Save in the background after this many seconds with at least that many changes.",
        apply: { (settings, words, source) throws(DirectiveError) in
            if words == [""] {
                settings.savePoints = []
                return
            }
            let error = DirectiveError("Invalid save parameters")
            guard words.count % 2 == 0 else { throw error }
            var points: [SavePoint] = []
            for start in stride(from: 0, to: words.count, by: 2) {
                guard let seconds = DirectiveText.integer(words[start]), seconds >= 1,
                    let changes = DirectiveText.integer(words[start + 1]), changes >= 0
                else { throw error }
                points.append(SavePoint(seconds: seconds, changes: changes))
            }
            settings.savePoints =
                source == .file(isFirst: false) ? settings.savePoints + points : points
        },
        value: { savePointLines($0).joined(separator: " ") },
        lines: {
            let lines = savePointLines($0)
            return lines.isEmpty ? ["\"\""] : lines
        })

    private static func savePointLines(_ settings: NodeSettings) -> [String] {
        settings.savePoints.map { "\($0.seconds) \($0.changes)" }
    }
}
