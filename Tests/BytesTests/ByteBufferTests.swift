import Bytes
import Testing

@Suite struct ByteBufferTests {
    @Test(arguments: [
        0, 9, 10, 99, 100, 12_345, Int64.max, Int64.min, -1, -10, 1_000_000_000_000_000_000,
    ])
    func decimalsReadBack(value: Int64) {
        var buffer = ByteBuffer()
        buffer.append(decimal: value)
        #expect(buffer.readable.string == String(value))
    }

    @Test func consumedSpaceIsReusedAndNothingIsLost() {
        var buffer = ByteBuffer(capacity: 64)
        var model: [UInt8] = []
        var next: UInt8 = 0
        for round in 0..<2_000 {
            for _ in 0..<(round % 37) {
                buffer.append(next)
                model.append(next)
                next &+= 1
            }
            let taken = min(model.count, round % 41)
            #expect(buffer.readable.prefix(taken).array == Array(model.prefix(taken)))
            buffer.consume(taken)
            model.removeFirst(taken)
            #expect(buffer.count == model.count)
        }
        #expect(buffer.capacity <= 4_096)
    }

    @Test func nothingFromSomewhereIsAppendedToNothing() {
        var buffer = ByteBuffer()
        buffer.append(ByteSlice("abc").prefix(0))
        #expect(buffer.isEmpty && buffer.capacity == 0)
    }

    @Test func slicesCompareLikeMemcmp() {
        #expect(ByteSlice("abc").compare(ByteSlice("abd")) < 0)
        #expect(ByteSlice("abcdefgh1").compare(ByteSlice("abcdefgh0")) > 0)
        #expect(ByteSlice("abc").compare(ByteSlice("abcd")) < 0)
        #expect(ByteSlice("GeT").equalsIgnoringCase("get"))
        #expect(!ByteSlice("ge@").equalsIgnoringCase("ge`"))
        #expect(ByteSlice("hello world").slice(from: 6, count: 5) == "world")
    }

    @Test func listsKeepTheirOrderWhenTheyGrow() {
        var list = ByteSliceList(capacity: 1)
        for text in ["a", "b", "c"] as [StaticString] { list.append(ByteSlice(text)) }
        let view = list.view(from: 1, count: 2)
        #expect(view[0] == "b" && view[1] == "c")
    }
}
