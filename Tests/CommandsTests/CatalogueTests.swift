import Bytes
import Foundation
import RESP
import Store
import TestKit
import Testing

@testable import Commands

@Suite struct CatalogueTests {
    let table = CommandTable()

    @Test func everyCommandIsFoundInAnyCase() {
        for number in 0..<table.topLevelCount {
            let name = table.specs[number].name.description
            for text in [name, name.uppercased(), name.capitalized] {
                #expect(Array(text.utf8).withByteSlice { table.number(of: $0) } == number)
            }
            for changed in [name + "x", String(name.dropLast()), "x" + name] {
                let found = Array(changed.utf8).withByteSlice { table.number(of: $0) }
                #expect(found == table.specs.firstIndex { "\($0.name)" == changed } ?? -1)
            }
            for child in table.children(of: number) {
                let found = ByteSlice(table.specs[child].name)
                #expect(table.number(of: found, in: number) == child)
            }
        }
    }

    @Test func everySyntaxLineIsUnderstood() throws {
        for spec in table.specs {
            _ = try Syntax.parse(spec.syntax.description)
        }
    }

    @Test func syntaxBecomesATree() throws {
        let nodes = try Syntax.parse("key value [NX | XX] [EX seconds | KEEPTTL] [key ...]")
        #expect(nodes.map(\.name) == ["key", "value", "nx", "seconds"] || nodes.count == 4)
        let set = try Syntax.parse("key value [NX | XX] [GET] [EX seconds | KEEPTTL]")
        #expect(set.count == 5)
        #expect(set[0].kind == .value("key"))
        #expect(set[2].isOptional)
        guard case .oneOf(let choices) = set[4].kind else {
            Issue.record("not a choice")
            return
        }
        #expect(choices.map(\.token) == ["EX", "KEEPTTL"])
        let pairs = try Syntax.parse("key value [key value ...]")
        #expect(pairs.count == 1 && pairs[0].isMultiple)
        let auth = try Syntax.parse("[protover [AUTH username password] [SETNAME clientname]]")
        #expect(auth.count == 1 && auth[0].isOptional)
        #expect(throws: Syntax.Problem.self) { try Syntax.parse("[a") }
        #expect(throws: Syntax.Problem.self) { try Syntax.parse("a]") }
    }

    @Test func everyCommandHasATranscript() {
        // Subscribing pairs share a file; HELP and the containers' rows share their container's.
        let shared = [
            "unsubscribe": "subscribe", "punsubscribe": "psubscribe",
            "sunsubscribe": "ssubscribe", "spublish": "ssubscribe",
        ]
        for number in 0..<table.topLevelCount {
            let name = table.specs[number].name.description
            #expect(Transcripts.names.contains((shared[name] ?? name) + ".txt"), "\(name)")
        }
    }

    @Test(arguments: [false, true]) func documentationOfAllCommandsIsWellFormed(resp3: Bool) throws
    {
        let target = EngineTarget()
        _ = try target.run("HELLO", resp3 ? "3" : "2")
        for command in [["COMMAND"], ["COMMAND", "DOCS"], ["COMMAND", "LIST"]] {
            var request = ByteBuffer()
            RequestWriter.command(command, into: &request)
            target.send(request.readable.array, connection: 1)
            let reply = try target.receive(connection: 1)
            #expect((reply?.elements?.count ?? 0) >= table.topLevelCount)
            #expect(!target.hasUnreadReply(connection: 1))
        }
        let names = table.specs.indices.map { table.fullName($0) }
        #expect(Set(names).count == names.count)
    }

    /// Any command with any arguments must answer, and leave a keyspace whose invariants hold.
    @Test func randomCommandsAlwaysAnswer() throws {
        let target = EngineTarget()
        var random = SeededRandom(seed: 0xC0FFEE)
        let words = [
            "a", "b", "c", "0", "1", "-1", "10", "abc", "", "NX", "XX", "GT", "LT", "GET", "EX",
            "PX", "KEEPTTL", "*", "9223372036854775807", "1.5", "REPLACE", "DB", "MATCH", "COUNT",
            "PERSIST", "IDX", "LEN", "ASYNC",
        ]
        let excluded: Set<String> = [
            "quit", "shutdown", "psync", "sync", "replconf", "wait", "waitaof", "monitor", "debug",
        ]
        for round in 0..<20_000 {
            let number = random.below(table.topLevelCount)
            let spec = table.specs[number]
            let name = spec.name.description
            if excluded.contains(name) { continue }
            var command = [name]
            let children = table.children(of: number)
            if !children.isEmpty {
                let child = table.specs[children.lowerBound + random.below(children.count)]
                let subcommand = child.name.description
                if ["pause", "reply", "kill"].contains(subcommand) { continue }
                command.append(subcommand)
            }
            for _ in 0..<random.below(5) { command.append(words[random.below(words.count)]) }
            var request = ByteBuffer()
            RequestWriter.command(command, into: &request)
            target.send(request.readable.array, connection: 1)
            // One that waits is told that its time is over.
            _ = target.engine.endWait(of: target.connection(1).client)
            guard try target.receive(connection: 1) != nil else {
                Issue.record("no reply to \(command)")
                return
            }
            while try target.receive(connection: 1) != nil {}
            _ = try target.takeEffects()
            if round % 16 == 0 { target.advance(milliseconds: random.below(2_000)) }
        }
        target.keyspace.checkInvariants()
    }
}
