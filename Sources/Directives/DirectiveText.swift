// Texts of single values and back: whole numbers, memory sizes, permissions.

/// Reading and writing of values as configuration files spell them.
public enum DirectiveText {
    /// A whole number without plus sign, leading zeros or blanks; nil for other text.
    public static func integer(_ text: String) -> Int? {
        guard let value = Int(text), String(value) == text else { return nil }
        return value
    }

    /// Bytes from a number with an optional unit: `b`, `k`/`m`/`g` are powers of 1000,
    /// `kb`/`mb`/`gb` powers of 1024, in any case; nil for other text or more than `Int` holds.
    public static func memory(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let factor: Int
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": factor = 1
        case "k": factor = 1000
        case "kb": factor = 1 << 10
        case "m": factor = 1_000_000
        case "mb": factor = 1 << 20
        case "g": factor = 1_000_000_000
        case "gb": factor = 1 << 30
        default: return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : bytes
    }

    /// `bytes` with the largest unit that divides it: what CONFIG REWRITE writes.
    public static func memory(_ bytes: Int) -> String {
        for (unit, factor) in [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)]
        where bytes >= factor && bytes % factor == 0 {
            return "\(bytes / factor)\(unit)"
        }
        return String(bytes)
    }

    /// `yes` or `no`, in any case; nil for other text.
    public static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "yes": true
        case "no": false
        default: nil
        }
    }
}
