import Bytes
import Testing

@testable import Store

/// Members as keys of a database: the index needs entries and does not care whose they are.
private final class Model {
    let keyspace = makeKeyspace()
    var index = OrderedIndex()
    var items: [(score: Double, member: [UInt8])] = []
    private var scores: [[UInt8]: Double] = [:]

    func entry(_ member: [UInt8]) -> Entry {
        let database = keyspace.database(0)
        if let known = database.entry(member) { return known }
        database.put(member, [])
        guard let made = database.entry(member) else { preconditionFailure("it was just put") }
        return made
    }

    /// Place in the model of the first item that is not below.
    private func place(_ score: Double, _ member: [UInt8]) -> Int {
        var first = 0
        var last = items.count
        while first < last {
            let middle = (first + last) / 2
            let item = items[middle]
            let isBelow =
                item.score < score
                || (item.score == score && item.member.lexicographicallyPrecedes(member))
            if isBelow { first = middle + 1 } else { last = middle }
        }
        return first
    }

    func set(_ member: [UInt8], _ score: Double) {
        let entry = entry(member)
        if let old = scores[member] {
            items.remove(at: place(old, member))
            if !index.replaceScore(old, entry, by: score) {
                index.remove(old, entry)
                index.insert(score, entry)
            }
        } else {
            index.insert(score, entry)
        }
        items.insert((score, member), at: place(score, member))
        scores[member] = score
    }

    func replace(_ old: Double, _ entry: Entry, by new: Double) -> Bool {
        index.replaceScore(old, entry, by: new)
    }

    func remove(_ member: [UInt8]) {
        guard let score = scores.removeValue(forKey: member) else { return }
        items.remove(at: place(score, member))
        index.remove(score, entry(member))
        keyspace.database(0).delete(member)
    }

    func remove(ranks: Range<Int>) {
        var seen: [[UInt8]] = []
        let database = keyspace.database(0)
        index.remove(ranks) { item in
            let member = item.entry.key.array
            seen.append(member)
            database.delete(member)
        }
        #expect(seen == items[ranks].map(\.member))
        for member in seen { scores[member] = nil }
        items.removeSubrange(ranks)
    }

    func check() {
        index.checkInvariants()
        let count = index.count
        #expect(count == items.count)
        var up: [(Double, [UInt8])] = []
        index.forEach(from: 0, limit: .max, isReversed: false) {
            up.append(($0.score, $0.entry.key.array))
        }
        #expect(up.map(\.0) == items.map(\.score) && up.map(\.1) == items.map(\.member))
        var down: [[UInt8]] = []
        index.forEach(from: items.count - 1, limit: .max, isReversed: true) {
            down.append($0.entry.key.array)
        }
        #expect(down == items.reversed().map(\.member))
    }

    func checkProbes(_ random: inout SeededRandom) {
        guard !items.isEmpty else { return }
        let rank = random.below(items.count)
        let item = items[rank]
        let there = index.item(at: rank).entry.key.array
        #expect(there == item.member)
        let found = item.member.withByteSlice {
            index.rank(.item(item.score, $0, isBehind: false))
        }
        #expect(found == rank)
        for score in [item.score, item.score + 0.5] {
            let below = index.rank(.score(score, isBehind: false))
            #expect(below == items.count { $0.score < score })
            let within = index.rank(.score(score, isBehind: true))
            #expect(within == items.count { $0.score <= score })
        }
        let limit = random.below(200)
        for isReversed in [false, true] {
            var seen: [[UInt8]] = []
            index.forEach(from: rank, limit: limit, isReversed: isReversed) {
                seen.append($0.entry.key.array)
            }
            let model =
                isReversed
                ? Array(items[...rank].reversed().prefix(limit))
                : Array(items[rank...].prefix(limit))
            #expect(seen == model.map(\.member))
        }
    }
}

/// How the scores of a run are drawn.
enum ScoreShape: CaseIterable, Sendable {
    case equal, few, many, ascending, descending

    func score(_ step: Int, _ random: inout SeededRandom) -> Double {
        switch self {
        case .equal: 0
        case .few: Double(random.below(7)) - 3
        case .many: Double(random.below(1_000_000)) / 8
        case .ascending: Double(step)
        case .descending: -Double(step)
        }
    }
}

@Suite struct OrderedIndexTests {
    @Test(arguments: ScoreShape.allCases, [UInt64](1...3))
    func behavesAsASortedArray(shape: ScoreShape, seed: UInt64) {
        var random = SeededRandom(seed: seed &* 977)
        let model = Model()
        let size = [300, 1_500, 4_000][Int(seed) - 1]
        for step in 0..<(size * 3) {
            let member = Array("member:\(random.below(size))".utf8)
            // First the set grows, then it shrinks.
            if random.below(10) < (step < size * 2 ? 8 : 2) {
                model.set(member, shape.score(step, &random))
            } else {
                model.remove(member)
            }
            if step % 200 == 0 { model.checkProbes(&random) }
            if step % (size / 2) == 0 { model.check() }
        }
        model.check()
        while !model.items.isEmpty {
            let first = random.below(model.items.count)
            let count = min(model.items.count - first, 1 + random.below(size / 5))
            model.remove(ranks: first..<(first + count))
            model.index.checkInvariants()
        }
        model.check()
        let bytes = model.index.memoryBytes
        #expect(bytes == OrderedLeaf.bytes(capacity: OrderedLeaf.capacityMax))
    }

    @Test func insertionAtEitherEndFillsLeaves() {
        for sign in [1.0, -1.0] {
            let model = Model()
            for number in 0..<16_000 {
                model.index.insert(
                    sign * Double(number), model.entry(Array("\(number)".utf8)))
            }
            model.index.checkInvariants()
            // 16 bytes an item and 24 a leaf of 64, and a branch for every 32 leaves or more.
            let bytes = model.index.memoryBytes
            #expect(bytes < 16_000 * 18)
        }
    }

    @Test func removingItemByItemFromTheFrontKeepsTheRest() {
        let model = Model()
        for number in 0..<4_000 { model.set(Array("\(number)".utf8), Double(number)) }
        for number in 0..<3_990 {
            model.remove(Array("\(number)".utf8))
            if number % 500 == 0 { model.index.checkInvariants() }
        }
        model.check()
        let level = model.index.level
        #expect(level == 0)
    }

    @Test func aScoreIsReplacedInPlaceOnlyBetweenItsNeighbours() {
        let model = Model()
        for number in 0..<10 { model.set(Array("\(number)".utf8), Double(number)) }
        #expect(model.replace(5, model.entry(Array("5".utf8)), by: 5.5))
        #expect(!model.replace(5.5, model.entry(Array("5".utf8)), by: 6))
        #expect(model.replace(9, model.entry(Array("9".utf8)), by: .infinity))
        #expect(!model.replace(0, model.entry(Array("0".utf8)), by: 1.5))
        model.index.checkInvariants()
    }
}
