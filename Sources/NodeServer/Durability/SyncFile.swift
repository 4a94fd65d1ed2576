// A file that replicas read, complete or still being written.
//
//   writer's thread ── length so far ──► grew ──► readers that have come to its end
//
// A reader that has everything there is waits until the file has grown, is complete or will never
// be. Only a complete file has a length: no reader can take a part for the whole.

import Bytes
import Log
import Platform

/// A snapshot file that replicas read; kept open, so that its name may go. Engine thread only.
final class SyncFile {
    private enum State {
        case growing
        case complete
        case failed(SnapshotFailure)
    }

    let path: String
    /// The place in the stream that the file was cut at.
    let position: ReplicationPosition
    /// It belongs to its readers, and goes with the last of them.
    let isTemporary: Bool
    /// The RDB version.
    let version: Int
    /// Replicas that read it or the stream behind it.
    var users = 0
    private var state: State
    private var byteCount: Int64
    private var file: SharedFile?
    private var waiting: [() -> Void] = []

    /// The complete file at `path`.
    init(
        path: String, length: Int64, position: ReplicationPosition, isTemporary: Bool,
        version: Int
    ) throws(SystemError) {
        self.path = path
        self.position = position
        self.isTemporary = isTemporary
        self.version = version
        byteCount = length
        state = .complete
        file = try SharedFile(path: path)
    }

    /// A file that is about to be written.
    init(
        growingAt path: String, position: ReplicationPosition, isTemporary: Bool, version: Int
    ) {
        self.path = path
        self.position = position
        self.isTemporary = isTemporary
        self.version = version
        byteCount = 0
        state = .growing
    }

    /// Bytes of the complete file; nil before and if it failed.
    var length: Int64? {
        if case .complete = state { byteCount } else { nil }
    }

    // MARK: Growth

    /// The writer has come so far; with `isComplete` that is all.
    func grew(to byteCount: Int64, isComplete: Bool) {
        guard case .growing = state else { return }
        self.byteCount = max(self.byteCount, byteCount)
        if file == nil, byteCount > 0 {
            do throws(SystemError) {
                file = try SharedFile(path: path)
            } catch {
                return fail(.system(error))
            }
        }
        if isComplete { state = .complete }
        wakeReaders()
    }

    /// The file cannot be trusted, or will never be complete: its readers must ask again.
    func fail(_ failure: SnapshotFailure) {
        state = .failed(failure)
        wakeReaders()
    }

    private func wakeReaders() {
        let ready = waiting
        waiting = []
        for body in ready { body() }
    }

    // MARK: Reading

    /// What a reader at `start` may do.
    enum Reading {
        /// Read up to so many bytes of this file.
        case bytes(SharedFile, Int)
        /// Nothing more comes.
        case end
        /// Wait.
        case later
        /// Give up.
        case failed(SnapshotFailure)
    }

    /// What there is for a reader at `start` that takes up to `maximum` bytes.
    func reading(at start: Int64, maximum: Int) -> Reading {
        if case .failed(let failure) = state { return .failed(failure) }
        if let file, start < byteCount {
            return .bytes(file, Int(min(Int64(maximum), byteCount - start)))
        }
        if case .growing = state { return .later }
        return .end
    }

    /// Runs `body` when `reading` may say something else than `.later`.
    func whenChanged(_ body: @escaping () -> Void) { waiting.append(body) }
}

/// An open file that several threads read.
final class SharedFile: Sendable {
    private let file: File

    init(path: String) throws(SystemError) { file = try File.open(path, .read) }

    func read(at start: Int64, maximum: Int) throws(SystemError) -> [UInt8] {
        var buffer = ByteBuffer(capacity: maximum)
        _ = try file.read(at: start, into: &buffer, maximum: maximum)
        return buffer.readable.array
    }
}
