import Bytes
import Commands
import RESP
import Store

/// A node without sockets, files and links.
final class TestHost: NodeHost {
    var nanoseconds: Int64 = 0
    var nanosecondsPerReading: Int64 = 1_000
    var clients: [Int64: ClientState] = [:]
    var closed: Set<Int64> = []
    var configuration: [(name: String, value: String)] = [
        ("databases", "16"), ("maxmemory", "0"), ("maxmemory-policy", "noeviction"),
        ("appendonly", "no"), ("notify-keyspace-events", ""),
        ("lfu-log-factor", "10"), ("lfu-decay-time", "1"),
    ]
    /// The limits of packed collections that transcripts set, with their old names.
    private let limits: [(name: String, old: String, path: WritableKeyPath<EncodingLimits, Int>)] =
        [
            ("hash-max-listpack-entries", "hash-max-ziplist-entries", \.hashPackedEntriesMax),
            ("hash-max-listpack-value", "hash-max-ziplist-value", \.hashPackedValueBytesMax),
            ("set-max-intset-entries", "", \.setIntegerEntriesMax),
            ("set-max-listpack-entries", "", \.setPackedEntriesMax),
            ("set-max-listpack-value", "", \.setPackedValueBytesMax),
            (
                "zset-max-listpack-entries", "zset-max-ziplist-entries",
                \.sortedSetPackedEntriesMax
            ),
            (
                "zset-max-listpack-value", "zset-max-ziplist-value",
                \.sortedSetPackedValueBytesMax
            ),
            ("list-max-listpack-size", "list-max-ziplist-size", \.listPackedSize),
            ("list-compress-depth", "", \.listCompressDepth),
            ("hll-sparse-max-bytes", "", \.hyperLogLogSparseBytesMax),
            ("stream-node-max-bytes", "", \.streamNodeBytesMax),
            ("stream-node-max-entries", "", \.streamNodeEntriesMax),
        ]
    private unowned var owner: CommandEngine?
    var engine: CommandEngine {
        get {
            guard let owner else { preconditionFailure("the engine comes first") }
            return owner
        }
        set { owner = newValue }
    }
    var memoryPeakBytes: Int64 = 0
    /// What the process occupies beside the used memory, and how much of it is the program.
    var residentExtraBytes: Int64 = 0
    var programBytes: Int64 = 0
    var backlogBytes: Int64 = 0
    var milliseconds: Int64 = 1_700_000_000_000
    var calls: [String] = []

    func monotonicNanoseconds() -> Int64 {
        nanoseconds += nanosecondsPerReading
        return nanoseconds
    }
    func wallMicroseconds() -> Int64 { milliseconds * 1_000 }

    func appendInformation(
        sections: [String], client: ClientState, to text: inout ByteBuffer
    ) {
        for section in sections.isEmpty ? ["keyspace"] : sections {
            if !engine.appendInformation(section: section, to: &text) {
                text.append(text: "# \(section)\r\n")
            }
        }
    }
    func configurationValues(matching patterns: [String]) -> [(name: String, value: String)] {
        let sizes = limits.map {
            (name: $0.name, value: String(engine.settings.encoding[keyPath: $0.path]))
        }
        return (configuration + sizes).filter { row in
            patterns.contains { pattern in
                Array(pattern.utf8).withByteSlice { pattern in
                    Array(row.name.utf8).withByteSlice { name in
                        Glob.matches(pattern: pattern, text: name, ignoringCase: true)
                    }
                }
            }
        }
    }
    func setConfiguration(
        _ pairs: [(name: String, value: String)], client: ClientState
    ) throws(ReplyError) {
        for pair in pairs {
            if let limit = limits.first(where: { [$0.name, $0.old].contains(pair.name) }) {
                engine.settings.encoding[keyPath: limit.path] = Int(pair.value) ?? 0
                continue
            }
            guard let place = configuration.firstIndex(where: { $0.name == pair.name }) else {
                throw ReplyError(
                    composed: "ERR Unknown option or number of arguments for CONFIG SET - "
                        + "'\(pair.name)'")
            }
            configuration[place].value = pair.value
            switch pair.name {
            case "maxmemory": engine.settings.eviction.memoryBytesMax = Int(pair.value) ?? 0
            case "lfu-log-factor":
                engine.settings.eviction.frequencyLogFactor = Int(pair.value) ?? 10
            case "lfu-decay-time":
                engine.settings.eviction.frequencyDecayMinutes = Int(pair.value) ?? 1
            case "maxmemory-policy":
                engine.settings.eviction.policy =
                    EvictionPolicy(rawValue: pair.value) ?? .noEviction
            default: break
            }
            if pair.name == "notify-keyspace-events" {
                engine.settings.events = KeyspaceEvents(letters: pair.value) ?? []
            }
        }
    }
    func rewriteConfiguration() throws(ReplyError) {
        throw ReplyError("ERR The server is running without a config file")
    }
    func resetStatistics() {}
    func log(_ level: LogLevel, _ message: String) { calls.append(message) }

