// Commands at the extremes of their types end nothing, and nobody reads or writes a key without the
// right to.
import Bytes
import RESP
import TestKit
import Testing

@testable import Commands

@Suite struct CommandSessionTests {
    private func bytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    @Test(arguments: 1...20)
    func drawnSessionsBreakNothing(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var session = CommandSession()
        for _ in 0..<10 {
            do throws(SessionFault) {
                try session.run(bytes(2_000, &random))
            } catch {
                Issue.record("\(error.text)\n\(error.history.joined(separator: "\n"))")
            }
        }
    }

    /// A user with rights of all kinds, and what its commands may not have touched.
    private final class Fence {
        /// Prefixes of keys: what the user may do with them.
        static let prefixes = ["ok", "rd", "wr", "no"]
        let target: EngineTarget
        private let admin = 1
        private var userConnection = 2
        private var digests = ""

        static func keys(_ group: CommandGroup) -> [String] {
            let kinds: [String] =
                switch group {
                case .geo, .sortedSet: ["z"]
                case .list: ["l"]
                case .set: ["e"]
                case .hash: ["h"]
                case .stream: ["x"]
                case .string, .bitmap: ["s"]
                default: ["s", "l", "h", "z", "x", "e"]
                }
            return kinds.flatMap { kind in prefixes.map { "\($0)_\(kind)" } + ["ok_" + kind] }
                + ["no_new"]
        }

        init() throws {
            var settings = CommandSession.settings
            // Most requests are refused, and a refusal is dear to note.
            settings.accessLogCountMax = 0
            target = EngineTarget(settings: settings)
            target.host.answers = ["OK", "OK", "OK"].map { "+" + $0 }
            let rules =
                "on nopass ~ok* ~STORE ~STREAMS ~GET ~COUNT %R~rd* %W~wr* +@all -@dangerous "
                + "+sort +sort_ro +migrate +restore -acl -@connection +ping"
            _ = try call(["ACL", "SETUSER", "u"] + rules.split(separator: " ").map(String.init))
            try refill()
        }

        func call(_ words: [String], connection: Int = 1) throws -> String {
            var request = ByteBuffer()
            RequestWriter.command(words, into: &request)
            target.send(request.readable.array, connection: connection)
            var replies = ""
            while let reply = try target.receive(connection: connection) {
                replies += reply.rendered
            }
            return replies
        }

        func refill() throws {
            _ = try call(["FLUSHALL"])
            for prefix in Fence.prefixes {
                let mark = "MARK" + prefix
                for words in [
                    ["SET", "s", mark], ["RPUSH", "l", mark, "1", "2"], ["HSET", "h", "a", mark],
                    ["GEOADD", "z", "0", "0", mark, "1", "1", "a"],
                    ["XADD", "x", "1-1", "a", mark], ["XGROUP", "x", "a"],
                    ["SADD", "e", mark, "1"],
                ] {
                    var words = words
                    words[1] = prefix + "_" + words[1]
                    if words[0] == "XGROUP" { words = ["XGROUP", "CREATE", words[1], "a", "0"] }
                    _ = try call(words)
                }
            }
            digests = try digest()
        }

        /// Keys that the user may not change.
        private var protected: [String] {
            ["s", "l", "h", "z", "x", "e", "new"].flatMap { ["rd_" + $0, "no_" + $0] }
        }

        private func digest() throws -> String {
            try call(["DEBUG", "DIGEST-VALUE"] + protected)
        }

        /// Runs a command of the user; says what it did beyond its rights.
        func attempt(_ words: [String]) throws -> String? {
            target.host.requests = []
            let client = target.connection(userConnection).client
            if client.userName != "u" {
                _ = try call(["AUTH", "u", "x"], connection: userConnection)
            }
            var request = ByteBuffer()
            RequestWriter.command(words, into: &request)
            target.send(request.readable.array, connection: userConnection)
            _ = target.engine.endWait(of: client)
            // As bytes: a reply that is too long for the client ends in the middle.
            var seen = client.output.buffer.readable.string
            client.output.buffer.removeAll()
            for request in target.host.requests { seen += String(decoding: request, as: UTF8.self) }
            if target.connection(userConnection).isClosed { userConnection += 1 }
            if target.engine.pause != .none { target.host.resumeClients() }
            for mark in ["MARKno", "MARKwr"] where seen.contains(mark) { return "saw " + mark }
            return try digest() == digests ? nil : "changed a key"
        }
    }

