// Groups of a frozen stream stay as they were, whatever happens to them while they are read.
import Bytes
import Testing

@testable import Store

@Suite struct FrozenGroupTests {
    private static func text(_ part: StreamPart) -> String {
        switch part {
        case .node(let id, let bytes, _): "node \(id) \(bytes)"
        case .counters(let counters): "counters \(counters)"
        case .group(let name, let lastID, let read, let count):
            "group \(name) \(lastID) \(read) \(count)"
        case .pending(let entry):
            "pending \(entry.id) \(entry.deliveredAt) \(entry.deliveryCount)"
        case .consumerCount(let count): "consumers \(count)"
        case .consumer(let name, let seen, let active, let count):
            "consumer \(name) \(seen) \(active) \(count)"
        case .owned(let id): "owned \(id)"
        }
    }

    private static func parts(_ stream: StreamObject) -> [String] {
        var found: [String] = []
        stream.forEachPart { found.append(text($0)) }
        return found
    }

    private static func name(_ prefix: String, _ number: Int) -> [UInt8] {
        Array("\(prefix)\(number)".utf8)
    }

    private static func consumer(
        _ group: StreamGroup, _ random: inout SeededRandom
    ) -> StreamConsumer? {
        name("c", random.below(5)).withByteSlice { group.consumer($0) }
    }

    private static func change(
        _ stream: StreamObject, _ random: inout SeededRandom, isGrowing: Bool
    ) {
        let groupName = name("g", random.below(4))
        let id = StreamID(UInt64(random.below(1_200)), 0)
        guard let group = groupName.withByteSlice({ stream.group($0) }) else {
            _ = groupName.withByteSlice {
                stream.addGroup($0, lastID: id, entriesRead: Int64(random.below(9)))
            }
            return
        }
        switch random.below(isGrowing ? 20 : 28) {
        case ..<10:
            let owner = name("c", random.below(5)).withByteSlice {
                group.consumer($0) ?? group.addConsumer($0, seenAt: 1)
            }
            guard let owner else { break }
            group.assign(
                id, to: owner, deliveredAt: Int64(random.below(1_000)),
                deliveryCount: Int64(random.below(3)))
        case 10: group.noteDelivery(id, at: Int64(random.below(1_000)))
        case 11: consumer(group, &random)?.seenAt += 1
        case 12: consumer(group, &random)?.activeAt += 1
        case 13: group.lastID = id
        case 14: group.entriesRead += 1
        case 15:
            if random.below(30) == 0, let gone = consumer(group, &random) {
                group.removeConsumer(gone)
            }
        case 16: if random.below(60) == 0 { stream.removeGroup(group) }
        default: _ = group.removePending(id)
        }
    }

    @Test(arguments: [UInt64(1), 2])
    func groupsAreReadAsTheyWere(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let stream = StreamObject()
        for _ in 0..<3_000 { FrozenGroupTests.change(stream, &random, isGrowing: true) }
        for round in 0..<8 {
            let expected = FrozenGroupTests.parts(stream)
            guard let frozen = stream.freeze() else {
                return #expect(Bool(false), "it is not frozen yet")
            }
            var found: [String] = []
            var isDone = false
            var steps = 0
            while !isDone {
                let count = random.below(round % 3 == 0 ? 4 : 120)
                for _ in 0..<count {
                    FrozenGroupTests.change(stream, &random, isGrowing: round % 2 == 0)
                }
                if steps % 40 == 0 { stream.checkInvariants() }
                steps += 1
                isDone = frozen.advance(effortMax: 1 + random.below(200)) {
                    found.append(FrozenGroupTests.text($0))
                }
                // A snapshot that fails ends early.
                if round % 4 == 3 && steps == 5 { break }
            }
            stream.endFreeze()
            #expect(found.count > 20 && (steps > 5 || round % 4 == 3))
            #expect(found == Array(expected.prefix(isDone ? Int.max : found.count)))
            stream.checkInvariants()
        }
        // A copy of a frozen stream is none.
        _ = stream.freeze()
        let copied = stream.copy() as? StreamObject
        #expect(copied.map(FrozenGroupTests.parts) == FrozenGroupTests.parts(stream))
        copied?.checkInvariants()
        stream.endFreeze()
        while let group = stream.groups.first { stream.removeGroup(group) }
        #expect(stream.memoryUsage == StreamObject().memoryUsage)
    }

    /// The work of a step does not depend on how many entries are pending.
    @Test func aStepReadsNoMoreThanItsEffort() {
        let stream = StreamObject()
        guard let group = stream.addGroup(ByteSlice("g"), lastID: .zero, entriesRead: 0),
            let owner = group.addConsumer(ByteSlice("c"), seenAt: 0)
        else { return #expect(Bool(false), "both are new") }
        let count = 5_000
        for number in 0..<count {
            group.assign(
                StreamID(UInt64(number), 0), to: owner, deliveredAt: 0, deliveryCount: 1)
        }
        #expect(stream.isLarger(nodes: 0, groupParts: 2 * count))
        #expect(!stream.isLarger(nodes: 0, groupParts: 2 * count + 2))
        guard let frozen = stream.freeze() else { return #expect(Bool(false), "not frozen") }
        var steps = 0
        var largest = 0
        var isDone = false
        while !isDone {
            var parts = 0
            isDone = frozen.advance(effortMax: 100) { _ in parts += 1 }
            largest = max(largest, parts)
            steps += 1
        }
        #expect(largest == 100 && steps > 2 * count / 100)
        stream.endFreeze()
    }
}
