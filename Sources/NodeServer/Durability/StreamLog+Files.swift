// The files of the log over time.
//
//   rotation   1. worker: empty increment n+1, manifest that lists it, all durable
//              2. engine, between two turns: go on in n+1 (no disk is waited for)
//   new base   1. rotation; the cut is the moment of step 2
//              2. writer thread: the base's bytes
//              3. worker: rename, manifest (new base, increments from n+1 on), durable
//              4. engine: what the manifest no longer lists lives on for the backlog
//   new data   (full sync, `appendonly yes`) as a new base whose increment the manifest does not
//              list before step 3: until then a crash finds the old data, whole
//
// A listed empty increment is harmless to every loader, so a crash between 1 and 2 costs nothing.

import Bytes
import EventLoop
import Log
import Logging
import Platform

/// The newest base on disk: what a full sync can send.
struct BaseFile: Equatable {
    /// Its path.
    var path: String
    /// Its sequence number.
    var sequence: Int64
    /// Its length in bytes.
    var length: Int64
    /// The place in the stream that it was cut at; nil when another server made it.
    var position: ReplicationPosition?
    /// Every replica can read it: it was written by this server.
    var isPortable: Bool
}

extension StreamLog {
    /// Bytes of base and listed increments: `aof_current_size`.
    var currentBytes: Int64 {
        guard mode == .file else { return 0 }
        return map.segments.reduce(base?.length ?? 0) { $1.isListed ? $0 + $1.fileBytes : $0 }
    }

    // MARK: Periodic work

    /// Each 100 ms: lets a worker force the log to disk, deletes old files. What failed is tried
    /// again by the commit at the end of this turn.
    func tick() {
        tickOverflow()
        if mode == .spool, spoolIsOver { endSpool() }
        guard mode == .file, let segment else { return }
        let now = loop.nowMilliseconds
        let wantsSync =
            settings.fsync == .everysec && segment.syncedBytes < segment.fileBytes
            && !(settings.skipsFsyncDuringSnapshot && isSnapshotRunning)
        if wantsSync, !isSyncing, now - syncedAtMilliseconds >= 1_000 { startSync(segment) }
        if now - retiredAtMilliseconds >= 10_000 {
            retiredAtMilliseconds = now
            retire()
        }
    }

    private func startSync(_ segment: OpenSegment) {
        isSyncing = true
        syncedAtMilliseconds = loop.nowMilliseconds
        let path = segment.path
        let sequence = segment.sequence
        let fileBytes = segment.fileBytes
        let offset = committedOffset
        let bound = LoopBound(self, loop: loop)
        files.post {
            let failure = StreamLog.syncFile(path)
            bound.post { log in
                log.isSyncing = false
                log.finishSync(failure, sequence: sequence, fileBytes: fileBytes, offset: offset)
            }
        }
    }

    private static func syncFile(_ path: String) -> SystemError? {
        do throws(SystemError) {
            // Another descriptor of the same file: the kernel syncs the file, not the descriptor.
            try File.open(path, .write).syncData()
            return nil
        } catch {
            return error.isNotFound ? nil : error
        }
    }

    private func finishSync(
        _ failure: SystemError?, sequence: Int64, fileBytes: Int64, offset: Int64
    ) {
        if let failure {
            if syncFailure == nil { logger.warning("Fail to fsync the AOF file: \(failure)") }
            syncFailure = failure
            return failureChanged()
        }
        if syncFailure != nil {
            logger.warning("The AOF file is on disk again.")
            syncFailure = nil
            failureChanged()
        }
        guard let segment, segment.sequence == sequence else { return }
        segment.syncedBytes = max(segment.syncedBytes, fileBytes)
        syncedOffset = max(syncedOffset, offset)
    }

    private func retire() {
        let folder = settings.folder
        let gone = map.retire(
            settings.retention, nowMilliseconds: Clock.wallMilliseconds(),
            pinnedOffset: pinnedOffsets.values.min() ?? .max
        ).map(\.sequence)
        guard !gone.isEmpty else { return }
        files.post { for sequence in gone { folder.deleteIncrement(sequence) } }
    }

    // MARK: Rotation

    /// Step 1 of a rotation: `completion` runs when `rotate` can be called.
    func prepareRotation(
        _ completion: @escaping (Result<Void, SystemError>) -> Void
    ) {
        precondition(mode == .file, "only a log rotates")
        if preparedSequence != nil { return completion(.success(())) }
        let sequence = sequenceLast + 1
        sequenceLast = sequence
        let folder = settings.folder
        var next = manifest
        next.increments.append(
            AOFManifest.File(
                name: AOFManifest.incrementName(folder.appendFile, sequence: sequence),
                sequence: sequence))
        let manifest = next
        runOnFiles {
            () throws(SystemError) in
            try folder.createIncrement(sequence)
            try folder.write(manifest)
        } then: { log, result in
            if case .success = result {
                log.manifest = manifest
                // The log may have been closed, and even begun again, meanwhile.
                if log.mode == .file && log.sequenceLast == sequence {
                    log.preparedSequence = sequence
                }
            }
            completion(result)
        }
    }

