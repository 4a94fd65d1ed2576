// A data set with its log and snapshots in a folder of its own: what a node is without commands
// and sockets. "Killing" it is forgetting it: everything it wrote is in the files.

import Bytes
import EventLoop
import Foundation
import Log
import Logging
import Persistence
import Platform
import Store
import Testing

@testable import NodeServer

/// A folder that goes away with its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "durability-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func names(_ folder: String = "appendonlydir") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []).sorted()
    }

    /// A copy, as a crash would leave the files.
    func copy() throws -> TemporaryFolder {
        for _ in 0..<20 {
            let other = try TemporaryFolder()
            // A worker may be deleting what nothing needs: then the copy is made again.
            let isWhole = names("").allSatisfy { name in
                let target = "\(other.path)/\(name)"
                return
                    (try? FileManager.default.copyItem(
                        atPath: "\(path)/\(name)", toPath: target)) != nil
            }
            if isWhole { return other }
        }
        throw CocoaError(.fileReadUnknown)
    }
}

typealias Model = [[String: String]]

func command(_ words: String...) -> [UInt8] {
    var text = "*\(words.count)\r\n"
    for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
    return [UInt8](text.utf8)
}

/// SELECT, SET and DEL; everything else does nothing.
final class PlainReplay: ReplayTarget {
    private let keyspace: Keyspace
    private var database = 0

    init(keyspace: Keyspace) { self.keyspace = keyspace }

    func beginFile() { database = 0 }

    func select(_ database: Int) { self.database = database }

    func apply(_ words: ByteSliceView, _ raw: ByteSlice) throws(AOFReplayError) {
        let name = words[0].string.lowercased()
        switch name {
        case "select": database = Int(words[1].string) ?? 0
        case "set":
            _ = keyspace.database(database).set(words[1], keyspace.hash(words[1]), words[2])
        case "del": _ = keyspace.database(database).remove(words[1], keyspace.hash(words[1]))
        case "multi", "exec", "ping", "publish": break
        default: throw .unknownCommand(name: name, position: 0)
        }
    }
}

final class DurableNode {
    let folder: TemporaryFolder
    let loop: EventLoop
    let keyspace: Keyspace
    let log: StreamLog
    let snapshots: Snapshots
    var changes: Int64 = 0
    private let replay: PlainReplay
    private var messages = MessageList()

    init(
        _ folder: TemporaryFolder, appendOnly: Bool = true, isReplica: Bool = false,
        configure: (inout LogSettings) -> Void = { _ in }
    ) throws {
        self.folder = folder
        loop = try EventLoop()
        keyspace = Keyspace(databaseCount: 16, secret: SipKey(low: 1, high: 2))
        var settings = LogSettings(directory: folder.path)
        settings.isEnabled = appendOnly
        configure(&settings)
        let messages = messages
        let logger = Logger(label: "test") { _ in MessageHandler(messages: messages) }
        log = try StreamLog(settings: settings, loop: loop, logger: logger)
        snapshots = try Snapshots(
            keyspace: keyspace, log: log, settings: SnapshotSettings(directory: folder.path))
        replay = PlainReplay(keyspace: keyspace)
        let load = StartupLoad(
            keyspace: keyspace, log: log, snapshots: snapshots, replay: replay,
            isReplica: isReplica)
        try load.run()
        snapshots.changeCount = { [unowned self] in changes }
    }

    var logged: [String] { messages.lines }

    /// Appends a unit and applies it, as a turn does, and ends the turn.
    func write(_ words: [UInt8]..., database: Int = 0, commits: Bool = true) throws {
        for bytes in words {
            apply(bytes)
            bytes.withByteSlice { log.append($0, database: database) }
        }
        if commits { try endTurn() }
    }

    func apply(_ bytes: [UInt8]) {
        changes += 1
        bytes.withByteSlice { slice in
            var scanner = UnitScanner()
            var commands: [UnitScanner.Command] = []
            var arguments = ByteSliceList()
            _ = try? scanner.next(slice, commands: &commands, arguments: &arguments)
            for command in commands {
                try? replay.apply(
                    arguments.view(from: command.firstArgument, count: command.argumentCount),
                    slice)
            }
        }
    }

    /// Applies and logs what a master has sent; `database` is selected in front of it.
    func applyStream(_ bytes: [UInt8], database: Int) {
        var scanner = UnitScanner(database: database)
        var commands: [UnitScanner.Command] = []
        var arguments = ByteSliceList()
        bytes.withByteSlice { slice in
            var rest = slice
            replay.select(database)
            while case .unit(let length) = try? scanner.next(
                rest, commands: &commands, arguments: &arguments)
            {
                for command in commands {
                    try? replay.apply(
                        arguments.view(
                            from: command.firstArgument, count: command.argumentCount), rest)
                }
                rest = rest.dropFirst(length)
            }
            #expect(rest.isEmpty)
            log.append(slice, database: scanner.database)
        }
    }

