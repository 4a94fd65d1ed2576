// MEMORY: what the data and the node's buffers occupy.
internal import Bytes
internal import RESP
internal import Store

/// What the node knows about its memory, in bytes.
public struct MemoryFacts: Sendable {
    /// Data, tables and buffers.
    public var usedBytes: Int64 = 0
    /// The most of it since the start.
    public var peakBytes: Int64 = 0
    /// The backlog of the replication stream.
    public var backlogBytes: Int64 = 0
    /// Buffers of replicas.
    public var replicaBytes: Int64 = 0
    /// Buffers of other clients.
    public var clientBytes: Int64 = 0
    /// Number of replicas.
    public var replicaCount = 0
    /// Number of other clients.
    public var clientCount = 0
    /// The part of `usedBytes` that was there before any data.
    public var startupBytes: Int64 = 0
    /// Memory that the system says the process occupies.
    public var residentBytes: Int64 = 0
    /// What it occupied before any data: program, libraries, threads. Not in `usedBytes`.
    public var programBytes: Int64 = 0
    /// Address space that holds the data.
    public var reservedBytes: Int64 = 0
    /// Nothing known.
    public init() {}

    /// What the used memory occupies, with the gaps in it.
    public var residentDataBytes: Int64 { max(usedBytes, residentBytes - programBytes) }
    /// The used memory in the units in which it is taken.
    public var activeBytes: Int64 { max(usedBytes, reservedBytes) }
}

/// The subcommands of MEMORY.
enum MemoryCommands {
    static let table: [CommandSpec] = [
        .container(
            name: "memory", since: "4.0.0", group: .server,
            summary: "A container for memory diagnostics commands.",
            subcommands: [
                CommandSpec(
                    name: "usage", since: "4.0.0", group: .server,
                    complexity: "O(N) where N is the number of samples.", arity: -3,
                    flags: [.readOnly], keys: [.range(first: 2, last: 2, step: 1, [.readOnly])],
                    syntax: "key [SAMPLES count]",
                    summary: "Estimates the memory usage of a key.", handler: usage),
                row(
                    "stats", "4.0.0", "Returns details about memory usage.",
                    tips: [
                        "nondeterministic_output", "request_policy:all_shards",
                        "response_policy:special",
                    ], stats),
                row(
                    "doctor", "4.0.0", "Outputs a memory problems report.",
                    tips: [
                        "nondeterministic_output", "request_policy:all_shards",
                        "response_policy:special",
                    ], doctor),
                row(
                    "purge", "4.0.0", "Asks the allocator to release memory.",
                    tips: ["request_policy:all_shards", "response_policy:all_succeeded"]
                ) { engine, client, _ in
                    engine.host.releaseFreeMemory()
                    client.writer.ok()
                },
                row(
                    "malloc-stats", "4.0.0", "Returns the allocator statistics.",
                    tips: [
                        "nondeterministic_output", "request_policy:all_shards",
                        "response_policy:special",
                    ]
                ) { _, client, _ in
                    client.writer.verbatim(text: "Stats not supported for the current allocator")
                },
                Server.helpRow("memory", "4.0.0") { _, client, _ in
                    client.writeHelp("MEMORY", helpLines)
                },
            ])
    ]