    /// Step 2 of a rotation: goes on in the prepared file. Between two turns, when everything is
    /// committed.
    func rotate() throws(SystemError) {
        precondition(committedOffset == offset, "a file ends where the turn ends")
        guard let sequence = preparedSequence else { preconditionFailure("nothing prepared") }
        let ended = segment
        try openSegment(sequence, isListed: true)
        // Jobs run in order: nothing of the new file counts as synced before the old one is.
        if settings.fsync != .no, let ended { startSync(ended) }
        preparedSequence = nil
    }

    /// Begins a log in a file that no manifest lists yet: `appendonly yes` at run time. Between two
    /// turns.
    func openAside() throws(SystemError) {
        precondition(mode == .ring && committedOffset == offset)
        learnManifest()
        try openSegment(nextSequenceAside(), isListed: false)
        mode = .file
    }

    /// The stream starts anew at `position`, since the data set was replaced. With a log it goes
    /// on in a file that no manifest lists yet; when that cannot be made, nothing has changed.
    func replaceHistory(_ position: ReplicationPosition) throws(SystemError) {
        if mode == .spool { closeSpool() }
        guard mode == .file else {
            adoptPosition(position)
            if mode == .off { activateBacklog() }
            return
        }
        let sequence = try nextSequenceAside()
        let opened = try OpenSegment(
            path: settings.folder.increment(sequence), sequence: sequence, start: position,
            hasIndex: true)
        // A file that was prepared for the data set before is not needed.
        preparedSequence = nil
        base = nil
        segment = opened
        adoptPosition(position)
        appendToMap(opened, isListed: false)
    }

    /// Whether the file that is written now is one that the next start would load.
    var isListed: Bool { mode == .file && map.segments.last?.isListed == true }

    private func nextSequenceAside() throws(SystemError) -> Int64 {
        let folder = settings.folder
        try folder.make()
        sequenceLast =
            max(sequenceLast, manifest.incrementSequence, folder.sequencesOnDisk().last ?? 0) + 1
        return sequenceLast
    }

    /// Opens the file with `sequence` behind everything that is committed.
    func openSegment(_ sequence: Int64, isListed: Bool) throws(SystemError) {
        let opened = try OpenSegment(
            path: settings.folder.increment(sequence), sequence: sequence, start: position,
            hasIndex: true)
        segment = opened
        appendToMap(opened, isListed: isListed)
    }

    private func appendToMap(_ opened: OpenSegment, isListed: Bool) {
        _ = map.append(
            LogSegment(
                sequence: opened.sequence, offsetBefore: offset, offsetLast: offset,
                localPrefixBytes: opened.localPrefixBytes,
                wallMilliseconds: Clock.wallMilliseconds(), isListed: isListed))
    }

    // MARK: Bases

    /// The path and sequence number of the next base.
    func nextBase() -> (path: String, sequence: Int64) {
        let sequence = manifest.baseSequence + 1
        return (settings.folder.base(sequence), sequence)
    }

    /// Steps 3 and 4 of a new base: `temporaryPath` becomes the base in front of the increments
    /// from `firstSequence` on.
    func installBase(
        _ temporaryPath: String, length: Int64, position: ReplicationPosition?,
        isPortable: Bool, firstSequence: Int64,
        completion: @escaping (Result<Void, SystemError>) -> Void
    ) {
        let folder = settings.folder
        let (path, sequence) = nextBase()
        let old = manifest
        var next = AOFManifest()
        next.base = AOFManifest.File(
            name: AOFManifest.baseName(folder.appendFile, sequence: sequence), sequence: sequence)
        // A prepared file is listed and not open yet; a file beside the old log is the opposite.
        let sequences = Set(old.increments.map(\.sequence)).union(map.segments.map(\.sequence))
        next.increments = sequences.filter { $0 >= firstSequence }.sorted().map {
            AOFManifest.File(
                name: AOFManifest.incrementName(folder.appendFile, sequence: $0), sequence: $0)
        }
        let manifest = next
        runOnFiles {
            () throws(SystemError) in
            try FileSystem.rename(temporaryPath, to: path)
            try FileSystem.syncDirectory(folder.path)
            try folder.write(manifest)
        } then: { log, result in
            if case .success = result {
                log.manifest = manifest
                // The stream may have begun anew meanwhile: then the next base is on its way.
                if log.map.segments.contains(where: { $0.sequence == firstSequence }) {
                    log.base = BaseFile(
                        path: path, sequence: sequence, length: length, position: position,
                        isPortable: isPortable)
                    log.map.unlist(below: firstSequence)
                    log.map.list(from: firstSequence)
                    log.deleteUnneeded(old)
                }
            }
            completion(result)
        }
    }

