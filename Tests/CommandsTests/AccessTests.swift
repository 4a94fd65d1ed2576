import Bytes
import RESP
import TestKit
import Testing

@testable import Commands

@Suite struct AccessTests {
    @Test func secretsStayOutOfTheSlowLog() throws {
        var settings = EngineSettings()
        settings.slowLogMicroseconds = 0
        let target = EngineTarget(settings: settings)
        _ = try target.run("ACL", "SETUSER", "ann", "on", ">hidden1", "+@all", "~*")
        _ = try target.run("ACL", "GETUSER", "ann")
        _ = try target.run("AUTH", "ann", "hidden1")
        _ = try target.run("HELLO", "2", "AUTH", "ann", "hidden1", "SETNAME", "shown1")
        _ = try target.run("CONFIG", "SET", "maxmemory", "7", "requirepass", "hidden2")
        _ = try target.run("CONFIG", "SET", "masterauth", "hidden3", "databases", "shown2")
        let log = try target.run("SLOWLOG", "GET", "-1")
        #expect(!log.contains("hidden"))
        #expect(log.contains("shown1") && log.contains("shown2") && log.contains("(redacted)"))
    }

    @Test func restrictedClientsLeaveTheStraightPathAndComeBack() throws {
        let target = EngineTarget()
        let client = target.connection(1).client
        _ = try target.run("PING")
        #expect(!client.isSpecial)
        _ = try target.run(
            "ACL", "SETUSER", "root", "on", "nopass", "~*", "&*", "+@all", connection: 2)
        _ = try target.run("AUTH", "root", "x", connection: 2)
        _ = try target.run("ACL", "SETUSER", "default", "-flushall", connection: 2)
        #expect(client.isSpecial)
        #expect(try target.run("FLUSHALL").hasPrefix("-NOPERM"))
        _ = try target.run("ACL", "SETUSER", "default", "+@all", connection: 2)
        #expect(!client.isSpecial)
        #expect(try target.run("FLUSHALL") == "+OK")
        // All rights in one further selector are all rights, too.
        _ = try target.run(
            "ACL", "SETUSER", "default", "-@all", "(~* &* +@all)", connection: 2)
        #expect(!client.isSpecial)
    }

    @Test func everyCommandCanBeAllowedAndDeniedAlone() throws {
        let target = EngineTarget()
        let table = target.engine.table
        for number in table.specs.indices where table.facts[number].childCount == 0 {
            let name = table.fullName(number)
            #expect(try target.run("ACL", "SETUSER", "u", "reset", "+" + name) == "+OK")
            let user = try #require(target.engine.access.user(Array("u".utf8)))
            for other in table.specs.indices {
                #expect(user.rules.selectors[0].commands[other] == (other == number))
            }
            _ = try target.run("ACL", "SETUSER", "u", "+@all", "-" + name)
            #expect(!user.isUnrestricted && !user.rules.selectors[0].commands[number])
            #expect(try target.run("ACL", "DRYRUN", "u", "PING") != "+OK" || name != "ping")
        }
    }

    @Test func describedRulesGiveTheSameRightsAgain() throws {
        let target = EngineTarget()
        let table = target.engine.table
        var random = SeededRandom(seed: 11)
        let categories = ACLCategory.names.map { "@" + $0.name.description } + ["@all"]
        for _ in 0..<300 {
            var words = ["ACL", "SETUSER", "u", "reset"]
            for _ in 0..<random.below(12) {
                let sign = random.below(2) == 0 ? "+" : "-"
                switch random.below(6) {
                case 0, 1: words.append(sign + categories[random.below(categories.count)])
                case 2, 3: words.append(sign + table.fullName(random.below(table.specs.count)))
                case 4: words.append("%\(["R", "W", "RW"][random.below(3)])~k\(random.below(4))*")
                default: words.append("&c\(random.below(4))")
                }
            }
            var request = ByteBuffer()
            RequestWriter.command(words, into: &request)
            target.send(request.readable.array, connection: 1)
            #expect(try target.receive(connection: 1)?.rendered == "+OK")
            let user = try #require(target.engine.access.user(Array("u".utf8)))
            let again = AccessControl(table: table)
            try again.load(lines: [user.line.split(separator: " ").map(String.init)])
            let copy = try #require(again.user(user.name))
            #expect(copy.rules == user.rules)
        }
    }

    @Test func hostileRulesAreRefusedOrUnderstood() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 5)
        let pieces = Array("+-@~%&()|<>#!RW* \t\0abget".utf8)
        for _ in 0..<5_000 {
            let rule = (0..<random.below(9)).map { _ in pieces[random.below(pieces.count)] }
            var rules = target.engine.access.newRules
            for _ in 0..<2 {
                try? rules.apply(rule, target.engine.table, allChannels: false)
            }
            #expect(!rules.selectors.isEmpty)
        }
    }

    @Test func scriptsAreAskedInTheirOwnWords() throws {
        let target = EngineTarget()
        _ = try target.run(
            "ACL", "SETUSER", "ann", "on", "nopass", "+get", "+select|1", "~a", "(%R~* +mget)")
        _ = try target.run("AUTH", "ann", "x")
        let client = target.connection(1).client
        let ask = { (words: [String]) -> String? in
            var list = ByteSliceList()
            let bytes = words.map { Array($0.utf8) }
            return withArguments(bytes, &list, 0) { arguments in
                let number = target.engine.table.number(of: arguments[0])
                return target.engine.scriptAccessError(number, arguments, client)?.text
            }
        }
        #expect(ask(["get", "a"]) == nil)
        #expect(
            ask(["get", "b"]) == "ERR ACL failure in script: No permissions to access a key")
        #expect(
            ask(["set", "a", "1"])
                == "ERR ACL failure in script: User ann has no permissions to run the 'set' "
                + "command")
        #expect(ask(["select", "1"]) == nil)
        #expect(ask(["select", "2"]) != nil)
        #expect(target.engine.access.log.entries.first?.context == .script)
        #expect(target.engine.accessDenials.command == 2)
        #expect(target.engine.accessDenials.key == 1)
    }

    /// Calls `body` with arguments that stay where they are meanwhile.
    private func withArguments<Result>(
        _ words: [[UInt8]], _ list: inout ByteSliceList, _ index: Int,
        _ body: (Arguments) -> Result
    ) -> Result {
        if index == words.count { return body(list.view(from: 0, count: index)) }
        return words[index].withByteSlice { slice in
            list.append(slice)
            return withArguments(words, &list, index + 1, body)
        }
    }
}
