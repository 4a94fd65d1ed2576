// Loads the data set at start and opens the log.
//
//   appendonly no    dbfilename, if it exists
//   appendonly yes   1. manifest (or the single file of old servers, which becomes a base)
//                    2. base, then each increment against its index (StartupLoad+Increments)
//                    3. the position: the end of the last increment that has one
//                    4. a new increment, listed durably; without a base, a new base too
//
// A master draws a new history whose second id is the old one, up to the position; when it turns
// out that another master has taken over, it resumes from the old one (Durability.md). A replica
// keeps its position and resumes. Runs on the engine's thread before anybody is served.

import Bytes
import Log
import Logging
import Persistence
import Platform
import Store

/// Why the node cannot start; the last line says the reason.
struct StartupFailure: Error, Equatable {
    var lines: [String]

    init(_ lines: String...) { self.lines = lines }
}

/// The loading of one start.
final class StartupLoad {
    private static let readBytesMax = 1 << 20

    let keyspace: Keyspace
    let log: StreamLog
    let snapshots: Snapshots
    let replay: any ReplayTarget
    let isReplica: Bool
    let logger: Logger
    let pace: LoadPace
    /// Runs every `loading-process-events-interval-bytes` with the bytes read so far.
    var progress: (Int64) -> Void = { _ in }
    private var bytesRead: Int64 = 0

    // What was found, for step 3.
    var position: ReplicationPosition?
    var segments: [LogSegment] = []
    /// Where the described part ended when a master found more behind it.
    var adoptedFrom: ReplicationPosition?
    /// The only file that may be cut.
    var lastPath = ""
    var facts = RDBFacts()
    private var wallMilliseconds = Clock.wallMilliseconds()

    init(
        keyspace: Keyspace, log: StreamLog, snapshots: Snapshots, replay: any ReplayTarget,
        isReplica: Bool
    ) {
        self.keyspace = keyspace
        self.log = log
        self.snapshots = snapshots
        pace = LoadPace(snapshots)
        self.replay = replay
        self.isReplica = isReplica
        logger = log.logger
    }

    /// Loads, and opens the log when there is to be one.
    func run() throws(StartupFailure) {
        if log.settings.isEnabled {
            try loadLog()
        } else {
            try loadDump()
        }
        snapshots.statistics.changesSaved = snapshots.changeCount()
        snapshots.statistics.sizeAfterRewrite = log.currentBytes
        log.startTimer()
    }

    // MARK: Dump

    private func loadDump() throws(StartupFailure) {
        let path = snapshots.settings.dumpPath
        guard FileSystem.exists(path) else { return }
        let started = Clock.monotonicMilliseconds()
        let expired: RDBLoader.Expired =
            isReplica ? .kept : .droppedBefore(wallMilliseconds)
        do throws(LoadFailure) {
            try loadRDB(path, expired: expired)
        } catch {
            throw StartupFailure(
                "Terminating server after rdb file reading failure.",
                "Fatal error loading the DB: \(error). Exiting.")
        }
        logger.notice("DB loaded from disk: \(seconds(since: started)) seconds")
        guard let position = facts.position else { return }
        adopt(position)
        log.activateBacklog()
    }

    func seconds(since started: Int64) -> String {
        let elapsed = Clock.monotonicMilliseconds() - started
        let fraction = String(elapsed % 1_000 + 1_000).dropFirst()
        return "\(elapsed / 1_000).\(fraction)"
    }

    /// The position of the data; a master's new history begins where the old one surely ended.
    private func adopt(_ position: ReplicationPosition) {
        log.adoptPosition(position)
        guard !isReplica else { return }
        if let adoptedFrom {
            log.startNewHistory()
            log.adoptSecondHistory(adoptedFrom.id, offset: adoptedFrom.offset)
        } else {
            log.startNewHistory(afterRestartAt: position)
        }
    }

    // MARK: Log

    private func loadLog() throws(StartupFailure) {
        let folder = log.settings.folder
        do throws(SystemError) {
            try folder.make()
            try migrateOldLog(folder)
        } catch {
            throw StartupFailure("Can't create or open the append-only directory: \(error)")
        }
        var manifest = AOFManifest()
        if FileSystem.exists(folder.manifest) {
            manifest = try readManifest(folder)
            lastPath = folder.file((manifest.increments.last ?? manifest.base)?.name ?? "")
            let started = Clock.monotonicMilliseconds()
            try loadBase(manifest, folder)
            try loadIncrements(&manifest, folder)
            logger.notice("DB loaded from append only file: \(seconds(since: started)) seconds")
        } else {
            try refuseUnlisted(folder)
        }
        log.manifest = manifest
        log.sequenceLast = max(
            manifest.incrementSequence, folder.sequencesOnDisk().last ?? 0)
        if let position { adopt(position) }
        do throws(SystemError) {
            try openLog(manifest, folder)
        } catch {
            throw StartupFailure("Fatal error: can't open the append-only file: \(error)")
        }
    }

