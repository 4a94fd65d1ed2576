import Bytes
import Testing

/// Operations on bits and splices, against arrays.
@Suite struct BitsTests {
    private func bytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        (0..<count).map { _ in UInt8(random.next() & 0xFF) }
    }

    @Test func bitsAreCounted() {
        var random = SeededRandom(seed: 1)
        for length in [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 100, 1_000] {
            let array = bytes(length, &random)
            let expected = array.reduce(0) { $0 + $1.nonzeroBitCount }
            #expect(array.withByteSlice { $0.bitCount() } == expected)
            if length > 0 {
                let inner = array.withByteSlice { $0.dropFirst(1).bitCount() }
                #expect(inner == expected - array[0].nonzeroBitCount)
            }
        }
    }

    @Test func theFirstOtherByteIsFound() {
        for length in 0..<40 {
            for place in 0...length {
                var array = [UInt8](repeating: 0xFF, count: length)
                if place < length { array[place] = 0xFE }
                for start in 0...length {
                    let found = array.withByteSlice {
                        $0.firstIndex(ofByteOtherThan: 0xFF, from: start)
                    }
                    #expect(found == (start <= place ? place : length))
                }
            }
        }
    }

    @Test func shorterOperandsCountAsFilledUpWithZeros() {
        var random = SeededRandom(seed: 2)
        for (left, right) in [(0, 0), (0, 9), (9, 0), (20, 20), (33, 7), (7, 33), (64, 65)] {
            let a = bytes(left, &random)
            let b = bytes(right, &random)
            let length = max(left, right)
            let x = a + [UInt8](repeating: 0, count: length - left)
            let y = b + [UInt8](repeating: 0, count: length - right)
            var results: [[UInt8]] = []
            for operation in 0..<4 {
                var buffer = ByteBuffer()
                // A consumed byte in front shifts the readable bytes.
                buffer.append(0)
                buffer.append(1)
                buffer.append(a)
                buffer.consume(2)
                b.withByteSlice { slice in
                    switch operation {
                    case 0: buffer.and(slice)
                    case 1: buffer.or(slice)
                    case 2: buffer.xor(slice)
                    default: buffer.invert()
                    }
                }
                results.append(buffer.readable.array)
            }
            #expect(results[0] == zip(x, y).map { $0 & $1 })
            #expect(results[1] == zip(x, y).map { $0 | $1 })
            #expect(results[2] == zip(x, y).map { $0 ^ $1 })
            #expect(results[3] == a.map { ~$0 })
        }
    }

    @Test func splicesAreThoseOfArrays() {
        var random = SeededRandom(seed: 3)
        var buffer = ByteBuffer()
        var model: [UInt8] = []
        for _ in 0..<500 {
            let offset = Int(random.next() % UInt64(model.count + 1))
            let removed = Int(random.next() % UInt64(model.count - offset + 1)) % 20
            let inserted = bytes(Int(random.next() % 12), &random)
            inserted.withByteSlice { buffer.splice(at: offset, removing: removed, inserting: $0) }
            model.replaceSubrange(offset..<offset + removed, with: inserted)
            #expect(buffer.readable.array == model)
        }
    }
}
