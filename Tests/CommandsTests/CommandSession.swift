// A session of drawn commands: four connections on a few keys, with transactions, scripts, waits
// and time that passes. What must hold is asked after each step: every reply is whole and of the
// protocol that the connection speaks, every effect is a command.
import Bytes
import Commands
import RESP

/// What a session found wrong.
struct SessionFault: Error {
    let text: String
    /// The requests so far, the one at fault last.
    let history: [String]
}

/// Runs what bytes describe.
struct CommandSession {
    /// They end the process, change what the host alone decides, or leave replies out.
    static let excluded: Set<String> = [
        "shutdown", "debug", "monitor", "sync", "psync", "replconf", "client|reply",
    ]
    static let keys = ["k1", "k2", "k3", "k4", "{k}5"]
    private static let connectionCount = 4

    private let table = CommandTable()
    private let draw: CommandDraw
    /// The engine of the session that runs.
    private var present: EngineTarget?
    private var target: EngineTarget {
        guard let present else { preconditionFailure("no session runs") }
        return present
    }
    private var numbers: [Int] = []
    private var history: [String] = []
    /// Called around each step, for limits of time.
    private let observe: (_ history: [String], _ isOver: Bool) -> Void

    init(observe: @escaping (_ history: [String], _ isOver: Bool) -> Void = { _, _ in }) {
        self.observe = observe
        draw = CommandDraw(table, excluding: CommandSession.excluded) { _ in CommandSession.keys }
    }

    /// Small limits, so that a session does not spend its time on memory.
    static var settings: EngineSettings {
        var settings = EngineSettings()
        settings.bulkBytesMax = 1 << 20
        settings.outputBytesMax = 1 << 20
        return settings
    }

    /// Runs a session, from an empty data set on.
    mutating func run(_ bytes: [UInt8], stepsMax: Int = 100) throws(SessionFault) {
        present = EngineTarget(settings: CommandSession.settings, table: table)
        // The leak checker cannot see the pages of a data set that is alive when the process ends.
        defer { present = nil }
        numbers = Array(1...CommandSession.connectionCount)
        history = []
        var choices = Choices(bytes)
        for _ in 0..<stepsMax where !choices.isUsedUp {
            observe(history, false)
            try step(&choices)
            observe(history, true)
        }
    }

    private mutating func step(_ choices: inout Choices) throws(SessionFault) {
        switch choices.below(16) {
        case 0:
            let time = choices.of([1, 999, 60_000, 1 << 33])
            history.append("(\(time) ms pass)")
            target.advance(milliseconds: time)
        case 1:
            history.append("(the stream is read)")
            do { _ = try target.takeEffects() } catch { throw fault("an effect: \(error)") }
        case 2: try send(["MULTI"], choices.below(numbers.count))
        case 3: try send(["EXEC"], choices.below(numbers.count))
        case 4: try send(["HELLO", choices.of(["2", "3"])], choices.below(numbers.count))
        case 5:
            // Numbers that a value holds from elsewhere: RESTORE of a payload, whole or damaged.
            let slot = choices.below(numbers.count)
            try send(["DUMP", choices.of(CommandSession.keys)], slot)
            try restore(slot, &choices)
        default:
            let slot = choices.below(numbers.count)
            try send(draw.request(&choices), slot)
        }
        if target.engine.pause != .none { target.host.resumeClients() }
        for slot in numbers.indices { try readReplies(slot) }
    }

    private mutating func send(_ words: [String], _ slot: Int) throws(SessionFault) {
        let connection = target.connection(numbers[slot])
        if connection.client.blocked != nil {
            history.append("(\(slot) waits no longer)")
            if !target.engine.endWait(of: connection.client) {
                _ = target.host.unblock(connection.client, withError: false)
            }
        }
        history.append("\(slot)> " + words.map { $0.debugDescription }.joined(separator: " "))
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        target.send(request.readable.array, connection: numbers[slot])
    }

    /// RESTORE of what DUMP has just sent on the connection, with the checksum made anew.
    private mutating func restore(
        _ slot: Int, _ choices: inout Choices
    ) throws(SessionFault) {
        let reply: Reply?
        do { reply = try target.receive(connection: numbers[slot]) } catch {
            throw fault("connection \(slot) got nonsense: \(error)")
        }
        guard case .bulk(var payload)? = reply, payload.count > 10 else { return }
        for _ in 0..<choices.below(4) {
            payload[choices.below(payload.count - 10)] = UInt8(choices.below(256))
        }
        let body = payload.count - 8
        let check = payload.withByteSlice { CRC64.checksum($0.prefix(body)) }
        for index in 0..<8 {
            payload[body + index] = UInt8(truncatingIfNeeded: check >> UInt64(8 * index))
        }
        history.append("\(slot)> RESTORE k1 \(payload)")
        var request = ByteBuffer()
        request.append(text: "*5\r\n$7\r\nRESTORE\r\n$2\r\nk1\r\n$1\r\n0\r\n$\(payload.count)\r\n")
        payload.withByteSlice { request.append($0) }
        request.append(text: "\r\n$7\r\nREPLACE\r\n")
        target.send(request.readable.array, connection: numbers[slot])
    }

    private mutating func readReplies(_ slot: Int) throws(SessionFault) {
        let number = numbers[slot]
        let output = target.connection(number).client.output.buffer.count
        if output > CommandSession.settings.outputBytesMax {
            // More than a client may owe: the node closes the connection, with what it was sent.
            target.host.close(target.connection(number).client, .now)
            numbers[slot] = number + CommandSession.connectionCount
            return
        }
        do {
            while try target.receive(connection: number) != nil {}
        } catch { throw fault("connection \(slot) got nonsense: \(error)") }
        if target.hasUnreadReply(connection: number) {
            throw fault("connection \(slot) got a part of a reply")
        }
        if target.connection(number).isClosed || target.host.closed.contains(Int64(number)) {
            numbers[slot] = number + CommandSession.connectionCount
        }
    }

    private func fault(_ text: String) -> SessionFault {
        SessionFault(text: text, history: history)
    }
}
