import Bytes
import RESP
import Testing

/// What a parser made of some bytes: the commands, and the error that ended them.
struct Parsed: Equatable {
    var commands: [[String]] = []
    var error: ProtocolError?
}

/// Feeds `bytes` in `pieces`; the input moves in memory before each call.
func parse(
    _ bytes: [UInt8], pieces: [Int], limits: RequestLimits = RequestLimits()
) -> Parsed {
    var parser = RequestParser(limits: limits)
    var list = ByteSliceList(capacity: 1)
    var parsed = Parsed()
    var pending: [UInt8] = []
    var offset = 0
    for length in pieces {
        pending += bytes[offset..<offset + length]
        offset += length
        var start = 0
        do throws(ProtocolError) {
            try pending.withByteSlice { input throws(ProtocolError) in
                while start < input.count {
                    list.removeAll()
                    parser.releaseDecodedLines()
                    switch try parser.parse(input, from: start, into: &list) {
                    case .needMore:
                        return
                    case .command(let consumed, let argumentCount):
                        start += consumed
                        if argumentCount > 0 {
                            let view = list.view(from: 0, count: argumentCount)
                            parsed.commands.append((0..<argumentCount).map { view[$0].string })
                        }
                    }
                }
            }
        } catch {
            parsed.error = error
            return parsed
        }
        pending.removeFirst(start)
    }
    return parsed
}

func parseSplit(_ text: String, limits: RequestLimits = RequestLimits()) -> Parsed {
    let bytes = Array(text.utf8)
    let whole = parse(bytes, pieces: [bytes.count], limits: limits)
    let half = bytes.count / 2
    #expect(parse(bytes, pieces: [half, bytes.count - half], limits: limits) == whole)
    #expect(
        parse(bytes, pieces: Array(repeating: 1, count: bytes.count), limits: limits) == whole)
    return whole
}

@Suite struct RequestParserTests {
    @Test func commandsAreFoundWhateverTheSplit() {
        let parsed = parseSplit("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n")
        #expect(parsed == Parsed(commands: [["SET", "k", ""], ["PING"]]))
    }

    @Test func emptyArraysAndLinesAreSkipped() {
        let parsed = parseSplit("*0\r\n*-1\r\n\r\n   \r\nPING\r\n")
        #expect(parsed == Parsed(commands: [["PING"]]))
    }

    @Test func inlineCommandsKnowQuotes() {
        let parsed = parseSplit(
            "set  k \"a b\\x41\\n\\q\"\t'it\\'s \\n' pre\"fix\"\nPING\r\n  ''  \"\"\r\n")
        #expect(
            parsed
                == Parsed(commands: [
                    ["set", "k", "a bA\nq", "it's \\n", "prefix"], ["PING"], ["", ""],
                ]))
    }

    @Test(arguments: ["\"abc\r\n", "\"a\"b\r\n", "'a\r\n", "x 'a'b\r\n"])
    func unbalancedQuotesAreRefused(line: String) {
        #expect(parseSplit(line).error == .unbalancedQuotes)
    }

    @Test(arguments: [
        ("*x\r\n", ProtocolError.invalidMultibulkLength),
        ("*3000000000\r\n", .invalidMultibulkLength),
        ("*01\r\n", .invalidMultibulkLength),
        ("*1\r\nPING\r\n", .expectedDollar(UInt8(ascii: "P"))),
        ("*1\r\n$-1\r\n", .invalidBulkLength),
        ("*1\r\n$2000000000\r\n", .invalidBulkLength),
        ("*1\r\n$x\r\n", .invalidBulkLength),
    ])
    func malformedHeadersAreNamed(text: String, error: ProtocolError) {
        #expect(parseSplit(text).error == error)
    }

    @Test func linesAreBounded() {
        let long = String(repeating: "1", count: 70_000)
        #expect(parse(Array(long.utf8), pieces: [70_000]).error == .tooBigInlineRequest)
        #expect(parse(Array(("*" + long).utf8), pieces: [70_001]).error == .tooBigCountString)
        #expect(
            parse(Array(("*1\r\n$" + long).utf8), pieces: [70_005]).error
                == .tooBigBulkCountString)
    }

    @Test func strangersAreHeldShort() {
        var limits = RequestLimits()
        limits.isAuthenticated = false
        #expect(parseSplit("*11\r\n", limits: limits).error == .unauthenticatedMultibulkLength)
        #expect(
            parseSplit("*1\r\n$20000\r\n", limits: limits).error == .unauthenticatedBulkLength)
        #expect(parseSplit("*1\r\n$4\r\nPING\r\n", limits: limits).commands == [["PING"]])
    }

    @Test func onlyCanonicalRequestsMayBeCopied() throws {
        func isCanonical(_ text: String) throws -> Bool {
            var parser = RequestParser()
            var list = ByteSliceList()
            return try Array(text.utf8).withByteSlice { input in
                _ = try parser.parse(input, from: 0, into: &list)
                return parser.wasCanonical
            }
        }
        #expect(try isCanonical("*1\r\n$4\r\nPING\r\n"))
        #expect(try !isCanonical("*1\r\n$4\r\nPINGxx"))
        #expect(try !isCanonical("*1\rx$4\r\nPING\r\n"))
        #expect(try !isCanonical("PING\r\n"))
    }

    @Test func missingBytesOfALargeArgumentAreKnown() throws {
        var parser = RequestParser()
        var list = ByteSliceList()
        let bytes = Array("*2\r\n$3\r\nGET\r\n$1000000\r\nabc".utf8)
        let outcome = try bytes.withByteSlice { input throws(ProtocolError) in
            try parser.parse(input, from: 0, into: &list)
        }
        #expect(outcome == .needMore)
        #expect(parser.missingBytes(available: bytes.count) == 999_999)
        #expect(list.count == 0)
    }

    /// Random bytes close to the protocol must give the same commands and the same error however
    /// they are cut.
    @Test func mutatedInputParsesTheSameHoweverItIsCut() {
        let seeds = [
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n*1\r\n$4\r\nPING\r\n"
                + "GET 'a b' \"c\\x00d\"\r\n",
            "PING\r\n*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n\r\n*0\r\n",
        ].map { Array($0.utf8) }
        let alphabet = Array("*$\r\n0129-+ \"'\\xaz\0".utf8)
        var generator = SplitMix(state: 0x5EED)
        for round in 0..<500 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = alphabet.randomElement(using: &generator) ?? 0
                case 1: bytes.remove(at: place)
                default:
                    bytes.insert(alphabet.randomElement(using: &generator) ?? 0, at: place)
                }
            }
            let whole = parse(bytes, pieces: [bytes.count])
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            #expect(parse(bytes, pieces: [cut, bytes.count - cut]) == whole)
            #expect(parse(bytes, pieces: Array(repeating: 1, count: bytes.count)) == whole)
        }
    }
}

/// A small deterministic generator.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
