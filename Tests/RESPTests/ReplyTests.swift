import Bytes
import RESP
import Testing

@Suite struct ReplyTests {
    func written(resp3: Bool, _ write: (inout ReplyWriter) -> Void) -> String {
        var writer = ReplyWriter()
        writer.isRESP3 = resp3
        write(&writer)
        return writer.buffer.readable.string
    }

    @Test func bothVersionsAreWrittenAsDocumented() {
        func both(_ two: String, _ three: String, _ write: (inout ReplyWriter) -> Void) {
            #expect(written(resp3: false, write) == two)
            #expect(written(resp3: true, write) == three)
        }
        both("$-1\r\n", "_\r\n") { $0.null() }
        both("*-1\r\n", "_\r\n") { $0.nullArray() }
        both("*4\r\n", "%2\r\n") { $0.mapHeader(2) }
        both("*2\r\n", "~2\r\n") { $0.setHeader(2) }
        both("*3\r\n", ">3\r\n") { $0.pushHeader(3) }
        both(":1\r\n", "#t\r\n") { $0.bool(true) }
        both("$5\r\n3.141\r\n", ",3.141\r\n") { $0.double(3.141) }
        both("$3\r\ninf\r\n", ",inf\r\n") { $0.double(.infinity) }
        both("$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n") { $0.verbatim(ByteSlice("hi"), format: "txt") }
        both("$3\r\n123\r\n", "(123\r\n") { $0.bigNumber("123") }
        both(":-12\r\n", ":-12\r\n") { $0.integer(-12) }
        both("$5\r\nhello\r\n", "$5\r\nhello\r\n") { $0.bulk("hello") }
        both("$3\r\n-42\r\n", "$3\r\n-42\r\n") { $0.bulk(integer: -42) }
        both("-ERR a b\r\n", "-ERR a b\r\n") { $0.error(ReplyError(composed: "ERR a\nb")) }
        both(
            "-ERR Protocol error: expected '$', got 'x'\r\n",
            "-ERR Protocol error: expected '$', got 'x'\r\n"
        ) { $0.error(.expectedDollar(UInt8(ascii: "x"))) }
    }

    @Test(arguments: [(3, 3), (0, 12), (100, 9), (9, 0)])
    func lengthsAreCorrectedWhenTheElementsAreKnown(expected: Int, found: Int) {
        for isRESP3 in [false, true] {
            let text = written(resp3: isRESP3) { writer in
                writer.ok()
                let outer = writer.beginMapOrPairs(expecting: expected)
                let place = writer.position
                let inner = writer.beginArray(expecting: expected)
                for number in 0..<found { writer.integer(number) }
                writer.end(inner, count: found)
                writer.insertBulk(ByteSlice("front"), at: place)
                writer.end(outer, count: 1)
            }
            let elements = (0..<found).map { ":\($0)\r\n" }.joined()
            #expect(
                text == "+OK\r\n" + (isRESP3 ? "%1" : "*1")
                    + "\r\n$5\r\nfront\r\n*\(found)\r\n" + elements)
        }
    }

    @Test(arguments: 0...130) func bulkStringsOfAllSmallSizesAreCopiedWhole(length: Int) {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
        var buffer = ByteBuffer()
        bytes.withByteSlice { buffer.appendBulkString($0) }
        #expect(buffer.readable.array == Array("$\(length)\r\n".utf8) + bytes + [0x0D, 0x0A])
    }

    @Test func repliesReadBackWhateverTheSplit() throws {
        let text =
            "*4\r\n$2\r\nhi\r\n:7\r\n*0\r\n$-1\r\n%1\r\n+k\r\n,1.5\r\n>2\r\n_\r\n#f\r\n"
            + "|1\r\n+a\r\n+b\r\n-ERR x\r\n=6\r\ntxt:hi\r\n(99\r\n~1\r\n:1\r\n"
        let expected: [Reply] = [
            .array([.bulk(Array("hi".utf8)), .integer(7), .array([]), .null]),
            .map([.simpleString("k"), .double("1.5")]),
            .push([.null, .bool(false)]),
            .attributed([.simpleString("a"), .simpleString("b")], .error("ERR x")),
            .verbatim(format: "txt", text: "hi"), .bigNumber("99"), .set([.integer(1)]),
        ]
        let bytes = Array(text.utf8)
        for piece in [1, 3, bytes.count] {
            var parser = ReplyParser()
            var pending: [UInt8] = []
            var found: [Reply] = []
            var offset = 0
            while offset < bytes.count {
                let end = min(offset + piece, bytes.count)
                pending += bytes[offset..<end]
                offset = end
                while let next = try pending.withByteSlice({ try parser.parse($0, from: 0) }) {
                    found.append(next.reply)
                    pending.removeFirst(next.consumed)
                }
            }
            #expect(found == expected)
        }
    }

    @Test func mutatedRepliesNeverTrap() {
        let seed = Array("*3\r\n$2\r\nhi\r\n:7\r\n%1\r\n+k\r\n|1\r\n+a\r\n+b\r\n,1.5\r\n".utf8)
        let alphabet = Array("*$:%|+-_#,(=~>0123456789\r\n".utf8)
        var generator = SplitMix(state: 7)
        for _ in 0..<2_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = alphabet.randomElement(using: &generator) ?? 0
            }
            var parser = ReplyParser()
            let outcome = Result { try bytes.withByteSlice { try parser.parse($0, from: 0) } }
            if case .success(let found?) = outcome { #expect(found.consumed <= bytes.count) }
        }
    }

    @Test func commandsAreWrittenAsArrays() {
        var buffer = ByteBuffer()
        RequestWriter.command(["SET", "k", ""], into: &buffer)
        RequestWriter.begin(2, into: &buffer)
        RequestWriter.argument("SELECT", into: &buffer)
        RequestWriter.argument(15, into: &buffer)
        #expect(
            buffer.readable.string
                == "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n")
    }
}
