// A file that chunks of a snapshot are written to.

import Bytes
import Persistence
import Platform

/// A new file of chunks in the form of an RDB file. Used by one thread at a time.
struct ChunkFile: ~Copyable {
    private let file: File
    private var formatter: SnapshotFormatter
    private var output = ByteBuffer()

    /// Creates the file; what was at `path` before is gone.
    init(path: String, compresses: Bool, checksums: Bool) throws(SystemError) {
        file = try File.open(path, [.write, .create, .truncate])
        formatter = SnapshotFormatter(compresses: compresses, checksums: checksums)
    }

    /// Writes a chunk; returns how many bytes it takes in the file.
    @discardableResult
    mutating func write(_ chunk: SnapshotChunk) throws(SystemError) -> Int {
        output.removeAll()
        formatter.append(chunk, to: &output)
        try store()
        return output.count
    }

    /// Writes the checksum, which completes the file; returns its length.
    mutating func complete() throws(SystemError) -> Int64 {
        output.removeAll()
        formatter.appendChecksum(to: &output)
        try store()
        return formatter.fileBytes
    }

    /// Waits until the file is on disk.
    borrowing func sync() throws(SystemError) { try file.sync() }

    private func store() throws(SystemError) {
        do throws(ShortWrite) { try file.write(output.readable) } catch { throw error.cause }
    }
}
