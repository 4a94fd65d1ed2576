// A stream as an array: what the real one must agree with.
import Bytes
import Testing

@testable import Store

struct StreamModel {
    struct Item: Equatable {
        var id: StreamID
        var fields: [[UInt8]]
    }
    var items: [Item] = []
    var maxDeleted = StreamID.zero

    func range(_ from: StreamID, _ to: StreamID) -> [Item] {
        items.filter { $0.id >= from && $0.id <= to }
    }
}

extension ListpackElement {
    var array: [UInt8] {
        switch self {
        case .integer(let number): Array(String(number).utf8)
        case .bytes(let bytes): bytes.array
        }
    }
}

extension StreamObject {
    func append(_ id: StreamID, _ fields: [[UInt8]], limits: StreamNodeLimits) {
        var list = ByteSliceList()
        var bytes = ByteBuffer()
        for field in fields { bytes.append(field) }
        var offset = 0
        for field in fields {
            list.append(bytes.readable.slice(from: offset, count: field.count))
            offset += field.count
        }
        append(id, list.view(from: 0, count: fields.count), limits: limits)
    }

    func append(_ id: StreamID, _ fields: String...) {
        append(id, fields.map { Array($0.utf8) }, limits: StreamNodeLimits())
    }

    func range(
        from: StreamID = .zero, to: StreamID = .max, isReversed: Bool = false
    ) -> [StreamModel.Item] {
        var found: [StreamModel.Item] = []
        var entries = StreamEntries(self, from: from, to: to, isReversed: isReversed)
        while entries.next() {
            var item = StreamModel.Item(id: entries.id, fields: [])
            for _ in 0..<entries.fieldCount {
                item.fields.append(entries.nextField().array)
                item.fields.append(entries.nextValue().array)
            }
            found.append(item)
        }
        return found
    }

    /// The stream as a file has its nodes.
    var listpacks: [(id: StreamID, bytes: [UInt8])] {
        var found: [(StreamID, [UInt8])] = []
        forEachPart { part in
            guard case .node(let id, let count, let node) = part else { return }
            var buffer = ByteBuffer()
            node.append(to: &buffer)
            #expect(buffer.count == count)
            found.append((id, buffer.readable.array))
        }
        return found
    }
}

extension SeededRandom {
    /// Texts of the kinds that are stored differently.
    mutating func streamText() -> [UInt8] {
        switch below(12) {
        case 0: Array(String(below(128)).utf8)
        case 1: Array(String(below(10_000) - 5_000).utf8)
        case 2: Array(String(Int64(bitPattern: next())).utf8)
        case 3: Array(String(Int32(truncatingIfNeeded: next())).utf8)
        case 4: Array(String(Int64(Int32(truncatingIfNeeded: next())) / 300).utf8)
        case 5: Array("007".utf8)
        case 6: []
        case 7: [UInt8](repeating: UInt8(below(256)), count: below(200))
        case 8: below(40) == 0 ? [UInt8](repeating: 0x61, count: below(70_000)) : [0xFF, 0]
        case 9: [UInt8](repeating: 0x62, count: 60 + below(10))
        case 10: [UInt8](repeating: 0x63, count: 120 + below(10))
        default: Array("value\(below(1000))".utf8)
        }
    }
}
