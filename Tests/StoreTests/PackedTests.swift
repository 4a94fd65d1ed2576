// Packed collections against arrays: the encoding of elements, and changes in the middle.
import Bytes
import Testing

@testable import Store

/// A random element: numbers of every width, texts of every header, near misses of numbers and of
/// ASCII, texts that differ in one place.
func randomElement(_ random: inout SeededRandom) -> [UInt8] {
    switch random.below(18) {
    case 0: return []
    case 1...3:
        let shift = UInt64(random.below(64))
        return Array("\(Int64(bitPattern: random.next()) >> Int64(shift))".utf8)
    case 4: return Array("0\(random.below(100))".utf8)
    case 5: return Array("-\(random.below(3))".utf8)
    case 6:
        return [UInt8](repeating: 0x78, count: 126 + random.below(4))
    case 7: return Array("+1".utf8)
    case 8...9: return (0..<random.below(76)).map { _ in UInt8(random.below(128)) }
    case 10...13:
        var text = [UInt8](repeating: 0x6B, count: 7 + random.below(3) * 8 + random.below(3))
        let place = random.below(text.count)
        text[place] = [0x6A, 0x6B, 0x7F, 0x80, 0xEB][random.below(5)]
        return text
    default: return (0..<random.below(20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }
}

/// The bytes that a text takes as an element.
func packedCount(_ text: ByteSlice) -> Int {
    if let number = Numbers.integer(text) { return PackedEncoder.encodedCount(integer: number) }
    let count = text.count
    if (9...72).contains(count), text.array.allSatisfy({ $0 < 128 }) {
        return 1 + (count * 7 + 7) / 8
    }
    return count + (count < 64 ? 1 : count < 8192 ? 2 : 5)
}

/// The bytes of a packed collection with these elements.
func pack(_ elements: [[UInt8]], as texts: PackedEncoder.Texts = .compact) -> [UInt8] {
    var buffer = ByteBuffer()
    PackedEncoder.begin(&buffer, count: elements.count)
    for element in elements {
        element.withByteSlice { PackedEncoder.append($0, to: &buffer, as: texts) }
    }
    return buffer.readable.array
}

extension PackedView {
    /// The texts of all elements.
    var texts: [[UInt8]] {
        var result: [[UInt8]] = []
        var offset = PackedView.start
        while offset < end {
            result.append(element(at: offset).text)
            offset = next(after: offset)
        }
        precondition(offset == end, "elements fill the bytes exactly")
        return result
    }
}

extension PackedElement {
    var text: [UInt8] {
        var buffer = ByteBuffer()
        append(to: &buffer)
        return buffer.readable.array
    }
}

@Suite struct PackedTests {
    @Test func everyTextComesBackIdentical() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<20_000 {
            let text = randomElement(&random)
            pack([text]).withByteSlice { bytes in
                let view = PackedView(bytes)
                let element = view.element(at: PackedView.start)
                #expect(element.text == text && element.count == text.count)
                #expect(view.next(after: PackedView.start) == view.end && view.count == 1)
                text.withByteSlice {
                    #expect(packedCount($0) == bytes.count - 2)
                    var buffer = ByteBuffer()
                    PackedNeedle($0).append(to: &buffer)
                    #expect(buffer.readable == bytes.dropFirst(2))
                    let plain = pack([text], as: .plain)
                    #expect(plain.withByteSlice { PackedView($0).texts } == [text])
                    let isEqual = plain.withByteSlice {
                        let other = PackedView($0).element(at: 2)
                        return other.equals(element) && element.equals(other)
                    }
                    #expect(isEqual)
                    #expect(element.equals($0) && element.compare($0) == 0)
                    #expect(PackedElement($0).equals(element))
                    #expect(element.asInteger == Numbers.integer($0))
                    #expect(element.asDouble() == Numbers.double($0) || text == Array("nan".utf8))
                }
            }
        }
    }

    @Test(
        arguments: [
            (0, 1), (63, 1), (64, 2), (-1, 2), (127, 2), (-128, 2), (128, 2), (383, 2),
            (384, 2), (2175, 2), (2176, 3), (-129, 3), (32767, 3),
            (-32768, 3), (32768, 4), (-32769, 4), (8_388_607, 4), (-8_388_608, 4), (8_388_608, 5),
            (-8_388_609, 5), (2_147_483_647, 5), (-2_147_483_648, 5), (2_147_483_648, 9),
            (Int64.max, 9), (Int64.min, 9),
        ] as [(Int64, Int)])
    func numbersTakeTheShortestForm(value: Int64, bytes: Int) {
        let packed = pack([Array("\(value)".utf8)])
        #expect(packed.count == 2 + bytes && PackedEncoder.encodedCount(integer: value) == bytes)
        packed.withByteSlice {
            guard case .integer(let found) = PackedView($0).element(at: 2) else {
                Issue.record("\(value) is no number")
                return
            }
            #expect(found == value)
        }
    }

    @Test(arguments: [0, 1, 8, 9, 10, 15, 16, 17, 63, 64, 72, 73, 127, 128, 8191, 8192, 70_000])
    func longTextsTakeLongerHeaders(count: Int) {
        let text = [UInt8](repeating: 0x61, count: count)
        let packed = pack([[1], text, [2]])
        packed.withByteSlice {
            let view = PackedView($0)
            #expect(view.texts == [[1], text, [2]])
            let found = text.withByteSlice { view.find($0) }
            #expect(found == 4)
        }
        #expect(packed.count - 6 == text.withByteSlice { packedCount($0) })
    }

    @Test func findingIsLinearSearch() {
        var random = SeededRandom(seed: 2)
        for _ in 0..<3000 {
            let elements = (0..<(random.below(8) * 2)).map { _ in randomElement(&random) }
            pack(elements).withByteSlice { bytes in
                let view = PackedView(bytes)
                #expect(view.texts == elements && view.count == elements.count)
                #expect(view.isEmpty == elements.isEmpty)
                var offsets: [Int] = []
                for index in elements.indices { offsets.append(view.offset(ofElement: index)) }
                for stride in 1...3 {
                    let sought = elements.randomElement(using: &random) ?? [1]
                    let first = elements.indices.first {
                        $0 % stride == 0 && elements[$0] == sought
                    }
                    let found = sought.withByteSlice { view.find($0, stride: stride) }
                    #expect(found == first.map { offsets[$0] })
                }
                let missing = Array("\(random.next())".utf8)
                if !elements.contains(missing) {
                    #expect(missing.withByteSlice { view.find($0) } == nil)
                }
            }
        }
    }

    @Test func elementsSortAsTheirTexts() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<5000 {
            let left = randomElement(&random)
            let right = randomElement(&random)
            let expected = left.withByteSlice { left in right.withByteSlice { left.compare($0) } }
            let found = pack([left]).withByteSlice { bytes in
                right.withByteSlice { PackedView(bytes).element(at: 2).compare($0) }
            }
            #expect(expected.signum() == found.signum(), "\(left) \(right)")
        }
    }

    @Test func aCountBeyondTheHeaderIsCounted() {
        let elements = [[UInt8]](repeating: [0x31], count: 66_000)
        var packed = pack(elements)
        packed.withByteSlice { #expect(PackedView($0).count == 66_000) }
        packed = pack(Array(elements.prefix(65_534)))
        packed.withByteSlice { #expect(PackedView($0).count == 65_534) }
        var buffer = ByteBuffer()
        PackedEncoder.begin(&buffer)
        for _ in 0..<300 { PackedEncoder.append(integer: 5, to: &buffer) }
        PackedEncoder.setCount(300, in: &buffer)
        #expect(PackedView(buffer.readable).count == 300)
    }
}

/// A database with one kind of packed value under random changes, beside arrays.
@Suite struct SpliceTests {
    private static func check(
        _ database: Database, _ key: [UInt8], _ model: [[UInt8]], expiresAt: Int64
    ) {
        guard let entry = database.entry(key), let packed = entry.packed else {
            Issue.record("the key is gone")
            return
        }
        #expect(packed.texts == model && packed.count == model.count)
        #expect(entry.expiresAt == expiresAt && entry.type == .set && entry.hasOnlyIntegers)
        #expect(entry.encodingName.description == "intset")
    }

    private static func change(
        _ database: Database, _ key: [UInt8], _ model: inout [[UInt8]],
        _ random: inout SeededRandom
    ) {
        guard let entry = database.entry(key), let packed = entry.packed else { return }
        let position = random.below(model.count + 1)
        let removed = random.below(min(model.count - position, 3) + 1)
        let grows = model.count < 40 || random.below(3) > 0
        let added = grows ? (0..<random.below(4)).map { _ in randomElement(&random) } : []
        let start = position == model.count ? packed.end : packed.offset(ofElement: position)
        var end = start
        for _ in 0..<removed { end = packed.next(after: end) }
        let bytes = Array(pack(added).dropFirst(2))
        bytes.withByteSlice { bytes in
            let changed = database.splice(
                entry, database.hash(entry.key), at: start, removing: end - start,
                inserting: bytes, countChange: added.count - removed)
            #expect(changed == database.entry(key))
        }
        model.replaceSubrange(position..<(position + removed), with: added)
        if model.count > 90 {
            model = []
            pack([]).withByteSlice { empty in
                database.with(key) {
                    database.set($0, $1, packed: empty, type: .set, keepingExpiry: true)
                        .hasOnlyIntegers = true
                }
            }
        }
    }

    @Test(arguments: [KeyShape.sixteen, .long, .huge], [Int64(-1), 77])
    func splicesBehaveLikeArrays(shape: KeyShape, expiresAt: Int64) {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let empty = keyspace.usedBytes
        var random = SeededRandom(seed: 4)
        let key = shape.key(1)
        var model: [[UInt8]] = []
        pack([]).withByteSlice { bytes in
            database.with(key) {
                database.set($0, $1, packed: bytes, type: .set, expiresAt: expiresAt)
                    .hasOnlyIntegers = true
            }
        }
        for round in 0..<1500 {
            Self.change(database, key, &model, &random)
            Self.check(database, key, model, expiresAt: expiresAt)
            if round % 300 == 0 { keyspace.checkInvariants() }
        }
        keyspace.checkInvariants()
        database.delete(key)
        #expect(keyspace.usedBytes == empty, "memory was not given back exactly")
    }

    @Test func aSnapshotKeepsThePackedValueOfTheCut() {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let texts = (0..<3).map { [UInt8](repeating: 0x61, count: [5, 300, 900][$0]) }
        for (number, text) in texts.enumerated() {
            pack([text, [0x62]]).withByteSlice { bytes in
                database.with([UInt8(number)]) {
                    _ = database.set($0, $1, packed: bytes, type: .hash)
                }
            }
        }
        let sink = PackedSink()
        _ = keyspace.beginSnapshot(sink)
        for number in texts.indices {
            guard let entry = database.entry([UInt8(number)]) else { continue }
            [3, 0x78, 0x79, 0x7A].withByteSlice {
                _ = database.splice(
                    entry, keyspace.hash(entry.key), at: 2, removing: 0, inserting: $0,
                    countChange: 1)
            }
        }
        while keyspace.advanceSnapshot(bucketBudget: 8) == .running {}
        #expect(sink.saved.count == 3)
        for (number, text) in texts.enumerated() {
            #expect(sink.saved[[UInt8(number)]] == [text, [0x62]])
            #expect(database.entry([UInt8(number)])?.packed?.count == 3)
        }
    }

    @Test func stringsAndPackedValuesReplaceEachOther() throws {
        let keyspace = makeKeyspace()
        let database = keyspace.database(0)
        let empty = keyspace.usedBytes
        let key: [UInt8] = [1]
        for count in [1, 100, 3000] {
            let text = [UInt8](repeating: 0x61, count: count)
            database.put(key, text)
            pack([text]).withByteSlice { bytes in
                database.with(key) { _ = database.set($0, $1, packed: bytes, type: .list) }
            }
            #expect(database.entry(key)?.type == .list)
            #expect(database.entry(key)?.packed?.texts == [text])
            #expect(database.entry(key)?.encodingName.description == "listpack")
            let entry = try #require(database.entry(key))
            let moved = database.setExpiry(entry, keyspace.hash(entry.key), expiresAt: 9)
            #expect(moved.type == .list && moved.packed?.texts == [text])
            database.put(key, pack([text]))
            #expect(database.entry(key)?.type == .string && database.entry(key)?.packed == nil)
            #expect(database.entry(key)?.array == pack([text]))
            keyspace.checkInvariants()
        }
        database.delete(key)
        #expect(keyspace.usedBytes == empty)
    }
}

/// Collects packed values of a snapshot.
final class PackedSink: SnapshotSink {
    var saved: [[UInt8]: [[UInt8]]] = [:]
    func save(_ entry: Entry, database: Int) {
        saved[entry.key.array] = entry.packed?.texts ?? []
    }
}
