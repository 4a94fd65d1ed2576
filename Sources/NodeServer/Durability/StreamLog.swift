// The replication stream of this node and where it is kept. Engine thread only.
//
//                   append          commit                      read
//   engine.stream ────────► pending ──────► log file + index ─────────► replicas
//                     └───────────────────► ring (newest bytes) ──────┘
//
//   off      nobody wants the stream: only the position is kept
//   ring     no log: the newest `repl-backlog-size` bytes in memory, and what replicas still lack
//   spool    as ring, and a temporary file while a full sync runs
//   file     `appendonly yes`: the log
//
// Order of one turn: everything is appended as whole units, `commit` writes it and makes the index
// cover it, and only then may replies leave and replicas be fed up to `committedOffset`.
//
// Files rotate between two turns, so never inside a unit.

import Bytes
import EventLoop
import Log
import Logging
import Platform

/// What a read of the stream gave.
enum StreamRead: Equatable {
    /// So many bytes were appended.
    case bytes(Int)
    /// They come from the disk; `onReady` runs when the same read can be repeated.
    case pending
    /// The reader has everything.
    case upToDate
    /// The bytes are not kept any more, or never were part of this history.
    case gone
}

/// The log of the replication stream.
final class StreamLog {
    let loop: EventLoop
    let logger: Logger
    var settings: LogSettings

    // The position.
    /// The present history.
    private(set) var replicationID: ReplicationID
    /// The history before it; `.none` without one.
    private(set) var secondReplicationID = ReplicationID.none
    /// Last byte that both histories share; -1 without a second.
    private(set) var secondOffset: Int64 = -1
    /// Last byte of the stream.
    private(set) var offset: Int64 = 0
    /// Where the history before the restart of a master ended, if the data were exactly that.
    private(set) var positionAtStart: ReplicationPosition?
    /// Database selected behind it; -1 unknown.
    private(set) var database = -1
    /// Last byte that is written and covered by the index: replies up to here may leave.
    private(set) var committedOffset: Int64 = 0
    /// Last byte known to be on disk; with no log file, nothing ever is.
    var syncedOffset: Int64 = 0

    // Where it is kept.
    var pending = ByteBuffer()
    var ring: StreamRing
    var overflow = StreamOverflow()
    /// No replica lacks a byte before this one; `.max` without replicas. May be too low.
    var keepFrom = Int64.max
    /// Since when the overflow is above its soft limit, in milliseconds of the loop.
    var overflowSince: Int64?
    /// The first byte that some replica lacks, of those that lack none before the given one.
    var slowestReader: (Int64) -> Int64 = { _ in .max }
    var segment: OpenSegment?
    var map = SegmentMap()
    var manifest = AOFManifest()
    var sequenceLast: Int64 = 0
    var preparedSequence: Int64?
    var base: BaseFile?
    var mode = Mode.off
    /// The full sync that the spool was opened for has ended.
    var spoolIsOver = false
    private var isPlaceStale = false

    // Work on other threads, see StreamLog+Files and StreamLog+Read.
    let files: Worker
    let reader: Worker
    var coldReads: [Int64: ColdRead] = [:]
    var isSyncing = false
    var syncedAtMilliseconds: Int64 = 0
    var syncFailure: SystemError?
    var retiredAtMilliseconds: Int64 = 0
    var pinnedOffsets: [Int: Int64] = [:]
    var pinNext = 0
    /// Runs when `failure` has come or gone.
    var failureChanged: () -> Void = {}
    /// A snapshot is being written; see `no-appendfsync-on-rewrite`.
    var isSnapshotRunning = false

    // Failures.
    /// Why the last write failed; nil when the log is sound. Writes are refused meanwhile.
    private(set) var writeFailure: SystemError?
    private var failureLoggedAtMilliseconds = Int64.min
    private var timer: TimerID?

    /// Where the stream is kept.
    enum Mode: Equatable { case off, ring, spool, file }

    /// A log without files at the start of a new history.
    init(settings: LogSettings, loop: EventLoop, logger: Logger) throws(SystemError) {
        self.settings = settings
        self.loop = loop
        self.logger = logger
        var random = SystemRandomNumberGenerator()
        replicationID = ReplicationID(using: &random)
        ring = StreamRing(capacity: 0, lastOffset: 0)
        files = try Worker(name: "log")
        reader = try Worker(name: "log-reader")
    }

    /// Starts the periodic work: fsync, retries, retention.
    func startTimer() {
        guard timer == nil else { return }
        timer = loop.schedule(
            afterMilliseconds: StreamLog.tickMilliseconds,
            repeatingMilliseconds: StreamLog.tickMilliseconds
        ) { [weak self] in self?.tick() }
    }

    /// Ends the periodic work, and the threads when they have done what was asked of them.
    func stop() {
        if let timer = timer.take() { loop.cancel(timer) }
        files.stop()
        reader.stop()
    }

    private static let tickMilliseconds: Int64 = 100
    private static let failureLogIntervalMilliseconds: Int64 = 30_000

    // MARK: Position

    /// The end of the stream.
    var position: ReplicationPosition {
        ReplicationPosition(id: replicationID, offset: offset, database: database)
    }

    /// Whether somebody wants the stream: then the engine must produce it.
    var isActive: Bool { mode != .off }

    /// Why clients may not write now: the last write or fsync of the log failed.
    var failure: SystemError? { writeFailure ?? syncFailure }

