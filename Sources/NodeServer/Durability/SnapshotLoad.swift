// The replica's side of a full sync: RDB bytes from the socket become a data set beside the present
// one, which serves until the end.
//
//   begin ──► receive(bytes)… ──► finish ──┬─ log: stream starts anew at the snapshot's position
//                  │                       ├─ keyspace: the new tables, the old ones freed
//                  elsewhere └► with a log: a copy ──┴─ becomes base n+1 by one manifest swap
//                     of the bytes on disk
//
// Until the swap is durable a crash finds the old data with its old position, whole.

import Bytes
import EventLoop
import Log
import Logging
import Persistence
import Platform
import Store
import Synchronization

/// Why a received snapshot is refused.
enum SnapshotLoadFailure: Error, CustomStringConvertible {
    /// The bytes are wrong.
    case format(RDBError)
    /// A file could not be written.
    case system(SystemError)

    var description: String {
        switch self {
        case .format(let error): "\(error)"
        case .system(let error): "\(error)"
        }
    }
}

/// A data set on its way in. Engine thread only.
final class SnapshotLoad {
    private let owner: Snapshots
    private let id: ReplicationID
    private let offset: Int64
    private let keyspace: Keyspace
    private var reader = RDBReader()
    private var loader: RDBLoader
    private var buffer = ByteBuffer()
    private let recorder: SnapshotRecorder?
    private(set) var isComplete = false
    private var isOver = false

    fileprivate init(owner: Snapshots, id: ReplicationID, offset: Int64) {
        self.owner = owner
        self.id = id
        self.offset = offset
        keyspace = owner.keyspace.makeSibling()
        loader = RDBLoader(keyspace: keyspace, expired: .kept)
        let pace = LoadPace(owner)
        loader.keyLoaded = { pace.keyLoaded() }
        recorder =
            owner.log.mode == .file
            ? SnapshotRecorder(
                path: "\(owner.settings.directory)/temp-load-\(ProcessFacts.processID).rdb",
                worker: owner.writer) : nil
    }

    /// Bytes that wait for the disk; a caller stops reading the socket above
    /// `SnapshotWriter.queueBytesMax`.
    var queuedBytes: Int { recorder?.queuedBytes ?? 0 }

    /// Takes the next bytes of the file. `isLast` when nothing more has come for a while, or ever
    /// will: a cut-off item is then looked at again.
    func receive(_ bytes: ByteSlice, isLast: Bool = false) throws(SnapshotLoadFailure) {
        guard !isComplete else { return }
        recorder?.append(bytes)
        buffer.append(bytes)
        do throws(RDBError) {
            isComplete =
                try reader.receive(&buffer, patient: !isLast, visitor: &loader) == .finished
        } catch {
            throw .format(error)
        }
    }

    /// The transfer is over: replaces the data set. Throws when the file was not complete or the
    /// log cannot follow; then the old data stay.
    func finish() throws(SnapshotLoadFailure) {
        precondition(!isOver, "the load has ended")
        try receive(ByteSlice(), isLast: true)
        guard isComplete else { throw .format(reader.truncation) }
        if let problem = recorder?.problem { throw .system(problem) }
        let database = loader.facts.auxiliaries["repl-stream-db"].flatMap { Int($0) } ?? -1
        let position = ReplicationPosition(id: id, offset: offset, database: database)
        owner.abortRunning()
        owner.dropSyncSource()
        do throws(SystemError) {
            try owner.log.replaceHistory(position)
        } catch {
            throw .system(error)
        }
        isOver = true
        owner.loading = nil
        owner.keptFacts = loader.facts
        owner.librariesLoaded(loader.facts.functions)
        for replaced in owner.keyspace.adopt(keyspace) { owner.keyspace.dispose(of: replaced) }
        owner.install(
            recorder, length: reader.offset, position: position,
            isPortable: reader.dialect == .redis && reader.version <= RDBVersion.written)
    }

    /// Throws the unfinished data set away; the old one stays.
    func abort() {
        guard !isOver else { return }
        isOver = true
        owner.loading = nil
        recorder?.abort()
        owner.resumeRequests()
    }
}

