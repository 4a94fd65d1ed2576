// Nanoseconds per operation of the store, without sockets: one million keys of 16 bytes with
// values of 32 bytes, in random order, one by one and in batches of 16 with prefetch.
//
//   BENCH=1 swift run -c release EngineBenchmark
import Bytes
import Glibc
import Store

let keyCount = 1_000_000
let batchCount = 16

func nanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Resident pages of the process in bytes.
func residentBytes() -> Int {
    guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var text = [CChar](repeating: 0, count: 128)
    unsafe fgets(&text, 128, file)
    let fields = String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4_096
}

/// All keys, 16 bytes each, back to back in random order: requests arrive in sequence, their keys
/// do not.
func makeKeys() -> ByteBuffer {
    var numbers = Array(0..<keyCount)
    var random = SeededRandom(seed: 7)
    for index in stride(from: keyCount - 1, to: 0, by: -1) {
        numbers.swapAt(index, Int(random.next() % UInt64(index + 1)))
    }
    var keys = ByteBuffer(capacity: keyCount * 16)
    for number in numbers {
        let digits = String(number)
        keys.append(text: "key:" + String(repeating: "0", count: 12 - digits.count) + digits)
    }
    return keys
}

@MainActor func report(_ name: String, _ operations: Int, _ body: @MainActor () -> Void) {
    let started = nanoseconds()
    body()
    let each = Double(nanoseconds() - started) / Double(operations)
    print("\(name): \((each * 10).rounded() / 10) ns")
}

let keys = makeKeys()
let value = ByteSlice("0123456789abcdef0123456789abcdef")
let keyspace = Keyspace(databaseCount: 16, secret: SipKey(low: 0x1234, high: 0x5678))
let database = keyspace.database(0)
@MainActor func key(_ number: Int) -> ByteSlice {
    keys.readable.slice(from: number * 16, count: 16)
}

let before = residentBytes()
report("insert", keyCount) {
    for number in 0..<keyCount { _ = database.set(key(number), keyspace.hash(key(number)), value) }
}
print("resident bytes per key: \(Double(residentBytes() - before) / Double(keyCount))")
print("used bytes per key: \(Double(keyspace.usedBytes) / Double(keyCount))")

report("get, one by one", keyCount) {
    var found = 0
    for number in 0..<keyCount {
        let name = key(number)
        if database.find(name, keyspace.hash(name)) != nil { found += 1 }
    }
    precondition(found == keyCount)
}
report("get, batches of \(batchCount)", keyCount) {
    var hashes = [KeyHash](repeating: keyspace.hash(ByteSlice()), count: batchCount)
    var found = 0
    for start in stride(from: 0, to: keyCount, by: batchCount) {
        for place in 0..<batchCount {
            hashes[place] = keyspace.hash(key(start + place))
            database.prefetchBucket(hashes[place])
        }
        for place in 0..<batchCount { database.prefetchEntry(hashes[place]) }
        for place in 0..<batchCount
        where database.find(key(start + place), hashes[place]) != nil {
            found += 1
        }
    }
    precondition(found == keyCount)
}
report("set over, batches of \(batchCount)", keyCount) {
    var hashes = [KeyHash](repeating: keyspace.hash(ByteSlice()), count: batchCount)
    for start in stride(from: 0, to: keyCount, by: batchCount) {
        for place in 0..<batchCount {
            hashes[place] = keyspace.hash(key(start + place))
            database.prefetchBucket(hashes[place])
        }
        for place in 0..<batchCount { database.prefetchEntry(hashes[place]) }
        for place in 0..<batchCount {
            _ = database.set(key(start + place), hashes[place], value)
        }
    }
}