    /// Takes whole units of the stream; `database` is selected behind them. They count at once and
    /// are written by the next commit.
    func append(_ bytes: ByteSlice, database: Int) {
        offset += Int64(bytes.count)
        self.database = database
        guard mode != .off else { return }
        if offset - Int64(ring.capacity) >= keepFrom { keepForReaders(before: bytes) }
        ring.append(bytes)
        if segment != nil { pending.append(bytes) }
        isPlaceStale = true
    }

    /// Ends the turn: writes what was appended and makes the index cover it.
    ///
    /// When it throws, nothing is lost: the next commit goes on where this one failed. Until it
    /// succeeds `committedOffset` stays behind and `failure` says why.
    func commit() throws(SystemError) {
        guard isPlaceStale || committedOffset != offset else { return }
        if let segment {
            do throws(SystemError) {
                try write(to: segment)
            } catch {
                noteFailure(error)
                throw error
            }
            map.extend(to: offset, wallMilliseconds: Clock.wallMilliseconds())
        }
        isPlaceStale = false
        committedOffset = offset
        if writeFailure != nil {
            writeFailure = nil
            failureLoggedAtMilliseconds = .min
            logger.warning("AOF write error looks solved, the server can write again.")
            failureChanged()
        }
    }

    private func write(to segment: OpenSegment) throws(SystemError) {
        if !pending.isEmpty {
            do throws(ShortWrite) {
                try segment.write(pending.readable)
                pending.removeAll()
            } catch {
                pending.consume(error.written)
                throw error.cause
            }
            if pending.capacity > StreamLog.keptPendingBytesMax { pending.release() }
        }
        if mode == .file, settings.fsync == .always {
            try segment.syncData()
            syncedOffset = offset
        }
        try segment.place(position)
    }

    private static let keptPendingBytesMax = 1 << 20

    private func noteFailure(_ error: SystemError) {
        let isNew = writeFailure == nil
        writeFailure = error
        if isNew { failureChanged() }
        let now = loop.nowMilliseconds
        if now - StreamLog.failureLogIntervalMilliseconds >= failureLoggedAtMilliseconds {
            failureLoggedAtMilliseconds = now
            logger.warning("Error writing to the AOF file: \(error.reason)")
        }
    }

    // MARK: Histories

    /// Begins a new history that goes on from here: promotion, restart of a master.
    func startNewHistory() {
        var random = SystemRandomNumberGenerator()
        continueHistory(as: ReplicationID(using: &random))
        // The next effect must begin with a SELECT: replicas of both histories rely on it.
        database = -1
    }

    /// As `startNewHistory`, for a master whose data are those of `position`: while nothing has
    /// been written since, they still are.
    func startNewHistory(afterRestartAt position: ReplicationPosition) {
        startNewHistory()
        positionAtStart = position.database < 0 ? nil : position
    }

    /// Goes back to the history before the restart; false when something was written since. A
    /// master that took over meanwhile knows that one, and never heard of the one drawn here.
    func returnToHistoryOfStart() -> Bool {
        guard let position = positionAtStart.take(), position.offset == offset,
            position.id == secondReplicationID
        else { return false }
        replicationID = position.id
        database = position.database
        secondReplicationID = .none
        secondOffset = -1
        isPlaceStale = true
        return true
    }

    /// The data were changed by other means than the stream.
    func forgetPositionAtStart() { positionAtStart = nil }

    /// The same bytes are called `id` from here on: promotion, `+CONTINUE` with a new id.
    func continueHistory(as id: ReplicationID) {
        guard id != replicationID else { return }
        positionAtStart = nil
        secondReplicationID = replicationID
        secondOffset = offset
        replicationID = id
        isPlaceStale = true
    }

    /// The stream starts anew at `position`: a full sync, or the start of the process. What was
    /// kept of another history is forgotten; the file part is the caller's.
    func adoptPosition(_ position: ReplicationPosition) {
        replicationID = position.id
        positionAtStart = nil
        secondReplicationID = .none
        secondOffset = -1
        offset = position.offset
        database = position.database
        committedOffset = position.offset
        syncedOffset = 0
        pending.removeAll()
        ring.reset(lastOffset: offset)
        overflow.removeAll()
        keepFrom = .max
        map = SegmentMap()
        isPlaceStale = false
    }

    /// Sets what is known of the history before the present one; at start.
    func adoptSecondHistory(_ id: ReplicationID, offset: Int64) {
        secondReplicationID = id
        secondOffset = offset
    }

    /// Keeps the stream in memory from now on, if it is kept nowhere yet. What was written before
    /// was not counted, so that no replica may go on from it: the history is new.
    func activateBacklog() {
        guard mode == .off else { return }
        mode = .ring
        ring = StreamRing(capacity: settings.backlogBytes, lastOffset: offset)
    }

    /// As `activateBacklog`, on a master: draws a new history without a second.
    func activateBacklogWithNewHistory() {
        guard mode == .off else { return }
        startUnrelatedHistory()
        activateBacklog()
    }

    private func startUnrelatedHistory() {
        var random = SystemRandomNumberGenerator()
        replicationID = ReplicationID(using: &random)
        positionAtStart = nil
        secondReplicationID = .none
        secondOffset = -1
        database = -1
    }

    /// Changes the size of the memory part.
    func resizeBacklog(to bytes: Int) {
        settings.backlogBytes = bytes
        guard mode != .off else { return }
        keepForReaders(resizingTo: bytes)
        ring.resize(to: bytes)
    }

    /// Forgets the memory backlog of a master without replicas (`repl-backlog-ttl`): nobody may go
    /// on from a history with holes.
    func dropBacklog() {
        guard mode == .ring else { return }
        mode = .off
        ring = StreamRing(capacity: 0, lastOffset: offset)
        startUnrelatedHistory()
    }
}
