// The writer's side of a snapshot: chunks from the engine thread become a file.
//
//   engine ── chunk ──► │ queue, counted in bytes │ ──► writer thread: LZF, CRC, write ──► temp
//   file
//                │ above `queueBytesMax`
//                └────► spill thread ──► temp-spill file ──► read back by the writer at the end
//
// The walk pauses while the queue is long; pre-images cannot wait, so beyond the limit they go to
// disk as they are. Chunks name their database, so their order does not matter but for the first
// and the last.

import Bytes
import Log
import Persistence
import Platform
import Store
import Synchronization

/// Writes one snapshot file on other threads.
final class SnapshotWriter: Sendable {
    /// The walk pauses while this many bytes wait.
    static let walkBytesMax = 8 << 20
    /// What is handed over while this many bytes wait spills to disk.
    static let queueBytesMax = 64 << 20

    /// What becomes of the file when it is complete and durable.
    enum Target: Sendable {
        /// It gets this name.
        case rename(String)
        /// It keeps its temporary name.
        case keep
    }

    private struct FileState: ~Copyable {
        let file: File
        var formatter: SnapshotFormatter
        var output = ByteBuffer()

        init(path: String, compresses: Bool, checksums: Bool) throws(SystemError) {
            file = try File.open(path, [.write, .create, .truncate])
            formatter = SnapshotFormatter(compresses: compresses, checksums: checksums)
        }

        mutating func write(_ chunk: SnapshotChunk) throws(SystemError) {
            output.removeAll()
            formatter.append(chunk, to: &output)
            do throws(ShortWrite) { try file.write(output.readable) } catch { throw error.cause }
            for follower in chunk.followers { try write(follower) }
        }

        /// Writes the checksum and waits for the disk; returns the length.
        mutating func complete() throws(SystemError) -> Int64 {
            output.removeAll()
            formatter.appendChecksum(to: &output)
            do throws(ShortWrite) { try file.write(output.readable) } catch { throw error.cause }
            try file.sync()
            return formatter.fileBytes
        }
    }

    /// A part of the spill file.
    private struct SpilledPart: Sendable {
        let start: Int64
        let count: Int
    }

    /// Path of the file while it is written.
    let temporaryPath: String
    private let spillPath: String
    private let writer: Worker
    private let spiller: Worker
    // Written by the engine's thread, lowered by the two workers.
    private let queued = Atomic<Int>(0)
    // Used by the writer's thread alone; nil before the file is open and after its end.
    private let state = Mutex<FileState?>(nil)
    // Set by the writer's or the spiller's thread, read by any.
    private let failure = Mutex<SystemError?>(nil)
    // Used by the spiller's thread, read by the writer's after the spiller has finished.
    private let spilled = Mutex<[SpilledPart]>([])
    private let spillFile = Mutex<File?>(nil)

    /// A writer of `temporaryPath`, which is created on the writer's thread.
    init(
        temporaryPath: String, spillPath: String, compresses: Bool, checksums: Bool,
        writer: Worker, spiller: Worker
    ) {
        self.temporaryPath = temporaryPath
        self.spillPath = spillPath
        self.writer = writer
        self.spiller = spiller
        writer.post { [self] in
            note {
                () throws(SystemError) in
                try state.withLock { (state) throws(SystemError) in
                    state = try FileState(
                        path: temporaryPath, compresses: compresses, checksums: checksums)
                }
            }
        }
    }

    /// Bytes that wait for the workers.
    var queuedBytes: Int { queued.load(ordering: .relaxed) }
    /// Why the snapshot cannot be completed.
    var problem: SystemError? { failure.withLock { $0 } }

    /// Takes a chunk.
    func append(_ chunk: SnapshotChunk) {
        let count = chunk.memoryBytes
        let before = queued.add(count, ordering: .relaxed).oldValue
        if before > SnapshotWriter.queueBytesMax {
            spiller.post { [self] in
                note { () throws(SystemError) in try spill(chunk) }
                queued.subtract(count, ordering: .relaxed)
            }
        } else {
            writer.post { [self] in
                note { () throws(SystemError) in try write(chunk) }
                queued.subtract(count, ordering: .relaxed)
            }
        }
    }

    /// Completes the file with `last`, makes it durable and gives it its name; `completion` runs
    /// on the writer's thread with the file's length. A file that failed is removed.
    func finish(
        _ last: SnapshotChunk, target: Target,
        completion: @escaping @Sendable (Result<Int64, SystemError>) -> Void
    ) {
        spiller.post { [self] in
            writer.post { [self] in
                var length: Int64 = 0
                note { () throws(SystemError) in length = try complete(last, target) }
                cleanUp()
                if let problem {
                    try? FileSystem.unlink(temporaryPath)
                    completion(.failure(problem))
                } else {
                    completion(.success(length))
                }
            }
        }
    }

    /// Ends early and removes the file.
    func abort() {
        spiller.post { [self] in
            writer.post { [self] in
                cleanUp()
                try? FileSystem.unlink(temporaryPath)
            }
        }
    }

    // MARK: On the workers

    private func note(_ body: () throws(SystemError) -> Void) {
        guard problem == nil else { return }
        do throws(SystemError) { try body() } catch { failure.withLock { $0 = error } }
    }

    private func write(_ chunk: SnapshotChunk) throws(SystemError) {
        try state.withLock { (state) throws(SystemError) in try state?.write(chunk) }
    }

    private func spill(_ chunk: SnapshotChunk) throws(SystemError) {
        // Without compression a chunk's bytes are what the file gets.
        var formatter = SnapshotFormatter(compresses: false, checksums: false)
        var bytes = ByteBuffer()
        for piece in [chunk] + chunk.followers {
            var part = ByteBuffer()
            formatter.append(piece, to: &part)
            bytes.append(part.readable)
        }
        let content = bytes.readable.array
        let start = try spillFile.withLock { (file) throws(SystemError) -> Int64 in
            if file == nil {
                file = try File.open(spillPath, [.write, .create, .truncate, .append])
            }
            let start = try file?.seekToEnd() ?? 0
            do throws(ShortWrite) {
                try content.withByteSlice { (slice) throws(ShortWrite) in try file?.write(slice) }
            } catch {
                throw error.cause
            }
            return start
        }
        spilled.withLock { $0.append(SpilledPart(start: start, count: content.count)) }
    }

    private func complete(
        _ last: SnapshotChunk, _ target: Target
    ) throws(SystemError) -> Int64 {
        let parts = spilled.withLock { $0 }
        if !parts.isEmpty {
            let file = try File.open(spillPath, .read)
            for part in parts {
                var bytes = ByteBuffer(capacity: part.count)
                while bytes.count < part.count {
                    let got = try file.read(
                        at: part.start + Int64(bytes.count), into: &bytes,
                        maximum: part.count - bytes.count)
                    guard got > 0 else {
                        throw SystemError(call: "read", code: 5, subject: spillPath)
                    }
                }
                try write(SnapshotChunk(bytes: bytes.readable.array, spans: [], block: nil))
            }
        }
        try write(last)
        let length = try state.withLock { (state) throws(SystemError) -> Int64 in
            try state?.complete() ?? 0
        }
        if case .rename(let path) = target {
            try FileSystem.rename(temporaryPath, to: path)
            try FileSystem.syncDirectory(FileSystem.directory(of: path))
        }
        return length
    }

    private func cleanUp() {
        state.withLock { $0 = nil }
        let hadSpill = spillFile.withLock { file in
            let had = file != nil
            file = nil
            return had
        }
        if hadSpill { try? FileSystem.unlink(spillPath) }
    }
}
