// Directives on listeners, the process and its limits.

import Bytes
import Commands
import Directives

extension NodeDirectives {
    static let network: [Directive<NodeSettings>] = [
        .list(
            "bind", \.bind, why: "A dash in front lets the start go on without that address.",
            "Addresses to listen on; * is every IPv4 and ::* every IPv6 address."),
        .integer("port", \.port, in: 0...65535, "TCP port for clients; 0 for none."),
        .string("unixsocket", \.unixSocket, flags: [], "Path of a Unix socket for clients."),
        .custom(
            "unixsocketperm", flags: [], shape: "octal",
            "Permissions of the Unix socket; 0 keeps those of the umask.",
            apply: { (settings, words, _) throws(DirectiveError) in
                guard words.count == 1 else { throw .wrongNumberOfArguments }
                guard let bits = Int(words[0], radix: 8), 0...0o777 ~= bits else {
                    throw DirectiveError("argument couldn't be parsed as an octal number")
                }
                settings.unixSocketPermissions = bits
            }, value: { String($0.unixSocketPermissions, radix: 8) }),
        .integer(
            "timeout", \.idleTimeoutSeconds, in: 0...Int(Int32.max),
            "Seconds after which an idle client is closed; 0 for never."),
        .integer(
            "tcp-keepalive", \.keepAliveSeconds, in: 0...Int(Int32.max),
            "Seconds between keep-alive probes of the kernel; 0 for none."),
        .integer(
            "tcp-backlog", \.listenBacklog, in: 0...Int(Int32.max), flags: [],
            "Connections the kernel holds before they are accepted."),
        .bool(
            "protected-mode", \.protectedMode,
            "Without a password, refuse clients that do not come from this machine."),
        .integer(
            "maxclients", \.clientsMax, in: 1...1_000_000,
            why: "Each client needs a descriptor; 32 are kept for the node's own files.",
            "Largest number of client connections."),
        .string(
            "bind-source-addr", \.bindSourceAddress,
            "Local address of connections to the upstream; empty for any."),
    ]

    static let general: [Directive<NodeSettings>] = [
        .custom(
            "daemonize", flags: [], shape: "no",
            why: "A supervisor (systemd, a container) keeps the process.",
            "Only no is accepted: the node stays in the foreground.",
            apply: { (_, words, _) throws(DirectiveError) in
                guard words.count == 1, let value = DirectiveText.boolean(words[0]) else {
                    throw .notBoolean
                }
                guard !value else {
                    throw DirectiveError("the node does not daemonize; use a supervisor")
                }
            }, value: { _ in "no" }),
        .string("pidfile", \.pidFile, flags: [], "File that gets the process id at start."),
        .enumeration("loglevel", \.logLevel, "Least level that is logged."),
        .string("logfile", \.logFile, flags: [], "Log file; empty for standard output."),
        .integer(
            "databases", \.databases, in: 1...16_384, flags: [], "Number of databases."),
        .bool(
            "always-show-logo", \.alwaysShowLogo, flags: [],
            "Print the banner also when standard output is no terminal."),
        .integer(
            "poll-microseconds", \.pollMicroseconds, in: 0...1_000,
            "How long to ask for requests before sleeping, while they come densely; 0: never."),
        .integer(
            "hz", \.hz, in: 1...500, "How often a second the node does its housekeeping."),
        .integer(
            "shutdown-timeout", \.shutdownTimeoutSeconds, in: 0...Int(Int32.max),
            "Seconds a shutdown waits for replicas that lag."),
        shutdown(
            "shutdown-on-sigterm", \.shutdownOnSIGTERM, "How SIGTERM ends the process."),
        shutdown("shutdown-on-sigint", \.shutdownOnSIGINT, "How SIGINT ends the process."),
    ]

    static let limits: [Directive<NodeSettings>] = [
        outputLimits,
        .custom(
            "notify-keyspace-events", flags: .mutable, shape: "letters of KEg$lshzxetdmnA",
            "Which changes of keys are published to subscribers.",
            apply: { (settings, words, _) throws(DirectiveError) in
                guard words.count == 1 else { throw .wrongNumberOfArguments }
                guard let events = KeyspaceEvents(letters: words[0]) else {
                    throw DirectiveError("Invalid event class character. Use 'g$lshzxeKEtmdn'.")
                }
                settings.keyspaceEvents = events.letters
            }, value: { $0.keyspaceEvents }),
        .bytes(
            "client-query-buffer-limit", \.queryBufferBytesMax, in: (1 << 20)...Int.max,
            "Largest input of one client that was received and not yet executed."),
        .bytes(
            "proto-max-bulk-len", \.bulkBytesMax, in: (1 << 20)...Int.max,
            "Largest single argument."),
        .bool(
            "latency-tracking", \.tracksLatency,
            "Keep a histogram of each command's durations: LATENCY HISTOGRAM, INFO latencystats."),
        latencyPercentiles,
        .integer(
            "latency-monitor-threshold", \.latencyThresholdMilliseconds,
            in: 0...Int(Int64.max),
            "Milliseconds from which on an event is a spike, see LATENCY LATEST; 0: off."),
        .integer(
            "tracking-table-max-keys", \.trackedKeysMax, in: 0...Int(Int64.max),
            "Most keys remembered for clients that cache; beyond it some are told. 0: no limit."),
        .integer(
            "lua-time-limit", \.busyMilliseconds, in: 0...Int(Int64.max),
            aliases: ["busy-reply-threshold"],
            "Milliseconds after which a script is busy and other clients are told; 0: never."),
        .integer(
            "slowlog-log-slower-than", \.slowLogMicroseconds, in: -1...Int(Int64.max),
            "Microseconds from which on a command goes into the slow log; -1 for none."),
        .integer(
            "slowlog-max-len", \.slowLogCountMax, in: 0...Int(Int64.max),
            "Most commands in the slow log; the oldest make room."),
    ]

