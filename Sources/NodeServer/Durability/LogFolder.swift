// The names and files of the log on disk.
//
//   <dir>/<appenddirname>/<appendfilename>.manifest
//                         <appendfilename>.<n>.base.rdb
//                         <appendfilename>.<n>.incr.aof         listed, or kept for the backlog
//                         <appendfilename>.<n>.incr.aof.index   one for each of ours
//
// A manifest is replaced durably: temporary file, fsync, rename, fsync of the folder. That waits
// for the disk, so it happens on a worker, except at start.

import Bytes
import Log
import Platform

/// Settings of the stream log.
struct LogSettings: Equatable, Sendable {
    /// `dir`.
    var directory: String
    /// `appenddirname`.
    var appendDirectory = "appendonlydir"
    /// `appendfilename`.
    var appendFile = "appendonly.aof"
    /// `appendonly`.
    var isEnabled = false
    /// `appendfsync`.
    var fsync = FsyncPolicy.everysec
    /// `no-appendfsync-on-rewrite`.
    var skipsFsyncDuringSnapshot = false
    /// `repl-backlog-size`.
    var backlogBytes = 10 << 20
    /// `client-output-buffer-limit replica`: what replicas may lack that only memory keeps.
    var readerLimit = OutputBufferLimits().replica
    /// `log-retention-seconds` and `log-retention-bytes`.
    var retention = LogRetention()
    /// `aof-load-truncated`.
    var loadsTruncated = true

    /// Settings for tests.
    init(directory: String) { self.directory = directory }

    /// The part of a node's settings that the log follows.
    init(_ settings: NodeSettings) {
        directory = settings.directory
        appendDirectory = settings.appendDirectory
        appendFile = settings.appendFile
        isEnabled = settings.appendOnly
        fsync = settings.appendFsync
        skipsFsyncDuringSnapshot = settings.skipsFsyncDuringRewrite
        backlogBytes = settings.backlogBytes
        readerLimit = settings.outputLimits.replica
        retention = LogRetention(
            millisecondsMax: Int64(settings.logRetentionSeconds) * 1_000,
            bytesMax: Int64(settings.logRetentionBytes))
        loadsTruncated = settings.loadsTruncatedLog
    }

    /// Where the files are.
    var folder: LogFolder {
        LogFolder(path: "\(directory)/\(appendDirectory)", appendFile: appendFile)
    }
}

/// The folder of the log.
struct LogFolder: Equatable, Sendable {
    /// Its path.
    let path: String
    /// `appendfilename`.
    let appendFile: String

    /// The path of the manifest.
    var manifest: String { "\(path)/\(AOFManifest.fileName(appendFile))" }

    /// The path of a file of the manifest.
    func file(_ name: String) -> String { "\(path)/\(name)" }
    /// The path of the increment with `sequence`.
    func increment(_ sequence: Int64) -> String {
        file(AOFManifest.incrementName(appendFile, sequence: sequence))
    }
    /// The path of the base with `sequence`.
    func base(_ sequence: Int64) -> String {
        file(AOFManifest.baseName(appendFile, sequence: sequence))
    }
    /// The path of the index beside a log file.
    static func index(_ logPath: String) -> String { "\(logPath).index" }

    /// The path of what was cut from a log file behind `position`.
    static func cutPart(_ logPath: String, from position: Int64) -> String {
        "\(logPath).cut-\(position)"
    }

    /// Makes the folder.
    func make() throws(SystemError) { try FileSystem.makeDirectories(path) }

    /// Replaces the manifest durably.
    func write(_ manifest: AOFManifest) throws(SystemError) {
        var text = ByteBuffer()
        manifest.format(into: &text)
        let temporary = file(AOFManifest.temporaryFileName(appendFile))
        let target = try File.open(temporary, [.write, .create, .truncate])
        do throws(ShortWrite) {
            try target.write(text.readable)
        } catch {
            try? FileSystem.unlink(temporary)
            throw error.cause.about(temporary)
        }
        try target.sync()
        try FileSystem.rename(temporary, to: self.manifest)
        try FileSystem.syncDirectory(path)
    }

    /// Makes an empty log file that a manifest may list.
    func createIncrement(_ sequence: Int64) throws(SystemError) {
        _ = try File.open(increment(sequence), [.write, .create, .truncate])
    }

    /// Names of all bases and increments on disk, listed or not.
    func filesOnDisk() -> [String] {
        let names = (try? FileSystem.list(path)) ?? []
        let ends = [".base.rdb", ".base.aof", ".incr.aof"]
        return names.filter { name in
            name.hasPrefix("\(appendFile).") && ends.contains { name.hasSuffix($0) }
        }.sorted()
    }

    /// Sequence numbers of all our increments on disk, listed or not, rising.
    func sequencesOnDisk() -> [Int64] {
        let names = (try? FileSystem.list(path)) ?? []
        let prefix = "\(appendFile)."
        return names.compactMap { name in
            guard name.hasPrefix(prefix), name.hasSuffix(".incr.aof") else { return nil }
            let number = Int64(name.dropFirst(prefix.count).dropLast(".incr.aof".count))
            return number.flatMap { $0 <= LogLimits.positionMax ? $0 : nil }
        }.sorted()
    }

    /// Deletes a log file with its index; what is not there is no error.
    func deleteIncrement(_ sequence: Int64) {
        try? FileSystem.unlink(increment(sequence))
        try? FileSystem.unlink(LogFolder.index(increment(sequence)))
    }
}
