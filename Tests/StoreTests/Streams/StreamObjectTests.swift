// Streams against the model: additions, deletions, trimming, ranges both ways, files, copies.
import Bytes
import Testing

@testable import Store

@Suite struct StreamObjectTests {
    struct Scenario: Sendable, CustomStringConvertible {
        let seed: UInt64
        let bytesMax: Int
        let entriesMax: Int
        var description: String { "seed \(seed), \(bytesMax) bytes, \(entriesMax) entries" }
    }

    static let scenarios = [
        Scenario(seed: 1, bytesMax: 4096, entriesMax: 100),
        Scenario(seed: 2, bytesMax: 4096, entriesMax: 1),
        Scenario(seed: 3, bytesMax: 100, entriesMax: 0),
        Scenario(seed: 4, bytesMax: 0, entriesMax: 0),
        Scenario(seed: 5, bytesMax: 0, entriesMax: 7),
    ]

    @Test(arguments: scenarios)
    func agreesWithTheModelUnderRandomChanges(scenario: Scenario) {
        var random = SeededRandom(seed: scenario.seed)
        let limits = StreamNodeLimits(
            bytesMax: scenario.bytesMax, entriesMax: scenario.entriesMax)
        let stream = StreamObject()
        var model = StreamModel()
        for round in 0..<1_500 {
            switch random.below(20) {
            case ..<13: append(&random, stream, &model, limits)
            case ..<16: delete(&random, stream, &model)
            case 16: trim(&random, stream, &model)
            default: compareRange(&random, stream, model)
            }
            if round % 97 == 0 {
                stream.checkInvariants()
                #expect(stream.range() == model.items)
            }
        }
        stream.checkInvariants()
        #expect(stream.range() == model.items)
        #expect(stream.range(isReversed: true) == model.items.reversed())
        checkFiles(stream, model)
        let copied = stream.copy() as? StreamObject
        #expect(copied?.range() == model.items)
        copied?.checkInvariants()
    }

    @Test(arguments: scenarios)
    func whatIsFrozenStaysAsItWas(scenario: Scenario) {
        var random = SeededRandom(seed: scenario.seed + 100)
        let limits = StreamNodeLimits(
            bytesMax: scenario.bytesMax, entriesMax: scenario.entriesMax)
        let stream = StreamObject()
        var model = StreamModel()
        for _ in 0..<500 { append(&random, stream, &model, limits) }
        for round in 0..<12 {
            let expected = stream.listpacks
            guard let frozen = stream.freeze() else {
                return #expect(Bool(false), "it is not frozen yet")
            }
            #expect(stream.freeze() == nil)
            var found: [(id: StreamID, bytes: [UInt8])] = []
            var isDone = false
            while !isDone {
                for _ in 0..<random.below(40) {
                    switch random.below(8) {
                    case ..<4: append(&random, stream, &model, limits)
                    case ..<6: delete(&random, stream, &model)
                    case 6: trim(&random, stream, &model)
                    default: compareRange(&random, stream, model)
                    }
                }
                stream.checkInvariants()
                isDone = frozen.advance(effortMax: 1 + random.below(250)) { part in
                    guard case .node(let id, _, let node) = part else { return }
                    var buffer = ByteBuffer()
                    node.append(to: &buffer)
                    found.append((id, buffer.readable.array))
                }
                // A snapshot that fails ends early.
                if round == 5 { break }
            }
            stream.endFreeze()
            if round != 5 {
                #expect(found.map(\.id) == expected.map(\.id))
                #expect(found.map(\.bytes) == expected.map(\.bytes))
            }
            stream.checkInvariants()
            #expect(stream.range() == model.items)
        }
    }

    private func append(
        _ random: inout SeededRandom, _ stream: StreamObject, _ model: inout StreamModel,
        _ limits: StreamNodeLimits
    ) {
        var id = stream.lastID
        switch random.below(4) {
        case 0: id = StreamID(id.milliseconds + 1, UInt64(random.below(1000)))
        case 1: id = StreamID(id.milliseconds + UInt64(random.below(100_000)) + 1, 0)
        default: id = id.next ?? id
        }
        let shapes: [[[UInt8]]] = [
            [Array("temperature".utf8), Array("humidity".utf8)], [Array("1".utf8)],
            [Array("12345".utf8), Array("x".utf8), [UInt8](repeating: 0x66, count: 70)],
        ]
        var names = shapes[random.below(10) == 0 ? random.below(3) : 0]
        if random.below(30) == 0 { names = [random.streamText()] }
        let fields = names.flatMap { [$0, random.streamText()] }
        stream.append(id, fields, limits: limits)
        model.items.append(StreamModel.Item(id: id, fields: fields))
    }