    /// While the log is off: `temporaryPath` becomes all that the folder holds.
    func installArchive(
        _ temporaryPath: String, completion: @escaping (Result<Void, SystemError>) -> Void
    ) {
        precondition(mode != .file, "the log has a base of its own")
        learnManifest()
        let old = manifest
        installBase(
            temporaryPath, length: 0, position: nil, isPortable: false, firstSequence: .max
        ) { [weak self] result in
            if case .success = result { self?.deleteUnneeded(old) }
            completion(result)
        }
    }

    /// Learns what an earlier process has left, so that none of it is overwritten.
    private func learnManifest() {
        guard manifest == AOFManifest(),
            let text = try? FileSystem.read(settings.folder.manifest, bytesMax: 64 << 20)
        else { return }
        text.withByteSlice { if let found = try? AOFManifest(parsing: $0) { manifest = found } }
    }

    /// Deletes what the manifest `old` listed and nothing needs any more.
    private func deleteUnneeded(_ old: AOFManifest) {
        let folder = settings.folder
        let kept = Set(map.segments.map(\.sequence))
        let listed = Set(manifest.increments.map(\.name))
        var names = old.history.map(\.name)
        if let base = old.base, base.name != manifest.base?.name { names.append(base.name) }
        names += old.increments.filter {
            !kept.contains($0.sequence) && !listed.contains($0.name)
        }.map(\.name)
        let paths = names.map { folder.file($0) }
        // Files of earlier histories that the map has dropped, and that no manifest lists.
        let orphans = folder.sequencesOnDisk().filter { sequence in
            !kept.contains(sequence)
                && !listed.contains(
                    AOFManifest.incrementName(folder.appendFile, sequence: sequence))
        }
        files.post {
            for path in paths {
                try? FileSystem.unlink(path)
                try? FileSystem.unlink(LogFolder.index(path))
            }
            for sequence in orphans { folder.deleteIncrement(sequence) }
        }
    }

    // MARK: Temporary file of a full sync

    /// Keeps the stream in a temporary file too, so that a full sync of any length finds it. Only
    /// without a log; between two turns.
    func openSpool() throws(SystemError) {
        spoolIsOver = false
        guard mode == .ring else { return }
        precondition(committedOffset == offset)
        let opened = try OpenSegment(
            path: "\(settings.directory)/temp-stream-\(ProcessFacts.processID).aof", sequence: 0,
            start: position, hasIndex: false)
        map = SegmentMap()
        segment = opened
        appendToMap(opened, isListed: true)
        mode = .spool
    }

    /// The full sync is over: drops the temporary file as soon as no replica lacks what only
    /// stands there.
    func endSpool() {
        spoolIsOver = true
        if slowestReader(firstOffset) >= ring.firstOffset { closeSpool() }
    }

    /// Drops the temporary file.
    func closeSpool() {
        guard mode == .spool, let segment else { return }
        let path = segment.path
        self.segment = nil
        pending.removeAll()
        map = SegmentMap()
        mode = .ring
        files.post { try? FileSystem.unlink(path) }
    }

    // MARK: End

    /// `appendonly no`: ends the log; the newest bytes stay in memory as the backlog.
    func close() throws(SystemError) {
        guard mode == .file, let segment else { return }
        try commit()
        try segment.syncAll()
        self.segment = nil
        preparedSequence = nil
        map = SegmentMap()
        base = nil
        mode = .ring
    }

    /// Makes everything durable: for an orderly end of the process.
    func flush() throws(SystemError) {
        try commit()
        guard mode == .file, let segment else { return }
        try segment.syncAll()
        syncedOffset = committedOffset
    }

    /// Runs `job` on the file worker and `then` back on the loop.
    func runOnFiles(
        _ job: @escaping @Sendable () throws(SystemError) -> Void,
        then: @escaping (StreamLog, Result<Void, SystemError>) -> Void
    ) {
        let bound = LoopBound((log: self, then: then), loop: loop)
        files.post {
            let result: Result<Void, SystemError>
            do throws(SystemError) {
                try job()
                result = .success(())
            } catch {
                result = .failure(error)
            }
            bound.post { $0.then($0.log, result) }
        }
    }
}
