// Header fields of a request or response: a short list in the order they came, names compared
// without case (RFC 9110 §5.1). A list beats a dictionary at a dozen fields and keeps repeats.

/// A list of header fields.
public struct HTTPFields: Sendable, Equatable {
    /// One field.
    public struct Field: Sendable, Equatable {
        /// The name as it is written.
        public let name: String
        /// The value without surrounding white space.
        public let value: String
    }

    /// The fields in order.
    public private(set) var all: [Field] = []

    /// No fields.
    public init() {}

    /// The given fields, in order.
    public init(_ pairs: [(String, String)]) {
        for (name, value) in pairs { append(name, value) }
    }

    /// Number of fields.
    public var count: Int { all.count }

    /// The value of the field; several fields of the name are joined by a comma as RFC 9110 §5.3
    /// defines.
    public subscript(_ name: String) -> String? {
        var joined: String?
        for field in all where Self.same(field.name, name) {
            joined = joined.map { "\($0), \(field.value)" } ?? field.value
        }
        return joined
    }

    /// How many fields have the name.
    public func count(of name: String) -> Int {
        all.reduce(0) { $0 + (Self.same($1.name, name) ? 1 : 0) }
    }

    /// Adds a field. Control characters in the value become spaces, so that no value taken from a
    /// request can split a response.
    public mutating func append(_ name: String, _ value: String) {
        let isClean = value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
        let safe =
            isClean
            ? value
            : String(
                decoding: value.utf8.map { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 ? $0 : 0x20 },
                as: UTF8.self)
        all.append(Field(name: name, value: safe))
    }

    /// Replaces all fields of the name by one.
    public mutating func set(_ name: String, _ value: String) {
        all.removeAll { Self.same($0.name, name) }
        append(name, value)
    }

    /// The members of a comma-separated list field in lower case, empty members left out.
    public func tokens(_ name: String) -> [String] {
        guard let value = self[name] else { return [] }
        return value.split(separator: ",").map { member in
            String(member.drop { $0 == " " || $0 == "\t" }).trimmedEnd.lowercased()
        }.filter { !$0.isEmpty }
    }

    static func same(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).allSatisfy { lowered($0) == lowered($1) }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}

extension String {
    /// The text without spaces and tabs at its end.
    var trimmedEnd: String {
        var bytes = Substring(self)
        while let last = bytes.last, last == " " || last == "\t" { bytes.removeLast() }
        return String(bytes)
    }
}