    /// A log without its manifest is no reason to serve nothing: what it holds would be lost.
    private func refuseUnlisted(_ folder: LogFolder) throws(StartupFailure) {
        let files = folder.filesOnDisk()
        guard !files.isEmpty else { return }
        let dump = snapshots.settings.dumpPath
        let beside =
            FileSystem.exists(dump)
            ? " If the log was being turned on when the node ended, all data are in \(dump): start "
                + "with 'appendonly no', then turn the log on with CONFIG SET." : ""
        throw StartupFailure(
            "The append only file has no manifest: \(folder.manifest) is missing, but there are "
                + "\(files.joined(separator: ", ")). Bring the manifest back from a copy, or write "
                + "it anew (a line 'file NAME seq N type b' for the base, then one with type i for "
                + "each increment behind it), or move these files away to start without their data."
                + beside)
    }

    /// The single file of servers before Redis 7 becomes the base of a new log. So does one that an
    /// upgrade by Redis has listed already and not moved yet.
    private func migrateOldLog(_ folder: LogFolder) throws(SystemError) {
        let old = "\(log.settings.directory)/\(folder.appendFile)"
        guard let facts = try FileSystem.facts(old), facts.isRegular else { return }
        if FileSystem.exists(folder.manifest) {
            guard let manifest = try? readManifest(folder), manifest.increments.isEmpty,
                manifest.base?.name == folder.appendFile,
                !FileSystem.exists(folder.file(folder.appendFile))
            else { return }
            return try FileSystem.rename(old, to: folder.file(folder.appendFile))
        }
        guard folder.filesOnDisk().isEmpty else { return }
        try FileSystem.rename(old, to: folder.file(folder.appendFile))
        var manifest = AOFManifest()
        manifest.base = AOFManifest.File(name: folder.appendFile, sequence: 1)
        try folder.write(manifest)
        logger.notice(
            """
            Successfully migrated an old-style AOF configuration (\(folder.appendFile)) into the \
            AOF directory (\(folder.path)).
            """)
    }

    func readManifest(_ folder: LogFolder) throws(StartupFailure) -> AOFManifest {
        let text: [UInt8]
        do throws(SystemError) {
            text = try FileSystem.read(folder.manifest, bytesMax: 64 << 20)
        } catch {
            throw StartupFailure("Fatal error: can't open the AOF manifest file: \(error)")
        }
        do throws(AOFManifestError) {
            return try text.withByteSlice { (slice) throws(AOFManifestError) in
                try AOFManifest(parsing: slice)
            }
        } catch {
            throw StartupFailure(
                "*** FATAL AOF MANIFEST FILE ERROR ***",
                "Reading the manifest file, at line \(error.line)",
                ">>> '\(error.content)'", error.reason)
        }
    }

    func loadBase(
        _ manifest: AOFManifest, _ folder: LogFolder
    ) throws(StartupFailure) {
        guard let base = manifest.base else { return }
        let path = folder.file(base.name)
        let started = Clock.monotonicMilliseconds()
        do throws(LoadFailure) {
            if try startsWithMagic(path) {
                let version = try loadRDB(path, expired: .kept, mayGoOn: true)
                log.base = BaseFile(
                    path: path, sequence: base.sequence, length: try size(of: path),
                    position: facts.position, isPortable: version <= RDBVersion.written)
            } else {
                _ = try replayFile(path, from: 0, limit: nil)
            }
        } catch {
            throw failure(error, name: base.name, isLast: manifest.increments.isEmpty)
        }
        logger.notice(
            "DB loaded from base file \(base.name): \(seconds(since: started)) seconds")
    }

    private func openLog(_ manifest: AOFManifest, _ folder: LogFolder) throws(SystemError) {
        var manifest = manifest
        log.activateBacklog()
        if manifest.base == nil, manifest.increments.isEmpty {
            let name = AOFManifest.baseName(folder.appendFile, sequence: 1)
            logger.notice("Creating AOF base file \(name) on server start")
            // The first effect of the new log begins with a SELECT.
            try snapshots.writeNow(
                to: folder.file(name), isLogBase: true, position: log.position)
            manifest.base = AOFManifest.File(name: name, sequence: 1)
            log.base = BaseFile(
                path: folder.file(name), sequence: 1,
                length: try FileSystem.facts(folder.file(name))?.size ?? 0,
                position: log.position, isPortable: true)
        }
        log.sequenceLast += 1
        let sequence = log.sequenceLast
        let name = AOFManifest.incrementName(folder.appendFile, sequence: sequence)
        logger.notice("Creating AOF incr file \(name) on server start")
        manifest.increments.append(AOFManifest.File(name: name, sequence: sequence))
        for segment in segments { _ = log.map.append(segment) }
        try folder.createIncrement(sequence)
        try folder.write(manifest)
        log.manifest = manifest
        log.mode = .file
        try log.openSegment(sequence, isListed: true)
        prependUnlisted(folder, before: manifest.increments.first?.sequence ?? 0)
        log.syncedOffset = log.offset
    }

