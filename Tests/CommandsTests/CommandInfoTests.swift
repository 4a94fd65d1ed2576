import Bytes
import Foundation
import RESP
import TestKit
import Testing

@testable import Commands

/// COMMAND INFO of every command against that of Redis 7.0.15 (Tests/Fixtures, one line for each:
/// name, arity, flags, key range, categories, tips, key specifications).
@Suite struct CommandInfoTests {
    static let fields = ["arity", "flags", "range", "categories", "tips", "keys"]

    static let reference: [String: [String]] = {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/redis-7.0.15-commands.tsv")
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return [:] }
        var rows: [String: [String]] = [:]
        for line in text.split(separator: "\n") {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            rows[String(columns[0])] = columns.dropFirst().map { String($0) }
        }
        return rows
    }()

    /// Where we differ on purpose: `command field`, with the reason.
    static let differences: [String: String] = [
        "blmove flags": "Redis 7.2 lets scripts call it: it never blocks there",
        "blpop flags": "Redis 7.2 lets scripts call it: it never blocks there",
        "brpop flags": "Redis 7.2 lets scripts call it: it never blocks there",
        "brpoplpush flags": "Redis 7.2 lets scripts call it: it never blocks there",
        "bzpopmax flags": "Redis 7.2 lets scripts call it: it never blocks there",
        "bzpopmin flags": "Redis 7.2 lets scripts call it: it never blocks there",
        "command|getkeys arity": "Redis 7.2 takes commands without arguments",
        "command|getkeysandflags arity": "Redis 7.2 takes commands without arguments",
        "georadius keys": "Redis 7.2 marks the destination as depending on the arguments",
        "georadiusbymember keys": "Redis 7.2 marks the destination as depending on the arguments",
        "msetnx tips": "no proxy can split it: Valkey 9 dropped the tips that said so",
        "randomkey tips": "Redis 7.2 added what becomes of the replies",
        "scan tips": "Redis 7.2 added what becomes of the replies",
        "sinterstore keys": "Redis 7.2: the destination is overwritten, not read",
        "wait categories": "Redis 7.2 calls it blocking",
        "wait flags": "Redis 7.2 calls it blocking, and lets scripts call it",
        "zrank arity": "Redis 7.2 added WITHSCORE",
        "zrevrank arity": "Redis 7.2 added WITHSCORE",
    ]

    private static func text(_ reply: Reply) -> String {
        switch reply {
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        case .simpleString(let text): text
        case .integer(let value): "\(value)"
        default: "[" + (reply.elements ?? []).map(text).joined(separator: " ") + "]"
        }
    }

    private static func sorted(_ reply: Reply) -> String {
        (reply.elements ?? []).map(text).sorted().joined(separator: " ")
    }

    /// Rows in the form of the fixture, subcommands included.
    private static func rows(_ entry: Reply, into rows: inout [String: [String]]) {
        guard let parts = entry.elements, parts.count == 10 else { return }
        rows[text(parts[0])] = [
            text(parts[1]), sorted(parts[2]),
            "\(text(parts[3])) \(text(parts[4])) \(text(parts[5]))", sorted(parts[6]),
            sorted(parts[7]), (parts[8].elements ?? []).map(text).joined(separator: " ; "),
        ]
        for child in parts[9].elements ?? [] { Self.rows(child, into: &rows) }
    }

    @Test func rowsSayWhatThoseOfRedisSay() throws {
        let target = EngineTarget()
        guard let all = try RestoreTests.run(target, [Array("COMMAND".utf8)])?.elements else {
            Issue.record("no reply")
            return
        }
        var ours: [String: [String]] = [:]
        for entry in all { Self.rows(entry, into: &ours) }
        #expect(ours.count == CommandTable().specs.count)
        var unused = Set(Self.differences.keys)
        for (name, row) in ours.sorted(by: { $0.key < $1.key }) {
            // Commands that Redis 7.0 has not are checked by their transcripts alone.
            guard let expected = Self.reference[name] else { continue }
            for (index, field) in Self.fields.enumerated() where row[index] != expected[index] {
                if Self.differences["\(name) \(field)"] != nil {
                    unused.remove("\(name) \(field)")
                    continue
                }
                Issue.record("\(name) \(field): '\(row[index])', Redis '\(expected[index])'")
            }
        }
        #expect(unused.isEmpty, "no difference any more")
    }
}
