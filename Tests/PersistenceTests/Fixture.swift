// Access to the files of real servers under Tests/Fixtures.
import Bytes
import Foundation
import Persistence

enum Fixture {
    static let producers = ["redis-7.0.15", "redis-7.2.4", "valkey-8.0.1", "valkey-9.1.2"]

    struct Key: Codable, Equatable {
        let database: Int
        let key: String
        let type: String
        let expiresAt: Int64
        let value: String?
    }

    static func url(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures").appending(path: name)
    }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(name))) }

    static func dump(_ producer: String) throws -> [UInt8] { try bytes("\(producer)-types.rdb") }

    static func keys(_ producer: String) throws -> [Key] {
        try JSONDecoder().decode(
            [Key].self, from: Data(contentsOf: url("\(producer)-types.json")))
    }
}

/// Writes down everything a reader finds; strings with their value.
struct RecordingVisitor: RDBVisitor {
    var auxiliaries: [String: String] = [:]
    var functions: [String] = []
    var keys: [Fixture.Key] = []
    var sizes: [UInt64] = []

    mutating func auxiliary(_ name: ByteSlice, _ value: ByteSlice) {
        auxiliaries[name.string] = value.string
    }
    mutating func function(_ source: ByteSlice) { functions.append(source.string) }
    mutating func moduleAuxiliary(_ item: ByteSlice) {}
    mutating func select(database: UInt64) throws(RDBCorruption) {
        if database > 15 { throw .databaseOutOfRange(database) }
    }
    mutating func resize(keys: UInt64, expires: UInt64) { sizes.append(keys) }
    mutating func entry(
        _ key: RDBKey, codec: RDBValueCodec, value: ByteSlice, scratch: inout RDBScratch
    ) throws(RDBCorruption) {
        var text: String?
        if codec.typeCode == 0 {
            var cursor = RDBCursor(value)
            var buffer = ByteBuffer()
            do {
                text = Data(try cursor.string(scratch: &buffer).array).base64EncodedString()
            } catch RDBFault.corrupt(let reason) {
                throw reason
            } catch {
                throw .truncated
            }
        }
        keys.append(
            Fixture.Key(
                database: key.database, key: key.bytes.string,
                type: "\(codec.name)".replacingOccurrences(of: " with field expiry", with: ""),
                expiresAt: key.expiresAt, value: text))
    }
}

/// Reads `bytes` in pieces of `step`; throws what the reader throws.
func read<Visitor: RDBVisitor>(
    _ bytes: [UInt8], step: Int = .max, into visitor: inout Visitor
) throws(RDBError) {
    var reader = RDBReader()
    var buffer = ByteBuffer()
    var position = 0
    while true {
        let length = min(step, bytes.count - position)
        bytes.withByteSlice { buffer.append($0.slice(from: position, count: length)) }
        position += length
        let isLast = position == bytes.count
        if try reader.receive(&buffer, patient: !isLast, visitor: &visitor) == .finished { return }
        if isLast { throw reader.truncation }
    }
}
