// The payload of FUNCTION DUMP and FUNCTION RESTORE.
//
//   { 0xF5 │ string: source of a library }* │ RDB version u16 │ CRC-64 of everything before u64
internal import Bytes
internal import Persistence
internal import RESP

/// Libraries outside of any file.
enum LibraryPayload {
    /// Why a payload is refused.
    enum Problem: Error {
        case footer
        case oldFormat
        case otherType
        case damaged

        var reply: ReplyError {
            switch self {
            case .footer: ReplyError("ERR DUMP payload version or checksum are wrong")
            case .oldFormat: ReplyError("ERR Pre-GA function format not supported")
            case .otherType: ReplyError("ERR given type is not a function")
            case .damaged: ReplyError("ERR failed loading the given functions payload")
            }
        }
    }

    private static let footerBytes = DumpCodec.footerBytes

    static func encode(_ sources: [[UInt8]]) -> [UInt8] {
        var encoder = RDBEncoder()
        for source in sources { source.withByteSlice { encoder.function($0) } }
        var output = ByteBuffer()
        output.append(encoder.output.readable)
        output.append(littleEndian: UInt16(RDBVersion.written))
        output.append(littleEndian: CRC64.checksum(output.readable))
        return output.readable.array
    }

    static func decode(_ payload: ByteSlice) throws(Problem) -> [[UInt8]] {
        guard payload.count >= footerBytes else { throw .footer }
        let covered = payload.prefix(payload.count - 8)
        let version = Int(payload.littleEndian(at: payload.count - footerBytes, as: UInt16.self))
        guard RDBVersion.redis.contains(version) || RDBVersion.valkey.contains(version),
            CRC64.checksum(covered) == payload.littleEndian(at: covered.count)
        else { throw .footer }
        var cursor = RDBCursor(payload.prefix(payload.count - footerBytes))
        var scratch = ByteBuffer()
        var sources: [[UInt8]] = []
        while cursor.position < cursor.input.count {
            do throws(RDBFault) {
                let code = try cursor.byte()
                if code == RDBOpcode.function { throw .corrupt(.unknownOpcode(code)) }
                guard code == RDBOpcode.function2 else { throw .corrupt(.badStructure("type")) }
                sources.append(try cursor.string(scratch: &scratch).array)
            } catch {
                switch error {
                case .corrupt(.unknownOpcode): throw .oldFormat
                case .corrupt(.badStructure("type")): throw .otherType
                default: throw .damaged
                }
            }
        }
        return sources
    }
}
