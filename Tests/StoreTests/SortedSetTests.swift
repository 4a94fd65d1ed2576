import Bytes
import Testing

@testable import Store

/// A sorted set of a database beside a dictionary.
private final class Model {
    let keyspace = makeKeyspace()
    let key = Array("set".utf8)
    var scores: [[UInt8]: Double] = [:]
    var limits = EncodingLimits()
    private var buffer = ByteBuffer()

    var database: Database { keyspace.database(0) }

    private func withEntry<Result>(_ body: (inout Entry, KeyHash) -> Result) -> Result {
        key.withByteSlice { key in
            let hash = database.hash(key)
            if database.find(key, hash) == nil {
                var empty = ByteBuffer()
                PackedEncoder.begin(&empty)
                database.set(key, hash, packed: empty.readable, type: .sortedSet)
            }
            guard var entry = database.find(key, hash) else {
                preconditionFailure("it was just stored")
            }
            return body(&entry, hash)
        }
    }

    var view: SortedSetView { withEntry { entry, _ in SortedSetView(entry) } }
    var isPacked: Bool { withEntry { entry, _ in entry.packed != nil } }

    func apply(_ change: ScoreChange, to member: [UInt8]) -> ScoreChange.Outcome {
        withEntry { entry, hash in
            member.withByteSlice {
                database.apply(change, to: $0, of: &entry, hash, limits, buffer: &buffer)
            }
        }
    }

    func remove(_ member: [UInt8]) -> Bool {
        withEntry { entry, hash in
            member.withByteSlice { database.removeMember($0, of: &entry, hash) }
        }
    }

    func remove(ranks: Range<Int>) {
        for item in sorted[ranks] { scores[item.key] = nil }
        withEntry { entry, hash in database.removeMembers(ranks, of: &entry, hash) }
    }

    var sorted: [(key: [UInt8], value: Double)] {
        scores.sorted {
            $0.value < $1.value
                || ($0.value == $1.value && $0.key.lexicographicallyPrecedes($1.key))
        }
    }

    func check() {
        let model = sorted
        var members: [[UInt8]] = []
        var values: [Double] = []
        var text = ByteBuffer()
        view.forEach(0..<view.count) { member, score in
            members.append(member.text(in: &text).array)
            values.append(score)
        }
        #expect(members == model.map(\.key) && values == model.map(\.value))
        var reversed: [[UInt8]] = []
        view.forEach(0..<view.count, isReversed: true) { member, _ in
            reversed.append(member.text(in: &text).array)
        }
        #expect(reversed == members.reversed())
        if case .indexed(let set) = view { set.checkInvariants() }
        keyspace.checkInvariants()
    }

    func checkProbes(_ random: inout SeededRandom) {
        let model = sorted
        guard !model.isEmpty else { return }
        let rank = random.below(model.count)
        let item = model[rank]
        let place = item.key.withByteSlice { view.place(of: $0) }
        #expect(place?.rank == rank && place?.score == item.value)
        var range = ScoreRange(item.value, item.value + Double(random.below(20)))
        range.excludesMin = random.below(2) == 0
        range.excludesMax = random.below(2) == 0
        let isInside = { (score: Double) in
            (range.excludesMin ? score > range.min : score >= range.min)
                && (range.excludesMax ? score < range.max : score <= range.max)
        }
        let ranks = view.ranks(range)
        #expect(ranks.count == model.count { isInside($0.value) })
        if let first = model.firstIndex(where: { isInside($0.value) }) {
            #expect(ranks.lowerBound == first)
        }
    }
}

@Suite struct SortedSetTests {
    /// Members of all kinds: numbers, short and long texts.
    private func member(_ random: inout SeededRandom, _ size: Int) -> [UInt8] {
        let number = random.below(size)
        switch number % 3 {
        case 0: return Array("\(number - size / 2)".utf8)
        case 1: return Array("member:\(number)".utf8)
        default: return Array("\(number)".utf8) + [UInt8](repeating: 0x6D, count: number % 50)
        }
    }

    private func score(_ random: inout SeededRandom) -> Double {
        switch random.below(4) {
        case 0: Double(random.below(10))
        case 1: Double(random.below(100)) / 4
        case 2: -Double(random.below(1 << 40))
        default: random.below(2) == 0 ? .infinity : Double(random.below(1 << 30)) * 1e30
        }
    }

