// The order of pending entries, and groups against a dictionary.
import Bytes
import Testing

@testable import Store

@Suite struct StreamGroupTests {
    @Test(arguments: [UInt64(1), 2, 3])
    func orderAgreesWithASortedArray(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var order = StreamOrder<PendingID>()
        var model: [StreamID] = []
        for round in 0..<12_000 {
            let isGrowing = round / 3_000 % 2 == 0
            let id = StreamID(UInt64(random.below(3000)), UInt64(random.below(3)))
            let index = model.firstIndex { $0 >= id } ?? model.count
            let isThere = index < model.count && model[index] == id
            if random.below(10) < (isGrowing ? 7 : 2) {
                #expect(order.insert(PendingID(id: id)) == !isThere)
                if !isThere { model.insert(id, at: index) }
            } else if random.below(5) == 0, let first = model.first {
                #expect(order.remove(first)?.id == first)
                model.removeFirst()
            } else {
                #expect(order.remove(id)?.id == (isThere ? id : nil))
                if isThere { model.remove(at: index) }
            }
            let bound = order.lowerBound(id)
            let expected = model.first { $0 >= id }
            #expect((bound == order.end ? nil : order[bound].id) == expected)
            #expect(order.floor(id).map { order[$0].id } == model.last { $0 <= id })
            if round % 500 == 0 {
                order.checkInvariants()
                var all: [StreamID] = []
                order.forEach { all.append($0.id) }
                #expect(all == model)
            }
        }
        let copied = order.copy()
        copied.checkInvariants()
        #expect(copied.count == model.count && copied.last?.id == model.last)
    }

    private struct Pending: Equatable {
        var owner: Int
        var count: Int64
    }

    @Test func pendingEntriesBelongToOneConsumer() {
        var random = SeededRandom(seed: 9)
        let stream = StreamObject()
        let group = stream.addGroup(ByteSlice("g"), lastID: .zero, entriesRead: 0)
        guard let group else { return #expect(Bool(false), "the group is new") }
        #expect(stream.addGroup(ByteSlice("g"), lastID: .zero, entriesRead: 0) == nil)
        var model: [StreamID: Pending] = [:]
        func name(_ number: Int) -> [UInt8] { Array("consumer\(number)".utf8) }
        for round in 0..<8_000 {
            let owner = random.below(8)
            let id = StreamID(UInt64(random.below(2000)), 0)
            switch random.below(12) {
            case ..<6:
                let consumer = name(owner).withByteSlice {
                    group.consumer($0) ?? group.addConsumer($0, seenAt: 1)
                }
                guard let consumer else { return #expect(Bool(false), "there is one") }
                let count = Int64(random.below(100))
                group.assign(id, to: consumer, deliveredAt: 5, deliveryCount: count)
                model[id] = Pending(owner: owner, count: count)
            case ..<10:
                #expect(group.removePending(id) == (model.removeValue(forKey: id) != nil))
            case 10:
                group.noteDelivery(id, at: 7)
                model[id]?.count += 1
            default:
                guard random.below(40) == 0 else { break }
                if let consumer = name(owner).withByteSlice({ group.consumer($0) }) {
                    let held = model.filter { $0.value.owner == owner }.count
                    #expect(consumer.pendingCount == held)
                    group.removeConsumer(consumer)
                    model = model.filter { $0.value.owner != owner }
                }
            }
            if round % 1000 == 0 {
                stream.checkInvariants()
                check(group, model)
            }
        }
        check(group, model)
        let copied = stream.copy() as? StreamObject
        copied?.checkInvariants()
        if let twin = copied?.groups.first { check(twin, model) }
        stream.removeGroup(group)
        stream.checkInvariants()
        #expect(stream.memoryUsage == StreamObject().memoryUsage)
    }

    private func check(_ group: StreamGroup, _ model: [StreamID: Pending]) {
        #expect(group.pendingCount == model.count)
        var id: StreamID? = .zero
        var seen = 0
        while let from = id, let entry = group.pendingEntry(atOrAfter: from) {
            let owner = group.consumer(of: entry)
            let expected = model[entry.id]
            #expect(expected?.count == entry.deliveryCount)
            #expect(owner.name == Array("consumer\(expected?.owner ?? -1)".utf8))
            #expect(owner.pendingID(atOrAfter: entry.id) == entry.id)
            seen += 1
            id = entry.id.next
        }
        #expect(seen == model.count)
    }

    @Test func loadedPendingEntriesNeedOwners() {
        let stream = StreamObject()
        guard let group = stream.addGroup(ByteSlice("g"), lastID: .zero, entriesRead: -1),
            let consumer = group.addConsumer(ByteSlice("c"), seenAt: 0)
        else { return #expect(Bool(false), "both are new") }
        let id = StreamID(1, 1)
        #expect(group.loadPending(id, deliveredAt: 1, deliveryCount: 1))
        #expect(!group.loadPending(id, deliveredAt: 1, deliveryCount: 1))
        #expect(!group.isOwned)
        #expect(!group.own(StreamID(2, 1), consumer))
        #expect(group.own(id, consumer))
        #expect(!group.own(id, consumer))
        #expect(group.isOwned)
        stream.checkInvariants()
    }

    @Test func countersOfGroupsFollowTheRulesOfOthers() {
        let stream = StreamObject()
        for number in 1...5 { stream.append(StreamID(UInt64(number), 0), "f", "v") }
        guard let group = stream.addGroup(ByteSlice("g"), lastID: .zero, entriesRead: -1) else {
            return #expect(Bool(false), "it is new")
        }
        #expect(stream.lag(of: group) == 5)
        stream.advance(group, to: StreamID(1, 0))
        #expect(group.entriesRead == 1 && stream.lag(of: group) == 4)
        stream.advance(group, to: StreamID(2, 0))
        #expect(group.entriesRead == 2 && stream.lag(of: group) == 3)
        #expect(stream.delete(StreamID(4, 0)))
        stream.noteDeletions()
        #expect(stream.lag(of: group) == nil)
        stream.advance(group, to: StreamID(3, 0))
        #expect(group.entriesRead == -1 && stream.lag(of: group) == nil)
        stream.advance(group, to: StreamID(5, 0))
        #expect(group.entriesRead == 5 && stream.lag(of: group) == 0)
    }
}
