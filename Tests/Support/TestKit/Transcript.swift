// Transcripts: what is sent to a server and what it answers, as a text that people read.
//
//   # comment
//   > SET k "a b"          a command; quotes as in an inline command
//   < +OK                  the reply, rendered on one line (see `Reply.rendered`)
//   <~ $"*redis*"          the reply, as a glob pattern
//   peer< -ERR other       what a peer (redis-server, valkey-server) answers where we differ
//   redis<~ *, valkey< +OK the same for one family of peers; all of these follow our own line
//   2> SUBSCRIBE ch        the same on connection 2 (connections 1…9; 1 may be left out)
//   2< >[$"subscribe" $"ch" :1]
//   = SET k "a b"          one command that the last one put into the replication stream
//   effects: on            from here on, what is not said by `=` lines must not be in the stream
//   advance: 150           lets so many milliseconds pass
//   resp: 3                says HELLO 3 (or 2) on all connections opened from here on
//   ours-only              the rest of the file is not played against peers
//   peer-min: 7.2          the rest of the file needs a peer of at least this version
//   split: off             the file is not played in pieces (replies that differ between runs)
//
// Each file starts with empty databases. A command without a reply line expects no reply.

/// One transcript, parsed.
public struct Transcript: Sendable {
    /// What one line asks for.
    public enum Step: Sendable, Equatable {
        /// Send a command on a connection.
        case command(connection: Int, arguments: [String])
        /// Expect a reply; a pattern when `isPattern`; only of peers or only of ours when said.
        case reply(connection: Int, text: String, isPattern: Bool, audience: Audience)
        /// Expect one command in the replication stream.
        case effect([String])
        /// Check that the stream holds nothing else from here on.
        case effectsOn
        /// Let time pass.
        case advance(milliseconds: Int)
        /// Speak this protocol version.
        case version(Int)
        /// Stop here when playing against a peer.
        case oursOnly
        /// Stop here when the peer is older.
        case peerMinimum(String)
    }

    /// Whom an expectation is for.
    public enum Audience: String, Sendable, CaseIterable {
        /// Everybody; a peer only when no line of its own follows.
        case all = ""
        /// All peers.
        case peers = "peer"
        /// Peers of the family of redis-server.
        case redis
        /// Peers of the family of valkey-server.
        case valkey

        /// Whether the line replaces ours for `peer`.
        func includes(_ peer: TranscriptPeer) -> Bool {
            switch self {
            case .all: false
            case .peers: true
            case .redis: !peer.isValkey
            case .valkey: peer.isValkey
            }
        }
    }

    /// A line that cannot be read.
    public struct Problem: Error, CustomStringConvertible {
        /// Where and what.
        public let description: String
    }

    /// File name without folder.
    public let name: String
    /// The steps with their line numbers.
    public private(set) var steps: [(line: Int, step: Step)] = []
    /// Whether the requests may be fed in pieces.
    public private(set) var allowsSplit = true

    /// Reads `text`.
    public init(name: String, text: String) throws(Problem) {
        self.name = name
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = raw.drop { $0 == " " }
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let step = Transcript.step(String(line)) else {
                throw Problem(description: "\(name):\(index + 1): \(line)")
            }
            if case .version(0) = step {
                allowsSplit = false
            } else {
                steps.append((index + 1, step))
            }
        }
    }

    private static func step(_ line: String) -> Step? {
        if line == "ours-only" { return .oursOnly }
        if line == "effects: on" { return .effectsOn }
        if line == "split: off" { return .version(0) }
        if let text = line.after("advance: "), let amount = Int(text) {
            return .advance(milliseconds: amount)
        }
        if let text = line.after("resp: "), let version = Int(text), [2, 3].contains(version) {
            return .version(version)
        }
        if let text = line.after("peer-min: ") { return .peerMinimum(text) }
        if let text = line.after("= ") { return words(text).map(Step.effect) }
        for audience in Audience.allCases where audience != .all {
            if let text = line.after("\(audience.rawValue)< ") {
                return .reply(connection: 1, text: text, isPattern: false, audience: audience)
            }
            if let text = line.after("\(audience.rawValue)<~ ") {
                return .reply(connection: 1, text: text, isPattern: true, audience: audience)
            }
        }
        var rest = Substring(line)
        var connection = 1
        if let digit = rest.first?.wholeNumberValue {
            connection = digit
            rest = rest.dropFirst()
        }
        if let text = String(rest).after("> ") {
            return words(text).map { .command(connection: connection, arguments: $0) }
        }
        if let text = String(rest).after("<~ ") {
            return .reply(connection: connection, text: text, isPattern: true, audience: .all)
        }
        if let text = String(rest).after("< ") {
            return .reply(connection: connection, text: text, isPattern: false, audience: .all)
        }
        return nil
    }

    /// Splits as the inline protocol does; nil when quotes do not match.
    static func words(_ text: String) -> [String]? {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var isInside = false
        var iterator = text.makeIterator()
        while let character = iterator.next() {
            if let open = quote {
                if character == open {
                    quote = nil
                } else if character == "\\", open == "\"" {
                    guard let escaped = iterator.next() else { return nil }
                    switch escaped {
                    case "n": word.append("\n")
                    case "r": word.append("\r")
                    case "t": word.append("\t")
                    case "x":
                        guard let high = iterator.next(), let low = iterator.next(),
                            let byte = UInt8(String([high, low]), radix: 16)
                        else { return nil }
                        word.unicodeScalars.append(Unicode.Scalar(byte))
                    default: word.append(escaped)
                    }
                } else {
                    word.append(character)
                }
            } else if character == "\"" || character == "'" {
                quote = character
                isInside = true
            } else if character == " " {
                if isInside { words.append(word) }
                word = ""
                isInside = false
            } else {
                word.append(character)
                isInside = true
            }
        }
        if isInside { words.append(word) }
        return quote == nil && !words.isEmpty ? words : nil
    }
}

extension String {
    /// What follows `prefix`, or nil.
    func after(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
