import Bytes
import Store
import Testing

/// A set in a database beside a model.
private final class SetModel {
    let keyspace = makeKeyspace()
    var limits = EncodingLimits()
    var scratch = ByteBuffer()
    var members: Set<[UInt8]> = []
    var key: [UInt8] = Array("set".utf8)

    var database: Database { keyspace.database(0) }
    var entry: Entry? { database.entry(key) }

    func add(_ member: [UInt8]) -> Bool {
        key.withByteSlice { key in
            member.withByteSlice { member in
                let hash = database.hash(key)
                guard let entry = database.find(key, hash) else {
                    var builder = SetBuilder(
                        limits: limits, hasher: database.hasher, first: member, expectedCount: 1)
                    _ = builder.add(member)
                    builder.store(in: database, key, hash)
                    return true
                }
                let change = database.addMember(
                    entry, hash, member, limits: limits, scratch: &scratch)
                #expect(change.entry == database.find(key, hash))
                return change.isChanged
            }
        }
    }

    func remove(_ member: [UInt8]) -> Bool {
        key.withByteSlice { key in
            member.withByteSlice { member in
                let hash = database.hash(key)
                guard let entry = database.find(key, hash) else { return false }
                let change = database.removeMember(entry, hash, member)
                if change.count == 0 { database.remove(change.entry, hash) }
                return change.isChanged
            }
        }
    }

    /// The members as the database has them.
    var stored: Set<[UInt8]> {
        guard let entry else { return [] }
        var found: Set<[UInt8]> = []
        var text = ByteBuffer()
        SetView(entry).forEach { member in
            let isNew = found.insert(member.withText(&text) { $0.array }).inserted
            #expect(isNew, "a member came twice")
        }
        return found
    }

    func check() {
        keyspace.checkInvariants()
        #expect(stored == members)
        guard let entry else { return }
        let view = SetView(entry)
        #expect(view.count == members.count)
        for member in members.prefix(20) {
            #expect(member.withByteSlice { view.contains($0) })
        }
        if case .table(let object) = view { object.checkInvariants() }
        if case .integers(let integers) = view {
            for index in 1..<max(1, integers.count) {
                #expect(integers[index - 1] < integers[index])
            }
        }
    }
}

/// What members look like.
enum MemberShape: CaseIterable, Sendable {
    case small, wide, texts, mixed, long

    func member(_ random: inout SeededRandom) -> [UInt8] {
        switch self {
        case .small: Array(String(random.below(60) - 30).utf8)
        case .wide: Array(String(Int64(bitPattern: random.next()) >> random.below(64)).utf8)
        case .texts: Array("\(random.below(2) == 0 ? "m" : "member:")\(random.below(200))".utf8)
        case .mixed:
            random.below(2) == 0
                ? Array(String(random.below(100)).utf8) : Array("x\(random.below(100))".utf8)
        case .long:
            [UInt8](repeating: 0x61, count: random.below(100)) + Array("\(random.below(9))".utf8)
        }
    }
}

@Suite struct SetTests {
    @Test(arguments: MemberShape.allCases, [(4, 3), (512, 128), (600, 600)])
    func setsBehaveAsTheirModel(shape: MemberShape, limits: (Int, Int)) {
        var random = SeededRandom(seed: 7)
        let model = SetModel()
        model.limits.setIntegerEntriesMax = limits.0
        model.limits.setPackedEntriesMax = limits.1
        for round in 0..<3_000 {
            let member = shape.member(&random)
            // Growing and shrinking take turns, down to nothing.
            let adds = random.below(10) < (round / 300 % 2 == 0 ? 8 : 2)
            if adds {
                #expect(model.add(member) == model.members.insert(member).inserted)
            } else {
                let victim = model.members.randomElement(using: &random) ?? member
                #expect(model.remove(victim) == (model.members.remove(victim) != nil))
            }
            if round % 97 == 0 { model.check() }
        }
        model.check()
    }

