// The master's side of a full sync: a file, and the log since its cut.
//
//   with a log      the newest base, unless the log since its cut is longer than the data: then a
//                   new base first
//   without a log   a temporary file, and the stream in another from the cut on, until the last
//                   replica has let go of the source
//
// A file without a log is of RDB version 11 when all that wait for it have proved to read that; one
// that has not, and comes later, gets a file of its own. Bases are always of version 10.
//
// Any number of replicas share a source, early or late; each reads file and log at its own pace.
// No socket ever holds a snapshot open.

import Bytes
import EventLoop
import Log
import Persistence
import Platform
import Synchronization

/// A snapshot file that replicas read; kept open, so that its name may go.
final class SyncFile {
    let path: String
    let length: Int64
    /// The place in the stream that the file was cut at.
    let position: ReplicationPosition
    let isTemporary: Bool
    /// The RDB version.
    let version: Int
    fileprivate let file: SharedFile
    fileprivate var users = 0

    init(
        path: String, length: Int64, position: ReplicationPosition, isTemporary: Bool,
        version: Int
    ) throws(SystemError) {
        self.version = version
        self.path = path
        self.length = length
        self.position = position
        self.isTemporary = isTemporary
        file = try SharedFile(path: path)
    }
}

/// An open file that several threads read.
private final class SharedFile: Sendable {
    private let file: File

    init(path: String) throws(SystemError) { file = try File.open(path, .read) }

    func read(at start: Int64, maximum: Int) throws(SystemError) -> [UInt8] {
        var buffer = ByteBuffer(capacity: maximum)
        _ = try file.read(at: start, into: &buffer, maximum: maximum)
        return buffer.readable.array
    }
}

/// What one replica reads its full sync from. Engine thread only.
final class FullSyncSource {
    private let file: SyncFile
    private let owner: Snapshots
    private var pin: Int?

    fileprivate init(_ file: SyncFile, owner: Snapshots) {
        self.file = file
        self.owner = owner
        file.users += 1
        pin = owner.log.pin(from: file.position.offset + 1)
    }

    /// Bytes of the RDB file.
    var length: Int64 { file.length }
    /// The place behind which the stream follows the file, in the present history.
    var position: ReplicationPosition {
        var position = file.position
        position.id = owner.log.replicationID
        return position
    }

    /// Reads up to `maximum` bytes of the file from `start` on, on another thread; `completion`
    /// runs on the engine's, with no bytes behind the end.
    func read(
        at start: Int64, maximum: Int,
        completion: @escaping (Result<[UInt8], SystemError>) -> Void
    ) {
        let bound = LoopBound(completion, loop: owner.loop)
        let shared = file.file
        owner.log.reader.post {
            let result: Result<[UInt8], SystemError>
            do throws(SystemError) {
                result = .success(try shared.read(at: start, maximum: maximum))
            } catch {
                result = .failure(error)
            }
            bound.post { $0(result) }
        }
    }

    /// Lets go of file and log: the replica follows the stream, or is gone. Call it once the
    /// stream is read from the ring or the log, which keep their own.
    func release() {
        guard let pin else { return }
        self.pin = nil
        owner.log.unpin(pin)
        file.users -= 1
        owner.releaseIfUnused(file)
    }

    deinit { if pin != nil { release() } }
}

extension Snapshots {
    /// A log this short never asks for a new snapshot.
    private static let logBytesAlwaysSent: Int64 = 1 << 20

    /// Gives a source for one more replica that reads RDB files up to `version`, at once or when
    /// its snapshot is written.
    func fullSyncSource(
        version: Int = RDBVersion.written,
        completion: @escaping (Result<FullSyncSource, SnapshotFailure>) -> Void
    ) {
        if let file = usableFile(version) {
            return completion(.success(FullSyncSource(file, owner: self)))
        }
        nextSyncVersion = min(nextSyncVersion, version)
        request(log.mode == .file ? .base : .sync) { [weak self] result in
            guard let self else { return }
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success:
                // Just written: whatever the length of the log meanwhile, it is the newest.
                guard let file = log.mode == .file ? baseFile() : syncSource else {
                    return completion(.failure(.aborted))
                }
                completion(.success(FullSyncSource(file, owner: self)))
            }
        }
    }

    private func usableFile(_ version: Int) -> SyncFile? {
        guard let file = log.mode == .file ? baseFile() : syncSource,
            file.version <= version, log.covers(from: file.position.offset + 1),
            log.offset - file.position.offset <= max(file.length, Snapshots.logBytesAlwaysSent)
        else { return nil }
        return file
    }

    /// The log's base, opened once for all replicas that read it.
    private func baseFile() -> SyncFile? {
        guard let base = log.base, base.isPortable, let position = base.position else {
            return nil
        }
        if let open = syncSource, open.path == base.path { return open }
        syncSource = try? SyncFile(
            path: base.path, length: base.length, position: position, isTemporary: false,
            version: RDBVersion.written)
        return syncSource
    }

    fileprivate func releaseIfUnused(_ file: SyncFile) {
        guard file.users == 0 else { return }
        if syncSource === file { syncSource = nil }
        guard file.isTemporary else { return }
        let path = file.path
        writer.post { try? FileSystem.unlink(path) }
        if syncSource == nil { log.endSpool() }
    }

    /// Forgets files of a history that has ended.
    func dropSyncSource() {
        guard let file = syncSource else { return }
        syncSource = nil
        if file.isTemporary, file.users == 0 { releaseIfUnused(file) }
    }
}