    /// Files that older bases have left behind and that the stream still goes on from.
    private func prependUnlisted(_ folder: LogFolder, before sequence: Int64) {
        for older in folder.sequencesOnDisk().reversed() where older < sequence {
            let path = folder.increment(older)
            guard let index = readIndex(path), index.sequence == older,
                let bytes = try? size(of: path), bytes >= index.describedBytes,
                log.map.prepend(
                    LogSegment(
                        sequence: older, offsetBefore: index.start.offset,
                        offsetLast: index.end.offset, localPrefixBytes: index.localPrefixBytes,
                        wallMilliseconds: index.places.last?.wallMilliseconds ?? 0,
                        isListed: false))
            else { return }
        }
    }

    func readIndex(_ path: String) -> SegmentIndex? {
        guard
            let bytes = try? FileSystem.read(LogFolder.index(path), bytesMax: 1 << 30)
        else { return nil }
        return bytes.withByteSlice { SegmentIndex(parsing: $0) }
    }

    // MARK: Files

    func size(of path: String) throws(LoadFailure) -> Int64 {
        do throws(SystemError) {
            return try FileSystem.facts(path)?.size ?? 0
        } catch {
            throw .system(error)
        }
    }

    func open(_ path: String) throws(LoadFailure) -> File {
        do throws(SystemError) { return try File.open(path, .read) } catch { throw .system(error) }
    }

    /// How much is read at once: what is read is loaded before clients are looked at.
    var readBytes: Int { min(StartupLoad.readBytesMax, snapshots.settings.loadEventBytes) }

    /// Appends up to `maximum` bytes; 0 at the end.
    func read(
        _ file: borrowing File, into buffer: inout ByteBuffer, maximum: Int
    ) throws(LoadFailure) -> Int {
        do throws(SystemError) {
            let count = try file.read(into: &buffer, maximum: maximum)
            let interval = Int64(snapshots.settings.loadEventBytes)
            let intervals = bytesRead / interval
            bytesRead += Int64(count)
            if bytesRead / interval != intervals { progress(bytesRead) }
            return count
        } catch {
            throw .system(error)
        }
    }

    private func startsWithMagic(_ path: String) throws(LoadFailure) -> Bool {
        let file = try open(path)
        var buffer = ByteBuffer()
        _ = try read(file, into: &buffer, maximum: RDBVersion.magicByteCount)
        let magic = buffer.readable
        return magic.count >= 5
            && (magic.prefix(5) == "REDIS" || (magic.count > 5 && magic.prefix(6) == "VALKEY"))
    }

    /// Loads an RDB file; with `mayGoOn` commands may follow it. Returns its version, or more than
    /// any of Redis for one of Valkey's.
    @discardableResult
    func loadRDB(
        _ path: String, expired: RDBLoader.Expired, mayGoOn: Bool = false
    ) throws(LoadFailure) -> Int {
        let file = try open(path)
        var buffer = ByteBuffer(capacity: readBytes)
        var reader = RDBReader()
        reader.verifiesChecksum = snapshots.settings.checksums
        var loader = RDBLoader(keyspace: keyspace, expired: expired)
        loader.keyLoaded = { [pace] in pace.keyLoaded() }
        var isEnd = false
        do throws(RDBError) {
            while true {
                let progress = try reader.receive(&buffer, patient: !isEnd, visitor: &loader)
                if progress == .finished { break }
                guard !isEnd, case .needMore(let total) = progress else {
                    throw reader.truncation
                }
                let wanted = max(total - buffer.count, readBytes)
                do throws(LoadFailure) {
                    isEnd = try read(file, into: &buffer, maximum: wanted) == 0
                } catch {
                    throw reader.truncation
                }
            }
        } catch {
            throw .rdb(error)
        }
        facts = loader.facts
        snapshots.keptFacts = facts
        snapshots.librariesLoaded(facts.functions)
        for key in facts.emptyKeys { logger.warning("Loading RDB: skipping empty key: \(key)") }
        let empty = facts.keysEmpty > 0 ? ", empty keys skipped: \(facts.keysEmpty)" : ""
        logger.notice(
            """
            Done loading RDB, keys loaded: \(facts.keysLoaded), \
            keys expired: \(facts.keysExpired)\(empty).
            """
        )
        if mayGoOn, !buffer.isEmpty {
            _ = try replayFile(path, from: reader.offset, limit: nil)
        }
        return reader.dialect == .redis ? reader.version : .max
    }
}

/// Why one file could not be loaded.
enum LoadFailure: Error, CustomStringConvertible {
    case system(SystemError)
    case rdb(RDBError)
    case replay(AOFReplayError)
    /// The file ends inside a unit; this many bytes are good.
    case truncated(goodBytes: Int64)
    /// Bytes that had been on disk have changed.
    case corrupt(position: Int64)

    var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .rdb(let error): "\(error)"
        case .replay(let error): "\(error)"
        case .truncated(let bytes): "the file ends inside a command, \(bytes) bytes are good"
        case .corrupt(let position): "the bytes behind \(position) have changed"
        }
    }
}
