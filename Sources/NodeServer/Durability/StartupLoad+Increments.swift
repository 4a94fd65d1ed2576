// The increments of a log at start.
//
// Each file is first compared with its index, then replayed up to the end of its good part:
//
//   whole                 its position is the index's last one
//   more than described   a replica cuts it off: it is asked for again; a master keeps the whole
//                         commands of it: its new history begins where the index ends. In the last
//                         file what is no command there (zeros or junk of a file system that lost
//                         its power) is cut
//   torn                  only the last file may be. One whose bytes a checksum contradicts is cut
//                         at the last good record: whole commands behind that may be right, but a
//                         wrong value is worse than a lost one. Of one that is merely short a
//                         master keeps the whole commands, which nothing contradicts, as the
//                         beginning of its new history; a replica asks its master for them again
//   changed               bytes that were on disk are not what they were: the start fails
//   no index              another server's file: data without a position

import Bytes
import Log
import Logging
import Persistence
import Platform

extension StartupLoad {
    /// Loads the increments of `manifest` and takes empty ones out of it.
    func loadIncrements(
        _ manifest: inout AOFManifest, _ folder: LogFolder
    ) throws(StartupFailure) {
        var kept: [AOFManifest.File] = []
        for (number, file) in manifest.increments.enumerated() {
            let isLast = number == manifest.increments.count - 1
            let started = Clock.monotonicMilliseconds()
            do throws(LoadFailure) {
                let next =
                    isLast
                    ? nil : readIndex(folder.file(manifest.increments[number + 1].name))
                if try loadIncrement(
                    folder.file(file.name), sequence: file.sequence, isLast, next: next)
                {
                    kept.append(file)
                }
            } catch {
                throw failure(error, name: file.name, isLast: isLast)
            }
            logger.notice(
                "DB loaded from incr file \(file.name): \(seconds(since: started)) seconds")
        }
        let empty = manifest.increments.filter { !kept.contains($0) }
        manifest.increments = kept
        // The manifest without them is written before the log is opened.
        log.files.post { for file in empty { folder.deleteIncrement(file.sequence) } }
    }

    /// Loads one increment; false when there is nothing in it. `next` is the index of the file
    /// that follows.
    private func loadIncrement(
        _ path: String, sequence: Int64, _ isLast: Bool, next: SegmentIndex?
    ) throws(LoadFailure) -> Bool {
        guard FileSystem.exists(path) else {
            throw .system(SystemError(call: "open", code: 2, subject: path))
        }
        guard let index = readIndex(path) else {
            let replayed = try replayFile(path, from: 0, limit: nil)
            if replayed.goodBytes > 0 {
                // What follows in the stream has no known place.
                position = nil
                segments = []
            }
            return replayed.goodBytes > 0
        }
        let checked = try check(path, index)
        let replayed: ReplayedFile
        if checked.isTorn, let limit = checked.limit {
            guard isLast else { throw .truncated(goodBytes: limit) }
            replayed =
                isReplica || checked.isContradicted
                ? try loadTorn(path, index, limit) : try loadShort(path, index, limit)
        } else if isLast, !isReplica, let limit = checked.limit {
            replayed = try replayFile(path, from: 0, limit: nil, unverifiedFrom: limit)
        } else {
            // The bytes behind the index are part of the history that the next file goes on with
            // when this node was a master in between.
            let isContinued = next.map { $0.start.offset > checked.end.offset } ?? false
            let limit = isReplica && !isContinued ? checked.limit : nil
            if let limit { try cut(path, to: limit) }
            replayed = try replayFile(path, from: 0, limit: limit)
        }
        note(index, checked.end, replayed, sequence: sequence)
        return replayed.goodBytes > index.localPrefixBytes
    }

    /// Loads a file whose bytes from `limit` on no index record vouches for, and cuts it.
    private func loadTorn(
        _ path: String, _ index: SegmentIndex, _ limit: Int64
    ) throws(LoadFailure) -> ReplayedFile {
        if !log.settings.loadsTruncated, try !endsWithUnit(path, from: limit) {
            throw .truncated(goodBytes: limit)
        }
        let good = index.places.last { $0.filePosition <= limit } ?? index.header
        logger.warning(
            """
            The AOF \(path) does not have what its index tells behind offset \(limit), written \
            from \(good.wallMilliseconds) ms to at least \
            \(index.places.last?.wallMilliseconds ?? 0) ms since 1970
            """)
        try cut(path, to: limit)
        try cutIndex(path, index, at: limit)
        return try replayFile(path, from: 0, limit: limit)
    }

    /// Loads a file that ends before the place that its index tells of, as far as it has commands.
    private func loadShort(
        _ path: String, _ index: SegmentIndex, _ limit: Int64
    ) throws(LoadFailure) -> ReplayedFile {
        let length = try size(of: path)
        let replayed = try replayFile(
            path, from: 0, limit: nil, unverifiedFrom: limit, unknownFrom: limit)
        try cutIndex(path, index, at: limit)
        let kept = max(0, replayed.goodBytes - max(limit, index.localPrefixBytes))
        logger.warning(
            """
            The AOF \(path) is torn behind its last good index record: kept \(kept) bytes \
            unverified, cut \(length - replayed.goodBytes) bytes
            """)
        return replayed
    }