    /// What access control sees of a command's keys is what the command uses: a user with rights to
    /// some keys neither reads nor changes others, whatever the arguments.
    @Test(arguments: 1...8)
    func nobodyTouchesKeysWithoutTheRight(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fence = try Fence()
        let draw = CommandDraw(
            fence.target.engine.table, .plain,
            excluding: CommandSession.excluded.union(["multi", "reset", "quit", "subscribe"]),
            keys: Fence.keys)
        // Those whose keys do not stand at fixed places are the ones to doubt.
        let doubted = draw.rows.filter { row in
            row.spec.findKeys != nil
                || row.spec.keys.contains { if case .range = $0.search { false } else { true } }
        }
        #expect(doubted.count > 20)
        for step in 0..<400 {
            var choices = Choices(bytes(100, &random))
            let row = choices.of(choices.below(16) == 0 ? draw.rows : doubted)
            let words = draw.request(of: row, &choices)
            if let fault = try fence.attempt(words) {
                Issue.record("\(words) \(fault)")
                try fence.refill()
            }
            if step % 25 == 0 { try fence.refill() }
        }
    }

    /// The keys of a request that access control takes to be changed.
    private func changeable(_ words: [String], _ spec: CommandSpec) throws -> Set<String> {
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        var parser = RequestParser()
        var list = ByteSliceList()
        guard case .command = try parser.parse(request.readable, from: 0, into: &list) else {
            return []
        }
        let arguments = list.view(from: 0, count: words.count)
        var found = Set<String>()
        _ = spec.forEachKey(arguments) { position, access in
            if KeyPermission(access).contains(.write) { found.insert(words[position]) }
        }
        return found
    }

    /// Every key that a command changes is one that access control has looked at, whatever options
    /// are given, and however often.
    @Test(arguments: 1...8)
    func everyChangedKeyWasSeenByAccessControl(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fence = try Fence()
        let draw = CommandDraw(
            fence.target.engine.table, .plain,
            excluding: CommandSession.excluded.union([
                "multi", "reset", "quit", "subscribe", "flushall", "flushdb", "swapdb", "select",
                "auth", "hello",
            ]), keys: Fence.keys)
        // What a script does is checked command by command.
        let rows = draw.rows.filter { ![.scripting, .pubSub].contains($0.spec.group) }
        let doubted = rows.filter { $0.spec.findKeys != nil || $0.spec.keys.count > 1 }
        #expect(doubted.count > 10)
        let keys = ["s", "l", "h", "z", "x", "e", "new"].flatMap { kind in
            Fence.prefixes.map { "\($0)_\(kind)" }
        }
        var before = try fence.call(["DEBUG", "DIGEST-VALUE"] + keys).split(separator: " ")
        for step in 0..<600 {
            var choices = Choices(bytes(100, &random))
            let row = choices.of(step % 8 == 0 ? rows : doubted)
            let words = draw.request(of: row, &choices)
            let allowed = try changeable(words, row.spec)
            _ = try fence.call(words)
            _ = fence.target.engine.endWait(of: fence.target.connection(1).client)
            fence.target.connection(1).client.output.buffer.removeAll()
            if fence.target.engine.pause != .none { fence.target.host.resumeClients() }
            let after = try fence.call(["DEBUG", "DIGEST-VALUE"] + keys).split(separator: " ")
            for index in keys.indices where before[index] != after[index] {
                #expect(allowed.contains(keys[index]), "\(words) changed \(keys[index])")
            }
            before = after
            if step % 25 == 0 {
                try fence.refill()
                before = try fence.call(["DEBUG", "DIGEST-VALUE"] + keys).split(separator: " ")
            }
        }
    }
}
