// The ID of a stream's entry: 128 bits, ordered, printed as `milliseconds-sequence`.
//
//   milliseconds u64 │ sequence u64        both big-endian where the ID is a key of a file

public import Bytes

/// The ID of an entry.
public struct StreamID: Comparable, Hashable, BitwiseCopyable, Sendable {
    /// Milliseconds since 1970, or whatever the writer chose.
    public var milliseconds: UInt64
    /// Number within the millisecond.
    public var sequence: UInt64

    /// An ID from its parts.
    @inlinable
    public init(_ milliseconds: UInt64, _ sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// `0-0`: no entry has it.
    @inlinable public static var zero: StreamID { StreamID(0, 0) }
    /// The largest ID.
    @inlinable public static var max: StreamID { StreamID(.max, .max) }

    /// The order of entries.
    @inlinable
    public static func < (left: StreamID, right: StreamID) -> Bool {
        left.milliseconds != right.milliseconds
            ? left.milliseconds < right.milliseconds : left.sequence < right.sequence
    }

    /// The ID that follows; nil behind the largest.
    @inlinable public var next: StreamID? {
        if sequence < .max { return StreamID(milliseconds, sequence &+ 1) }
        if milliseconds < .max { return StreamID(milliseconds &+ 1, 0) }
        return nil
    }

    /// The ID before; nil before `0-0`.
    @inlinable public var previous: StreamID? {
        if sequence > 0 { return StreamID(milliseconds, sequence &- 1) }
        if milliseconds > 0 { return StreamID(milliseconds &- 1, .max) }
        return nil
    }

    /// The ID from its sixteen bytes in a file.
    public init(bigEndian bytes: ByteSlice) {
        milliseconds = bytes.bigEndian(at: 0)
        sequence = bytes.bigEndian(at: 8)
    }

    /// Appends the sixteen bytes that stand for the ID in a file.
    public func append(bigEndianTo buffer: inout ByteBuffer) {
        buffer.append(bigEndian: milliseconds)
        buffer.append(bigEndian: sequence)
    }

    /// Appends `milliseconds-sequence`.
    public func append(to buffer: inout ByteBuffer, separator: UInt8 = UInt8(ascii: "-")) {
        StreamID.append(milliseconds, to: &buffer)
        buffer.append(separator)
        StreamID.append(sequence, to: &buffer)
    }

    /// Longest text of an ID: two numbers of 20 digits and what parts them.
    public static var textBytesMax: Int { 41 }

    @inline(__always)
    private static func append(_ number: UInt64, to buffer: inout ByteBuffer) {
        if number <= UInt64(Int64.max) {
            buffer.append(decimal: Int64(truncatingIfNeeded: number))
        } else {
            buffer.append(decimal: Int64(truncatingIfNeeded: number / 10))
            buffer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
        }
    }

    /// Reads an unsigned number as C's `strtoull` does, which other servers fall back on: blanks
    /// and a plus in front and leading zeros are allowed.
    private static func number(_ text: ByteSlice) -> UInt64? {
        var index = 0
        while index < text.count, text[checked: index] == 0x20 || text[checked: index] &- 9 < 5 {
            index &+= 1
        }
        if index < text.count, text[checked: index] == UInt8(ascii: "+") { index &+= 1 }
        if index == text.count { return nil }
        var value: UInt64 = 0
        while index < text.count {
            let digit = text[checked: index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit))
            if overflowed || carried { return nil }
            value = sum
            index &+= 1
        }
        return value
    }

    /// A longer text is no ID.
    private static var givenTextBytesMax: Int { 127 }

    /// Reads `milliseconds` or `milliseconds-sequence`.
    ///
    /// - Parameters:
    ///   - text: what a client sent.
    ///   - missing: the sequence when the text has none.
    public init?(_ text: ByteSlice, missingSequence missing: UInt64 = 0) {
        guard text.count <= StreamID.givenTextBytesMax else { return nil }
        guard let dash = text.firstIndex(of: UInt8(ascii: "-")) else {
            guard let milliseconds = StreamID.number(text) else { return nil }
            self.init(milliseconds, missing)
            return
        }
        guard let milliseconds = StreamID.number(text.prefix(dash)),
            let sequence = StreamID.number(text.dropFirst(dash + 1))
        else { return nil }
        self.init(milliseconds, sequence)
    }

    /// Reads the `milliseconds` of `milliseconds-*`; nil for any other text.
    public static func millisecondsOfOpenID(_ text: ByteSlice) -> UInt64? {
        guard text.count >= 3, text.count <= givenTextBytesMax,
            text[text.count - 1] == UInt8(ascii: "*"),
            text[text.count - 2] == UInt8(ascii: "-")
        else { return nil }
        return number(text.prefix(text.count - 2))
    }
}

/// A value that belongs to an ID.
protocol HasStreamID: BitwiseCopyable {
    /// The ID that the order goes by.
    var id: StreamID { get }
}