    func memoryFacts() -> MemoryFacts {
        var facts = MemoryFacts()
        facts.usedBytes = Int64(engine.usedMemoryBytes)
        facts.peakBytes = max(facts.usedBytes, memoryPeakBytes)
        facts.residentBytes = facts.usedBytes + residentExtraBytes
        facts.programBytes = programBytes
        facts.backlogBytes = backlogBytes
        return facts
    }
    func releaseFreeMemory() { calls.append("purge") }

    func saveSnapshot() throws(ReplyError) {}
    func startBackgroundSave(scheduling: Bool) throws(ReplyError) -> String {
        scheduling ? "Background saving scheduled" : "Background saving started"
    }
    func startLogRewrite() throws(ReplyError) -> String {
        "Background append only file rewriting started"
    }
    func lastSaveSeconds() -> Int64 { milliseconds / 1_000 }
    func reloadSnapshot(saving: Bool, flushing: Bool) throws(ReplyError) {}
    func reloadLog() throws(ReplyError) {}
    func shutDown(_ options: ShutdownOptions, client: ClientState) throws(ReplyError) {
        calls.append("shutdown")
    }
    func abortShutdown() throws(ReplyError) {
        throw ReplyError("ERR No shutdown in progress.")
    }

    func replicate(
        from target: (host: String, port: Int)?, client: ClientState
    ) throws(ReplyError) -> String { "OK" }
    func writeRole(to client: ClientState) {
        client.output.arrayHeader(3)
        client.output.bulk("master")
        client.output.integer(engine.streamOffset)
        client.output.arrayHeader(0)
    }
    func wait(client: ClientState, replicas: Int, timeoutMilliseconds: Int64) -> WaitOutcome {
        if replicas <= 0 || client.deniesBlocking { return .done(localLogs: 0, replicas: 0) }
        client.blocked = BlockedState(
            reason: .acknowledgements,
            deadline: timeoutMilliseconds == 0
                ? nil : Deadline(timeoutMilliseconds, after: milliseconds))
        return .blocked
    }
    func waitForLogs(
        client: ClientState, localLogs: Int, replicas: Int, timeoutMilliseconds: Int64
    ) throws(ReplyError) -> WaitOutcome {
        if localLogs > 0 {
            throw ReplyError(
                "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
        }
        return .done(localLogs: 0, replicas: 0)
    }
    func replicationCommand(client: ClientState, arguments: Arguments) throws(ReplyError) {
        calls.append(arguments[0].string.lowercased())
        client.output.ok()
    }
    func failOver(_ request: FailoverRequest, client: ClientState) throws(ReplyError) {
        throw ReplyError(
            request.isAbort
                ? "ERR No failover in progress." : "ERR FAILOVER requires connected replicas.")
    }

    /// What the other server of MIGRATE answers, line by line; fewer than asked for: it fell
    /// silent.
    var answers: [String] = []
    var requests: [[UInt8]] = []
    func exchange(
        with host: String, port: Int, request: ByteSlice, answerCount: Int,
        timeoutMilliseconds: Int64, _ receive: (String) -> Void
    ) -> MigrationFailure? {
        if port == 1 { return .connecting }
        requests.append(request.array)
        for answer in answers.prefix(answerCount) { receive(answer) }
        return answers.count < answerCount ? .reading : nil
    }

    func forEachClient(_ body: (ClientState) -> Void) {
        for id in clients.keys.sorted() where !closed.contains(id) {
            if let client = clients[id] { body(client) }
        }
    }
    func client(id: Int64) -> ClientState? { closed.contains(id) ? nil : clients[id] }
    func close(_ client: ClientState, _ closing: ClientClosing) {
        closed.insert(client.id)
        engine.forget(client)
    }
    func unblock(_ client: ClientState, withError: Bool) -> Bool {
        guard client.blocked != nil else { return false }
        client.blocked = nil
        if withError {
            client.output.error(
                ReplyError("UNBLOCKED client unblocked via CLIENT UNBLOCK"))
        } else {
            client.output.integer(0)
        }
        return true
    }
    func pauseClients(_ mode: PauseMode, milliseconds: Int64) { engine.pause = mode }
    func resumeClients() { engine.pause = .none }
    func authenticationChanged(_ client: ClientState) {}
    var accessFile: [UInt8]?
    func accessFileName() -> String? { accessFile == nil ? nil : "users.acl" }
    func readAccessFile() throws(ReplyError) -> [UInt8] { accessFile ?? [] }
    func writeAccessFile(_ bytes: [UInt8]) throws(ReplyError) { accessFile = bytes }
    func randomBytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0) } }
    func debug(
        subcommand: String, arguments: Arguments, client: ClientState
    ) throws(ReplyError) -> Bool {
        guard ["sleep", "change-repl-id"].contains(subcommand) else { return false }
        client.output.ok()
        return true
    }
}