    /// Whether the file from `start` on consists of whole units: a tool has repaired it.
    private func endsWithUnit(_ path: String, from start: Int64) throws(LoadFailure) -> Bool {
        let file = try open(path)
        do throws(SystemError) { try file.seek(to: start) } catch { throw .system(error) }
        var scan = AOFReplay(position: start)
        var buffer = ByteBuffer(capacity: readBytes)
        var needed = 1
        while try read(
            file, into: &buffer, maximum: max(needed - buffer.count, readBytes)) > 0
        {
            do throws(AOFReplayError) {
                needed = try scan.receive(&buffer) { (_, _) throws(AOFReplayError) in }
            } catch {
                return false
            }
        }
        return buffer.isEmpty
    }

    private struct CheckedFile {
        /// Where the good part ends; nil when that is the end of the file.
        var limit: Int64?
        var end: ReplicationPosition
        var isTorn = false
        /// A checksum contradicts what follows the good part.
        var isContradicted = false
    }

    private func check(_ path: String, _ index: SegmentIndex) throws(LoadFailure) -> CheckedFile {
        let file = try open(path)
        var recovery = SegmentRecovery(index: index)
        var buffer = ByteBuffer(capacity: readBytes)
        while try read(file, into: &buffer, maximum: readBytes) > 0 {
            recovery.receive(buffer.readable)
            buffer.removeAll()
        }
        switch recovery.finish() {
        case .whole(let unpositioned):
            return CheckedFile(
                limit: unpositioned == 0
                    ? nil : max(recovery.goodBytes, index.localPrefixBytes), end: recovery.end)
        case .torn(let position):
            return CheckedFile(
                limit: position, end: recovery.end, isTorn: true,
                isContradicted: recovery.isDamaged)
        case .corrupt(let position): throw .corrupt(position: position)
        }
    }

    /// Cuts a log file, and keeps what is cut beside it: it may be all that is left of some writes.
    private func cut(_ path: String, to length: Int64) throws(LoadFailure) {
        logger.warning("Truncating the AOF \(path) at offset \(length)")
        try keepAside(path, from: length)
        do throws(SystemError) {
            let file = try File.open(path, .write)
            try file.truncate(to: length)
            try file.sync()
        } catch {
            throw .system(error)
        }
    }

    /// Copies the bytes of a log file from `start` on to a file beside it, and tells what they are.
    private func keepAside(_ path: String, from start: Int64) throws(LoadFailure) {
        let count = try size(of: path) - start
        guard count > 0 else { return }
        let aside = LogFolder.cutPart(path, from: start)
        let source = try open(path)
        var scan = AOFReplay()
        var scanned = ByteBuffer()
        var buffer = ByteBuffer(capacity: readBytes)
        var isFormed = true
        do throws(SystemError) {
            try source.seek(to: start)
            let target = try File.open(aside, [.write, .create, .truncate])
            while try source.read(into: &buffer, maximum: readBytes) > 0 {
                do throws(ShortWrite) { try target.write(buffer.readable) } catch {
                    throw error.cause
                }
                if isFormed {
                    scanned.append(buffer.readable)
                    do throws(AOFReplayError) {
                        _ = try scan.receive(&scanned) { (_, _) throws(AOFReplayError) in }
                    } catch {
                        isFormed = false
                    }
                }
                buffer.removeAll()
            }
            try target.sync()
        } catch {
            throw .system(error)
        }
        logger.warning(
            """
            \(count) bytes were cut, which begin with \(scan.commandCount) whole commands; they \
            are kept in \(aside)
            """)
    }

    /// The index must not claim what was cut, or the file looks torn for ever. It comes second: a
    /// crash in between finds a torn file again.
    private func cutIndex(
        _ path: String, _ index: SegmentIndex, at limit: Int64
    ) throws(LoadFailure) {
        var bytes = ByteBuffer()
        index.encode(cutAt: limit, into: &bytes)
        do throws(SystemError) {
            try FileSystem.replace(LogFolder.index(path), with: bytes.readable.array)
        } catch {
            throw .system(error)
        }
    }

    /// Remembers what the file is in the stream.
    private func note(
        _ index: SegmentIndex, _ end: ReplicationPosition, _ replayed: ReplayedFile,
        sequence: Int64
    ) {
        // Behind the described bytes a master found more: they begin its new history, unless
        // another server has put things between them that belong to no stream.
        let described = index.localPrefixBytes + end.offset - index.start.offset
        let extra = max(0, replayed.goodBytes - described)
        guard extra == 0 || !replayed.hasAnnotations else {
            position = nil
            segments = []
            return
        }
        var end = end
        if extra > 0 {
            adoptedFrom = end
            end.offset += extra
            end.database = replayed.database
        }
        if extra > 0, isReplica {
            // Only the file that goes on from here tells the name of that history.
            position = nil
        } else if end.offset > index.start.offset || position == nil {
            position = end
            if extra == 0 { adoptedFrom = nil }
        }
        guard end.offset > index.start.offset else { return }
        if let last = segments.last, last.offsetLast != index.start.offset { segments = [] }
        segments.append(
            LogSegment(
                sequence: sequence, offsetBefore: index.start.offset, offsetLast: end.offset,
                localPrefixBytes: index.localPrefixBytes,
                wallMilliseconds: index.places.last?.wallMilliseconds ?? 0, isListed: true))
    }

