// The engine's end of a snapshot: entries in, chunks of RDB bytes out.
//
//   entry ──► RDBEncoder ──► │ chunk of about 64 KB │ + large value kept by reference ──► writer
//
// Keys come in the order of the walk, mixed with pre-images of other databases: a SELECTDB goes in
// front whenever the database changes, and RESIZEDB behind the first of each database.

public import Bytes
public import Log
public import Store

/// A piece of a snapshot on its way to the writer.
public struct SnapshotChunk: Sendable {
    /// What a chunk is of a value that comes in several. Nothing may stand between such chunks in
    /// the file, though others may be handed over between them; one value at a time comes so.
    public enum Part: Sendable {
        /// Whole entries: may stand anywhere between the first chunk of a snapshot and the last.
        case whole
        /// The first chunk of a value.
        case first
        /// One that is neither the first nor the last.
        case middle
        /// The last chunk of a value.
        case last
    }

    /// RDB bytes.
    public let bytes: [UInt8]
    /// The strings in `bytes` that are worth compressing.
    public let spans: [RDBSpan]
    /// A large string behind `bytes`, without its length header.
    public let block: SharedBlock?
    /// Its place in a big value.
    public let part: Part

    /// A chunk.
    public init(
        bytes: [UInt8], spans: [RDBSpan], block: SharedBlock?, part: Part = .whole
    ) {
        self.bytes = bytes
        self.spans = spans
        self.block = block
        self.part = part
    }

    /// Bytes of memory that the chunk keeps.
    public var memoryBytes: Int { bytes.count + (block?.count ?? 0) }
}

/// What stands at the head of a snapshot.
public struct SnapshotHead: Sendable {
    /// What the file calls the version of the server.
    public var serverVersion: String
    /// Wall clock in seconds.
    public var createdSeconds: Int64
    /// `used_memory`.
    public var usedBytes: Int64
    /// The place in the history that the data belong to; nil writes none.
    public var position: ReplicationPosition?
    /// Whether the file is the base of a log.
    public var isLogBase: Bool
    /// Sources of function libraries.
    public var functions: [[UInt8]]
    /// Opaque data of modules.
    public var moduleAuxiliaries: [[UInt8]]

    /// A head.
    public init(
        serverVersion: String, createdSeconds: Int64, usedBytes: Int64,
        position: ReplicationPosition?, isLogBase: Bool, functions: [[UInt8]] = [],
        moduleAuxiliaries: [[UInt8]] = []
    ) {
        self.serverVersion = serverVersion
        self.createdSeconds = createdSeconds
        self.usedBytes = usedBytes
        self.position = position
        self.isLogBase = isLogBase
        self.functions = functions
        self.moduleAuxiliaries = moduleAuxiliaries
    }
}

/// Serialises the entries of one snapshot. Confined to the engine's thread.
public final class SnapshotEncoder: SnapshotSink {
    /// A chunk is handed on when it has reached this size.
    public static let chunkBytes = 64 << 10

    private var encoder = RDBEncoder()
    private var database = -1
    private var counts: [Int: SnapshotCount] = [:]
    private let emit: (SnapshotChunk) -> Void
    private let version: Int
    private let streams: RDBStreams.Format
    /// Big objects that are being written in steps, oldest first.
    private var objects: [any SteppedEncoder] = []
    /// Keys serialised so far.
    public private(set) var keyCount = 0
    /// Tells how keys were used; nil keeps nothing of it.
    public var accessClock: AccessClock?

    /// An encoder that hands its chunks to `emit`; `version` is one that is written.
    public init(
        version: Int = RDBVersion.written, emit: @escaping (SnapshotChunk) -> Void
    ) {
        self.version = version
        streams = version >= RDBVersion.writtenToProven ? .withActivity : .portable
        self.emit = emit
    }

    /// Writes the head; comes first, with what the keyspace said at the cut.
    public func begin(_ head: SnapshotHead, counts: [SnapshotCount]) {
        for count in counts { self.counts[count.database] = count }
        encoder.header(version: version)
        encoder.auxiliary("redis-ver", text: head.serverVersion)
        encoder.auxiliary("redis-bits", integer: 64)
        encoder.auxiliary("ctime", integer: head.createdSeconds)
        encoder.auxiliary("used-mem", integer: head.usedBytes)
        if let position = head.position {
            // A stream that has selected nothing yet begins its next command with SELECT, so any
            // database is right; -1 would make a reader discard the place and sync in full.
            encoder.auxiliary("repl-stream-db", integer: Int64(max(0, position.database)))
            encoder.auxiliary("repl-id", text: position.id.text)
            encoder.auxiliary("repl-offset", integer: position.offset)
        }
        encoder.auxiliary("aof-base", integer: head.isLogBase ? 1 : 0)
        for item in head.moduleAuxiliaries {
            item.withByteSlice { encoder.moduleAuxiliary($0) }
        }
        for source in head.functions { source.withByteSlice { encoder.function($0) } }
    }

