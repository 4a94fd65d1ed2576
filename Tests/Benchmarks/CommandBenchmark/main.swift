// Nanoseconds of processor time per command of parser and engine, without sockets.
//
//   BENCH=1 ONLY=Commands swift build -c release --product CommandBenchmark
//   .build/release/CommandBenchmark
//
// One million keys of 16 bytes with values of 32 bytes; random keys; batches as a pipeline brings
// them. The processor time of the thread is read, so that other processes do not count.
// Small collections follow (CollectionBenchmark.swift).
import Bytes
import Commands
import Glibc
import RESP
import Store

/// A node that is never asked for anything.
final class IdleHost: NodeHost {
    func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
    func wallMicroseconds() -> Int64 {
        preconditionFailure("not asked")
    }
    func appendInformation(sections: [String], client: ClientState, to text: inout ByteBuffer) {
        preconditionFailure("not asked")
    }
    func configurationValues(matching patterns: [String]) -> [(name: String, value: String)] {
        preconditionFailure("not asked")
    }
    func setConfiguration(
        _ pairs: [(name: String, value: String)], client: ClientState
    ) throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func rewriteConfiguration() throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func resetStatistics() {
        preconditionFailure("not asked")
    }
    func log(_ level: LogLevel, _ message: String) {
        preconditionFailure("not asked")
    }
    func saveSnapshot() throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func startBackgroundSave(scheduling: Bool) throws(ReplyError) -> String {
        preconditionFailure("not asked")
    }
    func startLogRewrite() throws(ReplyError) -> String {
        preconditionFailure("not asked")
    }
    func lastSaveSeconds() -> Int64 {
        preconditionFailure("not asked")
    }
    func reloadSnapshot(saving: Bool, flushing: Bool) throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func reloadLog() throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func shutDown(_ options: ShutdownOptions, client: ClientState) throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func abortShutdown() throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func replicate(from target: (host: String, port: Int)?, client: ClientState) throws(ReplyError)
        -> String
    {
        preconditionFailure("not asked")
    }
    func writeRole(to client: ClientState) {
        preconditionFailure("not asked")
    }
    func wait(client: ClientState, replicas: Int, timeoutMilliseconds: Int64) -> WaitOutcome {
        preconditionFailure("not asked")
    }
    func waitForLogs(client: ClientState, localLogs: Int, replicas: Int, timeoutMilliseconds: Int64)
        throws(ReplyError) -> WaitOutcome
    {
        preconditionFailure("not asked")
    }
    func replicationCommand(client: ClientState, arguments: Arguments) throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func failOver(_ request: FailoverRequest, client: ClientState) throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func exchange(
        with host: String, port: Int, request: ByteSlice, answerCount: Int,
        timeoutMilliseconds: Int64, _ receive: (String) -> Void
    ) -> MigrationFailure? { .connecting }
    func forEachClient(_ body: (ClientState) -> Void) {
        preconditionFailure("not asked")
    }
    func client(id: Int64) -> ClientState? {
        preconditionFailure("not asked")
    }
    func close(_ client: ClientState, _ closing: ClientClosing) {
        preconditionFailure("not asked")
    }
    func unblock(_ client: ClientState, withError: Bool) -> Bool {
        preconditionFailure("not asked")
    }
    func pauseClients(_ mode: PauseMode, milliseconds: Int64) {
        preconditionFailure("not asked")
    }
    func resumeClients() {
        preconditionFailure("not asked")
    }
    func authenticationChanged(_ client: ClientState) {
        preconditionFailure("not asked")
    }
    func accessFileName() -> String? { nil }
    func readAccessFile() throws(ReplyError) -> [UInt8] { preconditionFailure("not asked") }
    func writeAccessFile(_ bytes: [UInt8]) throws(ReplyError) {
        preconditionFailure("not asked")
    }
    func randomBytes(_ count: Int) -> [UInt8] { preconditionFailure("not asked") }
    func memoryFacts() -> MemoryFacts { preconditionFailure("not asked") }
    func releaseFreeMemory() { preconditionFailure("not asked") }
    func debug(subcommand: String, arguments: Arguments, client: ClientState) throws(ReplyError)
        -> Bool
    {
        preconditionFailure("not asked")
    }
}

func processorNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

let keyCount = 1_000_000
let commandCount = 640_000
let value = String(repeating: "v", count: 32)

func keyName(_ number: Int) -> String {
    let digits = String(number)
    return "key:" + String(repeating: "0", count: 12 - digits.count) + digits
}

let host = IdleHost()
let keyspace = Keyspace(databaseCount: 16, secret: SipKey(low: 1, high: 2))
let engine = CommandEngine(keyspace: keyspace, host: host)
let client = ClientState(id: 1)
engine.welcome(client)
engine.nowMilliseconds = 1_700_000_000_000
for number in 0..<keyCount {
    Array(keyName(number).utf8).withByteSlice { key in
        Array(value.utf8).withByteSlice { value in
            _ = keyspace.database(0).set(key, keyspace.hash(key), value)
        }
    }
}

/// Random requests in one run of bytes, with the place where each batch begins.
struct Requests: ~Copyable {
    var bytes: ByteBuffer
    var starts: [Int]
}

func requests(depth: Int, setting: Bool) -> Requests {
    var random = SeededRandom(seed: 42)
    var buffer = ByteBuffer(capacity: commandCount * 96)
    var starts: [Int] = []
    for number in 0..<commandCount {
        if number % depth == 0 { starts.append(buffer.count) }
        let key = keyName(random.below(keyCount))
        RequestWriter.command(setting ? ["SET", key, value] : ["GET", key], into: &buffer)
    }
    starts.append(buffer.count)
    return Requests(bytes: buffer, starts: starts)
}

@MainActor func measure(_ name: String, depth: Int, setting: Bool) {
    let input = requests(depth: depth, setting: setting)
    let bytes = input.bytes.readable
    var parser = RequestParser()
    var batch = RequestBatch(keyspace: keyspace)
    var best = Double.infinity
    for _ in 0..<5 {
        let start = processorNanoseconds()
        for index in 0..<(input.starts.count - 1) {
            let from = input.starts[index]
            batch.fill(
                from: bytes.slice(from: from, count: input.starts[index + 1] - from),
                parser: &parser)
            precondition(engine.execute(&batch, client: client).end == .finished)
            client.output.buffer.removeAll()
            engine.drainStream { _ in }
        }
        best = min(best, Double(processorNanoseconds() - start) / Double(commandCount))
    }
    print("\(name) P=\(depth): \(Int(best)) ns per command")
}

engine.propagates = false
for depth in [1, 16, 64] {
    measure("GET", depth: depth, setting: false)
    measure("SET", depth: depth, setting: true)
}
engine.propagates = true
measure("SET into a stream", depth: 16, setting: true)

engine.propagates = false
for isText in [true, false] { CollectionBenchmark(isText: isText).run() }
