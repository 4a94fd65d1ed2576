// Reads an RDB file in pieces: a machine that is fed from a file or a socket.
//
//   1. magic and version, before anything else: nothing is thrown away for a file we cannot read
//   2. items: attributes of the next key are collected until its type code comes
//   3. end mark and checksum
//
// An item is read when all its bytes are there; what was read is consumed. If an item is cut off,
// `receive` asks for more and reads it again from its start. A long aggregate does not say how much
// it lacks: then the reader wants twice as much as there is, unless the caller is not `patient`
// (nothing more has come for a while, or the input ends here).

public import Bytes

/// Receives what a reader finds, in the order of the file.
public protocol RDBVisitor: ~Copyable {
    /// A name with a value about the file.
    mutating func auxiliary(_ name: ByteSlice, _ value: ByteSlice) throws(RDBCorruption)
    /// The source of a function library.
    mutating func function(_ source: ByteSlice) throws(RDBCorruption)
    /// Data of a module, with their opcode: to be kept and written again unread.
    mutating func moduleAuxiliary(_ item: ByteSlice) throws(RDBCorruption)
    /// The keys that follow belong to `database`.
    mutating func select(database: UInt64) throws(RDBCorruption)
    /// A hint on the number of keys, and of those that expire.
    mutating func resize(keys: UInt64, expires: UInt64)
    /// A key; `value` is its scanned value.
    mutating func entry(
        _ key: RDBKey, codec: RDBValueCodec, value: ByteSlice, scratch: inout RDBScratch
    ) throws(RDBCorruption)
}

/// The incremental reader of one RDB file.
public struct RDBReader: ~Copyable {
    /// How far the reading has come.
    public enum Progress: Equatable, Sendable {
        /// The buffer must hold at least `total` bytes before the next call can do anything.
        case needMore(total: Int)
        /// The checksum was read; what is left in the buffer is not part of the file.
        case finished
    }

    private enum State { case magic, items, checksum, finished }

    private var state = State.magic
    private var crc = CRC64()
    private var needed = RDBVersion.magicByteCount
    private var isNeedExact = true
    private var scratch = RDBScratch()
    private var database = 0
    private var expiresAt: Int64 = -1
    private var idleSeconds: Int64 = -1
    private var frequency = -1
    private var opcode: UInt8 = 0
    private var keyText: String?
    /// Bytes read so far.
    public private(set) var offset: Int64 = 0
    /// Version in the magic; 0 before it was read.
    public private(set) var version = 0
    /// Family in the magic.
    public private(set) var dialect = RDBDialect.redis
    /// Whether the checksum is compared; it is computed all the same.
    public var verifiesChecksum = true

    /// A reader at the start of a file.
    public init() {}

    /// Reads what is complete in `buffer` and consumes it.
    public mutating func receive<Visitor: RDBVisitor & ~Copyable>(
        _ buffer: inout ByteBuffer, patient: Bool = true, visitor: inout Visitor
    ) throws(RDBError) -> Progress {
        while state != .finished {
            if buffer.count < needed, patient || isNeedExact { return .needMore(total: needed) }
            let input = buffer.readable
            var cursor = RDBCursor(input)
            do throws(RDBFault) {
                keyText = nil
                try step(&cursor, visitor: &visitor)
            } catch {
                switch error {
                case .needMore(let total):
                    needed = isNeedExact ? total : max(total, buffer.count * 2)
                    return .needMore(total: isNeedExact || patient ? needed : total)
                case .corrupt(let reason):
                    throw RDBError(reason: reason, offset: offset, opcode: opcode, key: keyText)
                }
            }
            needed = 1
            isNeedExact = true
            buffer.consume(cursor.position)
            offset += Int64(cursor.position)
        }
        return .finished
    }

    /// The error of a file that ends here although `receive` asked for more.
    public var truncation: RDBError {
        RDBError(reason: .truncated, offset: offset, opcode: opcode)
    }

    private mutating func step<Visitor: RDBVisitor & ~Copyable>(
        _ cursor: inout RDBCursor, visitor: inout Visitor
    ) throws(RDBFault) {
        switch state {
        case .magic:
            try readMagic(&cursor)
        case .items:
            try readItem(&cursor, visitor: &visitor)
        case .checksum:
            let expected = try cursor.littleEndian(UInt64.self)
            if verifiesChecksum, expected != 0, expected != crc.value {
                throw .corrupt(.checksumMismatch(expected: expected, computed: crc.value))
            }
            state = .finished
            return
        case .finished: preconditionFailure("the file was read")
        }
        crc.update(cursor.input.prefix(cursor.position))
    }

