// DEBUG DIGEST: forty hexadecimal digits that are equal for equal data, whatever the order or the
// representation, and equal to those of Redis.
//
//   xor(d, x)   d ^= SHA1(x)
//   mix(d, x)   xor(d, x); d = SHA1(d)
//
//   value       mix(type as 4 bytes, big-endian), mix(string); xor("!!expire!!") when it expires
//   key         mix(key) from zero, then its value
//   data set    for each database that is not empty: mix(number as 4 bytes); then xor of its keys
internal import Bytes
internal import Store

/// A digest of values that does not depend on their order.
struct DataDigest {
    private(set) var bytes = [UInt8](repeating: 0, count: SHA1.digestBytes)

    private mutating func combine(_ other: [UInt8]) {
        for index in bytes.indices { bytes[index] ^= other[index] }
    }

    mutating func xor(_ slice: ByteSlice) { combine(SHA1.digest(slice)) }

    mutating func xor(_ other: DataDigest) {
        other.bytes.withByteSlice { xor($0) }
    }

    mutating func mix(_ slice: ByteSlice) {
        xor(slice)
        bytes = bytes.withByteSlice { SHA1.digest($0) }
    }

    mutating func mix(word: UInt32) {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
            .withByteSlice { mix($0) }
    }

    /// Adds type, value and presence of an expiry time of a string.
    mutating func addValue(_ entry: Entry) {
        mix(word: DataDigest.number(of: entry.type))
        if entry.type == .string {
            switch entry.stringValue {
            case .bytes(let bytes): mix(bytes)
            case .integer(let number): Array(String(number).utf8).withByteSlice { mix($0) }
            }
        }
        if entry.type == .list { addList(entry) }
        if entry.type == .set { addMembers(SetView(entry)) }
        if entry.type == .hash { addFields(HashView(entry)) }
        if entry.type == .stream, let stream = entry.object as? StreamObject { add(stream) }
        if entry.type == .sortedSet { addScores(SortedSetView(entry)) }
        if entry.hasExpiry { xor(ByteSlice("!!expire!!")) }
    }

    /// A sorted set: xor of its pairs, each of member and score.
    private mutating func addScores(_ set: SortedSetView) {
        var text = ByteBuffer()
        set.forEach(0..<set.count) { member, score in
            var pair = DataDigest()
            pair.mix(member.text(in: &text))
            text.removeAll()
            Numbers.append(digitsOf: score, to: &text)
            pair.mix(text.readable)
            xor(pair)
        }
    }

    /// Elements count in their order.
    private mutating func addList(_ entry: Entry) {
        var cursor = ListView(entry).cursor()
        while let element = cursor.next() {
            var text = ByteBuffer()
            element.append(to: &text)
            mix(text.readable)
        }
    }

    /// A hash: xor of its fields, each mixed with its value.
    private mutating func addFields(_ fields: HashView) {
        var text = ByteBuffer()
        fields.forEach { field, value in
            var own = DataDigest()
            for element in [field, value] {
                text.removeAll()
                element.append(to: &text)
                own.mix(text.readable)
            }
            xor(own)
        }
    }

    /// A set: xor of its members, whose order does not count.
    private mutating func addMembers(_ set: SetView) {
        var text = ByteBuffer()
        set.forEach { member in
            member.withText(&text) { xor($0) }
        }
    }

    /// The number that Redis gives a type.
    private static func number(of type: ValueType) -> UInt32 {
        switch type {
        case .string: 0
        case .list: 1
        case .set: 2
        case .sortedSet: 3
        case .hash: 4
        case .module: 5
        case .stream: 6
        }
    }

    /// The digest of a whole data set.
    static func of(_ keyspace: Keyspace) -> DataDigest {
        var total = DataDigest()
        for index in 0..<keyspace.databaseCount {
            let database = keyspace.database(index)
            if database.count == 0 { continue }
            total.mix(word: UInt32(index))
            database.forEach { entry in
                var own = DataDigest()
                own.mix(entry.key)
                own.addValue(entry)
                total.xor(own)
            }
        }
        return total
    }

    /// The digits.
    var text: String {
        var text = ByteBuffer()
        for byte in bytes {
            text.append(QuotedText.hexadecimal(byte >> 4))
            text.append(QuotedText.hexadecimal(byte & 15))
        }
        return text.readable.string
    }
}
