// Arrays whose length is known only when their elements are written.
//
//   1. A header with the expected length goes in front.
//   2. The elements are written.
//   3. The header is corrected. If the right one has another number of digits, the elements move by
//      the difference: one copy, and none when the expectation was good.
public import Bytes

/// A header that may be corrected later.
public struct DeferredHeader {
    /// Where it begins in the writer's buffer.
    let start: Int
    /// Its bytes.
    let bytes: Int
    /// The length it tells.
    let count: Int
    let isMap: Bool
}

extension ReplyWriter {
    /// Begins an array of about `count` elements; `end` tells how many there were.
    public mutating func beginArray(expecting count: Int) -> DeferredHeader {
        let start = buffer.count
        arrayHeader(count)
        return DeferredHeader(
            start: start, bytes: buffer.count - start, count: count, isMap: false)
    }

    /// Begins a map of about `count` pairs in RESP3, and an array of as many elements in RESP2,
    /// each of which the caller makes a pair.
    public mutating func beginMapOrPairs(expecting count: Int) -> DeferredHeader {
        let start = buffer.count
        if isRESP3 { mapHeader(count) } else { arrayHeader(count) }
        return DeferredHeader(
            start: start, bytes: buffer.count - start, count: count, isMap: isRESP3)
    }

    /// Ends what `header` began: it has `count` elements.
    public mutating func end(_ header: DeferredHeader, count: Int) {
        if count == header.count { return }
        var text = ByteBuffer(capacity: 24)
        text.appendLine(marker: UInt8(ascii: header.isMap ? "%" : "*"), decimal: count)
        buffer.splice(at: header.start, removing: header.bytes, inserting: text.readable)
    }

    /// Takes what `header` began out again, with everything behind it.
    public mutating func cancel(_ header: DeferredHeader) { buffer.truncate(to: header.start) }

    /// Where the next reply will begin: for `insertBulk`.
    public var position: Int { buffer.count }

    /// Puts a bulk string in front of what was written from `position` on.
    public mutating func insertBulk(_ bytes: ByteSlice, at position: Int) {
        var text = ByteBuffer(capacity: bytes.count + 24)
        text.appendBulkString(bytes)
        buffer.splice(at: position, removing: 0, inserting: text.readable)
    }
}
