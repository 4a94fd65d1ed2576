import Testing

@testable import APIContract

@Suite struct TextTests {
    static let sample: JSONValue = [
        "plain": "a text", "number-like": "12", "truth": "yes", "colon": "a: b", "hash": "a #b",
        "empty": "", "line": "a\nb", "quote": "say \"x\"", "path": "/v1/{c}", "n": 5, "on": true,
        "200": [:], "list": ["a", ["b": 1, "c": []], [[1, 2], []]], "none": .null,
        "pattern": "^(?:[a-z]\\d)$",
    ]

    @Test func yamlQuotesWhatCouldBeMisread() {
        #expect(
            Self.sample.yamlText == """
                plain: a text
                number-like: "12"
                truth: "yes"
                colon: "a: b"
                hash: "a #b"
                empty: ""
                line: "a\\nb"
                quote: say "x"
                path: /v1/{c}
                "n": 5
                "on": true
                "200": {}
                list:
                  - a
                  - b: 1
                    c: []
                  -
                    -
                      - 1
                      - 2
                    - []
                none: null
                pattern: "^(?:[a-z]\\\\d)$"

                """)
    }

    @Test func jsonIsCompactOrIndented() {
        let value: JSONValue = ["a": [1, [:]], "b": "\u{1}\"\\"]
        #expect(value.jsonText == #"{"a":[1,{}],"b":"\u0001\"\\"}"#)
        #expect(
            value.indentedJSONText == """
                {
                  "a": [
                    1,
                    {}
                  ],
                  "b": "\\u0001\\"\\\\"
                }

                """)
    }
}
