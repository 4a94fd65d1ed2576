// Point-in-time snapshots without a fork: for BGSAVE, for bases of the log, for full syncs and for
// copies that scripts are debugged on.
// Engine thread only.
//
//   request ──► prepare ──► cut ──► walk in slices ──► writer: fsync, rename ──► completion
//               rotation    between  `sliceMicroseconds`     installBase
//               of the log  2 turns  per turn
//                             └──► replicas may read the file while it is written (FullSync.swift)
//
// One snapshot runs at a time; requests wait in a queue, equal ones are answered together. The cut
// is the end of a turn, when everything produced so far is in the log: data set and position agree.

import Bytes
import EventLoop
import Log
import Logging
import Persistence
import Platform
import Store

/// Settings of snapshots.
struct SnapshotSettings: Equatable, Sendable {
    /// `dir`.
    var directory: String
    /// `dbfilename`.
    var dumpFile = "dump.rdb"
    /// `rdbcompression`.
    var compresses = true
    /// `rdbchecksum`.
    var checksums = true
    /// `rdb-key-save-delay`: microseconds per key; -n is one per n keys.
    var saveDelayMicroseconds = 0
    /// `key-load-delay`: as `saveDelayMicroseconds`, when a file is loaded.
    var loadDelayMicroseconds = 0
    /// `loading-process-events-interval-bytes`.
    var loadEventBytes = 2 << 20
    /// What the files call this server's version.
    var serverVersion = "7.2.4"

    /// Settings for tests.
    init(directory: String) { self.directory = directory }

    /// The part of a node's settings that snapshots follow.
    init(_ settings: NodeSettings) {
        directory = settings.directory
        dumpFile = settings.dumpFile
        compresses = settings.compressesDumps
        checksums = settings.checksumsDumps
        saveDelayMicroseconds = settings.saveDelayMicroseconds
        loadDelayMicroseconds = settings.loadDelayMicroseconds
        loadEventBytes = settings.loadEventBytes
    }

    /// The path of the dump.
    var dumpPath: String { "\(directory)/\(dumpFile)" }
}

/// What a snapshot is for.
enum SnapshotPurpose: Equatable {
    /// BGSAVE: the file `dbfilename`.
    case dump
    /// A new base of the log; begins the log when there is none.
    case base
    /// BGREWRITEAOF without a log: a base that nothing follows, in place of what was there.
    case archive
    /// A temporary file for replicas of a node without a log.
    case sync
    /// A temporary file that another process loads, as plain as it gets.
    case copy

    /// Whether it is what clients call a rewrite of the log.
    var isRewrite: Bool { self == .base || self == .archive }
}

/// Why a snapshot did not come about.
enum SnapshotFailure: Error, Equatable {
    /// A file could not be written.
    case system(SystemError)
    /// It was ended early: by a shutdown, a new data set or a request.
    case aborted
    /// Another snapshot is being written.
    case busy
}

/// What INFO tells about snapshots.
struct SnapshotStatistics {
    /// When the last dump was completed, wall clock in seconds.
    var lastSaveSeconds: Int64 = 0
    /// Whether the last dump in the background was completed.
    var lastSaveSucceeded = true
    /// When the last dump was tried, monotonic milliseconds.
    var lastSaveTriedMilliseconds = Int64.min / 2
    /// How long the last dump took, in milliseconds; -1 before the first.
    var lastSaveMilliseconds: Int64 = -1
    /// Dumps completed.
    var saveCount: Int64 = 0
    /// Changes of the data set at the cut of the last dump that was completed.
    var changesSaved: Int64 = 0
    /// Whether the last rewrite of the log was completed.
    var lastRewriteSucceeded = true
    /// How long the last rewrite took, in milliseconds; -1 before the first.
    var lastRewriteMilliseconds: Int64 = -1
    /// Rewrites completed.
    var rewriteCount: Int64 = 0
    /// Size of the log after the last rewrite: `aof_base_size`.
    var sizeAfterRewrite: Int64 = 0
    /// Longest time the engine was held up by one slice of the snapshot that runs or ran last, in
    /// microseconds.
    var longestSliceMicroseconds: Int64 = 0
    /// Longest time the engine worked on one such slice: without the time in which the machine ran
    /// something else.
    var longestSliceProcessorMicroseconds: Int64 = 0
}

/// Takes snapshots.
final class Snapshots {
    typealias Completion = (Result<Void, SnapshotFailure>) -> Void

