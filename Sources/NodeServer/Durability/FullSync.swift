// The master's side of a full sync: a file, and the log since its cut.
//
//   with a log      the newest base, unless the log since its cut is longer than the data: then a
//                   new base first
//   without a log   a temporary file, and the stream in another from the cut on, until the last
//                   replica has let go of the source
//
// A peer that takes the file without the stream behind it, as a backup does, or may do so, always
// waits for a snapshot whose cut comes after its request: what the log holds would be lost on it.
//
// A replica that takes a snapshot of unknown length reads a new file while it is written, from the
// cut on or later from its start; the others wait until it is complete.
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

    /// Bytes of the RDB file; nil while it is being written.
    var length: Int64? { file.length }
    /// The place behind which the stream follows the file, in the present history.
    var position: ReplicationPosition {
        var position = file.position
        position.id = owner.log.replicationID
        return position
    }

    /// Reads up to `maximum` bytes of the file from `start` on, on another thread and when they
    /// are written; `completion` runs on the engine's, with no bytes behind the end.
    func read(
        at start: Int64, maximum: Int,
        completion: @escaping (Result<[UInt8], SnapshotFailure>) -> Void
    ) {
        switch file.reading(at: start, maximum: maximum) {
        case .end: completion(.success([]))
        case .failed(let failure): completion(.failure(failure))
        case .later:
            file.whenChanged { [weak self] in
                self?.read(at: start, maximum: maximum, completion: completion)
            }
        case .bytes(let shared, let count):
            let bound = LoopBound(completion, loop: owner.loop)
            owner.log.reader.post {
                let result: Result<[UInt8], SnapshotFailure>
                do throws(SystemError) {
                    result = .success(try shared.read(at: start, maximum: count))
                } catch {
                    result = .failure(.system(error))
                }
                bound.post { $0(result) }
            }
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

    /// Gives a source for one more replica that reads RDB files up to `version`: at once, or when
    /// its snapshot is written. One that `acceptsGrowing` gets it when that is begun.
    func fullSyncSource(
        version: Int = RDBVersion.written, acceptsGrowing: Bool = false,
        completion: @escaping (Result<FullSyncSource, SnapshotFailure>) -> Void
    ) {
        if let file = usableFile(version) {
            return completion(.success(FullSyncSource(file, owner: self)))
        }
        let running = runningSnapshot(version)
        if acceptsGrowing, let source = running.flatMap({ growingSource(of: $0) }) {
            return completion(.success(source))
        }
        var isAnswered = false
        let request = SnapshotRequest(
            purpose: fullSyncPurpose,
            atCut: { [weak self] snapshot in
                guard acceptsGrowing, let source = self?.growingSource(of: snapshot) else { return }
                isAnswered = true
                completion(.success(source))
            },
            completion: { [weak self] result in
                guard let self, !isAnswered else { return }
                completion(result.flatMap { _ in self.newestSource() })
            })
        if let running { return running.requests.append(request) }
        nextSyncVersion = min(nextSyncVersion, version)
        add(request)
    }

    /// Gives a source whose file alone is enough: it has everything that was written before the
    /// call. Nothing that was cut before is shared. The offset of the stream would not tell what
    /// is new: writes to a writable replica are not in it.
    func freshSource(
        version: Int = RDBVersion.written,
        completion: @escaping (Result<FullSyncSource, SnapshotFailure>) -> Void
    ) {
        var file: SyncFile?
        nextSyncVersion = min(nextSyncVersion, version)
        add(
            SnapshotRequest(
                purpose: fullSyncPurpose,
                atCut: { file = $0.syncFile },
                completion: { [weak self] result in
                    guard let self else { return }
                    // Of this snapshot, whatever else is the newest by now.
                    completion(
                        result.flatMap { _ in
                            guard let file, file.length != nil else { return .failure(.aborted) }
                            return .success(FullSyncSource(file, owner: self))
                        })
                }))
    }

    /// The snapshot under way, if its cut was made and its file suits a replica that reads RDB
    /// files up to `version`.
    private func runningSnapshot(_ version: Int) -> RunningSnapshot? {
        guard let running, let file = running.syncFile, file.version <= version,
            log.covers(from: file.position.offset + 1)
        else { return nil }
        return running
    }

    /// A reader of the file that `snapshot` is writing.
    private func growingSource(of snapshot: RunningSnapshot) -> FullSyncSource? {
        guard let file = snapshot.syncFile, let writer = snapshot.writer else { return nil }
        file.grew(to: writer.follow(), isComplete: false)
        return FullSyncSource(file, owner: self)
    }

    /// Just written: whatever the length of the log meanwhile, it is the newest.
    private func newestSource() -> Result<FullSyncSource, SnapshotFailure> {
        guard let file = newestFile else { return .failure(.aborted) }
        return .success(FullSyncSource(file, owner: self))
    }

    private func usableFile(_ version: Int) -> SyncFile? {
        guard let file = newestFile, let length = file.length,
            file.version <= version, log.covers(from: file.position.offset + 1),
            log.offset - file.position.offset <= max(length, Snapshots.logBytesAlwaysSent)
        else { return nil }
        return file
    }

    /// What is written for a full sync.
    private var fullSyncPurpose: SnapshotPurpose { log.mode == .file ? .base : .sync }

    /// The complete file that was cut last; nil when there is none.
    private var newestFile: SyncFile? { log.mode == .file ? baseFile() : syncSource }

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

    /// Forgets a file that nobody reads and nobody writes; with the last temporary one goes the
    /// stream that was kept for them.
    func releaseIfUnused(_ file: SyncFile) {
        guard file.users == 0, running?.syncFile !== file else { return }
        if syncSource === file { syncSource = nil }
        guard let index = temporaryFiles.firstIndex(where: { $0 === file }) else { return }
        temporaryFiles.remove(at: index)
        let path = file.path
        writer.post { try? FileSystem.unlink(path) }
        if temporaryFiles.isEmpty { log.endSpool() }
    }

    /// Forgets files of a history that has ended.
    func dropSyncSource() {
        guard let file = syncSource else { return }
        syncSource = nil
        releaseIfUnused(file)
    }
}
