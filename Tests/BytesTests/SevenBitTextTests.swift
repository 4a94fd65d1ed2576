// Text in seven bits a character against the characters themselves.
import Testing

@testable import Bytes

@Suite struct SevenBitTextTests {
    /// The bytes of `text` behind a marker; nil when it cannot be stored so.
    private func store(_ text: [UInt8]) -> [UInt8]? {
        var buffer = ByteBuffer()
        buffer.append("before")
        let isStored = text.withByteSlice { buffer.append(marker: 0xAA, sevenBits: $0) }
        #expect(isStored || buffer.readable == "before")
        return isStored ? Array(buffer.readable.array.dropFirst(6)) : nil
    }

    private func randomText(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        (0..<count).map { _ in UInt8(random.below(128)) }
    }

    @Test(arguments: 9...72)
    func everyLengthComesBackIdentical(count: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        for _ in 0..<50 {
            let text = randomText(count, &random)
            let stored = try #require(store(text))
            #expect(stored[0] == 0xAA && stored.count == 1 + (count * 7 + 7) / 8)
            Array(stored.dropFirst()).withByteSlice { bytes in
                let found = SevenBitText(bytes, count: count)
                var buffer = ByteBuffer()
                buffer.append(found)
                #expect(buffer.readable.array == text)
                buffer.removeAll()
                buffer.appendBulkString(found)
                #expect(buffer.readable.array == Array("$\(count)\r\n".utf8) + text + [13, 10])
                #expect(found.bytes == bytes)
            }
        }
    }

    @Test func otherLengthsAndOtherBytesAreRefused() {
        for count in [0, 1, 8, 73, 200] {
            #expect(store([UInt8](repeating: 0x61, count: count)) == nil)
        }
        for count in 9...72 {
            for place in 0..<count {
                var text = [UInt8](repeating: 0x61, count: count)
                text[place] = 0x80
                #expect(store(text) == nil)
                text[place] = 0x7F
                #expect(store(text) != nil)
            }
        }
    }

    @Test func theyCompareLikeTheirCharacters() throws {
        var random = SeededRandom(seed: 5)
        for _ in 0..<20_000 {
            let text = randomText(9 + random.below(30), &random)
            var other = random.below(4) == 0 ? randomText(random.below(40), &random) : text
            if random.below(2) == 0, !other.isEmpty {
                other[random.below(other.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.below(3) == 0 { other = Array(other.prefix(random.below(other.count + 1))) }
            if random.below(5) == 0 { other += randomText(random.below(9), &random) }
            let stored = try #require(store(text))
            let order = Array(stored.dropFirst()).withByteSlice { bytes in
                other.withByteSlice { SevenBitText(bytes, count: text.count).compare($0) }
            }
            let expected = text.withByteSlice { mine in other.withByteSlice { mine.compare($0) } }
            #expect(order.signum() == expected.signum(), "\(text) \(other)")
        }
    }
}