    /// The engine gives a snapshot this much of each turn.
    static let sliceMicroseconds: Int64 = 50
    /// Buckets (seven entries each) between two looks at the clock.
    static let bucketsPerLook = 4

    let keyspace: Keyspace
    let log: StreamLog
    let loop: EventLoop
    let logger: Logger
    let writer: Worker
    let spiller: Worker
    var settings: SnapshotSettings
    /// What INFO shows.
    var statistics = SnapshotStatistics()
    /// Changes of the data set since the start.
    var changeCount: () -> Int64 = { 0 }
    /// `used_memory`.
    var usedBytes: () -> Int64 = { 0 }
    /// Runs at the cut of a file that replicas read: the engine must produce the stream, and begin
    /// with SELECT, as readers of the stream do not all take the database from the file.
    var streamCut: () -> Void = {}
    /// Data of modules that every file repeats.
    var keptFacts = RDBFacts()
    /// Sources of the function libraries, for every file.
    var librarySources: () -> [[UInt8]] = { [] }
    /// A file with these libraries replaces the data set.
    var librariesLoaded: ([[UInt8]]) -> Void = { _ in }

    private var queue: [SnapshotRequest] = []
    private(set) var running: RunningSnapshot?
    var syncSource: SyncFile?
    /// Files that belong to replicas, the one that is being written too.
    var temporaryFiles: [SyncFile] = []
    /// The file of a copy, while those are told who have asked for it; removed afterwards.
    private(set) var copyPath: String?
    /// The RDB version that everybody reads who waits for the next file of a full sync.
    var nextSyncVersion = RDBVersion.writtenToProven
    var loading: SnapshotLoad?
    /// A received file is becoming the base: the log's files are not touched meanwhile.
    var isInstalling = false

    /// Takes snapshots of `keyspace`, whose changes go into `log`.
    init(
        keyspace: Keyspace, log: StreamLog, settings: SnapshotSettings
    ) throws(SystemError) {
        self.keyspace = keyspace
        self.log = log
        self.settings = settings
        loop = log.loop
        logger = log.logger
        writer = try Worker(name: "snapshot", isUrgent: false)
        spiller = try Worker(name: "snapshot-spill", isUrgent: false)
        statistics.lastSaveSeconds = Clock.wallMilliseconds() / 1_000
    }

    // MARK: Requests

    /// The snapshot that is running; nil for none.
    var runningPurpose: SnapshotPurpose? { running?.purpose }
    /// Whether one of this kind is running or waiting.
    func isPending(_ purpose: SnapshotPurpose) -> Bool {
        running?.purpose == purpose || queue.contains { $0.purpose == purpose }
    }
    /// Keys saved by the running snapshot, and keys at its cut.
    var progress: (saved: Int, total: Int) {
        (running?.encoder.keyCount ?? 0, running?.keysAtCut ?? 0)
    }
    /// Milliseconds since the running snapshot's cut; -1 for none.
    var runningMilliseconds: Int64 {
        running.map { loop.nowMilliseconds - $0.startedMilliseconds } ?? -1
    }
    /// Changes of the data set since the last dump.
    var changesSinceSave: Int64 { changeCount() - statistics.changesSaved }

    /// Asks for a snapshot; `completion` runs on the engine's thread when its file is durable.
    func request(_ purpose: SnapshotPurpose, completion: @escaping Completion) {
        add(SnapshotRequest(purpose: purpose, completion: completion))
    }

    /// Lets the request wait, or take part in a snapshot whose cut is still to come.
    func add(_ request: SnapshotRequest) {
        if let running, running.purpose == request.purpose, running.writer == nil {
            running.requests.append(request)
        } else {
            queue.append(request)
            startNext()
        }
        // The cut is the end of a turn: make sure that there is one.
        loop.runNextTurn {}
    }

    /// Ends the running snapshot, and those that wait.
    func abortAll() {
        let waiting = queue
        queue = []
        if let running { end(running, with: .failure(.aborted)) }
        for request in waiting { request.completion(.failure(.aborted)) }
    }

    /// Ends snapshots of this kind, whether they run or wait.
    func abort(_ purpose: SnapshotPurpose) {
        let waiting = queue.filter { $0.purpose == purpose }
        queue.removeAll { $0.purpose == purpose }
        if let running, running.purpose == purpose { end(running, with: .failure(.aborted)) }
        for request in waiting { request.completion(.failure(.aborted)) }
    }