extension Snapshots {
    /// Begins to load a snapshot of history `id` that ends with the byte `offset`.
    func beginLoad(id: ReplicationID, offset: Int64) -> SnapshotLoad {
        loading?.abort()
        let load = SnapshotLoad(owner: self, id: id, offset: offset)
        loading = load
        return load
    }

    /// Makes the received file the base of the log.
    fileprivate func install(
        _ recorder: SnapshotRecorder?, length: Int64, position: ReplicationPosition,
        isPortable: Bool
    ) {
        guard let recorder, log.mode == .file, let segment = log.segment else {
            return resumeRequests()
        }
        isInstalling = true
        let first = segment.sequence
        let bound = LoopBound(self, loop: loop)
        recorder.finish { result in
            bound.post { snapshots in
                switch result {
                case .failure(let error): snapshots.endInstallation(of: first, .failure(error))
                case .success:
                    // A newer data set may have come meanwhile, with a file of its own.
                    guard snapshots.log.segment?.sequence == first else {
                        recorder.abort()
                        return snapshots.endInstallation(of: first, .success(()))
                    }
                    snapshots.log.installBase(
                        recorder.path, length: length, position: position,
                        isPortable: isPortable, firstSequence: first
                    ) { result in
                        snapshots.endInstallation(of: first, result)
                    }
                }
            }
        }
    }

    /// The file that began with the increment `first` is the base, or never will be. A newer one
    /// goes on by itself; without a log there is nothing more to wait for.
    private func endInstallation(of first: Int64, _ result: Result<Void, SystemError>) {
        if let open = log.segment, open.sequence != first { return }
        isInstalling = false
        if case .failure(let error) = result { rebuildBase(after: error) }
        resumeRequests()
    }

    /// The received file could not become the base: a snapshot of our own takes its place.
    private func rebuildBase(after error: SystemError) {
        logger.warning("The received snapshot could not become the base of the AOF: \(error)")
        if log.mode == .file { request(.base) { _ in } }
    }
}

/// Copies received bytes into a file on a worker.
final class SnapshotRecorder: Sendable {
    let path: String
    private let worker: Worker
    private let queued = Atomic<Int>(0)
    // Used by the worker alone.
    private let file = Mutex<File?>(nil)
    // Set by the worker, read by the engine's thread.
    private let failure = Mutex<SystemError?>(nil)

    init(path: String, worker: Worker) {
        self.path = path
        self.worker = worker
        worker.post { [self] in
            note { () throws(SystemError) in
                try file.withLock { (file) throws(SystemError) in
                    file = try File.open(path, [.write, .create, .truncate])
                }
            }
        }
    }

    var queuedBytes: Int { queued.load(ordering: .relaxed) }
    var problem: SystemError? { failure.withLock { $0 } }

    func append(_ bytes: ByteSlice) {
        guard !bytes.isEmpty else { return }
        let copy = bytes.array
        queued.add(copy.count, ordering: .relaxed)
        worker.post { [self] in
            note { () throws(SystemError) in
                try file.withLock { (file) throws(SystemError) in
                    do throws(ShortWrite) {
                        try copy.withByteSlice { (slice) throws(ShortWrite) in
                            try file?.write(slice)
                        }
                    } catch {
                        throw error.cause
                    }
                }
            }
            queued.subtract(copy.count, ordering: .relaxed)
        }
    }

    /// Makes the file durable.
    func finish(_ completion: @escaping @Sendable (Result<Void, SystemError>) -> Void) {
        worker.post { [self] in
            note { () throws(SystemError) in
                try file.withLock { (file) throws(SystemError) in try file?.sync() }
            }
            file.withLock { $0 = nil }
            if let problem {
                try? FileSystem.unlink(path)
                completion(.failure(problem))
            } else {
                completion(.success(()))
            }
        }
    }

    func abort() {
        worker.post { [self] in
            file.withLock { $0 = nil }
            try? FileSystem.unlink(path)
        }
    }

    private func note(_ body: () throws(SystemError) -> Void) {
        guard problem == nil else { return }
        do throws(SystemError) { try body() } catch { failure.withLock { $0 = error } }
    }
}
