// The text of INFO: sections of `name:value` lines.
//
//   # Server\r\n
//   redis_version:7.2.4\r\n
//   …\r\n
//   \r\n                        between sections

public import Bytes
import Commands

/// Collects the fields of INFO.
public struct InfoText: ~Copyable {
    private var buffer = ByteBuffer(capacity: 4096)
    private var hasSection = false

    /// An empty text.
    public init() {}

    /// Begins a section.
    public mutating func section(_ title: StaticString) {
        if hasSection { buffer.append("\r\n") }
        hasSection = true
        buffer.append("# ")
        buffer.append(title)
        buffer.append("\r\n")
    }

    /// A section that the engine writes, heading included; nothing for a name it does not know.
    mutating func section(named name: String, from engine: CommandEngine) {
        let before = buffer.count
        if hasSection { buffer.append("\r\n") }
        if engine.appendInformation(section: name, to: &buffer) {
            hasSection = true
        } else {
            buffer.truncate(to: before)
        }
    }

    /// A field with a text.
    public mutating func field(_ name: StaticString, _ value: String) {
        buffer.append(name)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(text: value)
        buffer.append("\r\n")
    }

    /// A field with a name made at run time.
    public mutating func field(named name: String, _ value: String) {
        buffer.append(text: name)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(text: value)
        buffer.append("\r\n")
    }

    /// A field with a number.
    public mutating func field(_ name: StaticString, _ value: some BinaryInteger) {
        buffer.append(name)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(decimal: Int64(clamping: value))
        buffer.append("\r\n")
    }

    /// A field that is 1 or 0.
    public mutating func field(_ name: StaticString, flag: Bool) { field(name, flag ? 1 : 0) }

    /// A field with a fixed number of decimals.
    public mutating func field(_ name: StaticString, _ value: Double, decimals: Int) {
        field(name, InfoText.fixed(value, decimals: decimals))
    }

    /// The whole text; valid until the next field.
    public var bytes: ByteSlice { buffer.readable }

    /// `value` with exactly `decimals` decimals (at most 6), rounded.
    public static func fixed(_ value: Double, decimals: Int) -> String {
        precondition(decimals >= 0 && decimals <= 6, "too many decimals")
        var scale: Int64 = 1
        for _ in 0..<decimals { scale *= 10 }
        guard value.isFinite, abs(value) < 9e12 else { return "0" }
        let scaled = Int64((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        let zeros = String(repeating: "0", count: decimals - fraction.count)
        return "\(sign)\(scaled / scale).\(zeros)\(fraction)"
    }

    /// `bytes` as people read them: `512B`, `1.50K`, `10.00M`.
    public static func human(_ bytes: Int64) -> String {
        let amount = Double(bytes)
        if bytes < 1 << 10 { return "\(bytes)B" }
        if bytes < 1 << 20 { return fixed(amount / Double(1 << 10), decimals: 2) + "K" }
        if bytes < 1 << 30 { return fixed(amount / Double(1 << 20), decimals: 2) + "M" }
        return fixed(amount / Double(1 << 30), decimals: 2) + "G"
    }
}