    @Test(arguments: MemberShape.allCases) func builtSetsBehaveAsTheirModel(shape: MemberShape) {
        var random = SeededRandom(seed: 11)
        for round in 0..<200 {
            let model = SetModel()
            model.limits.setIntegerEntriesMax = random.below(40)
            model.limits.setPackedEntriesMax = random.below(40)
            var builder = SetBuilder(limits: model.limits, hasher: model.database.hasher)
            for _ in 0..<random.below(60) {
                let member = shape.member(&random)
                if random.below(4) == 0 {
                    let isRemoved = member.withByteSlice { builder.remove(.bytes($0)) }
                    #expect(isRemoved == (model.members.remove(member) != nil))
                } else {
                    let isAdded = member.withByteSlice { builder.add($0) }
                    #expect(isAdded == model.members.insert(member).inserted)
                }
            }
            #expect(builder.count == model.members.count)
            var listed = 0
            builder.forEach { _ in listed += 1 }
            #expect(listed == builder.count)
            guard builder.count > 0 else { continue }
            model.key.withByteSlice { key in
                _ = builder.store(in: model.database, key, model.database.hash(key))
            }
            model.check()
            #expect(round >= 0)
        }
    }

    @Test func formsChangeAtTheLimitsAndNeverBack() {
        let model = SetModel()
        for number in 0..<512 { _ = model.add(Array("\(number)".utf8)) }
        #expect(model.entry?.encodingName.description == "intset")
        _ = model.add(Array("512".utf8))
        #expect(model.entry?.encodingName.description == "hashtable")
        for number in 1...512 { _ = model.remove(Array("\(number)".utf8)) }
        #expect(model.entry?.encodingName.description == "hashtable")
        _ = model.remove(Array("0".utf8))
        #expect(model.entry == nil)
        for number in 0..<127 { _ = model.add(Array("\(number)".utf8)) }
        _ = model.add(Array("x".utf8))
        #expect(model.entry?.encodingName.description == "listpack")
        _ = model.add(Array("y".utf8))
        #expect(model.entry?.encodingName.description == "hashtable")
    }

    @Test func aSnapshotSeesASetAsItWas() throws {
        for count in [3, 300, 2_000] {
            let model = SetModel()
            for number in 0..<count { _ = model.add(Array("member\(number)".utf8)) }
            let sink = CountingSink()
            _ = model.keyspace.beginSnapshot(sink)
            _ = model.add(Array("later".utf8))
            _ = model.remove(Array("member0".utf8))
            while model.keyspace.advanceSnapshot(bucketBudget: 10) == .running {}
            #expect(sink.counts == [count])
            #expect(sink.sawLater == false)
            let now = try #require(model.entry)
            #expect(SetView(now).count == count)
        }
    }

    @Test func copiesAreIndependent() throws {
        for count in [3, 2_000] {
            let model = SetModel()
            for number in 0..<count { _ = model.add(Array("member\(number)".utf8)) }
            let entry = try #require(model.entry)
            let other = Array("other".utf8)
            model.database.with(other) { key, hash in
                _ = model.database.copy(entry, to: model.database, key: key, hash)
            }
            _ = model.remove(Array("member1".utf8))
            let copied = try #require(model.database.entry(other))
            #expect(SetView(copied).count == count)
            model.keyspace.checkInvariants()
        }
    }

    @Test func randomMembersAreSpreadEvenly() throws {
        var random = SeededRandom(seed: 3)
        for prefix in ["", "m"] {
            for count in [10, 1_000] {
                let model = SetModel()
                for number in 0..<count { _ = model.add(Array("\(prefix)\(number)".utf8)) }
                let entry = try #require(model.entry)
                var seen: [[UInt8]: Int] = [:]
                var text = ByteBuffer()
                for _ in 0..<(count * 50) {
                    let member = SetView(entry).randomMember(&random)
                    seen[member.withText(&text) { $0.array }, default: 0] += 1
                }
                #expect(seen.count == count)
                #expect(seen.values.allSatisfy { $0 > 10 && $0 < 120 })
            }
        }
    }
}

private final class CountingSink: SnapshotSink {
    var counts: [Int] = []
    var sawLater = false
    func save(_ entry: Entry, database: Int) {
        let view = SetView(entry)
        counts.append(view.count)
        if view.contains(ByteSlice("later")) { sawLater = true }
    }
}
