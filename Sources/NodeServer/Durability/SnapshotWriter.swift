// The writer's side of a snapshot: chunks from the engine thread become a file.
//
//   engine ── chunk ──► │ queue, counted in bytes │ ──► writer thread: LZF, CRC, write ──► temp
//   file
//                │ above `queueBytesMax`, or between the pieces of a big value
//                └────► spill thread: LZF ──► temp-spill file ──► read back by the writer last
//
// The walk pauses while the queue is long; pre-images cannot wait, so beyond the limit they go to
// disk first. So do those that come while a big value goes into the file piece by piece, since
// nothing may stand between its pieces. Chunks name their database, so their order does not matter
// but for the first and the last.
//
// The file may be read while it grows: what was written stays as it is.

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

    /// Learns how many bytes the file has, and whether that is all of it; called on the writer's
    /// thread.
    typealias Growth = @Sendable (_ byteCount: Int64, _ isComplete: Bool) -> Void

    /// Chunks that wait on disk in the form of the file.
    private struct Spill: ~Copyable {
        var file: ChunkFile
        /// Bytes of each chunk, in order.
        var counts: [Int] = []

        init(_ file: consuming ChunkFile) { self.file = file }
    }

    /// Path of the file while it is written.
    let temporaryPath: String
    private let spillPath: String
    private let writer: Worker
    private let spiller: Worker
    // Written by the engine's thread, lowered by the two workers.
    private let queued = Atomic<Int>(0)
    // Whether the last piece of a big value is still to come; used by the engine's thread alone.
    private let isValueOpen = Atomic<Bool>(false)
    // Written by the writer's thread, read by the engine's.
    private let written = Atomic<Int64>(0)
    // Set by the engine's thread, read by the writer's.
    private let isFollowed = Atomic<Bool>(false)
    private let grew: Growth?
    private let compresses: Bool
    // Used by the writer's thread alone; nil before the file is open and after its end.
    private let state = Mutex<ChunkFile?>(nil)
    // Set by the writer's or the spiller's thread, read by any.
    private let failure = Mutex<SystemError?>(nil)
    // Used by the spiller's thread, by the writer's after the spiller has finished.
    private let spilled = Mutex<Spill?>(nil)

    /// A writer of `temporaryPath`, which is created on the writer's thread. `grew` is told of its
    /// growth once somebody follows it.
    init(
        temporaryPath: String, spillPath: String, compresses: Bool, checksums: Bool,
        writer: Worker, spiller: Worker, grew: Growth? = nil
    ) {
        self.temporaryPath = temporaryPath
        self.spillPath = spillPath
        self.compresses = compresses
        self.writer = writer
        self.spiller = spiller
        self.grew = grew
        writer.post { [self] in
            note {
                () throws(SystemError) in
                try state.withLock { (state) throws(SystemError) in
                    state = try ChunkFile(
                        path: temporaryPath, compresses: compresses, checksums: checksums)
                }
            }
        }
    }

    /// Bytes that wait for the workers.
    var queuedBytes: Int { queued.load(ordering: .relaxed) }
    /// Why the snapshot cannot be completed.
    var problem: SystemError? { failure.withLock { $0 } }

    /// Somebody reads the file from now on; returns how many bytes it has.
    func follow() -> Int64 {
        // Ordered with `tell`: either this sees the newest bytes, or they are told.
        isFollowed.store(true, ordering: .sequentiallyConsistent)
        return written.load(ordering: .sequentiallyConsistent)
    }

    /// Takes a chunk.
    func append(_ chunk: SnapshotChunk) {
        let count = chunk.memoryBytes
        let before = queued.add(count, ordering: .relaxed).oldValue
        switch chunk.part {
        case .first: isValueOpen.store(true, ordering: .relaxed)
        case .last: isValueOpen.store(false, ordering: .relaxed)
        case .whole, .middle: break
        }
        // Pieces of a big value never spill: they come from the walk, which pauses.
        let spills =
            chunk.part == .whole
            && (isValueOpen.load(ordering: .relaxed) || before > SnapshotWriter.queueBytesMax)
        if spills {
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
        let count = try state.withLock { (state) throws(SystemError) -> Int in
            try state?.write(chunk) ?? 0
        }
        tell(written.load(ordering: .relaxed) + Int64(count), isComplete: false)
    }

    private func tell(_ byteCount: Int64, isComplete: Bool) {
        written.store(byteCount, ordering: .sequentiallyConsistent)
        guard let grew, isFollowed.load(ordering: .sequentiallyConsistent) else { return }
        grew(byteCount, isComplete)
    }

    private func spill(_ chunk: SnapshotChunk) throws(SystemError) {
        try spilled.withLock { (state) throws(SystemError) in
            if state == nil {
                state = Spill(
                    try ChunkFile(path: spillPath, compresses: compresses, checksums: false))
            }
            if let count = try state?.file.write(chunk) { state?.counts.append(count) }
        }
    }

    /// Moves what has spilled into the file.
    private func takeBack(_ counts: [Int]) throws(SystemError) {
        let file = try File.open(spillPath, .read)
        var start: Int64 = 0
        for count in counts {
            var bytes = ByteBuffer(capacity: count)
            while bytes.count < count {
                let got = try file.read(
                    at: start + Int64(bytes.count), into: &bytes, maximum: count - bytes.count)
                guard got > 0 else {
                    throw SystemError(call: "read", code: 5, subject: spillPath)
                }
            }
            try write(SnapshotChunk(bytes: bytes.readable.array, spans: [], block: nil))
            start += Int64(count)
        }
    }

    private func complete(
        _ last: SnapshotChunk, _ target: Target
    ) throws(SystemError) -> Int64 {
        let counts = spilled.withLock { $0?.counts ?? [] }
        if !counts.isEmpty { try takeBack(counts) }
        try write(last)
        let length = try state.withLock { (state) throws(SystemError) -> Int64 in
            try state?.complete() ?? 0
        }
        // Who reads the file needs it whole, not durable.
        tell(length, isComplete: true)
        try state.withLock { (state) throws(SystemError) in try state?.sync() }
        if case .rename(let path) = target {
            try FileSystem.rename(temporaryPath, to: path)
            try FileSystem.syncDirectory(FileSystem.directory(of: path))
        }
        return length
    }

    private func cleanUp() {
        state.withLock { $0 = nil }
        let hadSpill = spilled.withLock { spill in
            let had = spill != nil
            spill = nil
            return had
        }
        if hadSpill { try? FileSystem.unlink(spillPath) }
    }
}
