// The name of a replication history: 40 characters, drawn at random by the node that starts it.
//
//   w0        w1        w2        w3        w4
//   8 chars   8 chars   8 chars   8 chars   8 chars        little-endian words of ASCII text
//
// Servers draw lower-case hexadecimal digits and compare without regard to case, so letters are
// lowered on the way in. Other servers' ids are only promised to be 40 characters long: anything
// printable without a space is accepted.

public import Bytes

/// The id of a replication history (`master_replid`).
public struct ReplicationID: Hashable, Sendable {
    /// Length of the text form.
    public static let characterCount = 40
    /// Forty zeros: the absent second id.
    public static let none = ReplicationID(repeating: 0x30)

    let w0: UInt64
    let w1: UInt64
    let w2: UInt64
    let w3: UInt64
    let w4: UInt64

    private init(repeating byte: UInt8) {
        let word = UInt64(byte) &* 0x0101_0101_0101_0101
        w0 = word
        w1 = word
        w2 = word
        w3 = word
        w4 = word
    }

    private init(words: (Int) -> UInt64) {
        w0 = words(0)
        w1 = words(1)
        w2 = words(2)
        w3 = words(3)
        w4 = words(4)
    }

    /// The id with the text `text`; nil unless it is 40 printable characters.
    public init?(_ text: ByteSlice) {
        guard text.count == Self.characterCount else { return nil }
        for index in 0..<text.count where text[index] <= 0x20 || text[index] > 0x7E {
            return nil
        }
        self.init { word in
            var value: UInt64 = 0
            for index in (0..<8).reversed() {
                var byte = text[word * 8 + index]
                if byte &- 0x41 < 26 { byte |= 0x20 }
                value = value << 8 | UInt64(byte)
            }
            return value
        }
    }

    /// The id with the text `text`: for cold paths.
    public init?(_ text: String) {
        guard let id = Array(text.utf8).withByteSlice({ ReplicationID($0) }) else { return nil }
        self = id
    }

    /// A new random id.
    public init(using generator: inout some RandomNumberGenerator) {
        var random: (UInt64, UInt64, UInt64) = (
            generator.next(), generator.next(), generator.next()
        )
        self.init { word in
            var value: UInt64 = 0
            for _ in 0..<8 {
                let digit = UInt8(truncatingIfNeeded: random.0 & 15)
                value = value << 8 | UInt64(digit < 10 ? 0x30 + digit : 0x57 + digit)
                random.0 >>= 4
            }
            // Each word takes 32 of the 192 random bits.
            if word % 2 == 1 { random = (random.1, random.2, 0) }
            return value
        }
    }

    /// The 40 characters.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Self.characterCount)
        for word in [w0, w1, w2, w3, w4] {
            for shift in 0..<8 {
                result.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8)))
            }
        }
        return result
    }

    /// The 40 characters as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension ReplicationID: CustomStringConvertible {
    /// The 40 characters as text.
    public var description: String { text }
}

/// A place in a replication history: what a snapshot's cut and a resumable link are made of.
public struct ReplicationPosition: Hashable, Sendable {
    /// The history.
    public var id: ReplicationID
    /// Number of the last byte contained; the next byte of the stream is `offset + 1`.
    public var offset: Int64
    /// Database selected in the stream at `offset`; -1 when unknown. Part of the position, since
    /// a resumed stream carries no SELECT.
    public var database: Int

    /// A position.
    public init(id: ReplicationID, offset: Int64, database: Int) {
        self.id = id
        self.offset = offset
        self.database = database
    }
}

extension ReplicationID {
    /// Appends the 40 characters.
    public func append(to output: inout ByteBuffer) {
        output.append(littleEndian: w0)
        output.append(littleEndian: w1)
        output.append(littleEndian: w2)
        output.append(littleEndian: w3)
        output.append(littleEndian: w4)
    }
}
