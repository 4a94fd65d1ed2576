// The append-only log after a crash: its commands are found alike in one piece and in two, and of a
// damaged log with a damaged index only what was written is ever trusted.
//
//   byte 0   even: the rest is a log; byte 1 says where it is cut
//            odd: a program of damage: see `Damage`
import Bytes
import CFuzz
import Glibc
import Log
import Persistence

// MARK: Replay

private struct Replayed: Equatable {
    var commands: [[UInt8]] = []
    var goodBytes: Int64 = 0
    var error: String?
}

private func replay(_ log: ByteSlice, cuts: [Int]) -> Replayed {
    var result = Replayed()
    var replay = AOFReplay()
    var buffer = ByteBuffer()
    var start = 0
    for cut in cuts {
        buffer.append(log.slice(from: start, count: cut - start))
        start = cut
        do throws(AOFReplayError) {
            _ = try replay.receive(&buffer) { arguments, bytes in
                var command: [UInt8] = []
                for index in 0..<arguments.count { command += arguments[index].array + [0] }
                result.commands.append(command)
                precondition(bytes.count > 0, "a command without bytes")
            }
        } catch {
            result.error = "\(error)"
            break
        }
    }
    result.goodBytes = replay.goodBytes
    precondition(replay.goodBytes <= Int64(log.count), "more than there is")
    return result
}

private func replayFile(_ input: ByteSlice) {
    let log = input.dropFirst(1)
    let cut = Int(input[0]) * log.count / 256
    precondition(
        replay(log, cuts: [log.count]) == replay(log, cuts: [cut, log.count]),
        "the cut changes what is replayed")
    _ = try? AOFManifest(parsing: log)
    _ = SegmentIndex(parsing: log)
}

// MARK: Recovery

/// What befell a log and its index: four bytes say where and how.
private struct Damage {
    let kind: UInt8
    let place: Int
    let bit: UInt8

    init(_ input: ByteSlice) {
        kind = input[0] & 7
        place = Int(input[1]) << 8 | Int(input[2])
        bit = input[3]
    }

    func apply(to log: inout [UInt8], index: inout [UInt8]) {
        switch kind {
        case 0: log.removeLast(min(place, log.count))
        case 1 where !log.isEmpty: log[place % log.count] ^= 1 << (bit & 7)
        case 2: index.removeLast(min(place, index.count))
        case 3 where !index.isEmpty: index[place % index.count] ^= 1 << (bit & 7)
        case 4: log += [UInt8](repeating: bit, count: place & 255)
        case 5: index += [UInt8](repeating: bit, count: place & 1023)
        default: break
        }
    }
}

private func recoverDamaged(_ input: ByteSlice) {
    let id = ReplicationID(ByteSlice("0123456789abcdef0123456789abcdef01234567")) ?? .none
    let start = ReplicationPosition(id: id, offset: 1_000, database: 0)
    var log: [UInt8] = []
    var index: [UInt8] = []
    var writer = IndexWriter(
        sequence: 1, start: start, localPrefixBytes: 0, wallMilliseconds: 0)
    var output = ByteBuffer()
    writer.encodeStart(into: &output)
    index = output.readable.array
    var turn: Int64 = 0
    var offset = 2
    let turns = Int(input[0] & 63)
    while turn < turns {
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: turn), count: 1 + Int(input[1]))
        bytes.withByteSlice { writer.append($0) }
        log += bytes
        if turn & 3 == 0 { writer.syncedPosition = writer.filePosition }
        let position = ReplicationPosition(
            id: id, offset: 1_000 + writer.filePosition, database: 0)
        output.removeAll()
        if writer.isRecordDue(wallMilliseconds: turn * 60) {
            writer.encodeRecord(position, wallMilliseconds: turn * 60, into: &output)
            index += output.readable.array
            output.removeAll()
        }
        let place = writer.encodeTail(position, wallMilliseconds: turn * 60, into: &output)
        index.replaceSubrange(place..<place + output.count, with: output.readable.array)
        turn += 1
    }
    let written = log
    while offset + 4 <= input.count {
        Damage(input.slice(from: offset, count: 4)).apply(to: &log, index: &index)
        offset += 4
    }
    guard let parsed = index.withByteSlice({ SegmentIndex(parsing: $0) }) else { return }
    var recovery = SegmentRecovery(index: parsed)
    log.withByteSlice { recovery.receive($0) }
    _ = recovery.finish()
    let good = Int(recovery.goodBytes)
    precondition(good <= log.count && good <= written.count, "more than there is")
    precondition(log[..<good] == written[..<good], "damage is trusted")
    precondition(recovery.end.offset == 1_000 + recovery.goodBytes, "another position")
}

private func check(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 2 else { return 0 }
    let input = unsafe ByteSlice(base: data, count: size)
    if input[0] & 1 == 0 {
        replayFile(input.dropFirst(1))
    } else {
        recoverDamaged(input.dropFirst(1))
    }
    return 0
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, check))
