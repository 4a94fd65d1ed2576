import Directives
import Testing

@Suite struct ConfigLineTests {
    @Test(arguments: [
        (#"set a b"#, ["set", "a", "b"]), ("  a\tb  ", ["a", "b"]), (#""#, []),
        (#"a '' "" b"#, ["a", "", "", "b"]), (#"a"b c"'d e'"#, nil),
        (#"ab"c d" e"#, ["abc d", "e"]), (#""\x41\n\t\"\q""#, ["A\n\t\"q"]),
        (#"'it\'s' '\n'"#, ["it's", #"\n"#]), (#""open"#, nil), (#"'open"#, nil),
        (#""a"b"#, nil), (#""\x4"#, nil), (#""end\"#, nil),
        ("# not special", ["#", "not", "special"]),
    ])
    func splittingFollowsTheQuotingRules(line: String, words: [String]?) {
        #expect(ConfigLine.split(text: line) == words)
    }

    @Test func quotedTextComesBackAsOneWord() {
        for text in [
            "", "plain", "with blank", "\"quoted\"", "back\\slash", "\u{1}\n\r\t\u{7f}", "é",
        ] {
            #expect(ConfigLine.split(text: ConfigLine.quoted(text)) == [text])
            #expect(ConfigLine.split(text: ConfigLine.word(text)) == [text])
        }
    }

    @Test func invalidTextIsNoWord() {
        #expect(ConfigLine.split(text: #""\xff""#) == nil)
        #expect(ConfigLine.split(Array(#""\xff""#.utf8)) == [[0xFF]])
    }

    /// Words of any bytes survive quoting and splitting; any line either splits or is refused.
    @Test func randomLinesNeverTrapAndQuotingRoundTrips() {
        var generator = Generator(state: 42)
        let alphabet = Array("ab \"'\\x4n#\t".utf8)
        for _ in 0..<20_000 {
            let line = (0..<generator.below(24)).map { _ in alphabet[generator.below(11)] }
            _ = ConfigLine.split(line)
            let text = String(decoding: line, as: UTF8.self)
            #expect(ConfigLine.split(text: ConfigLine.quoted(text)) == [text])
        }
    }
}

/// A small deterministic generator (xorshift64*).
struct Generator {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return Int((state &* 2_685_821_657_736_338_717) >> 33) % bound
    }
}
