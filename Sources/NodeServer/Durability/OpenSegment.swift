// The log file that is being written, with its index. Engine thread only.
//
//   write(bytes)        to the file; the running checksum follows
//   place(position)     the index: a record when one is due, then the tail slot
//   syncData()          before `place` when every turn must be on disk
//
// Nothing here counts as done before `place` has returned. What was written without it is taken up
// by the next attempt: a full disk leaves no gap and no repetition in the file.

import Bytes
import Log
import Platform

/// The open end of the log.
final class OpenSegment {
    /// Sequence number of the file.
    let sequence: Int64
    /// Its path.
    let path: String
    /// Bytes at its start that are not part of the stream.
    let localPrefixBytes: Int64
    private let log: File
    private let index: IndexFile?
    private var writer: IndexWriter
    private var record = ByteBuffer()
    private var recordPosition = Int64(SegmentIndex.recordsStart)
    private var slot = ByteBuffer(capacity: IndexRecord.byteCount)

    /// Creates the file at `path`, or takes an empty one over, for what follows `start`. A file
    /// without an index is for the life of the process only.
    init(
        path: String, sequence: Int64, start: ReplicationPosition, hasIndex: Bool
    ) throws(SystemError) {
        self.path = path
        self.sequence = sequence
        log = try File.open(path, [.write, .create, .truncate, .append])
        // Loaders begin each file in database 0.
        var prefix = ByteBuffer()
        if hasIndex, start.database > 0 {
            let number = String(start.database)
            prefix.append(text: "*2\r\n$6\r\nSELECT\r\n$\(number.utf8.count)\r\n\(number)\r\n")
        }
        localPrefixBytes = Int64(prefix.count)
        let now = Clock.wallMilliseconds()
        writer = IndexWriter(
            sequence: sequence, start: start, localPrefixBytes: localPrefixBytes,
            wallMilliseconds: now)
        guard hasIndex else {
            index = nil
            return
        }
        var head = ByteBuffer()
        writer.encodeStart(into: &head)
        index = try IndexFile(path: LogFolder.index(path), head: head.readable)
        do throws(ShortWrite) {
            try write(prefix.readable)
        } catch {
            throw error.cause
        }
        try place(start)
    }

    /// Number of bytes in the file.
    var fileBytes: Int64 { writer.filePosition }

    /// Number of bytes known to be on disk.
    var syncedBytes: Int64 {
        get { writer.syncedPosition }
        set { writer.syncedPosition = newValue }
    }

    /// Writes bytes at the end. When it throws, the part that it names is in the file.
    func write(_ bytes: ByteSlice) throws(ShortWrite) {
        do throws(ShortWrite) {
            try log.write(bytes)
            writer.append(bytes)
        } catch {
            writer.append(bytes.prefix(error.written))
            throw error
        }
    }

    /// Waits until everything written is on disk.
    func syncData() throws(SystemError) {
        try log.syncData()
        writer.syncedPosition = writer.filePosition
    }

    /// Makes the index describe the end of the file as `position`.
    func place(_ position: ReplicationPosition) throws(SystemError) {
        guard let index else { return }
        let now = Clock.wallMilliseconds()
        if record.isEmpty, writer.isRecordDue(wallMilliseconds: now) {
            writer.encodeRecord(position, wallMilliseconds: now, into: &record)
        }
        if !record.isEmpty {
            do throws(ShortWrite) {
                try index.file.write(record.readable, at: recordPosition)
            } catch {
                throw error.cause
            }
            recordPosition += Int64(record.count)
            record.removeAll()
        }
        slot.removeAll()
        let start = writer.encodeTail(position, wallMilliseconds: now, into: &slot)
        index.slots.store(slot.readable, at: start)
    }

    /// Waits until log and index are on disk: for an orderly end.
    func syncAll() throws(SystemError) {
        try syncData()
        guard let index else { return }
        try index.slots.sync()
        try index.file.sync()
    }
}

/// The index file: records are written, the tail slots are mapped.
private final class IndexFile {
    let file: File
    let slots: MappedFile

    init(path: String, head: ByteSlice) throws(SystemError) {
        file = try File.open(path, [.write, .create, .truncate])
        do throws(ShortWrite) { try file.write(head) } catch { throw error.cause }
        slots = try MappedFile(path: path, size: SegmentIndex.recordsStart)
    }
}