    @Test(arguments: [30, 100, 600], [UInt64](1...3))
    func bothFormsBehaveAsADictionary(size: Int, seed: UInt64) {
        var random = SeededRandom(seed: seed &* 31 &+ UInt64(size))
        let model = Model()
        for step in 0..<(size * 12) {
            let member = member(&random, size)
            switch random.below(8) {
            case 0...3:
                let score = score(&random)
                let old = model.scores.updateValue(score, forKey: member)
                let outcome = model.apply(ScoreChange(score), to: member)
                let expected: ScoreChange.Outcome =
                    old == nil ? .added(score) : old == score ? .unchanged(score) : .updated(score)
                #expect(outcome == expected)
            case 4:
                var change = ScoreChange(Double(random.below(9)) - 4)
                change.isIncrement = true
                change.onlyIfGreater = random.below(3) == 0
                change.mayAdd = random.below(2) == 0
                let outcome = model.apply(change, to: member)
                if let old = model.scores[member] {
                    let new = old + change.score
                    let isRefused = change.onlyIfGreater && new <= old
                    #expect(
                        outcome
                            == (isRefused ? .refused : new == old ? .unchanged(new) : .updated(new))
                    )
                    if !isRefused { model.scores[member] = new }
                } else {
                    #expect(outcome == (change.mayAdd ? .added(change.score) : .refused))
                    if change.mayAdd { model.scores[member] = change.score }
                }
            default:
                let existed = model.scores.removeValue(forKey: member) != nil
                #expect(model.remove(member) == existed)
            }
            if step % 40 == 0 { model.checkProbes(&random) }
            if step % (size * 2) == 0 { model.check() }
        }
        model.check()
        while !model.scores.isEmpty {
            let first = random.below(model.scores.count)
            let count = min(model.scores.count - first, 1 + random.below(size / 4))
            model.remove(ranks: first..<(first + count))
            model.checkProbes(&random)
        }
        model.check()
    }

    @Test func theFormChangesAtItsLimitsAndNotBack() {
        let model = Model()
        model.limits.sortedSetPackedEntriesMax = 4
        for number in 0..<4 {
            _ = model.apply(ScoreChange(Double(number)), to: Array("\(number)".utf8))
        }
        #expect(model.isPacked)
        _ = model.apply(ScoreChange(1), to: Array("1".utf8))
        #expect(model.isPacked)
        _ = model.apply(ScoreChange(9), to: Array("x".utf8))
        #expect(!model.isPacked)
        model.remove(ranks: 0..<0)
        _ = model.remove(Array("x".utf8))
        #expect(!model.isPacked)
        let other = Model()
        _ = other.apply(ScoreChange(1), to: [UInt8](repeating: 0x61, count: 64))
        #expect(other.isPacked)
        _ = other.apply(ScoreChange(1), to: [UInt8](repeating: 0x62, count: 65))
        #expect(!other.isPacked)
    }

    @Test func aDoubleWhoseBytesAreDigitsStaysADouble() {
        let model = Model()
        let score = Double(bitPattern: 0x3132_3334_3536_3738)
        _ = model.apply(ScoreChange(score), to: Array("a".utf8))
        model.scores[Array("a".utf8)] = score
        model.check()
    }

    @Test func aCopyIsIndependent() throws {
        let set = SortedSet(hasher: makeKeyspace().hasher)
        for number in 0..<500 {
            Array("m\(number)".utf8).withByteSlice { set.add($0, Double(number % 7)) }
        }
        let copy = try #require(set.copy() as? SortedSet)
        copy.checkInvariants()
        set.remove(ranks: 0..<499)
        copy.checkInvariants()
        #expect(copy.count == 500 && set.count == 1)
        #expect(copy.memoryUsage > set.memoryUsage)
    }

    @Test func aBuilderSortsAndFindsDuplicates() {
        var random = SeededRandom(seed: 5)
        for size in [1, 2, 50, 128, 129, 1_000] {
            let keyspace = makeKeyspace()
            var builder = SortedSetBuilder(
                limits: EncodingLimits(), hasher: keyspace.hasher, expectedCount: 0)
            var scores: [String: Double] = [:]
            for _ in 0..<size {
                let member = "\(random.below(size * 2))"
                let score = Double(random.below(20))
                let isNew = Array(member.utf8).withByteSlice { builder.add($0, score) }
                #expect(isNew == (scores[member] == nil))
                if isNew { scores[member] = score }
            }
            let key = ByteSlice("k")
            let hash = keyspace.hash(key)
            builder.store(in: keyspace.database(0), key, hash, expiresAt: -1)
            guard let entry = keyspace.database(0).find(key, hash) else {
                Issue.record("nothing was stored")
                return
            }
            var found: [String] = []
            var text = ByteBuffer()
            let view = SortedSetView(entry)
            view.forEach(0..<view.count) { member, _ in found.append(member.text(in: &text).string)
            }
            #expect(
                found
                    == scores.sorted {
                        $0.value < $1.value
                            || ($0.value == $1.value
                                && Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)))
                    }.map(\.key))
            #expect((entry.packed != nil) == (scores.count <= 128))
        }
    }

    @Test func aWalkGivesWhatWasThereWhenItBegan() {
        let set = SortedSet(hasher: makeKeyspace().hasher)
        var expected: [String: Double] = [:]
        for number in 0..<2_000 {
            Array("m\(number)".utf8).withByteSlice { set.add($0, Double(number)) }
            expected["m\(number)"] = Double(number)
        }
        final class Seen { var scores: [String: Double] = [:] }
        let seen = Seen()
        var duplicates = 0
        let isWalked = set.beginWalk { entry in
            let old = seen.scores.updateValue(
                Double(bitPattern: entry.word), forKey: entry.member.string)
            if old != nil { duplicates += 1 }
        }
        #expect(isWalked)
        var random = SeededRandom(seed: 3)
        while !set.advanceWalk(bucketBudget: 4) {
            for _ in 0..<20 {
                let member = Array("m\(random.below(2_500))".utf8)
                member.withByteSlice { member in
                    if random.below(3) == 0 {
                        _ = set.remove(member)
                    } else {
                        _ = set.apply(ScoreChange(Double(random.below(99_999))), to: member)
                    }
                }
            }
            set.remove(ranks: 0..<2)
        }
        set.endWalk()
        #expect(seen.scores == expected && duplicates == 0)
        set.checkInvariants()
    }
}
