import Bytes
import Testing

@Suite struct GlobTests {
    func matches(_ pattern: String, _ text: String, ignoringCase: Bool = false) -> Bool {
        Array(pattern.utf8).withByteSlice { pattern in
            Array(text.utf8).withByteSlice { text in
                Glob.matches(pattern: pattern, text: text, ignoringCase: ignoringCase)
            }
        }
    }

    @Test(arguments: [
        ("*", ""), ("*", "abc"), ("a*c", "abbc"), ("a*b*c", "a1b2b3c"), ("h?llo", "hello"),
        ("h[ae]llo", "hallo"), ("h[^e]llo", "hallo"), ("h[a-b]llo", "hbllo"),
        ("h[b-a]llo", "hallo"), ("a\\*b", "a*b"), ("[\\]]", "]"), ("a\\", "a\\"), ("[^]", "x"),
        ("**a**", "bab"), ("[abc", "b"), ("", ""), ("*[0-9]", "key:7"), ("[a-]", "_"),
    ])
    func patternMatches(pattern: String, text: String) {
        #expect(matches(pattern, text))
    }

    @Test(arguments: [
        ("", "a"), ("?", ""), ("a*c", "abbd"), ("h[^e]llo", "hello"), ("[]", "a"), ("[]", "]"),
        ("a\\*b", "axb"), ("[", "["), ("ab", "abc"), ("abc", "ab"), ("*a", "ab"), ("A", "a"),
    ])
    func patternDoesNotMatch(pattern: String, text: String) {
        #expect(!matches(pattern, text))
    }

    @Test func caseIsFoldedOnDemand() {
        #expect(matches("MaxM*", "maxmemory", ignoringCase: true))
        #expect(matches("[A-C]x", "bX", ignoringCase: true))
    }

    /// A matcher that tries every star again would need longer than the universe has.
    @Test func manyStarsStayCheap() {
        let pattern = String(repeating: "a*", count: 40) + "b"
        #expect(!matches(pattern, String(repeating: "a", count: 2_000)))
    }
}