    /// Ends the running snapshot alone: its data set is being replaced.
    func abortRunning() {
        if let running { end(running, with: .failure(.aborted)) }
    }

    /// Ends everything, and the threads when they have done what was asked of them.
    func stop() {
        abortAll()
        loading?.abort()
        // What has spilled goes on to the writer.
        spiller.stop()
        writer.stop()
    }

    /// Starts what has waited for the end of a load.
    func resumeRequests() {
        startNext()
        if running != nil { loop.runNextTurn {} }
    }

    private func startNext() {
        guard running == nil, loading == nil, !isInstalling, let next = queue.first else { return }
        let purpose = next.purpose
        let snapshot = RunningSnapshot(
            purpose: purpose, requests: queue.filter { $0.purpose == purpose })
        queue.removeAll { $0.purpose == purpose }
        snapshot.startedMilliseconds = loop.nowMilliseconds
        running = snapshot
        guard purpose == .base, log.mode == .file else {
            snapshot.isPrepared = true
            return
        }
        log.prepareRotation { [weak self, weak snapshot] result in
            guard let self, let snapshot, running === snapshot else { return }
            switch result {
            case .success: snapshot.isPrepared = true
            case .failure(let error): end(snapshot, with: .failure(.system(error)))
            }
        }
    }

    // MARK: Each turn

    /// The snapshot's part of a turn: comes after the log was committed.
    func endOfTurn() {
        guard let snapshot = running, snapshot.isPrepared else { return }
        if snapshot.writer == nil {
            guard log.committedOffset == log.offset else { return }
            do throws(SystemError) {
                try cut(snapshot)
            } catch {
                return end(snapshot, with: .failure(.system(error)))
            }
        }
        advance(snapshot)
    }

    private func cut(_ snapshot: RunningSnapshot) throws(SystemError) {
        switch snapshot.purpose {
        case .dump, .copy: break
        case .archive: try log.settings.folder.make()
        case .base:
            if log.mode == .file {
                try log.rotate()
            } else {
                startStream()
                if log.mode == .spool { log.closeSpool() }
                try log.openAside()
            }
            snapshot.firstSequence = log.segment?.sequence ?? 0
        case .sync:
            startStream()
            try log.openSpool()
            snapshot.version = nextSyncVersion
            nextSyncVersion = RDBVersion.writtenToProven
        }
        if snapshot.purpose == .base || snapshot.purpose == .sync { streamCut() }
        let number = ProcessFacts.processID
        let name =
            switch snapshot.purpose {
            case .dump: "temp-\(number).rdb"
            case .base, .archive: "temp-rewriteaof-bg-\(number).aof"
            case .sync: "temp-sync-\(number)-\(Clock.monotonicMicroseconds()).rdb"
            case .copy: "temp-copy-\(number).rdb"
            }
        let path = "\(settings.directory)/\(name)"
        // Whoever begins from an archive lacks what came later: no replica may go on from there.
        let hasPosition = log.isActive && snapshot.purpose != .archive
        snapshot.position = hasPosition ? log.position : nil
        let file = syncFile(of: snapshot, at: path)
        let reader = file.map { LoopBound($0, loop: loop) }
        let writer = SnapshotWriter(
            temporaryPath: path,
            spillPath: "\(settings.directory)/temp-spill-\(number).rdb",
            compresses: settings.compresses && snapshot.purpose != .copy,
            checksums: settings.checksums && snapshot.purpose != .copy, writer: self.writer,
            spiller: spiller
        ) { byteCount, isComplete in
            reader?.post { $0.grew(to: byteCount, isComplete: isComplete) }
        }
        snapshot.encoder = SnapshotEncoder(version: snapshot.version) { writer.append($0) }
        snapshot.encoder.accessClock = keyspace.accessClock
        snapshot.writer = writer
        snapshot.syncFile = file
        snapshot.changesAtCut = changeCount()
        snapshot.keysAtCut = keyspace.count
        log.isSnapshotRunning = true
        statistics.longestSliceMicroseconds = 0
        statistics.longestSliceProcessorMicroseconds = 0
        let counts = keyspace.beginSnapshot(snapshot.encoder)
        snapshot.encoder.begin(
            head(snapshot.position, isLogBase: snapshot.purpose.isRewrite), counts: counts)
        for request in snapshot.requests { request.atCut?(snapshot) }
    }

