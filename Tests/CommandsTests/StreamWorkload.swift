import Bytes
import RESP
import TestKit

@testable import Commands

/// Random commands on a few streams with groups, the same for the same seed. Nothing depends on the
/// time but what says how long ago something was.
struct StreamWorkload {
    static let keys = ["a", "b", "c"]

    private var random: SeededRandom
    private var clock = 1

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    private mutating func key() -> String { Self.keys[random.below(3)] }
    private mutating func group() -> String { ["g", "h"][random.below(2)] }
    private mutating func consumer() -> String { ["ann", "bob", "cy"][random.below(3)] }

    /// An ID near what was added.
    private mutating func id() -> String {
        let milliseconds = max(1, clock - random.below(30))
        return random.below(3) == 0 ? "\(milliseconds)" : "\(milliseconds)-\(random.below(3))"
    }

    private mutating func bound(_ end: String) -> String {
        switch random.below(4) {
        case 0: end
        case 1: "(" + id()
        default: id()
        }
    }

    private mutating func trimming() -> [String] {
        var words = random.below(2) == 0 ? ["MAXLEN"] : ["MINID"]
        let isApproximate = random.below(2) == 0
        if isApproximate { words.append("~") } else if random.below(2) == 0 { words.append("=") }
        words.append(words[0] == "MAXLEN" ? "\(random.below(40))" : id())
        return words
    }

    private mutating func value() -> String {
        switch random.below(5) {
        case 0: "\(random.below(200))"
        case 1: "\(Int64(bitPattern: random.next()) >> random.below(60))"
        case 2: String(repeating: "x", count: random.below(90))
        case 3: "00\(random.below(9))"
        default: "v\(random.below(50))"
        }
    }

    private mutating func add() -> [String] {
        var words = ["XADD", key()]
        if random.below(6) == 0 { words.append("NOMKSTREAM") }
        if random.below(6) == 0 { words += trimming() }
        switch random.below(8) {
        case 0: words.append(id())
        case 1: words.append("\(clock)-*")
        default:
            clock += 1
            words.append("\(clock)-\(random.below(3))")
        }
        let names = random.below(5) == 0 ? ["x", "\(random.below(9))"] : ["field", "other"]
        for name in names.prefix(1 + random.below(2)) { words += [name, value()] }
        return words
    }

    private mutating func ids() -> [String] { (0...random.below(4)).map { _ in id() } }

    private mutating func readGroup() -> [String] {
        var words = ["XREADGROUP", "GROUP", group(), consumer()]
        if random.below(2) == 0 { words += ["COUNT", "\(random.below(6))"] }
        if random.below(5) == 0 { words.append("NOACK") }
        let keys = Array(Self.keys.shuffled(using: &random).prefix(1 + random.below(2)))
        words += ["STREAMS"] + keys
        for _ in keys { words.append(random.below(4) == 0 ? id() : ">") }
        return words
    }

    private mutating func claim() -> [String] {
        if random.below(3) == 0 {
            var words = ["XAUTOCLAIM", key(), group(), consumer(), "0", id()]
            if random.below(2) == 0 { words += ["COUNT", "\(1 + random.below(5))"] }
            if random.below(2) == 0 { words.append("JUSTID") }
            return words
        }
        let least = random.below(4) == 0 ? "1000000000" : "0"
        var words = ["XCLAIM", key(), group(), consumer(), least] + ids()
        if random.below(3) == 0 { words += ["RETRYCOUNT", "\(random.below(9))"] }
        if random.below(3) == 0 { words += ["TIME", "\(1_000 + random.below(1_000))"] }
        if random.below(3) == 0 { words.append("FORCE") }
        if random.below(3) == 0 { words.append("JUSTID") }
        if random.below(9) == 0 { words += ["LASTID", id()] }
        return words
    }

    private mutating func administer() -> [String] {
        let key = key()
        switch random.below(9) {
        case 0...2:
            return ["XGROUP", "CREATE", key, group(), random.below(2) == 0 ? "0" : "$"]
                + (random.below(2) == 0 ? ["MKSTREAM"] : [])
        case 3: return ["XGROUP", "SETID", key, group(), random.below(2) == 0 ? id() : "$"]
        case 4: return ["XGROUP", "CREATECONSUMER", key, group(), consumer()]
        case 5: return ["XGROUP", "DELCONSUMER", key, group(), consumer()]
        case 6: return ["XGROUP", "DESTROY", key, group()]
        case 7:
            clock += 20
            return ["XSETID", key, "\(clock)", "ENTRIESADDED", "\(1000 + random.below(1000))"]
        default:
            return random.below(3) == 0 ? ["DEL", key] : ["COPY", key, Self.keys[0], "REPLACE"]
        }
    }

    private mutating func look() -> [String] {
        let key = key()
        switch random.below(8) {
        case 0: return ["XRANGE", key, bound("-"), bound("+")]
        case 1: return ["XREVRANGE", key, bound("+"), bound("-"), "COUNT", "\(random.below(9))"]
        case 2: return ["XREAD", "COUNT", "3", "STREAMS", key, "b", id(), id()]
        case 3: return ["XLEN", key]
        case 4: return ["XINFO", "STREAM", key]
        case 5: return ["XPENDING", key, group()]
        case 6: return ["XPENDING", key, group(), bound("-"), bound("+"), "8"]
        default: return ["XPENDING", key, group(), "-", "+", "20", consumer()]
        }
    }

    /// The next command.
    mutating func next() -> [String] {
        switch random.below(20) {
        case ..<7: add()
        case ..<8: ["XDEL", key()] + ids()
        case ..<9: ["XTRIM", key()] + trimming()
        case ..<12: readGroup()
        case ..<14: claim()
        case ..<15: ["XACK", key(), group()] + ids()
        case ..<16: administer()
        default: look()
        }
    }

    /// What can be compared of a reply: how long ago something was cannot.
    static func comparable(
        _ reply: Reply?, to words: [String], hidden: Set<Int> = [2]
    ) -> String {
        // Redis 7.0 makes no consumer that gets nothing.
        if words[1] == "CREATECONSUMER" { return "" }
        guard words[0] == "XPENDING", words.count > 3, let rows = reply?.elements else {
            return reply?.rendered ?? "(none)"
        }
        return rows.map { row in
            (row.elements ?? []).enumerated().map { hidden.contains($0) ? "*" : $1.rendered }
                .joined(separator: " ")
        }.joined(separator: ", ")
    }
}

extension TranscriptTarget {
    /// Runs one command on connection 1.
    func answer(to words: [String]) throws -> Reply? {
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        try send(request.readable.array, connection: 1)
        return try receive(connection: 1)
    }

    /// All there is to know about the streams: digest, entries, groups, what is pending at whom.
    ///
    /// How often something was delivered is no effect when a consumer reads its history.
    func streamState(withDeliveries: Bool = true) throws -> [String] {
        var state = [try answer(to: ["DEBUG", "DIGEST"])?.rendered ?? "?"]
        for key in StreamWorkload.keys {
            state.append(try answer(to: ["XINFO", "STREAM", key])?.rendered ?? "?")
            for group in ["g", "h"] {
                let summary = ["XPENDING", key, group]
                state.append(try answer(to: summary)?.rendered ?? "?")
                let all = summary + ["-", "+", "1000"]
                state.append(
                    StreamWorkload.comparable(
                        try answer(to: all), to: all, hidden: withDeliveries ? [2] : [2, 3]))
            }
        }
        return state
    }
}
