// Prepared chunks: large tables take them, small ones do not, nobody waits for one.
import Bytes
import Synchronization
import Testing

@testable import Store

/// A supply that is refilled at once, on the calling thread, or never.
private func supply(isRefilled: Bool = true) -> ChunkSupply {
    ChunkSupply { if isRefilled { $0.refill() } }
}

private let blockBytes = Entry.blockBytes(keyCount: 1, valueCount: 400, hasExpiry: false)
private let blocksPerPage = (Slab.pageBytes - Slab.pageHeaderBytes) / Slab.roundedSize(blockBytes)
private let blocksPerChunk = blocksPerPage * RegionList.pageCount

@Suite struct ChunkSupplyTests {
    private func fill(_ slab: inout Slab, count: Int) -> [Entry] {
        (0..<count).map { number in
            let value = [UInt8](repeating: UInt8(number % 251), count: 400)
            let entry = slab.makeEntry(blockBytes)
            value.withByteSlice { value in
                [UInt8(number % 7)].withByteSlice {
                    entry.fill(key: $0, inline: value, expiresAt: Entry.never)
                }
            }
            return entry
        }
    }

    @Test func aLargeSlabTakesPreparedChunksAndGivesThemBack() {
        var slab = Slab(supply: supply())
        let small = blocksPerChunk * 2
        var entries = fill(&slab, count: small)
        #expect(slab.preparedRegionCount == 0, "a small slab was rounded up to huge pages")
        entries += fill(&slab, count: blocksPerChunk * 6)
        // The first request finds nothing prepared and takes a plain chunk.
        #expect(slab.preparedRegionCount >= 4)
        slab.checkInvariants()
        for (number, entry) in entries.enumerated() where number % 16 != 0 { slab.free(entry) }
        for (number, entry) in entries.enumerated() where number % 16 == 0 {
            let local = number < small ? number : number - small
            #expect(entry.inlineBytes.array == [UInt8](repeating: UInt8(local % 251), count: 400))
            slab.free(entry)
        }
        slab.checkInvariants()
        // The region of the class's last page, and one that is kept while it is the only open one.
        #expect(slab.usedBytes == 0 && slab.reservedBytes <= 2 * Chunk.byteCount)
    }

    @Test func aChunkThatIsHalfFreeGivesItsPagesBack() {
        var slab = Slab(supply: supply())
        let entries = fill(&slab, count: blocksPerChunk * 8)
        let before = slab.preparedRegionCount
        // Blocks were cut in order: three of four pages become free.
        for (number, entry) in entries.enumerated() where number / blocksPerPage % 4 != 0 {
            slab.free(entry)
        }
        #expect(before >= 4 && slab.preparedRegionCount == 0)
        slab.checkInvariants()
        // What was given back serves again, and holds what is written.
        let again = fill(&slab, count: 20_000)
        for (number, entry) in again.enumerated() {
            #expect(entry.inlineBytes.array == [UInt8](repeating: UInt8(number % 251), count: 400))
        }
        slab.checkInvariants()
    }

    @Test func withoutAPreparedChunkAPlainOneServes() {
        var slab = Slab(supply: supply(isRefilled: false))
        _ = fill(&slab, count: blocksPerChunk * 8)
        #expect(slab.preparedRegionCount == 0 && slab.reservedBytes >= 7 * Chunk.byteCount)
    }

    @Test func requestsAreMadeOnceUntilTheSupplyIsRefilled() {
        let requests = RequestCount()
        let supply = ChunkSupply { _ in requests.count.add(1, ordering: .relaxed) }
        #expect(supply.take() == nil && supply.take() == nil)
        #expect(requests.count.load(ordering: .relaxed) == 1)
        supply.refill()
        let chunk = supply.take()
        #expect(chunk != nil && requests.count.load(ordering: .relaxed) == 2)
        chunk?.release()
    }

    @Test func theSegmentsOfALargeTableLieInChunks() {
        let keyspace = Keyspace(
            databaseCount: 2, secret: SipKey(low: 1, high: 2), chunks: supply())
        let database = keyspace.database(0)
        var random = SeededRandom(seed: 5)
        var alive = Set<Int>()
        func key(_ number: Int) -> [UInt8] { Array("key:\(number)".utf8) }
        for number in 0..<260_000 {
            database.put(key(number), [1])
            alive.insert(number)
        }
        #expect(database.storage.table.arena.roomCount > 0)
        #expect(keyspace.database(1).storage.table.arena.roomCount == 0)
        // Segments shrink, merge and grow again; rooms that became empty go.
        for number in 0..<260_000 where random.below(20) != 0 {
            #expect(database.delete(key(number)))
            alive.remove(number)
        }
        keyspace.checkInvariants()
        for number in 0..<60_000 where alive.insert(number).inserted {
            database.put(key(number), [2])
        }
        keyspace.checkInvariants()
        #expect(database.count == alive.count)
        for number in alive { #expect(database.entry(key(number)) != nil) }
    }
}

private final class RequestCount: Sendable {
    let count = Atomic<Int>(0)
}