    /// What replicas read of the file that `snapshot` is going to write at `path`; nil when no
    /// replica can begin from it.
    private func syncFile(of snapshot: RunningSnapshot, at path: String) -> SyncFile? {
        guard snapshot.purpose == .base || snapshot.purpose == .sync,
            let position = snapshot.position
        else { return nil }
        let file = SyncFile(
            growingAt: path, position: position, isTemporary: snapshot.purpose == .sync,
            version: snapshot.version)
        if file.isTemporary { temporaryFiles.append(file) }
        return file
    }

    /// A log or backlog that begins now: what was written before was not counted.
    private func startStream() {
        guard log.mode == .off else { return }
        log.activateBacklogWithNewHistory()
    }

    func head(_ position: ReplicationPosition?, isLogBase: Bool) -> SnapshotHead {
        SnapshotHead(
            serverVersion: settings.serverVersion,
            createdSeconds: Clock.wallMilliseconds() / 1_000, usedBytes: usedBytes(),
            position: position, isLogBase: isLogBase, functions: librarySources(),
            moduleAuxiliaries: keptFacts.moduleAuxiliaries)
    }

    private func advance(_ snapshot: RunningSnapshot) {
        guard !snapshot.isWalked, let writer = snapshot.writer else { return }
        if writer.problem != nil { return finishWalk(snapshot, writer) }
        let start = Clock.monotonicMicroseconds()
        if start < snapshot.resumesAtMicroseconds
            || writer.queuedBytes > SnapshotWriter.walkBytesMax
        {
            return wake(afterMilliseconds: 1)
        }
        let processorBefore = Clock.threadProcessorMicroseconds()
        let keysBefore = snapshot.encoder.keyCount
        var now = start
        var progress = SnapshotProgress.running
        repeat {
            if snapshot.encoder.hasObjects {
                snapshot.encoder.advanceObjects(bucketBudget: Snapshots.bucketsPerLook)
            } else {
                progress = keyspace.advanceSnapshot(bucketBudget: Snapshots.bucketsPerLook)
            }
            now = Clock.monotonicMicroseconds()
        } while (progress == .running || snapshot.encoder.hasObjects) && now - start < sliceLimit
        statistics.longestSliceMicroseconds = max(
            statistics.longestSliceMicroseconds, now - start)
        statistics.longestSliceProcessorMicroseconds = max(
            statistics.longestSliceProcessorMicroseconds,
            Clock.threadProcessorMicroseconds() - processorBefore)
        if progress != .running && !snapshot.encoder.hasObjects {
            return finishWalk(snapshot, writer)
        }
        let delay = delayMicroseconds(keys: snapshot.encoder.keyCount - keysBefore)
        if delay > 0 {
            snapshot.resumesAtMicroseconds = now.addingClamped(delay)
            wake(afterMilliseconds: max(1, delay / 1_000))
        } else {
            loop.runNextTurn {}
        }
    }

    /// With a delay for tests the slices are as small as they get.
    private var sliceLimit: Int64 {
        settings.saveDelayMicroseconds == 0 ? Snapshots.sliceMicroseconds : 0
    }

    private func delayMicroseconds(keys: Int) -> Int64 {
        let delay = settings.saveDelayMicroseconds
        return delay >= 0 ? Int64(keys * delay) : Int64(keys / -delay)
    }

    private func wake(afterMilliseconds delay: Int64) {
        loop.schedule(afterMilliseconds: delay) {}
    }

    // MARK: The end

    private func finishWalk(_ snapshot: RunningSnapshot, _ writer: SnapshotWriter) {
        snapshot.isWalked = true
        keyspace.abortSnapshot()
        if writer.problem != nil { snapshot.encoder.dropObjects() }
        let target: SnapshotWriter.Target =
            snapshot.purpose == .dump ? .rename(settings.dumpPath) : .keep
        let bound = LoopBound((owner: self, snapshot: snapshot), loop: loop)
        writer.finish(snapshot.encoder.takeLast(), target: target) { result in
            bound.post { $0.owner.written($0.snapshot, result) }
        }
    }

