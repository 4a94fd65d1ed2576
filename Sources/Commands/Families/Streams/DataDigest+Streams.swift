// The digest of a stream: its entries in order, each as `milliseconds.sequence`, then its fields
// with their values. Groups are no part of it, as in Redis.
internal import Bytes
internal import Store

extension DataDigest {
    /// Adds the entries of a stream.
    mutating func add(_ stream: StreamObject) {
        var text = ByteBuffer()
        var entries = StreamEntries(stream)
        while entries.next() {
            text.removeAll()
            entries.id.append(to: &text, separator: UInt8(ascii: "."))
            mix(text.readable)
            for _ in 0..<entries.fieldCount {
                mix(entries.nextField(), &text)
                mix(entries.nextValue(), &text)
            }
        }
    }

    private mutating func mix(_ element: ListpackElement, _ text: inout ByteBuffer) {
        switch element {
        case .bytes(let bytes): mix(bytes)
        case .integer(let number):
            text.removeAll()
            text.append(decimal: number)
            mix(text.readable)
        }
    }
}
