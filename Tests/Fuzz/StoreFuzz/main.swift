// The store against a Dictionary: the input is a program of four-byte operations, among them
// snapshots, flushes and sweeps; its first byte says how badly the hashes collide.
import Bytes
import CFuzz
import Glibc
import Store

private struct Model: Equatable {
    var bytes: [UInt8]
    var expiresAt: Int64
}

private final class Recorder: SnapshotSink {
    var saved: [[UInt8]: [UInt8]] = [:]
    func save(_ entry: Entry, database: Int) {
        let old = saved.updateValue(text(entry), forKey: entry.key.array)
        precondition(old == nil, "saved twice")
    }
}

private func text(_ entry: Entry) -> [UInt8] {
    switch entry.stringValue {
    case .bytes(let bytes): bytes.array
    case .integer(let number): Array(String(number).utf8)
    }
}

private struct Machine {
    let keyspace: Keyspace
    var database: Database { keyspace.database(0) }
    var model: [[UInt8]: Model] = [:]
    var snapshot: (sink: Recorder, expected: [[UInt8]: [UInt8]])?

    init(collisions: UInt8) {
        let masks: [UInt64] = [.max, 0xFFFF, 0xFF00_0000_0000_00FF, 0]
        keyspace = Keyspace(
            databaseCount: 1,
            hasher: KeyHasher(
                key: SipKey(low: 1, high: 2), mask: masks[Int(collisions) % masks.count]))
    }

    mutating func finishSnapshot() {
        while keyspace.advanceSnapshot(bucketBudget: 64) == .running {}
        if let snapshot { precondition(snapshot.sink.saved == snapshot.expected, "not the cut") }
        snapshot = nil
    }

    mutating func step(_ operation: UInt8, _ first: UInt8, _ second: UInt8, _ third: UInt8) {
        let key = Array("key\(Int(first) << 2 | Int(second & 3))".utf8)
        let value = [UInt8](repeating: third, count: Int(second) * (third & 1 == 0 ? 1 : 9))
        let time: Int64 = third & 2 == 0 ? -1 : Int64(second)
        key.withByteSlice { name in
            value.withByteSlice { bytes in
                let hash = keyspace.hash(name)
                let entry = database.find(name, hash)
                precondition(entry.map(text) == model[key]?.bytes)
                switch operation % 10 {
                case 0, 1, 2:
                    _ = database.set(name, hash, bytes, expiresAt: time)
                    model[key] = Model(bytes: value, expiresAt: time)
                case 3:
                    database.set(name, hash, integer: Int64(third), expiresAt: time)
                    model[key] = Model(bytes: Array(String(third).utf8), expiresAt: time)
                case 4, 5:
                    let existed = database.remove(name, hash)
                    precondition(existed == (model.removeValue(forKey: key) != nil))
                case 6:
                    guard let entry else { return }
                    _ = database.append(entry, hash, bytes)
                    model[key]?.bytes += value
                case 7:
                    guard let entry else { return }
                    _ = database.setExpiry(entry, hash, expiresAt: time)
                    model[key]?.expiresAt = time
                default: whole(first, second)
                }
            }
        }
    }

    /// Operations on all keys.
    private mutating func whole(_ first: UInt8, _ second: UInt8) {
        switch first % 8 {
        case 0:
            finishSnapshot()
            let sink = Recorder()
            snapshot = (sink, model.mapValues(\.bytes))
            _ = keyspace.beginSnapshot(sink)
        case 1, 2, 3: _ = keyspace.advanceSnapshot(bucketBudget: 1 + Int(second & 7))
        case 4:
            let now = Int64(second)
            while !keyspace.removeExpired(now: now, bucketBudget: 50, { _, _ in }).isComplete {}
            model = model.filter { $0.value.expiresAt < 0 || $0.value.expiresAt > now }
        case 5:
            guard second > 200 else { return }
            _ = keyspace.takeAll(0)
            model = [:]
        case 6:
            // Many keys at once, so that segments split.
            for number in 0..<(Int(second) * 8) {
                let key = Array("many\(number)".utf8)
                key.withByteSlice { _ = database.set($0, keyspace.hash($0), $0) }
                model[key] = Model(bytes: key, expiresAt: -1)
            }
        default:
            for number in 0..<(Int(second) * 8) {
                let key = Array("many\(number)".utf8)
                let existed = key.withByteSlice { database.remove($0, keyspace.hash($0)) }
                precondition(existed == (model.removeValue(forKey: key) != nil))
            }
        }
    }
}

private func check(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let input = unsafe ByteSlice(base: size == 0 ? nil : data, count: size)
    guard size > 0 else { return 0 }
    var machine = Machine(collisions: input[0])
    var offset = 1
    while offset + 4 <= size {
        machine.step(input[offset], input[offset + 1], input[offset + 2], input[offset + 3])
        offset += 4
    }
    machine.finishSnapshot()
    machine.keyspace.checkInvariants()
    precondition(machine.database.count == machine.model.count)
    return 0
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, check))