    private func delete(
        _ random: inout SeededRandom, _ stream: StreamObject, _ model: inout StreamModel
    ) {
        let id =
            random.below(10) == 0 || model.items.isEmpty
            ? StreamID(UInt64(random.below(1000)), 3)
            : model.items[random.below(model.items.count)].id
        let index = model.items.firstIndex { $0.id == id }
        #expect(stream.delete(id) == (index != nil))
        stream.noteDeletions()
        if let index {
            model.items.remove(at: index)
            model.maxDeleted = max(model.maxDeleted, id)
        }
        #expect(stream.maxDeletedID == model.maxDeleted)
        #expect(stream.firstID == model.items.first?.id ?? .zero)
        #expect(stream.lastEntryID == model.items.last?.id ?? .zero)
    }

    private func trim(
        _ random: inout SeededRandom, _ stream: StreamObject, _ model: inout StreamModel
    ) {
        let before = model.items.count
        let kept = max(0, before - random.below(60))
        let isApproximate = random.below(2) == 0
        let limit = isApproximate && random.below(2) == 0 ? random.below(50) : 0
        if random.below(2) == 0 || kept == 0 {
            let deleted = stream.trim(
                .length(kept), isApproximate: isApproximate, limit: limit)
            if !isApproximate { #expect(deleted == before - kept) }
            if limit > 0 { #expect(deleted <= limit) }
            #expect(deleted <= before - kept)
            model.items.removeFirst(deleted)
        } else {
            let id = model.items[before - kept].id
            let deleted = stream.trim(
                .minimum(id), isApproximate: isApproximate, limit: limit)
            if !isApproximate { #expect(deleted == before - kept) }
            #expect(deleted <= before - kept)
            model.items.removeFirst(deleted)
        }
        #expect(stream.length == model.items.count)
        #expect(stream.firstID == model.items.first?.id ?? .zero)
    }

    private func compareRange(
        _ random: inout SeededRandom, _ stream: StreamObject, _ model: StreamModel
    ) {
        guard !model.items.isEmpty else { return }
        var from = model.items[random.below(model.items.count)].id
        var to = model.items[random.below(model.items.count)].id
        if random.below(3) == 0 { from = from.previous ?? from }
        if random.below(3) == 0 { to = to.next ?? to }
        // Ranges near each other keep the test quick.
        if random.below(4) != 0 { to = min(to, StreamID(from.milliseconds + 500_000, 0)) }
        let expected = model.range(from, to)
        #expect(stream.range(from: from, to: to) == expected)
        #expect(stream.range(from: from, to: to, isReversed: true) == expected.reversed())
    }

    private func checkFiles(_ stream: StreamObject, _ model: StreamModel) {
        let loaded = StreamObject()
        for (id, bytes) in stream.listpacks {
            #expect(bytes.withByteSlice { loaded.loadNode(id, listpack: $0) })
        }
        #expect(loaded.finishLoading(length: UInt64(stream.length), lastID: stream.lastID))
        loaded.checkInvariants()
        #expect(loaded.range() == model.items)
        #expect(loaded.firstID == stream.firstID)
    }

    @Test func idsAreReadAndPrinted() {
        func id(_ text: String) -> StreamID? { Array(text.utf8).withByteSlice { StreamID($0) } }
        #expect(id("5-3") == StreamID(5, 3))
        #expect(id("5") == StreamID(5, 0))
        #expect(id("05-001") == StreamID(5, 1))
        #expect(id(" +5") == StreamID(5, 0))
        #expect(id("18446744073709551615-18446744073709551615") == .max)
        for bad in [
            "", "-", "5-", "-5", "5-a", "+", " ", "1 -2", "a", "18446744073709551616", "5--1",
        ] {
            #expect(id(bad) == nil, "\(bad)")
        }
        #expect(Array("7-*".utf8).withByteSlice { StreamID.millisecondsOfOpenID($0) } == 7)
        #expect(Array("7-1*".utf8).withByteSlice { StreamID.millisecondsOfOpenID($0) } == nil)
        var text = ByteBuffer()
        StreamID(.max, 10).append(to: &text)
        #expect(text.readable == "18446744073709551615-10")
        #expect(StreamID(3, .max).next == StreamID(4, 0))
        #expect(StreamID(4, 0).previous == StreamID(3, .max))
        #expect(StreamID.max.next == nil && StreamID.zero.previous == nil)
    }

    @Test func damagedNodesAreRefused() {
        let stream = StreamObject()
        for number in 1...20 {
            stream.append(StreamID(UInt64(number), 5), "field", "value\(number)", "n", "\(number)")
        }
        stream.append(StreamID(21, 0), "other", "x")
        _ = stream.delete(StreamID(3, 5))
        let (id, bytes) = stream.listpacks[0]
        var random = SeededRandom(seed: 77)
        var taken = 0
        for round in 0..<6_000 {
            var mutated = bytes
            for _ in 0...random.below(3) {
                mutated[random.below(mutated.count)] = UInt8(random.below(256))
            }
            if round % 5 == 0 { mutated.removeLast(random.below(mutated.count)) }
            let loaded = StreamObject()
            // A change of a text is no damage; whatever is taken must hold together.
            if mutated.withByteSlice({ loaded.loadNode(id, listpack: $0) }) {
                loaded.lastID = .max
                loaded.updateFirstID()
                loaded.checkInvariants()
                #expect(loaded.range().count == loaded.range(isReversed: true).count)
                _ = loaded.trim(.length(1), isApproximate: false, limit: 0)
                loaded.checkInvariants()
                taken += 1
            }
        }
        #expect(taken > 50 && taken < 5_900)
    }

    @Test func nodesOfAFileMustRise() {
        let stream = StreamObject()
        stream.append(StreamID(5, 0), "a", "b")
        stream.append(StreamID(9, 0), "a", "b")
        let bytes = stream.listpacks[0].bytes
        let loaded = StreamObject()
        #expect(bytes.withByteSlice { loaded.loadNode(StreamID(5, 0), listpack: $0) })
        #expect(!bytes.withByteSlice { loaded.loadNode(StreamID(9, 0), listpack: $0) })
        #expect(!loaded.finishLoading(length: 3, lastID: .max))
        #expect(!loaded.finishLoading(length: 2, lastID: StreamID(8, 0)))
        #expect(loaded.finishLoading(length: 2, lastID: StreamID(9, 0)))
    }

    @Test func theTreeOfOthersIsCounted() {
        // One key: the run of its bytes and the leaf.
        let stream = StreamObject()
        #expect(stream.radixTreeNodeCount == 1)
        let limits = StreamNodeLimits(bytesMax: 4096, entriesMax: 1)
        stream.append(StreamID(1, 1), [[0x61], [0x62]], limits: limits)
        #expect(stream.radixTreeNodeCount == 2)
        // Parted in byte 7: the run before, the place, two runs behind, two leaves.
        stream.append(StreamID(2, 1), [[0x61], [0x62]], limits: limits)
        #expect(stream.radixTreeNodeCount == 6)
        // Parted in the last byte: nothing between the place and the leaves.
        stream.append(StreamID(2, 2), [[0x61], [0x62]], limits: limits)
        #expect(stream.radixTreeNodeCount == 8)
    }

    @Test func removingManyNodesLeavesNoMemoryBehind() {
        let stream = StreamObject()
        let empty = stream.memoryUsage
        for number in 1...20_000 {
            stream.append(StreamID(UInt64(number), 0), "f", "v\(number)")
        }
        #expect(stream.nodeCount == 200)
        #expect(stream.memoryUsage > empty + 20_000 * 10)
        #expect(stream.trim(.length(0), isApproximate: false, limit: 0) == 20_000)
        stream.checkInvariants()
        #expect(stream.memoryUsage < empty + 100)
    }
}