    private static let latencyPercentiles: Directive<NodeSettings> = .custom(
        "latency-tracking-info-percentiles", flags: [.mutable, .words], shape: "0..100 …",
        "Percentiles that INFO latencystats shows.",
        apply: { (settings, words, _) throws(DirectiveError) in
            var values: [Double] = []
            for word in words where !word.isEmpty {
                guard let value = Array(word.utf8).withByteSlice({ Numbers.double($0) }) else {
                    throw DirectiveError("Invalid latency-tracking-info-percentiles parameters")
                }
                guard 0...100 ~= value else {
                    throw DirectiveError(
                        "latency-tracking-info-percentiles parameters should sit between "
                            + "[0.0,100.0]")
                }
                values.append(value)
            }
            settings.latencyPercentiles = values
        }, value: { percentileText($0.latencyPercentiles) },
        lines: {
            let text = percentileText($0.latencyPercentiles)
            return [text.isEmpty ? "\"\"" : text]
        })

    private static func percentileText(_ values: [Double]) -> String {
        values.map { value in
            var text = ByteBuffer()
            Numbers.append(value, to: &text)
            return text.readable.string
        }.joined(separator: " ")
    }

    private static let shutdownWords: [(word: String, mode: ShutdownMode)] = [
        ("save", .save), ("nosave", .noSave), ("now", .now), ("force", .force),
    ]

    private static func shutdown(
        _ name: String, _ property: Directive<NodeSettings>.Property<ShutdownMode>,
        _ help: String
    ) -> Directive<NodeSettings> {
        .custom(
            name, flags: [.mutable, .words], shape: "default|save|nosave|now|force …", help,
            apply: { (settings, words, _) throws(DirectiveError) in
                var mode: ShutdownMode = []
                for word in words.map({ $0.lowercased() }) where word != "default" {
                    guard let known = shutdownWords.first(where: { $0.word == word }) else {
                        throw .notOneOf(["default"] + shutdownWords.map(\.word))
                    }
                    mode.insert(known.mode)
                }
                guard !mode.isSuperset(of: [.save, .noSave]) else {
                    throw DirectiveError("Conflicting options specified.")
                }
                settings[keyPath: property] = mode
            },
            value: { settings in
                let mode = settings[keyPath: property]
                let words = shutdownWords.filter { mode.contains($0.mode) }.map(\.word)
                return words.isEmpty ? "default" : words.joined(separator: " ")
            },
            lines: { settings in
                let mode = settings[keyPath: property]
                let words = shutdownWords.filter { mode.contains($0.mode) }.map(\.word)
                return [words.isEmpty ? "default" : words.joined(separator: " ")]
            })
    }

    private static let outputLimits: Directive<NodeSettings> = .custom(
        "client-output-buffer-limit", flags: [.mutable, .words, .repeated],
        shape: "normal|replica|pubsub hard soft seconds",
        "Closes a client whose unsent output exceeds a limit.",
        apply: { (settings, words, _) throws(DirectiveError) in
            guard !words.isEmpty, words.count % 4 == 0 else {
                throw DirectiveError("Wrong number of arguments in buffer limit configuration.")
            }
            for start in stride(from: 0, to: words.count, by: 4) {
                try setOutputLimit(words[start..<start + 4], in: &settings.outputLimits)
            }
        },
        value: { outputLimitLines($0.outputLimits).joined(separator: " ") },
        lines: { outputLimitLines($0.outputLimits) })

    private static func setOutputLimit(
        _ words: ArraySlice<String>, in limits: inout OutputBufferLimits
    ) throws(DirectiveError) {
        let words = Array(words)
        guard let hard = DirectiveText.memory(words[1]), let soft = DirectiveText.memory(words[2]),
            let seconds = DirectiveText.integer(words[3]), seconds >= 0
        else {
            throw DirectiveError(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
        }
        let limit = OutputBufferLimit(hardBytes: hard, softBytes: soft, softSeconds: seconds)
        switch words[0].lowercased() {
        case "normal": limits.normal = limit
        case "slave", "replica": limits.replica = limit
        case "pubsub": limits.subscriber = limit
        default:
            throw DirectiveError("Invalid client class specified in buffer limit configuration.")
        }
    }

    private static func outputLimitLines(_ limits: OutputBufferLimits) -> [String] {
        [("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.subscriber)].map {
            "\($0) \($1.hardBytes) \($1.softBytes) \($1.softSeconds)"
        }
    }
}
