// Lengths of time as people write them in specs: "250ms", "30s", "5m", "1h", "2d".
// Grammar: digits, optionally a fraction, then a unit; the value is kept in milliseconds.

/// A length of time that is text in JSON (`"250ms"`) and whole milliseconds in memory.
public struct DurationText: Hashable, Sendable, Comparable {
    /// The length in milliseconds; never negative.
    public var milliseconds: Int64

    /// Creates a duration of so many milliseconds; negative values become zero.
    public init(milliseconds: Int64) {
        self.milliseconds = max(0, milliseconds)
    }

    /// Parses text such as `"1.5s"`; nil when the form or the unit is unknown or out of range.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let digitsEnd = bytes.firstIndex { !Self.isNumeric($0) } ?? bytes.count
        let number = String(decoding: bytes[..<digitsEnd], as: UTF8.self)
        let unit = String(decoding: bytes[digitsEnd...], as: UTF8.self)
        guard let factor = Self.units.first(where: { $0.name == unit })?.milliseconds,
            let first = bytes.first, first != UInt8(ascii: "."), let value = Double(number)
        else { return nil }
        let total = (value * Double(factor)).rounded()
        // Longer than a century is a typing error, and keeps sums far from overflow.
        guard total <= Double(Self.millisecondsMax) else { return nil }
        milliseconds = Int64(total)
    }

    /// The longest duration that is accepted: about one hundred years.
    public static let millisecondsMax: Int64 = 100 * 366 * 86_400_000

    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    private static func isNumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
    }

    /// The text in the largest unit that divides the value, so that it reads as it was written.
    public var text: String {
        for unit in Self.units where milliseconds != 0 && milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.name)"
        }
        return "\(milliseconds)ms"
    }

    /// Orders by length.
    public static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

extension DurationText: Codable {
    /// Decodes the text form; anything else is a type error that names the accepted form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let parsed = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "a duration is a number and a unit, as in \"250ms\" or \"30s\"")
        }
        self = parsed
    }

    /// Encodes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