    private mutating func readMagic(_ cursor: inout RDBCursor) throws(RDBFault) {
        let magic = try cursor.bytes(RDBVersion.magicByteCount)
        let isRedis = magic.prefix(5) == "REDIS"
        guard isRedis || magic.prefix(6) == "VALKEY" else { throw .corrupt(.badMagic) }
        var number = 0
        for index in (isRedis ? 5 : 6)..<magic.count {
            guard magic[index] &- 0x30 < 10 else { throw .corrupt(.badMagic) }
            number = number * 10 + Int(magic[index] - 0x30)
        }
        guard (isRedis ? RDBVersion.redis : RDBVersion.valkey).contains(number) else {
            throw .corrupt(.unsupportedVersion(number))
        }
        version = number
        dialect = isRedis ? .redis : .valkey
        state = .items
    }

    private mutating func readItem<Visitor: RDBVisitor & ~Copyable>(
        _ cursor: inout RDBCursor, visitor: inout Visitor
    ) throws(RDBFault) {
        opcode = try cursor.byte()
        switch opcode {
        case RDBOpcode.end:
            state = version >= 5 ? .checksum : .finished
        case RDBOpcode.selectDatabase:
            let number = try cursor.length()
            try RDBReader.pass { () throws(RDBCorruption) in try visitor.select(database: number) }
            database = Int(clamping: number)
        case RDBOpcode.resizeDatabase:
            visitor.resize(keys: try cursor.length(), expires: try cursor.length())
        case RDBOpcode.expirySeconds:
            expiresAt = max(0, Int64(try cursor.littleEndian(Int32.self)) * 1000)
        case RDBOpcode.expiryMilliseconds:
            expiresAt = max(0, try cursor.littleEndian(Int64.self))
        case RDBOpcode.idle:
            idleSeconds = Int64(clamping: try cursor.length())
        case RDBOpcode.frequency:
            frequency = Int(try cursor.byte())
        case RDBOpcode.slotInfo:
            for _ in 0..<3 { _ = try cursor.length() }
        case RDBOpcode.auxiliary, RDBOpcode.function2, RDBOpcode.moduleAuxiliary:
            try readBesideKeys(&cursor, visitor: &visitor)
        case RDBOpcode.update...RDBOpcode.keyMetadata, RDBOpcode.function:
            throw .corrupt(.unknownOpcode(opcode))
        default:
            try readEntry(&cursor, visitor: &visitor)
        }
    }

    private mutating func readBesideKeys<Visitor: RDBVisitor & ~Copyable>(
        _ cursor: inout RDBCursor, visitor: inout Visitor
    ) throws(RDBFault) {
        switch opcode {
        case RDBOpcode.auxiliary:
            let name = try cursor.string(scratch: &scratch.key)
            let value = try cursor.string(scratch: &scratch.value)
            try RDBReader.pass { () throws(RDBCorruption) in
                try visitor.auxiliary(name, value)
            }
        case RDBOpcode.function2:
            let source = try cursor.string(scratch: &scratch.value)
            try RDBReader.pass { () throws(RDBCorruption) in try visitor.function(source) }
        default:
            _ = try cursor.length()
            guard try cursor.length() == 2 else { throw .corrupt(.badStructure("module")) }
            _ = try cursor.length()
            isNeedExact = false
            try ModuleCheck.walkItems(&cursor)
            let item = cursor.input.prefix(cursor.position)
            try RDBReader.pass { () throws(RDBCorruption) in try visitor.moduleAuxiliary(item) }
        }
    }

    private mutating func readEntry<Visitor: RDBVisitor & ~Copyable>(
        _ cursor: inout RDBCursor, visitor: inout Visitor
    ) throws(RDBFault) {
        guard let codec = RDBValueCodec.find(opcode, dialect: dialect) else {
            throw .corrupt(.unknownType(opcode))
        }
        let bytes = try cursor.string(scratch: &scratch.key)
        isNeedExact = codec.hasExactNeed
        let start = cursor.position
        do throws(RDBFault) {
            try codec.scan(&cursor, &scratch)
            let key = RDBKey(
                bytes: bytes, database: database, expiresAt: expiresAt, idleSeconds: idleSeconds,
                frequency: frequency)
            let value = cursor.input.slice(from: start, count: cursor.position - start)
            do throws(RDBCorruption) {
                try visitor.entry(key, codec: codec, value: value, scratch: &scratch)
            } catch {
                throw .corrupt(error)
            }
        } catch {
            if case .corrupt = error { keyText = bytes.string }
            throw error
        }
        expiresAt = -1
        idleSeconds = -1
        frequency = -1
    }

    private static func pass(
        _ body: () throws(RDBCorruption) -> Void
    ) throws(RDBFault) {
        do throws(RDBCorruption) { try body() } catch { throw .corrupt(error) }
    }
}
