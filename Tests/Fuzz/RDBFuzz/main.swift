// Files and payloads in the formats of Redis and Valkey: whatever comes, loading ends with data
// that hold together or with an error, the same for a file in one piece and in two, and everything
// that was loaded can be written and loaded again.
//
//   byte 0   low bits: 0 file of Redis, 1 file of Valkey, 2 payload of Redis, 3 payload of Valkey
//   byte 1   where a file is cut
//   rest     the file behind its magic, or the payload in front of its footer
import Bytes
import CFuzz
import Glibc
import Persistence
import Store

/// Type checks that the store's own do not reach.
private func check(_ keyspace: Keyspace) {
    keyspace.checkInvariants()
    let codec = DumpCodec(keyspace: keyspace)
    keyspace.database(0).forEach { entry in
        var payload: [UInt8] = []
        codec.withPayload(of: entry) { payload = $0.array }
        do {
            try payload.withByteSlice { (bytes) throws(DumpPayloadError) in
                try codec.checkFooter(of: bytes)
                try codec.withValue(of: bytes, key: entry.key) { _, again, _ in
                    precondition(again.type == entry.type, "another type came back")
                }
            }
        } catch {
            preconditionFailure("what was written cannot be read: \(error)")
        }
    }
}

/// Loads a file that ends at the last of `cuts`; nil when it was refused.
private func load(_ file: ByteSlice, cuts: [Int]) -> Keyspace? {
    let keyspace = Keyspace(databaseCount: 16, secret: SipKey(low: 1, high: 2))
    var loader = RDBLoader(keyspace: keyspace, expired: .kept)
    var reader = RDBReader()
    reader.verifiesChecksum = false
    var buffer = ByteBuffer()
    var start = 0
    for cut in cuts {
        buffer.append(file.slice(from: start, count: cut - start))
        start = cut
        do {
            let isLast = cut == file.count
            if try reader.receive(&buffer, patient: !isLast, visitor: &loader) == .finished {
                return keyspace
            }
        } catch {
            keyspace.checkInvariants()
            return nil
        }
    }
    keyspace.checkInvariants()
    return nil
}

private func loadFile(_ magic: StaticString, _ input: ByteSlice) {
    var file = ByteBuffer()
    file.append(magic)
    file.append(input.dropFirst(1))
    let bytes = file.readable
    let cut = Int(input[0]) * bytes.count / 256
    let whole = load(bytes, cuts: [bytes.count])
    let pieces = load(bytes, cuts: [cut, bytes.count])
    precondition((whole == nil) == (pieces == nil), "the cut changes the outcome")
    guard let whole, let pieces else { return }
    precondition(whole.count == pieces.count, "the cut changes the keys")
    check(whole)
}

private func restore(_ version: Int, _ input: ByteSlice) {
    var payload = ByteBuffer()
    payload.append(input)
    payload.append(littleEndian: UInt16(version))
    payload.append(littleEndian: CRC64.checksum(payload.readable))
    let keyspace = Keyspace(databaseCount: 1, secret: SipKey(low: 1, high: 2))
    let codec = DumpCodec(keyspace: keyspace)
    let database = keyspace.database(0)
    let key = ByteSlice("key")
    do {
        try codec.checkFooter(of: payload.readable)
        try codec.withValue(of: payload.readable, key: key) { source, entry, hash in
            _ = source.move(entry, hash, to: database, key: key, keyspace.hash(key))
        }
    } catch {
        precondition(database.count == 0, "half a key")
        return
    }
    precondition(database.count == 1, "a key was lost")
    check(keyspace)
}

private func check(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 1 else { return 0 }
    let input = unsafe ByteSlice(base: data, count: size)
    let rest = input.dropFirst(1)
    switch input[0] & 3 {
    case 0: loadFile("REDIS0012", rest)
    case 1: loadFile("VALKEY080", rest)
    case 2: restore(12, rest.dropFirst(1))
    default: restore(80, rest.dropFirst(1))
    }
    return 0
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, check))
