// Decides what goes into the index as the log grows: a machine that its owner feeds with what it
// has written to the log file.
//
//   append(bytes)        after each write: the running checksum
//   commit(…)            at the end of each turn: says whether a record is due, and gives the slots
//
// Both slots of one commit describe the same place, the record first: killed between the two, the
// index still describes everything up to the record.

public import Bytes

/// The writing side of an index.
public struct IndexWriter: ~Copyable {
    private var check = CRC32C()
    private var checkedFrom: Int64 = 0
    private var generation: UInt64 = 0
    private var lastRecordMilliseconds: Int64
    private let header: IndexRecord
    /// Number of bytes written to the log file.
    public private(set) var filePosition: Int64 = 0
    /// Number of records appended.
    public private(set) var recordCount: Int64 = 0
    /// Number of bytes of the log file known to be on disk; set by the owner.
    public var syncedPosition: Int64 = 0

    /// The index of a new, empty log file that goes on behind `start`.
    public init(
        sequence: Int64, start: ReplicationPosition, localPrefixBytes: Int64,
        wallMilliseconds: Int64
    ) {
        header = IndexRecord(
            kind: .header, generation: 0, filePosition: localPrefixBytes, position: start,
            wallMilliseconds: wallMilliseconds, checkedFrom: sequence, syncedPosition: 0,
            contentCheck: 0)
        lastRecordMilliseconds = wallMilliseconds
    }

    /// Appends the content of a new index file: the header and empty slots.
    public func encodeStart(into output: inout ByteBuffer) {
        header.encode(into: &output)
        while output.count < SegmentIndex.recordsStart { output.append(0) }
    }

    /// Takes bytes that were written to the log file, the local prefix included.
    public mutating func append(_ bytes: ByteSlice) {
        check.update(bytes)
        filePosition += Int64(bytes.count)
    }

    /// Whether the next commit should append a record.
    public func isRecordDue(wallMilliseconds: Int64) -> Bool {
        filePosition > checkedFrom
            && (filePosition - checkedFrom >= Int64(LogLimits.recordIntervalBytes)
                || wallMilliseconds - lastRecordMilliseconds
                    >= LogLimits.recordIntervalMilliseconds
                || wallMilliseconds < lastRecordMilliseconds)
    }

    /// Appends the record that describes the end of the file; it goes behind the earlier records.
    public mutating func encodeRecord(
        _ position: ReplicationPosition, wallMilliseconds: Int64, into output: inout ByteBuffer
    ) {
        place(.record, UInt64(recordCount), position, wallMilliseconds).encode(into: &output)
        recordCount += 1
        lastRecordMilliseconds = wallMilliseconds
        checkedFrom = filePosition
        check = CRC32C()
    }

    /// Appends the tail slot that describes the end of the file and returns where it goes.
    public mutating func encodeTail(
        _ position: ReplicationPosition, wallMilliseconds: Int64, into output: inout ByteBuffer
    ) -> Int {
        generation += 1
        place(.tail, generation, position, wallMilliseconds).encode(into: &output)
        return SegmentIndex.tailStart + Int(generation % 2) * IndexRecord.byteCount
    }

    private func place(
        _ kind: IndexRecord.Kind, _ generation: UInt64, _ position: ReplicationPosition,
        _ wallMilliseconds: Int64
    ) -> IndexRecord {
        assert(
            position.offset - header.position.offset == filePosition - header.filePosition,
            "a log file maps to the stream in one piece")
        return IndexRecord(
            kind: kind, generation: generation, filePosition: filePosition, position: position,
            wallMilliseconds: wallMilliseconds, checkedFrom: checkedFrom,
            syncedPosition: syncedPosition, contentCheck: check.value)
    }
}
