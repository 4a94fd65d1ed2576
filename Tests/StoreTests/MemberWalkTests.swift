// The walk over members hands over exactly what was there when it began, whatever happens then.
import Bytes
import Testing

@testable import Store

@Suite struct MemberWalkTests {
    private final class Recorder {
        var found: [[UInt8]: [UInt8]] = [:]
        var repeated = 0

        func take(_ entry: Entry) {
            let value = entry.memberValue.array
            if found.updateValue(value, forKey: entry.key.array) != nil { repeated += 1 }
        }
    }

    private static func key(_ number: UInt64) -> [UInt8] { Array("member:\(number)".utf8) }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6])
    func theVisitorGetsExactlyTheCut(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var table = MemberTable(hasher: KeyHasher(key: SipKey(low: seed, high: 99)))
        var model: [[UInt8]: [UInt8]] = [:]
        func change(_ table: inout MemberTable) {
            let key = MemberWalkTests.key(random.next() % 3_000)
            key.withByteSlice { member in
                let hash = table.hash(member)
                if random.next() % 3 == 0 {
                    let removed = table.remove(member, hash)
                    #expect(removed == (model.removeValue(forKey: key) != nil))
                } else {
                    let value = [UInt8](
                        repeating: UInt8(truncatingIfNeeded: random.next()),
                        count: Int(random.next() % 40))
                    _ = value.withByteSlice { table.set(member, hash, value: $0) }
                    model[key] = value
                }
            }
        }
        for _ in 0..<4_000 { change(&table) }
        // More walks than there are stamps; every third is given up half way.
        for round in 0..<40 {
            let cut = model
            let recorder = Recorder()
            table.beginWalk { recorder.take($0) }
            var isDone = false
            var steps = 0
            while !isDone && !(round % 3 == 2 && steps > 20) {
                for _ in 0..<30 { change(&table) }
                isDone = table.advanceWalk(bucketBudget: 7)
                steps += 1
            }
            table.endWalk()
            #expect(recorder.repeated == 0)
            if isDone { #expect(recorder.found == cut) }
            for (key, value) in recorder.found { #expect(cut[key] == value) }
            table.checkInvariants()
        }
    }

    @Test func aCopyMadeDuringAWalkIsNotWalked() {
        var table = MemberTable(hasher: KeyHasher(key: SipKey(low: 1, high: 2)))
        for number in 0..<1_000 as Range<UInt64> {
            MemberWalkTests.key(number).withByteSlice {
                _ = table.set($0, table.hash($0), value: ByteSlice())
            }
        }
        let recorder = Recorder()
        table.beginWalk { recorder.take($0) }
        _ = table.advanceWalk(bucketBudget: 10)
        var copy = table.copy()
        let (isWalked, count) = (copy.isWalked, copy.count)
        #expect(!isWalked && count == 1_000)
        let second = Recorder()
        copy.beginWalk { second.take($0) }
        let isSecondDone = copy.advanceWalk(bucketBudget: 1 << 20)
        #expect(isSecondDone)
        #expect(second.found.count == 1_000)
        let isDone = table.advanceWalk(bucketBudget: 1 << 20)
        #expect(isDone)
        #expect(recorder.found.count == 1_000)
    }
}
