// Plays transcripts against anything that speaks RESP.
public import RESP

/// A foreign server.
public struct TranscriptPeer: Sendable {
    /// The version that it claims to be compatible with.
    public let version: String
    /// Valkey or one of its forks.
    public let isValkey: Bool

    /// A server as its INFO names it.
    public init(version: String, isValkey: Bool) {
        self.version = version
        self.isValkey = isValkey
    }
}

/// What a transcript is played against.
public protocol TranscriptTarget: AnyObject {
    /// The foreign server; nil for ours.
    var peer: TranscriptPeer? { get }
    /// Sends a request on a connection, which is opened when it is first used.
    func send(_ request: [UInt8], connection: Int) throws
    /// The next reply on a connection; nil when none comes.
    func receive(connection: Int) throws -> Reply?
    /// Whether a reply that nobody asked for waits; false where that cannot be known.
    func hasUnreadReply(connection: Int) throws -> Bool
    /// Returns when what was sent has reached the server, for a command that gets no reply yet.
    func settle() throws
    /// Lets time pass.
    func advance(milliseconds: Int) throws
    /// The commands that went into the replication stream since the last call; nil where the stream
    /// cannot be seen.
    func takeEffects() throws -> [[String]]?
}

extension TranscriptTarget {
    /// Nothing is on its way.
    public func settle() {}
}

/// Plays one transcript.
public struct TranscriptRunner {
    private let transcript: Transcript
    private let target: any TranscriptTarget
    private var failures: [String] = []
    private var connections: Set<Int> = []
    private var version = 2
    private var checksEffects = false
    private var effects: [[String]] = []

    private init(_ transcript: Transcript, _ target: any TranscriptTarget) {
        self.transcript = transcript
        self.target = target
    }

    /// Plays `transcript`; returns what was not as expected, one line each.
    public static func play(
        _ transcript: Transcript, on target: any TranscriptTarget
    ) throws -> [String] {
        var runner = TranscriptRunner(transcript, target)
        try runner.run()
        return runner.failures
    }

    private mutating func run() throws {
        var index = 0
        while index < transcript.steps.count {
            let (line, step) = transcript.steps[index]
            index += 1
            switch step {
            case .command(let connection, let arguments):
                try finishCommand(line)
                try send(arguments, connection: connection)
                if !isAnswered(connection, at: index) { try target.settle() }
            case .reply(let connection, let text, let isPattern, let audience):
                if audience != .all { continue }
                let peers = expectationForPeer(behind: index)
                try expect(
                    peers?.text ?? text, isPattern: peers?.isPattern ?? isPattern,
                    connection: connection, line)
            case .effect(let arguments):
                try expectEffect(arguments, line)
            case .effectsOn:
                checksEffects = try target.takeEffects() != nil
                effects = []
            case .advance(let milliseconds):
                try finishCommand(line)
                try target.advance(milliseconds: milliseconds)
            case .version(let number):
                version = number
            case .oursOnly:
                if target.peer != nil { return }
            case .peerMinimum(let minimum):
                if let peer = target.peer, isOlder(peer.version, minimum) { return }
            }
        }
        try finishCommand(transcript.steps.last?.line ?? 0)
    }

    /// The line for the peer that is played among those that follow ours.
    private func expectationForPeer(behind index: Int) -> (text: String, isPattern: Bool)? {
        guard let peer = target.peer else { return nil }
        for (_, step) in transcript.steps[index...] {
            guard case .reply(_, let text, let isPattern, let audience) = step, audience != .all
            else { return nil }
            if audience.includes(peer) { return (text, isPattern) }
        }
        return nil
    }

    /// Whether the step at `index` is a reply on the connection.
    private func isAnswered(_ connection: Int, at index: Int) -> Bool {
        guard index < transcript.steps.count,
            case .reply(connection, _, _, _) = transcript.steps[index].step
        else { return false }
        return true
    }

    private mutating func send(_ arguments: [String], connection: Int) throws {
        if connections.insert(connection).inserted && version == 3 {
            try target.send(encoded(["HELLO", "3"]), connection: connection)
            _ = try target.receive(connection: connection)
        }
        try target.send(encoded(arguments), connection: connection)
        if checksEffects, let new = try target.takeEffects() { effects += new }
    }

    /// Texts stand for bytes: a character below U+0100 is one byte, so any byte can be written.
    private func encoded(_ arguments: [String]) -> [UInt8] {
        var request = Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments {
            let bytes = argument.unicodeScalars.flatMap { scalar in
                scalar.value < 256 ? [UInt8(scalar.value)] : Array(String(scalar).utf8)
            }
            request += Array("$\(bytes.count)\r\n".utf8) + bytes + [0x0D, 0x0A]
        }
        return request
    }

    private mutating func expect(
        _ text: String, isPattern: Bool, connection: Int, _ line: Int
    ) throws {
        guard let reply = try target.receive(connection: connection) else {
            failures.append("\(transcript.name):\(line): no reply, expected \(text)")
            return
        }
        let found = reply.rendered
        let fits = isPattern ? matches(text, found) : found == text
        if !fits {
            failures.append("\(transcript.name):\(line): expected \(text)\n    found \(found)")
        }
    }

    /// Globs in which only the star is special: replies are full of brackets.
    private func matches(_ pattern: String, _ text: String) -> Bool {
        var rest = Substring(text)
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == 0 {
                guard rest.hasPrefix(part) else { return false }
                rest = rest.dropFirst(part.count)
            } else if index == parts.count - 1 {
                return rest.hasSuffix(part)
            } else {
                guard let place = rest.firstRange(of: part) else { return false }
                rest = rest[place.upperBound...]
            }
        }
        return rest.isEmpty
    }

    private mutating func expectEffect(_ arguments: [String], _ line: Int) throws {
        if !checksEffects { return }
        guard !effects.isEmpty else {
            failures.append("\(transcript.name):\(line): no effect, expected \(arguments)")
            return
        }
        var found = effects.removeFirst()
        // Families write the names of commands in different cases, which no replica minds.
        if target.peer != nil, found[0].lowercased() == arguments[0].lowercased() {
            found[0] = arguments[0]
        }
        let fits =
            found.count == arguments.count
            && zip(arguments, found).allSatisfy { $0 == $1 || $0 == "*" }
        if !fits {
            failures.append("\(transcript.name):\(line): effect \(found), not \(arguments)")
        }
    }

    /// Whatever the last command left over is a failure.
    private mutating func finishCommand(_ line: Int) throws {
        for connection in connections.sorted() {
            if try target.hasUnreadReply(connection: connection) {
                let reply = try target.receive(connection: connection)?.rendered ?? "?"
                failures.append(
                    "\(transcript.name): before line \(line), connection \(connection): "
                        + "unexpected \(reply)")
            }
        }
        for effect in effects {
            failures.append("\(transcript.name): before line \(line): unexpected effect \(effect)")
        }
        effects = []
    }

    private func isOlder(_ left: String, _ right: String) -> Bool {
        let numbers = [left, right].map { text in
            text.split(separator: ".").map { Int($0) ?? 0 }
        }
        return numbers[0].lexicographicallyPrecedes(numbers[1])
    }
}
