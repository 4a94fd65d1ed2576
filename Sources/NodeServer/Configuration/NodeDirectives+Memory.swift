// Directives on memory: how much data and clients may take, and what goes when it is too much.
// Names and defaults are those of redis.conf.

import Commands
import Directives
import Store

extension NodeDirectives {
    static let memory: [Directive<NodeSettings>] = [
        .bytes(
            "maxmemory", \.eviction.memoryBytesMax,
            "Memory for data and buffers of clients; beyond it keys go. 0 for no limit."),
        .enumeration(
            "maxmemory-policy", \.eviction.policy,
            "Which keys go; with noeviction commands that need memory are refused instead."),
        .integer(
            "maxmemory-samples", \.eviction.samples, in: 1...64,
            "Keys looked at before one is chosen: more are nearer to the policy, and slower."),
        .integer(
            "maxmemory-eviction-tenacity", \.eviction.tenacity, in: 0...100,
            "How long a slice of eviction may take: 10 for half a millisecond, 100 for ever."),
        .bool(
            "replica-ignore-maxmemory", \.eviction.replicaIgnoresLimit,
            aliases: ["slave-ignore-maxmemory"],
            "A replica evicts nothing by itself and waits for its upstream to do so."),
        .integer(
            "lfu-log-factor", \.eviction.frequencyLogFactor, in: 0...Int(Int32.max),
            "How slowly the counters of accesses rise."),
        .integer(
            "lfu-decay-time", \.eviction.frequencyDecayMinutes, in: 0...Int(Int32.max),
            "Minutes in which an unused counter falls by one; 0: it never falls."),
        clientMemory,
        .bytes(
            "lua-memory-max", \.scriptBytesMax, in: 1 << 20...Int.max,
            "Memory for scripts, and as much for functions; one that needs more ends with an error."
        ),
        .bool(
            "huge-pages", \.usesHugePages, flags: [],
            "Large tables lie in huge pages, backed before they are needed."),
        .enumeration(
            "oom-score-adj", \.killScore.mode,
            "Whether the kernel learns whom to end first when the machine has no memory left."),
        killScores,
    ]

    private static let killScores: Directive<NodeSettings> = .custom(
        "oom-score-adj-values", flags: [.mutable, .words], shape: "master replica child",
        "The scores for oom-score-adj, each from -2000 to 2000; nobody has the third.",
        apply: { (settings, words, _) throws(DirectiveError) in
            guard words.count == 3 else { throw .wrongNumberOfArguments }
            var values: [Int] = []
            for word in words {
                guard let value = DirectiveText.integer(word),
                    KillScoreSettings.range ~= value
                else {
                    throw DirectiveError(
                        "Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
                }
                values.append(value)
            }
            settings.killScore.values = values
        },
        value: { $0.killScore.values.map(String.init).joined(separator: " ") })

    private static let clientMemory: Directive<NodeSettings> = .custom(
        "maxmemory-clients", flags: .mutable, shape: "bytes or percent%",
        "Memory for all clients; beyond it the largest are closed. 0 for no limit.",
        apply: { (settings, words, _) throws(DirectiveError) in
            guard words.count == 1 else { throw .wrongNumberOfArguments }
            if words[0].hasSuffix("%") {
                guard let percent = DirectiveText.integer(String(words[0].dropLast())),
                    0...100 ~= percent
                else { throw DirectiveError("argument must be a percentage between 0 and 100") }
                settings.clientMemory = ClientMemoryLimit(bytes: 0, percent: percent)
                return
            }
            guard let bytes = DirectiveText.memory(words[0]) else { throw .notMemory }
            settings.clientMemory = ClientMemoryLimit(bytes: bytes, percent: 0)
        },
        value: {
            $0.clientMemory.percent > 0
                ? "\($0.clientMemory.percent)%" : String($0.clientMemory.bytes)
        },
        lines: {
            [
                $0.clientMemory.percent > 0
                    ? "\($0.clientMemory.percent)%" : DirectiveText.memory($0.clientMemory.bytes)
            ]
        })
}