    /// Takes an entry of the snapshot.
    public func save(_ entry: Entry, database: Int) {
        guard let row = RDBValueEncoder.find(entry.type, streams: streams) else {
            preconditionFailure("a value without an encoder")
        }
        if let walk = steppedEncoder(of: entry, row, database: database) {
            objects.append(walk)
            keyCount += 1
            return
        }
        if database != self.database { select(database) }
        encoder.key(
            entry.key, typeCode: row.typeCode, expiresAt: entry.expiresAt,
            access: access(of: entry))
        keyCount += 1
        if let block = row.encode(entry, &encoder) {
            flush(block)
        } else if encoder.output.count >= SnapshotEncoder.chunkBytes {
            flush(nil)
        }
    }

    /// What encodes a big object; nil for a value that is encoded at once.
    private func steppedEncoder(
        of entry: Entry, _ row: RDBValueEncoder, database: Int
    ) -> (any SteppedEncoder)? {
        guard let object = entry.object else { return nil }
        if let stream = object as? StreamObject {
            return StreamEncoder(
                stream, of: entry, format: streams, database: database, access: access(of: entry))
        }
        return ObjectEncoder(
            object, of: entry, row: row, database: database, access: access(of: entry))
    }

    private func access(of entry: Entry) -> SavedAccess {
        guard let accessClock, accessClock.isSaved else { return .none }
        return accessClock.countsAccesses
            ? .frequency(UInt8(truncatingIfNeeded: accessClock.frequency(of: entry)))
            : .idleSeconds(UInt64(accessClock.idleSeconds(of: entry)))
    }

    /// Whether big objects wait for `advanceObjects`.
    public var hasObjects: Bool { !objects.isEmpty }

    /// Goes on with the oldest big object over at most `bucketBudget` buckets.
    public func advanceObjects(bucketBudget: Int) {
        guard let object = objects.first else { return }
        let isComplete = object.advance(bucketBudget: bucketBudget)
        for piece in object.take(isLast: isComplete) {
            // The head of the file must go first.
            if piece.part == .first || piece.part == .whole { flush(nil) }
            emit(piece)
        }
        if isComplete { objects.removeFirst() }
    }

    /// Forgets big objects that were not written to their end: the snapshot has failed.
    public func dropObjects() { objects = [] }

    /// Writes the end mark and hands on what is left.
    public func finish() { emit(takeLast()) }

    /// Writes the end mark and gives what is left, which must come last in the file; big objects
    /// that still wait are written before it.
    public func takeLast() -> SnapshotChunk {
        while hasObjects { advanceObjects(bucketBudget: 1 << 16) }
        encoder.end()
        return take(nil)
    }

    private func select(_ database: Int) {
        self.database = database
        encoder.select(database: database)
        if let count = counts.removeValue(forKey: database) {
            encoder.resize(keys: count.count, expires: count.expiringCount)
        }
    }

    private func flush(_ block: SharedBlock?) { emit(take(block)) }

    private func take(_ block: SharedBlock?) -> SnapshotChunk {
        defer { encoder.removeAll() }
        let chunk = SnapshotChunk(
            bytes: encoder.output.readable.array, spans: encoder.compressible, block: block)
        // Each chunk names its database, so that the writer may take them in any order.
        database = -1
        return chunk
    }
}

/// The writer's end of a snapshot: chunks in, file bytes out. Lives on the writer's thread.
public struct SnapshotFormatter: ~Copyable {
    private var compressor = RDBCompressor()
    private var crc = CRC64()
    private let compresses: Bool
    private let checksums: Bool
    /// Bytes of the file so far.
    public private(set) var fileBytes: Int64 = 0

    /// A formatter as `rdbcompression` and `rdbchecksum` say.
    public init(compresses: Bool, checksums: Bool) {
        self.compresses = compresses
        self.checksums = checksums
    }

    /// Appends the file bytes of `chunk` to `output`, which must be empty.
    public mutating func append(_ chunk: SnapshotChunk, to output: inout ByteBuffer) {
        assert(output.isEmpty)
        chunk.bytes.withByteSlice { bytes in
            if compresses {
                compressor.append(bytes, spans: chunk.spans, to: &output)
            } else {
                output.append(bytes)
            }
        }
        if let block = chunk.block {
            compressor.appendString(block.bytes, compressing: compresses, to: &output)
        }
        if checksums { crc.update(output.readable) }
        fileBytes += Int64(output.count)
    }

    /// Appends the checksum behind the last chunk.
    public mutating func appendChecksum(to output: inout ByteBuffer) {
        output.append(littleEndian: checksums ? crc.value : 0)
        fileBytes += 8
    }
}
