// The index file of one log file as a whole.
//
//     0   header slot
//   128   tail slot A ┐ written in turn through a mapping, so that one of them is whole whenever
//   the 256   tail slot B ┘ process is killed; the higher generation counts
//   384   reserved
//   512   records, appended, one per 100 ms or 1 MB of log at most
//
// A file that ends inside a record, or whose last records are damaged, is read up to the last good
// one; the tail slot counts only when it goes on where the records end.

public import Bytes

/// The content of an index file.
public struct SegmentIndex: Equatable, Sendable {
    /// Where tail slot A starts; slot B follows.
    public static let tailStart = 128
    /// Where the records start.
    public static let recordsStart = 512

    /// The start of the log file.
    public let header: IndexRecord
    /// The places inside the file, rising; the last one is the end of the positioned bytes.
    public let places: [IndexRecord]

    /// Reads an index; nil when its header is not one of ours.
    public init?(parsing bytes: ByteSlice) {
        guard let header = IndexRecord(decoding: bytes), header.kind == .header else { return nil }
        var places: [IndexRecord] = []
        var end: Int64 = 0
        var start = SegmentIndex.recordsStart
        while start + IndexRecord.byteCount <= bytes.count,
            let record = IndexRecord(decoding: bytes.dropFirst(start)), record.kind == .record,
            record.follows(end, header: header)
        {
            places.append(record)
            end = record.filePosition
            start += IndexRecord.byteCount
        }
        if let tail = SegmentIndex.tail(bytes), tail.follows(end, header: header) {
            places.append(tail)
        }
        self.header = header
        self.places = places
    }

    /// The sequence number of the log file.
    public var sequence: Int64 { header.checkedFrom }
    /// Bytes at the start of the file that are not part of the stream.
    public var localPrefixBytes: Int64 { header.filePosition }
    /// The position before the first stream byte of the file.
    public var start: ReplicationPosition { header.position }
    /// The position behind the last stream byte that is described.
    public var end: ReplicationPosition { places.last?.position ?? header.position }
    /// Number of file bytes that are described.
    public var describedBytes: Int64 { places.last?.filePosition ?? 0 }

    /// Appends an index file that describes the log file up to `filePosition` only, the end of one
    /// of the places: for a log file that was cut there.
    public func encode(cutAt filePosition: Int64, into output: inout ByteBuffer) {
        header.encode(into: &output)
        while output.count < SegmentIndex.recordsStart { output.append(0) }
        for place in places where place.filePosition <= filePosition {
            var record = place
            record.kind = .record
            record.encode(into: &output)
        }
    }

    private static func tail(_ bytes: ByteSlice) -> IndexRecord? {
        var newest: IndexRecord?
        for slot in 0..<2 {
            let start = tailStart + slot * IndexRecord.byteCount
            guard start + IndexRecord.byteCount <= bytes.count,
                let tail = IndexRecord(decoding: bytes.dropFirst(start)), tail.kind == .tail
            else { continue }
            if newest.map({ $0.generation < tail.generation }) ?? true { newest = tail }
        }
        return newest
    }
}

extension IndexRecord {
    /// Whether the place goes on behind `end` in a file that starts as `header` says: a file maps
    /// to the stream in one piece, so position and offset fix each other.
    fileprivate func follows(_ end: Int64, header: IndexRecord) -> Bool {
        checkedFrom == end && filePosition >= max(end, header.filePosition)
            && position.offset - header.position.offset == filePosition - header.filePosition
    }
}