    /// SET of the selected database, which is selected first when the stream has another.
    func set(
        _ key: String, _ value: String, database: Int = 0, commits: Bool = true
    ) throws {
        if log.database != database {
            try write(command("SELECT", "\(database)"), database: database, commits: false)
        }
        try write(command("SET", key, value), database: database, commits: commits)
    }

    func endTurn() throws {
        try log.commit()
        snapshots.endOfTurn()
    }

    /// Turns until `condition` holds.
    func run(until condition: () -> Bool, between: () throws -> Void = {}) throws {
        let deadline = Date().addingTimeInterval(20)
        while !condition() {
            guard Date() < deadline else {
                Issue.record("nothing happened: \(logged.suffix(3))")
                return
            }
            loop.runTurn(waitMillisecondsMax: 2)
            try between()
            try endTurn()
        }
    }

    func model() -> Model {
        (0..<16).map { index in
            var found: [String: String] = [:]
            keyspace.database(index).forEach { entry in
                switch entry.stringValue {
                case .integer(let value): found[entry.key.string] = "\(value)"
                case .bytes(let bytes): found[entry.key.string] = bytes.string
                }
            }
            return found
        }
    }

    /// The stream from the byte `offset` on, read as a replica would.
    func stream(from offset: Int64, maximum: Int = 1_000) throws -> [UInt8] {
        var output = ByteBuffer()
        var next = offset
        var isOver = false
        try run(until: {
            isOver
        }) {
            while true {
                switch log.read(from: next, maximum: maximum, into: &output, onReady: {}) {
                case .bytes(let count): next += Int64(count)
                case .pending: return
                case .upToDate:
                    isOver = true
                    return
                case .gone:
                    Issue.record("byte \(next) is gone")
                    isOver = true
                    return
                }
            }
        }
        return output.readable.array
    }

    /// The bytes of a full sync's file, read as they come.
    func file(of source: FullSyncSource) throws -> [UInt8] {
        let reader = SourceReader(source)
        try run(until: { reader.isOver }) { reader.read() }
        #expect(reader.failure == nil)
        return reader.bytes
    }

    /// Becomes a replica of `node`: loads `bytes` in pieces, then applies the stream behind
    /// `position`.
    func sync(
        with node: DurableNode, _ position: ReplicationPosition, _ bytes: [UInt8]
    ) throws {
        try load(position, bytes)
        let stream = try node.stream(from: position.offset + 1, maximum: 50_000)
        applyStream(stream, database: log.database)
        try endTurn()
        #expect(log.offset == node.log.offset)
    }

    /// Loads `bytes` in pieces, which were cut at `position`.
    func load(_ position: ReplicationPosition, _ bytes: [UInt8]) throws {
        let load = snapshots.beginLoad(id: position.id, offset: position.offset)
        for start in stride(from: 0, to: bytes.count, by: 3_000) {
            try Array(bytes[start..<min(start + 3_000, bytes.count)]).withByteSlice {
                try load.receive($0)
            }
        }
        try load.finish()
        #expect(log.offset == position.offset)
    }

    deinit {
        snapshots.stop()
        log.stop()
        loop.releaseAll()
    }
}

/// Reads a full sync's file to its end.
final class SourceReader {
    let source: FullSyncSource
    private(set) var bytes: [UInt8] = []
    private(set) var failure: SnapshotFailure?
    private(set) var isOver = false
    private var isReading = false

    init(_ source: FullSyncSource) { self.source = source }

    /// Asks for the next piece, unless one is on its way.
    func read(maximum: Int = 10_000) {
        guard !isReading, !isOver else { return }
        isReading = true
        source.read(at: Int64(bytes.count), maximum: maximum) { [weak self] result in
            guard let self else { return }
            isReading = false
            switch result {
            case .failure(let failure):
                self.failure = failure
                isOver = true
            case .success(let piece):
                bytes += piece
                isOver = piece.isEmpty
            }
        }
    }
}

/// What was logged.
final class MessageList: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: [String] = []
    var lines: [String] { lock.withLock { stored } }
    func append(_ line: String) { lock.withLock { stored.append(line) } }
}

struct MessageHandler: LogHandler {
    let messages: MessageList
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { messages.append("\(event.message)") }
}
