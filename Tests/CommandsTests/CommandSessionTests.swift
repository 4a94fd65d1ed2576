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
        let target = EngineTarget(settings: CommandSession.settings)
        private let admin = 1
        private var userConnection = 2
        private var digests: [String: String] = [:]

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
            return prefixes.flatMap { prefix in (kinds + ["new"]).map { "\(prefix)_\($0)" } }
                + ["ok_" + kinds[0], "ok_" + kinds[0], "rd_" + kinds[0]]
        }

        init() throws {
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
            digests = [:]
            for key in protected { digests[key] = try digest(key) }
        }

        /// Keys that the user may not change.
        private var protected: [String] {
            ["s", "l", "h", "z", "x", "e", "new"].flatMap { ["rd_" + $0, "no_" + $0] }
        }

        private func digest(_ key: String) throws -> String {
            try call(["DEBUG", "DIGEST-VALUE", key])
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
            for key in protected where try digest(key) != digests[key] { return "changed " + key }
            return nil
        }
    }

    /// What access control sees of a command's keys is what the command uses: a user with rights to
    /// some keys neither reads nor changes others, whatever the arguments.
    @Test(arguments: 1...8)
    func nobodyTouchesKeysWithoutTheRight(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fence = try Fence()
        let draw = CommandDraw(
            fence.target.engine.table,
            excluding: CommandSession.excluded.union(["multi", "reset", "quit", "subscribe"]),
            keys: Fence.keys)
        for step in 0..<2_000 {
            var choices = Choices(bytes(80, &random))
            let words = draw.request(&choices)
            if let fault = try fence.attempt(words) {
                Issue.record("\(words) \(fault)")
                try fence.refill()
            }
            if step % 25 == 0 { try fence.refill() }
        }
    }
}
