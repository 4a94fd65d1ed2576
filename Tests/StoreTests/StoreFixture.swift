// What the tests of the store share: keys by text, a model, a seeded keyspace.
import Bytes
import Store

extension Database {
    /// Runs `body` with the key's bytes and hash.
    func with<Result>(_ key: [UInt8], _ body: (ByteSlice, KeyHash) -> Result) -> Result {
        key.withByteSlice { body($0, hash($0)) }
    }

    func put(
        _ key: [UInt8], _ value: [UInt8], expiresAt: Int64 = -1, keepingExpiry: Bool = false
    ) {
        with(key) { key, hash in
            value.withByteSlice {
                _ = set(key, hash, $0, expiresAt: expiresAt, keepingExpiry: keepingExpiry)
            }
        }
    }

    func entry(_ key: [UInt8]) -> Entry? { with(key) { find($0, $1) } }

    @discardableResult
    func delete(_ key: [UInt8]) -> Bool { with(key) { remove($0, $1) } }

    func text(_ key: String) -> String? { entry(Array(key.utf8)).map { $0.text } }
}

extension Entry {
    /// The bytes of a string value.
    var array: [UInt8] {
        switch stringValue {
        case .integer(let number): Array(String(number).utf8)
        case .bytes(let bytes): bytes.array
        }
    }
    var text: String { String(decoding: array, as: UTF8.self) }
}

/// A stored value with its expiry time: what the model keeps per key.
struct ModelValue: Equatable {
    var bytes: [UInt8]
    var expiresAt: Int64 = -1
}

/// How test keys look.
enum KeyShape: CaseIterable, Sendable {
    case short, sixteen, numbered, long, huge, binary

    func key(_ number: Int) -> [UInt8] {
        switch self {
        case .short: number == 0 ? [] : Array(String(number, radix: 36).utf8)
        case .sixteen: Array(("0000000000000000" + String(number)).utf8.suffix(16))
        case .numbered: Array("key:\(number)".utf8)
        case .long: Array("\(number):".utf8) + [UInt8](repeating: 0x61, count: 300)
        case .huge: Array("\(number):".utf8) + [UInt8](repeating: 0x62, count: 17_000)
        case .binary: (0..<7).map { UInt8(truncatingIfNeeded: number >> ($0 * 3)) }
        }
    }
}

func makeKeyspace(databases: Int = 1, seed: UInt64 = 1, mask: UInt64 = .max) -> Keyspace {
    var random = SeededRandom(seed: seed)
    return Keyspace(
        databaseCount: databases,
        hasher: KeyHasher(key: SipKey(low: random.next(), high: random.next()), mask: mask))
}

/// Every key with its value and expiry time.
func contents(of database: Database) -> [[UInt8]: ModelValue] {
    var result: [[UInt8]: ModelValue] = [:]
    database.forEach {
        let old = result.updateValue(
            ModelValue(bytes: $0.array, expiresAt: $0.expiresAt), forKey: $0.key.array)
        precondition(old == nil, "a key was visited twice")
    }
    return result
}
