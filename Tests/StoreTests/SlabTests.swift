// The allocator: blocks never overlap, counters are exact, empty pages are given back.
import Bytes
import Testing

@testable import Store

@Suite struct SlabTests {
    @Test func blocksKeepTheirBytesAndMemoryReturnsToZero() {
        var slab = Slab()
        var random = SeededRandom(seed: 12)
        var entries: [(entry: Entry, key: [UInt8], value: [UInt8])] = []
        var expected = 0
        for round in 0..<30_000 {
            let isGrowing = round / 5000 % 2 == 0
            if entries.isEmpty || random.below(10) < (isGrowing ? 7 : 3) {
                let key = [UInt8](repeating: UInt8(round % 251), count: random.below(40))
                let count = random.below(20) == 0 ? random.below(1025) : random.below(100)
                let value = [UInt8](repeating: UInt8(round % 241), count: count)
                let size = Entry.blockBytes(
                    keyCount: key.count, valueCount: value.count, hasExpiry: false)
                let entry = slab.makeEntry(size)
                key.withByteSlice { key in
                    value.withByteSlice { entry.fill(key: key, inline: $0, expiresAt: -1) }
                }
                expected += Slab.roundedSize(size)
                entries.append((entry, key, value))
            } else {
                let index = random.below(entries.count)
                let last = entries.count - 1
                entries.swapAt(index, last)
                let (entry, key, value) = entries.removeLast()
                #expect(entry.key.array == key && entry.inlineBytes.array == value)
                expected -= Slab.roundedSize(entry.blockBytes)
                slab.free(entry)
            }
            if round % 3000 == 0 { slab.checkInvariants() }
        }
        #expect(slab.usedBytes == expected)
        for (entry, key, value) in entries {
            #expect(entry.key.array == key && entry.inlineBytes.array == value)
            slab.free(entry)
        }
        slab.checkInvariants()
        #expect(slab.usedBytes == 0)
        // One page of each of the 127 classes may stay: two regions.
        #expect(slab.reservedBytes <= 2 << 20, "empty regions were kept")
    }
}