    private func written(_ snapshot: RunningSnapshot, _ result: Result<Int64, SystemError>) {
        guard running === snapshot, let writer = snapshot.writer else { return }
        let length: Int64
        switch result {
        case .success(let bytes): length = bytes
        case .failure(let error):
            // Even if it was whole already: what the disk refused may be lost behind the cache.
            snapshot.syncFile?.fail(.system(error))
            return end(snapshot, with: .failure(.system(error)))
        }
        snapshot.syncFile?.grew(to: length, isComplete: true)
        switch snapshot.purpose {
        case .dump:
            end(snapshot, with: .success(()))
        case .base:
            log.installBase(
                writer.temporaryPath, length: length, position: snapshot.position,
                isPortable: true, firstSequence: snapshot.firstSequence
            ) { [weak self] result in
                self?.end(snapshot, with: result.mapError { .system($0) })
            }
        case .archive:
            log.installArchive(writer.temporaryPath) { [weak self] result in
                self?.end(snapshot, with: result.mapError { .system($0) })
            }
        case .sync:
            guard let file = snapshot.syncFile, file.length != nil else {
                return end(snapshot, with: .failure(.aborted))
            }
            syncSource = file
            end(snapshot, with: .success(()))
        case .copy:
            copyPath = writer.temporaryPath
            end(snapshot, with: .success(()))
        }
    }

    private func end(_ snapshot: RunningSnapshot, with result: Result<Void, SnapshotFailure>) {
        guard running === snapshot else { return }
        running = nil
        log.isSnapshotRunning = false
        if case .failure = result {
            keyspace.abortSnapshot()
            if !snapshot.isWalked { snapshot.writer?.abort() }
        }
        note(snapshot, result)
        for request in snapshot.requests { request.completion(result) }
        if let path = copyPath.take() { writer.post { try? FileSystem.unlink(path) } }
        if let file = snapshot.syncFile {
            if case .failure(let failure) = result { file.fail(failure) }
            releaseIfUnused(file)
        }
        startNext()
        if running != nil { loop.runNextTurn {} }
    }

    private func note(_ snapshot: RunningSnapshot, _ result: Result<Void, SnapshotFailure>) {
        let elapsed = loop.nowMilliseconds - snapshot.startedMilliseconds
        var succeeded = false
        if case .success = result { succeeded = true }
        switch snapshot.purpose {
        case .dump:
            statistics.lastSaveTriedMilliseconds = loop.nowMilliseconds
            if case .failure(.aborted) = result {} else { statistics.lastSaveSucceeded = succeeded }
            guard succeeded else { break }
            statistics.lastSaveMilliseconds = elapsed
            statistics.lastSaveSeconds = Clock.wallMilliseconds() / 1_000
            statistics.changesSaved = snapshot.changesAtCut
            statistics.saveCount += 1
            logger.notice("DB saved on disk")
            logger.notice("Background saving terminated with success")
        case .base, .archive:
            statistics.lastRewriteSucceeded = succeeded
            guard succeeded else { break }
            statistics.lastRewriteMilliseconds = elapsed
            statistics.rewriteCount += 1
            statistics.sizeAfterRewrite = log.currentBytes
            logger.notice("Background AOF rewrite finished successfully")
        case .sync, .copy: break
        }
        if case .failure(let failure) = result {
            let what = snapshot.purpose.isRewrite ? "AOF rewrite" : "saving"
            switch failure {
            case .system(let error): logger.warning("Background \(what) error: \(error)")
            case .aborted, .busy: logger.notice("Background \(what) was ended early")
            }
        }
    }
}

/// Somebody who wants a snapshot.
struct SnapshotRequest {
    let purpose: SnapshotPurpose
    /// Runs when the snapshot's file is about to be written.
    var atCut: ((RunningSnapshot) -> Void)?
    /// Runs when it is durable, or will never be.
    let completion: Snapshots.Completion
}

/// One snapshot under way.
final class RunningSnapshot {
    let purpose: SnapshotPurpose
    var requests: [SnapshotRequest]
    var isPrepared = false
    /// The cut has been made; set together with `encoder`.
    var writer: SnapshotWriter?
    var encoder = SnapshotEncoder { _ in }
    /// The RDB version of the file.
    var version = RDBVersion.written
    var position: ReplicationPosition?
    /// What replicas may read; set with the cut.
    var syncFile: SyncFile?
    var firstSequence: Int64 = 0
    var changesAtCut: Int64 = 0
    var keysAtCut = 0
    var startedMilliseconds: Int64 = 0
    var resumesAtMicroseconds: Int64 = 0
    var isWalked = false

    init(purpose: SnapshotPurpose, requests: [SnapshotRequest]) {
        self.purpose = purpose
        self.requests = requests
    }
}
