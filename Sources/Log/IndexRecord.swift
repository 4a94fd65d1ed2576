// One slot of the index beside an incremental log file: where in which history a file position is.
//
//    0  kind u8 │ version u8 │ reserved u16
//    4  slot check u32      CRC-32C of the slot with these four bytes as zero
//    8  generation u64      counts the updates of the tail slot; ordinal of other slots
//   16  file position u64   this many bytes of the log file are described …
//   24  stream offset i64   … and end with this byte of the stream
//   32  wall clock i64      milliseconds since 1970
//   40  checked from u64    the content check covers the file from here to the file position
//   48  synced position u64 this many bytes of the file were known to be on disk
//   56  content check u32   CRC-32C
//   60  database i32        selected behind the position; -1 unknown
//   64  replication id      40 characters
//  104  reserved            24 zero bytes
//
// All numbers are little-endian. A slot never crosses a 512-byte sector. The header slot (kind 1)
// uses the same fields for the file's start: file position = length of the local prefix (the SELECT
// that is not part of the stream), stream offset = the last byte before the file, checked from =
// the file's sequence number.

public import Bytes

/// A described place of a log file, or the description of its start.
public struct IndexRecord: Equatable, Sendable {
    /// Bytes of a slot.
    public static let byteCount = 128
    /// Version of the format that is written; others are refused.
    public static let version: UInt8 = 1

    /// What a slot is. Numbers are persisted: never reuse one.
    public enum Kind: UInt8, Sendable {
        /// The start of the file.
        case header = 1
        /// A place inside the file, appended.
        case record = 2
        /// The end of the file, updated in place.
        case tail = 3
    }

    /// What the slot is.
    public var kind: Kind
    /// Update counter of a tail slot.
    public var generation: UInt64
    /// Number of file bytes before the described place.
    public var filePosition: Int64
    /// The history and the stream offset of the last byte before the place.
    public var position: ReplicationPosition
    /// Wall clock in milliseconds when the place was the end.
    public var wallMilliseconds: Int64
    /// Where the content check starts in the file (header: the sequence number).
    public var checkedFrom: Int64
    /// Number of file bytes that were known to be on disk.
    public var syncedPosition: Int64
    /// CRC-32C of the file from `checkedFrom` to `filePosition`.
    public var contentCheck: UInt32

    /// A record with every field.
    public init(
        kind: Kind, generation: UInt64, filePosition: Int64, position: ReplicationPosition,
        wallMilliseconds: Int64, checkedFrom: Int64, syncedPosition: Int64, contentCheck: UInt32
    ) {
        self.kind = kind
        self.generation = generation
        self.filePosition = filePosition
        self.position = position
        self.wallMilliseconds = wallMilliseconds
        self.checkedFrom = checkedFrom
        self.syncedPosition = syncedPosition
        self.contentCheck = contentCheck
    }

    /// Appends the slot's 128 bytes.
    public func encode(into output: inout ByteBuffer) {
        let start = output.count
        output.append(kind.rawValue)
        output.append(IndexRecord.version)
        output.append(littleEndian: UInt16(0))
        output.append(littleEndian: UInt32(0))
        output.append(littleEndian: generation)
        output.append(littleEndian: filePosition)
        output.append(littleEndian: position.offset)
        output.append(littleEndian: wallMilliseconds)
        output.append(littleEndian: checkedFrom)
        output.append(littleEndian: syncedPosition)
        output.append(littleEndian: contentCheck)
        output.append(littleEndian: Int32(truncatingIfNeeded: position.database))
        position.id.append(to: &output)
        for _ in 0..<3 { output.append(littleEndian: UInt64(0)) }
        let check = CRC32C.checksum(output.readable.dropFirst(start))
        for index in 0..<4 {
            output.replace(
                at: start + 4 + index, with: UInt8(truncatingIfNeeded: check >> UInt32(8 * index)))
        }
    }

    /// Reads a slot; nil unless its check and every field are right.
    public init?(decoding slot: ByteSlice) {
        guard slot.count >= IndexRecord.byteCount else { return nil }
        let slot = slot.prefix(IndexRecord.byteCount)
        guard let kind = Kind(rawValue: slot[0]), slot[1] == IndexRecord.version else { return nil }
        var check = CRC32C()
        check.update(slot.prefix(4))
        check.update(ByteSlice("\0\0\0\0"))
        check.update(slot.dropFirst(8))
        guard check.value == slot.littleEndian(at: 4, as: UInt32.self) else { return nil }
        guard let id = ReplicationID(slot.slice(from: 64, count: 40)) else { return nil }
        self.kind = kind
        generation = slot.littleEndian(at: 8)
        filePosition = slot.littleEndian(at: 16)
        position = ReplicationPosition(
            id: id, offset: slot.littleEndian(at: 24),
            database: Int(slot.littleEndian(at: 60, as: Int32.self)))
        wallMilliseconds = slot.littleEndian(at: 32)
        checkedFrom = slot.littleEndian(at: 40)
        syncedPosition = slot.littleEndian(at: 48)
        contentCheck = slot.littleEndian(at: 56)
        let positions = 0...LogLimits.positionMax
        guard positions.contains(filePosition), positions.contains(checkedFrom),
            positions.contains(syncedPosition),
            (-1...LogLimits.positionMax).contains(position.offset)
        else { return nil }
    }
}
