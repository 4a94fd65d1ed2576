// The payload of DUMP and RESTORE: one value outside of any file.
//
//   type code(1) │ value │ RDB version u16 │ CRC-64 of everything before u64      (little-endian)
//
// Versions of Redis up to 12 and Valkey's 80 are taken; the version says which family's numbers the
// type code is from. What is written carries version 10, so that every server since Redis 7.0
// restores it.

public import Bytes
public import Store

/// Why a payload is refused.
public enum DumpPayloadError: Error, Equatable, Sendable {
    /// The footer is missing, or version or checksum are wrong.
    case badFooter
    /// The value is damaged, or of a type that this server does not have.
    case badValue
}

/// Turns values into payloads and back; keeps its memory. Confined to one thread.
public final class DumpCodec {
    /// Bytes behind the value.
    public static let footerBytes = 10
    /// The version in a payload that a Valkey server wrote.
    private static let valkeyVersion = RDBVersion.valkey.lowerBound
    /// Longer payloads give their memory back after use.
    private static let keptBytesMax = 1 << 20

    private var encoder = RDBEncoder()
    private var compressor = RDBCompressor()
    private var scratch = RDBScratch()
    private var output = ByteBuffer()
    private let keyspace: Keyspace
    private let nursery: Keyspace
    /// Whether checksums are compared (DEBUG SET-SKIP-CHECKSUM-VALIDATION turns it off).
    public var verifiesChecksum = true

    /// A codec for values of `keyspace`.
    public init(keyspace: Keyspace) {
        self.keyspace = keyspace
        nursery = Keyspace(databaseCount: 1, hasher: keyspace.hasher)
    }

    /// Calls `body` with the payload of `entry`.
    public func withPayload(of entry: Entry, _ body: (ByteSlice) -> Void) {
        guard let row = RDBValueEncoder.find(entry.type) else {
            preconditionFailure("a value without an encoder")
        }
        encoder.removeAll()
        output.removeAll()
        output.append(row.typeCode)
        let block = row.encode(entry, &encoder)
        compressor.append(
            encoder.output.readable, spans: encoder.compressible, to: &output)
        if let block {
            compressor.appendString(block.bytes, compressing: true, to: &output)
        }
        output.append(littleEndian: UInt16(RDBVersion.written))
        output.append(littleEndian: CRC64.checksum(output.readable))
        body(output.readable)
        if output.capacity > DumpCodec.keptBytesMax {
            output.release()
            encoder.output.release()
        }
    }

    /// Checks the footer of `payload`: length, version, checksum.
    public func checkFooter(of payload: ByteSlice) throws(DumpPayloadError) {
        guard payload.count >= DumpCodec.footerBytes else { throw .badFooter }
        let version = DumpCodec.version(of: payload)
        guard RDBVersion.redis.contains(version) || RDBVersion.valkey.contains(version) else {
            throw .badFooter
        }
        guard verifiesChecksum else { return }
        let covered = payload.prefix(payload.count - 8)
        guard CRC64.checksum(covered) == payload.littleEndian(at: covered.count) else {
            throw .badFooter
        }
    }

    private static func version(of payload: ByteSlice) -> Int {
        Int(payload.littleEndian(at: payload.count - footerBytes, as: UInt16.self))
    }

    /// Calls `body` with an entry that holds the value of `payload`, whose footer was checked,
    /// under the name `key`. The entry lies in a database of its own, from which `body` may move
    /// it; what is left there is removed. Nothing that is damaged ever reaches the keyspace.
    public func withValue(
        of payload: ByteSlice, key: ByteSlice, _ body: (Database, Entry, KeyHash) -> Void
    ) throws(DumpPayloadError) {
        let version = DumpCodec.version(of: payload)
        let value = payload.prefix(payload.count - DumpCodec.footerBytes)
        guard !value.isEmpty,
            let codec = RDBValueCodec.find(
                value[0], dialect: version >= DumpCodec.valkeyVersion ? .valkey : .redis),
            let load = codec.load
        else { throw .badValue }
        scratch.limits = keyspace.encodingLimits
        let database = nursery.database(0)
        let hash = nursery.hash(key)
        let target = RDBKey(
            bytes: key, database: 0, expiresAt: Entry.never, idleSeconds: -1, frequency: -1)
        defer { _ = database.remove(key, hash) }
        do throws(RDBFault) {
            var check = RDBCursor(value.dropFirst(1))
            try codec.scan(&check, &scratch)
            guard check.position == check.input.count else { throw .corrupt(.badLength) }
            var cursor = RDBCursor(value.dropFirst(1))
            _ = try load(&cursor, &scratch, target, database, hash)
        } catch {
            throw .badValue
        }
        // A collection without elements loads as nothing.
        guard let entry = database.find(key, hash) else { throw .badValue }
        body(database, entry, hash)
    }
}