    private static func row(
        _ name: StaticString, _ since: StaticString, _ summary: StaticString,
        tips: [StaticString], _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server,
            complexity: name.description == "malloc-stats" || name.description == "purge"
                ? "Depends on how much memory is allocated, could be slow" : "O(1)",
            arity: 2, summary: summary, tips: tips, handler: handler)
    }

    private static let helpLines: [StaticString] = [
        "DOCTOR", "    Return memory problems reports.", "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.", "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.", "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
    ]

    // MARK: USAGE

    /// Every value knows its size, so that SAMPLES is only checked.
    private static func usage(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        var index = 3
        while index < arguments.count {
            guard arguments[index].equalsIgnoringCase("samples"), index + 1 < arguments.count
            else { throw .syntax }
            if try engine.integer(arguments[index + 1]) < 0 { throw .syntax }
            index += 2
        }
        let key = arguments[2]
        guard let entry = engine.peek(key, engine.keyspace.hash(key), client) else {
            return client.writer.null()
        }
        client.writer.integer(entry.memoryUsage)
    }

    // MARK: STATS

    /// `part` for each of `whole`, 0 when there is none.
    private static func ratio(_ part: Int64, _ whole: Int64) -> Double {
        whole > 0 ? Double(part) / Double(whole) : 0
    }

    private static func stats(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let facts = engine.host.memoryFacts()
        let databases = (0..<engine.keyspace.databaseCount).filter {
            engine.keyspace.database($0).count > 0
        }
        let tables = Int64(engine.keyspace.tableBytes)
        // Of what is allocated in all; the backlog is not in it.
        let overhead = facts.startupBytes + tables + facts.replicaBytes + facts.clientBytes
        let data = max(0, facts.usedBytes - overhead)
        let keys = Int64(engine.keyspace.count)
        client.writer.mapHeader(27 + databases.count)
        func whole(_ name: StaticString, _ value: Int64) {
            client.writer.bulk(name)
            client.writer.integer(value)
        }
        func part(_ name: StaticString, _ value: Double) {
            client.writer.bulk(name)
            client.writer.double(value)
        }
        whole("peak.allocated", facts.peakBytes)
        whole("total.allocated", facts.usedBytes)
        whole("startup.allocated", facts.startupBytes)
        whole("replication.backlog", facts.backlogBytes)
        whole("clients.slaves", facts.replicaBytes)
        whole("clients.normal", facts.clientBytes)
        whole("cluster.links", 0)
        whole("aof.buffer", 0)
        whole("lua.caches", 0)
        whole("functions.caches", 0)
        for index in databases {
            client.writer.bulk(text: "db.\(index)")
            client.writer.mapHeader(3)
            whole(
                "overhead.hashtable.main", Int64(engine.keyspace.database(index).tableBytes))
            whole("overhead.hashtable.expires", 0)
            whole("overhead.hashtable.slot-to-keys", 0)
        }
        whole("overhead.total", overhead)
        whole("keys.count", keys)
        let net = facts.usedBytes - facts.startupBytes
        whole("keys.bytes-per-key", keys > 0 ? net / keys : 0)
        whole("dataset.bytes", data)
        part("dataset.percentage", ratio(data, net) * 100)
        part("peak.percentage", ratio(facts.usedBytes, facts.peakBytes) * 100)
        writeAllocator(facts, whole, part)
    }

    private static func writeAllocator(
        _ facts: MemoryFacts, _ whole: (StaticString, Int64) -> Void,
        _ part: (StaticString, Double) -> Void
    ) {
        let active = facts.activeBytes
        let resident = facts.residentDataBytes
        whole("allocator.allocated", facts.usedBytes)
        whole("allocator.active", active)
        whole("allocator.resident", resident)
        part("allocator-fragmentation.ratio", ratio(active, facts.usedBytes))
        whole("allocator-fragmentation.bytes", active - facts.usedBytes)
        part("allocator-rss.ratio", ratio(resident, active))
        whole("allocator-rss.bytes", resident - active)
        part("rss-overhead.ratio", ratio(facts.residentBytes, resident))
        whole("rss-overhead.bytes", facts.residentBytes - resident)
        part("fragmentation", ratio(facts.residentBytes, facts.usedBytes))
        whole("fragmentation.bytes", facts.residentBytes - facts.usedBytes)
    }

    // MARK: DOCTOR

    /// Below this much memory no ratio means anything.
    private static let doctorBytesMin: Int64 = 5 << 20
    private static let peakRatioMax = 1.5
    private static let fragmentationRatioMax = 1.4
    private static let fragmentationBytesMin: Int64 = 10 << 20
    private static let replicaBufferBytesMax: Int64 = 10 << 20
    private static let clientBufferBytesMax: Int64 = 200 << 10

    private static func doctor(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let facts = engine.host.memoryFacts()
        if facts.usedBytes < doctorBytesMin {
            return client.writer.verbatim(
                text: "This instance is empty or uses very little memory: there is nothing to "
                    + "diagnose yet.\n")
        }
        let findings = diagnose(facts)
        if findings.isEmpty {
            return client.writer.verbatim(text: "No memory problem was found.\n")
        }
        client.writer.verbatim(
            text: "Memory problems of this instance:\n\n"
                + findings.map { " * \($0)\n" }.joined())
    }

    private static func diagnose(_ facts: MemoryFacts) -> [String] {
        var findings: [String] = []
        if ratio(facts.peakBytes, facts.usedBytes) > peakRatioMax {
            findings.append(
                "Peak memory: more than 150 % of the present memory was in use before. The "
                    + "process keeps some of it for the next peak; MEMORY PURGE returns what is "
                    + "free.")
        }
        // Without the program itself, which is more than small data sets.
        if ratio(facts.residentDataBytes, facts.usedBytes) > fragmentationRatioMax
            && facts.residentDataBytes - facts.usedBytes > fragmentationBytesMin
        {
            findings.append(
                "Fragmentation: the data occupy more than 140 % of the memory in use.")
        }
        if facts.replicaCount > 0
            && facts.replicaBytes / Int64(facts.replicaCount) > replicaBufferBytesMax
        {
            findings.append(
                "Replica buffers: more than 10 MB wait for each replica on average; replicas or "
                    + "the network are too slow.")
        }
        if facts.clientCount > 0
            && facts.clientBytes / Int64(facts.clientCount) > clientBufferBytesMax
        {
            findings.append(
                "Client buffers: more than 200 KB for each client on average; look for clients "
                    + "that do not read, with CLIENT LIST.")
        }
        return findings
    }
}
