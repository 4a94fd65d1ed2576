// Streams: types 15, 19 and 21 are read. Type 19 is written, which every server since 7.0 reads;
// 21 in files of version 11.
//
//   n × ( node id: string of 16 bytes, listpack ) │ length │ last id
//   [19, 21: first id, largest deleted id, entries added]
//   groups × ( name, last id, [19, 21: entries read],
//              pending n × ( 16 raw bytes, delivery time i64, delivery count ),
//              consumers n × ( name, seen time i64, [21: active time i64],
//                              pending n × 16 raw bytes ) )
//
// The nodes are taken as they are, once proved. The first id is found anew.

internal import Bytes
internal import Store

enum RDBStreams {
    private static var bad: RDBFault { .corrupt(.badStructure("stream")) }

    static func load(_ type: UInt8) -> RDBValueCodec.Load {
        { cursor, scratch, key, database, hash throws(RDBFault) in
            let stream = try read(&cursor, &scratch.value, type: type)
            let before = database.count
            database.set(
                key.bytes, hash, object: stream, type: .stream, expiresAt: key.expiresAt)
            return database.count == before
        }
    }

    private static func read(
        _ cursor: inout RDBCursor, _ scratch: inout ByteBuffer, type: UInt8
    ) throws(RDBFault) -> StreamObject {
        let stream = StreamObject()
        let nodes = try cursor.count(bytesMin: 2)
        for _ in 0..<nodes {
            let name = try cursor.string(scratch: &scratch)
            guard name.count == 16 else { throw bad }
            let id = StreamID(bigEndian: name)
            let listpack = try cursor.string(scratch: &scratch)
            guard stream.loadNode(id, listpack: listpack) else { throw bad }
        }
        let length = try cursor.length()
        let lastID = try id(&cursor)
        guard stream.finishLoading(length: length, lastID: lastID) else { throw bad }
        if type != 15 {
            _ = try id(&cursor)
            stream.maxDeletedID = try id(&cursor)
            stream.entriesAdded = try cursor.length()
        }
        let groups = try cursor.count()
        for _ in 0..<groups { try readGroup(&cursor, &scratch, stream, type: type) }
        return stream
    }

    private static func readGroup(
        _ cursor: inout RDBCursor, _ scratch: inout ByteBuffer, _ stream: StreamObject,
        type: UInt8
    ) throws(RDBFault) {
        let name = try cursor.string(scratch: &scratch).array
        let lastID = try id(&cursor)
        // All ones stand for a number that nobody knows; older files have none.
        let entriesRead =
            type == 15
            ? stream.entriesAdded(upTo: lastID) ?? StreamGroup.unknown
            : Int64(bitPattern: try cursor.length())
        guard entriesRead >= StreamGroup.unknown,
            let group = name.withByteSlice({
                stream.addGroup($0, lastID: lastID, entriesRead: entriesRead)
            })
        else { throw bad }
        let pending = try cursor.count(bytesMin: 25)
        for _ in 0..<pending {
            let id = StreamID(bigEndian: try cursor.bytes(16))
            let deliveredAt = try cursor.littleEndian(Int64.self)
            let count = Int64(bitPattern: try cursor.length())
            guard group.loadPending(id, deliveredAt: deliveredAt, deliveryCount: count) else {
                throw bad
            }
        }
        let consumers = try cursor.count()
        for _ in 0..<consumers { try readConsumer(&cursor, &scratch, group, type: type) }
        guard group.isOwned else { throw bad }
    }

    private static func readConsumer(
        _ cursor: inout RDBCursor, _ scratch: inout ByteBuffer, _ group: StreamGroup,
        type: UInt8
    ) throws(RDBFault) {
        let name = try cursor.string(scratch: &scratch).array
        let seenAt = try cursor.littleEndian(Int64.self)
        // Where the time of the last delivery was not written, the other one is the best guess.
        let activeAt = type == 21 ? try cursor.littleEndian(Int64.self) : seenAt
        let consumer = name.withByteSlice { group.addConsumer($0, seenAt: seenAt) }
        guard let consumer else { throw bad }
        consumer.activeAt = activeAt
        let pending = try cursor.count(bytesMin: 16)
        for _ in 0..<pending {
            guard group.own(StreamID(bigEndian: try cursor.bytes(16)), consumer) else { throw bad }
        }
    }

    private static func id(_ cursor: inout RDBCursor) throws(RDBFault) -> StreamID {
        let milliseconds = try cursor.length()
        return StreamID(milliseconds, try cursor.length())
    }

    // MARK: Writing

    /// How streams are written.
    struct Format: Sendable {
        /// What every server since 7.0 reads.
        static let portable = Format(typeCode: 19)
        /// With the times at which consumers were active.
        static let withActivity = Format(typeCode: 21)

        let typeCode: UInt8
        let encoder: RDBValueEncoder

        private init(typeCode: UInt8) {
            self.typeCode = typeCode
            encoder = RDBValueEncoder(typeCode: typeCode) { entry, encoder in
                guard let stream = entry.object as? StreamObject else {
                    preconditionFailure("a stream without its entries")
                }
                encoder.length(UInt64(stream.nodeCount))
                stream.forEachPart { Format.write($0, typeCode: typeCode, to: &encoder) }
                return nil
            }
        }

        /// Writes one part; the number of nodes stands before the first.
        func write(_ part: StreamPart, to encoder: inout RDBEncoder) {
            Format.write(part, typeCode: typeCode, to: &encoder)
        }

        private static func write(
            _ part: StreamPart, typeCode: UInt8, to encoder: inout RDBEncoder
        ) {
            switch part {
            case .node(let id, let bytes, let node):
                encoder.plainHeader(count: 16)
                id.append(bigEndianTo: &encoder.output)
                encoder.plainHeader(count: bytes)
                node.append(to: &encoder.output)
            case .counters(let counters): write(counters, to: &encoder)
            case .group(let name, let lastID, let entriesRead, let pendingCount):
                name.withByteSlice { encoder.string($0) }
                write(lastID, to: &encoder)
                encoder.length(UInt64(bitPattern: entriesRead))
                encoder.length(UInt64(pendingCount))
            case .pending(let entry):
                entry.id.append(bigEndianTo: &encoder.output)
                encoder.output.append(littleEndian: entry.deliveredAt)
                encoder.length(UInt64(bitPattern: entry.deliveryCount))
            case .consumerCount(let count): encoder.length(UInt64(count))
            case .consumer(let name, let seenAt, let activeAt, let pendingCount):
                name.withByteSlice { encoder.string($0) }
                encoder.output.append(littleEndian: seenAt)
                if typeCode == 21 { encoder.output.append(littleEndian: activeAt) }
                encoder.length(UInt64(pendingCount))
            case .owned(let id): id.append(bigEndianTo: &encoder.output)
            }
        }

        private static func write(_ counters: StreamCounters, to encoder: inout RDBEncoder) {
            encoder.length(UInt64(counters.length))
            write(counters.lastID, to: &encoder)
            write(counters.firstID, to: &encoder)
            write(counters.maxDeletedID, to: &encoder)
            encoder.length(counters.entriesAdded)
            encoder.length(UInt64(counters.groupCount))
        }

        private static func write(_ id: StreamID, to encoder: inout RDBEncoder) {
            encoder.length(id.milliseconds)
            encoder.length(id.sequence)
        }
    }
}
