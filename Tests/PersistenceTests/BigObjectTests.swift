// Big objects go into a snapshot in steps, as they were at the cut, while commands change them.
import Bytes
import Persistence
import Store
import Testing

@Suite struct BigObjectTests {
    private static let count = 5_000

    private static func text(_ name: String, _ number: Int) -> [UInt8] {
        Array("\(name):\(number)".utf8)
    }

    private static func fill(_ keyspace: Keyspace) -> (HashObject, ListObject) {
        let hash = HashObject(hasher: keyspace.hasher)
        let list = ListObject()
        let limits = ListLimits(keyspace.encodingLimits.listPackedSize)
        for number in 0..<count {
            text("field", number).withByteSlice { field in
                text("value", number).withByteSlice { _ = hash.set(field, $0) }
            }
            push(number, list, limits)
        }
        store(hash, .hash, "hash", keyspace)
        store(list, .list, "list", keyspace)
        return (hash, list)
    }

    private static func push(_ number: Int, _ list: ListObject, _ limits: ListLimits) {
        var element = ByteBuffer()
        text("element", number).withByteSlice { PackedEncoder.append($0, to: &element) }
        list.append(element.readable, limits: limits)
    }

    private static func store(
        _ object: StoredObject, _ type: ValueType, _ key: String, _ keyspace: Keyspace
    ) {
        Array(key.utf8).withByteSlice { key in
            _ = keyspace.database(3).set(key, keyspace.hash(key), object: object, type: type)
        }
    }

    @Test(arguments: [false, true])
    func aSnapshotHoldsTheCutWhateverChangesMeanwhile(changesFirst: Bool) throws {
        let keyspace = makeKeyspace()
        let (hash, list) = BigObjectTests.fill(keyspace)
        let limits = ListLimits(keyspace.encodingLimits.listPackedSize)
        let file = SnapshotFile()
        let encoder = SnapshotEncoder { file.append($0) }
        let head = SnapshotHead(
            serverVersion: "7.2.4", createdSeconds: 0, usedBytes: 0, position: nil,
            isLogBase: false)
        encoder.begin(head, counts: keyspace.beginSnapshot(encoder))
        var turn = 0
        var steps = 0
        func change() {
            // As commands do: the entry is announced, then the object changes in place.
            for key in ["hash", "list"] {
                Array(key.utf8).withByteSlice { key in
                    let hash = keyspace.hash(key)
                    guard let entry = keyspace.database(3).find(key, hash) else { return }
                    keyspace.database(3).willModify(entry, hash)
                }
            }
            for _ in 0..<20 {
                turn += 1
                BigObjectTests.text("field", turn * 7 % 9_000).withByteSlice { field in
                    if turn % 3 == 0 {
                        _ = hash.remove(field)
                    } else {
                        _ = [1, 2, 3].withByteSlice { hash.set(field, $0) }
                    }
                }
                BigObjectTests.push(turn, list, limits)
            }
            list.removeElements(from: 0, count: 3, limits: limits)
        }
        if changesFirst { change() }
        while keyspace.advanceSnapshot(bucketBudget: 1) == .running || encoder.hasObjects {
            encoder.advanceObjects(bucketBudget: 4)
            steps += 1
            change()
        }
        #expect(steps > 50, "the objects were taken in one go")
        encoder.finish()
        file.finish()

        let loaded = makeKeyspace()
        var reader = RDBReader()
        var loader = RDBLoader(keyspace: loaded, expired: .kept)
        var input = ByteBuffer()
        file.bytes.withByteSlice { input.append($0) }
        #expect(try reader.receive(&input, patient: false, visitor: &loader) == .finished)
        let expected = makeKeyspace()
        _ = BigObjectTests.fill(expected)
        #expect(BigObjectTests.contents(loaded) == BigObjectTests.contents(expected))
    }

    private static func contents(_ keyspace: Keyspace) -> [String: [String]] {
        var found: [String: [String]] = [:]
        keyspace.database(3).forEach { entry in
            var elements: [String] = []
            if let hash = entry.object as? HashObject {
                hash.forEach { elements.append("\($0.member.string)=\($0.memberValue.string)") }
                elements.sort()
            } else if let list = entry.object as? ListObject {
                for page in 0..<list.pageCount {
                    list.forEachElement(ofPage: page) { element in
                        var text = ByteBuffer()
                        element.append(to: &text)
                        elements.append(text.readable.string)
                    }
                }
            }
            found[entry.key.string] = elements
        }
        return found
    }
}
