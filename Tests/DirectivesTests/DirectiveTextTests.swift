import Directives
import Testing

@Suite struct DirectiveTextTests {
    @Test(arguments: [
        ("0", 0), ("100", 100), ("1b", 1), ("1k", 1000), ("1kb", 1024), ("2MB", 2 << 20),
        ("3g", 3_000_000_000), ("4Gb", 4 << 30), ("", nil), ("k", nil), ("-1", nil),
        ("1tb", nil), ("99999999999gb", nil), ("1 kb", nil),
    ])
    func memorySizesHaveUnits(text: String, bytes: Int?) {
        #expect(DirectiveText.memory(text) == bytes)
    }

    @Test func memorySizesAreWrittenWithTheLargestUnit() {
        #expect(DirectiveText.memory(1 << 30) == "1gb")
        #expect(DirectiveText.memory(3 << 20) == "3mb")
        #expect(DirectiveText.memory(2048) == "2kb")
        #expect(DirectiveText.memory(1000) == "1000")
        #expect(DirectiveText.memory(0) == "0")
    }

    @Test func integersAreStrict() {
        #expect(DirectiveText.integer("-5") == -5)
        for text in ["+5", "05", " 5", "5 ", "", "-0", "0x5", "99999999999999999999"] {
            #expect(DirectiveText.integer(text) == nil, "\(text)")
        }
    }
}