    // MARK: Replay

    struct ReplayedFile {
        var goodBytes: Int64
        var database: Int
        var hasAnnotations: Bool
    }

    /// Replays a file from a position on; `limit` is where its good part ends. Bytes
    /// behind `unverifiedFrom` that are no commands are a torn end like an incomplete one, and
    /// unknown commands behind `unknownFrom`.
    func replayFile(
        _ path: String, from start: Int64, limit: Int64?, unverifiedFrom: Int64 = .max,
        unknownFrom: Int64 = .max
    ) throws(LoadFailure) -> ReplayedFile {
        let file = try open(path)
        do throws(SystemError) { try file.seek(to: start) } catch { throw .system(error) }
        self.replay.beginFile()
        var replay = AOFReplay(position: start)
        var buffer = ByteBuffer(capacity: readBytes)
        var left = limit.map { $0 - start } ?? .max
        var needed = 1
        var isEnd = false
        var isMalformed = false
        while !isEnd, !isMalformed {
            let wanted = Int(min(left, Int64(max(needed - buffer.count, readBytes))))
            let count = wanted > 0 ? try read(file, into: &buffer, maximum: wanted) : 0
            left -= Int64(count)
            isEnd = count == 0
            // A long transaction asks for twice its length: at the end there may be less.
            if buffer.count < needed, !isEnd { continue }
            do throws(AOFReplayError) {
                needed = try replay.receive(&buffer) { (words, raw) throws(AOFReplayError) in
                    try self.replay.apply(words, raw)
                    pace.keyLoaded()
                }
            } catch {
                isMalformed =
                    error.isJunk(behind: unverifiedFrom)
                    || error.isUnknown && replay.goodBytes >= unknownFrom
                guard isMalformed else { throw .replay(error) }
            }
        }
        if !buffer.isEmpty {
            guard log.settings.loadsTruncated, mayCut(path) else {
                throw .truncated(goodBytes: replay.goodBytes)
            }
            logger.warning("!!! Warning: short read while loading the AOF file \(path)!!!")
            try cut(path, to: replay.goodBytes)
            logger.warning("AOF loaded anyway because aof-load-truncated is enabled")
        }
        return ReplayedFile(
            goodBytes: replay.goodBytes, database: replay.database,
            hasAnnotations: replay.annotationCount > 0)
    }

    private func mayCut(_ path: String) -> Bool { path == lastPath }

    // MARK: Words

    /// What redis-server says.
    func failure(_ error: LoadFailure, name: String, isLast: Bool) -> StartupFailure {
        let repair = "use ./redis-check-aof --fix <filename.manifest>"
        switch error {
        case .system(let error) where error.isNotFound:
            return StartupFailure(
                "The append log file \(name) doesn't exist: No such file or directory")
        case .system(let error):
            return StartupFailure(
                "Fatal error: can't open the append log file \(name) for reading: \(error.reason)")
        case .rdb(let error):
            return StartupFailure(
                "Error reading the RDB preamble of the AOF file \(name), AOF loading aborted",
                "Fatal error loading the DB: \(error). Exiting.")
        case .replay(.unknownCommand(let command, _)):
            return StartupFailure(
                "Unknown command '\(command)' reading the append only file \(name)")
        case .corrupt(let position):
            return StartupFailure(
                "Bad file format reading the append only file \(name) at offset \(position): the "
                    + "bytes behind it are not those that were written, its index says, and they "
                    + "had been on disk. Nothing was changed. Make a backup of the folder, then "
                    + "bring the file back from a copy, or take the data from a replica"
                    + (isLast
                        ? ", or give up what was written behind that offset: truncate -s "
                            + "\(position) \(name)" : ""))
        case .replay(.badFormat(let position)), .replay(.failed(_, _, let position)):
            return StartupFailure(
                "Bad file format reading the append only file \(name) at offset \(position): "
                    + "make a backup of your AOF file, then \(repair)")
        case .truncated where !isLast:
            return StartupFailure(
                "Fatal error: the truncated file is not the last file",
                "Unexpected end of file reading the append only file \(name).")
        case .truncated:
            return StartupFailure(
                "Unexpected end of file reading the append only file \(name). You can: "
                    + "1) Make a backup of your AOF file, then \(repair). 2) Alternatively you "
                    + "can set the 'aof-load-truncated' configuration option to yes and restart "
                    + "the server.")
        }
    }
}

extension AOFReplayError {
    /// Whether bytes behind `position` that are no commands explain it. A well-formed command that
    /// is not known is another server's, and no junk.
    fileprivate func isJunk(behind position: Int64) -> Bool {
        guard case .badFormat(let found) = self else { return false }
        return found >= position
    }

    fileprivate var isUnknown: Bool {
        guard case .unknownCommand = self else { return false }
        return true
    }
}
