// Replies in RESP2 and RESP3. Every difference between the two is in this file.
//
//              RESP2                  RESP3                       RESP2            RESP3
//   null       $-1  (or *-1)          _             map of n      *2n              %n
//   boolean    :1 :0                  #t #f         set of n      *n               ~n
//   double     $n text                ,text         push of n     *n               >n
//   verbatim   $n text                =n txt:text   big number    $n text          (text
public import Bytes

/// Writes replies into a buffer of its own, in the protocol version of its client.
public struct ReplyWriter: ~Copyable {
    /// The bytes written and not yet sent.
    public var buffer: ByteBuffer
    /// Whether the client speaks RESP3.
    public var isRESP3 = false

    /// Memory for texts whose length goes before them.
    private var numberText = ByteBuffer()

    /// An empty writer for RESP2.
    public init(capacity: Int = 0) { buffer = ByteBuffer(capacity: capacity) }

    /// The version number that HELLO reports.
    @inlinable public var version: Int { isRESP3 ? 3 : 2 }

    /// `+OK`.
    @inlinable public mutating func ok() { buffer.append("+OK\r\n") }

    /// A simple string; `text` has no line end.
    @inlinable
    public mutating func simpleString(_ text: StaticString) {
        buffer.append(UInt8(ascii: "+"))
        buffer.append(text)
        buffer.append("\r\n")
    }

    /// A simple string; line ends in it become blanks.
    public mutating func simpleString(composed text: String) {
        buffer.append(UInt8(ascii: "+"))
        appendOneLine(text)
    }

    /// An error reply.
    public mutating func error(_ error: ReplyError) {
        buffer.append(UInt8(ascii: "-"))
        switch error {
        case .fixed(let text):
            buffer.append(text.literal)
            buffer.append("\r\n")
        case .composed(let text):
            appendOneLine(text)
        }
    }

    /// The error reply for a violation of the protocol.
    public mutating func error(_ error: ProtocolError) {
        buffer.append("-ERR ")
        error.appendText(to: &buffer)
        buffer.append("\r\n")
    }

    private mutating func appendOneLine(_ text: String) {
        for byte in text.utf8 { buffer.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte) }
        buffer.append("\r\n")
    }

    /// An integer.
    @inlinable
    public mutating func integer(_ value: Int64) {
        buffer.appendLine(marker: UInt8(ascii: ":"), decimal: Int(value))
    }

    /// An integer.
    @inlinable public mutating func integer(_ value: Int) { integer(Int64(value)) }

    /// A bulk string.
    @inlinable
    public mutating func bulk(_ bytes: ByteSlice) { buffer.appendBulkString(bytes) }

    /// A bulk string of a text that is stored in seven bits a character.
    @inlinable
    public mutating func bulk(_ text: SevenBitText) { buffer.appendBulkString(text) }

    /// A bulk string from a literal.
    @inlinable
    public mutating func bulk(_ text: StaticString) { buffer.appendBulkString(ByteSlice(text)) }

    /// A bulk string from text: for cold paths.
    public mutating func bulk(text: String) {
        buffer.appendLine(marker: UInt8(ascii: "$"), decimal: text.utf8.count)
        buffer.append(text: text)
        buffer.append("\r\n")
    }

    /// A bulk string that holds `value` in decimal.
    @inlinable
    public mutating func bulk(integer value: Int64) {
        buffer.appendLine(marker: UInt8(ascii: "$"), decimal: Numbers.decimalCount(value))
        buffer.append(decimal: value)
        buffer.append("\r\n")
    }

    /// The absence of a value.
    @inlinable
    public mutating func null() {
        if isRESP3 { buffer.append("_\r\n") } else { buffer.append("$-1\r\n") }
    }

    /// The absence of an array: EXEC of a broken transaction.
    @inlinable
    public mutating func nullArray() {
        if isRESP3 { buffer.append("_\r\n") } else { buffer.append("*-1\r\n") }
    }

    /// An array of `count` replies follows.
    @inlinable
    public mutating func arrayHeader(_ count: Int) {
        buffer.appendLine(marker: UInt8(ascii: "*"), decimal: count)
    }

    /// A map of `count` pairs follows.
    @inlinable
    public mutating func mapHeader(_ count: Int) {
        if isRESP3 {
            buffer.appendLine(marker: UInt8(ascii: "%"), decimal: count)
        } else {
            buffer.appendLine(marker: UInt8(ascii: "*"), decimal: count * 2)
        }
    }

    /// A set of `count` replies follows.
    @inlinable
    public mutating func setHeader(_ count: Int) {
        buffer.appendLine(marker: isRESP3 ? UInt8(ascii: "~") : UInt8(ascii: "*"), decimal: count)
    }

    /// An out-of-band message of `count` replies follows.
    @inlinable
    public mutating func pushHeader(_ count: Int) {
        buffer.appendLine(marker: isRESP3 ? UInt8(ascii: ">") : UInt8(ascii: "*"), decimal: count)
    }

    /// `count` attribute pairs follow, then the reply they belong to; RESP3 only.
    public mutating func attributeHeader(_ count: Int) {
        precondition(isRESP3, "attributes exist in RESP3 only")
        buffer.appendLine(marker: UInt8(ascii: "|"), decimal: count)
    }

    /// A truth value.
    public mutating func bool(_ value: Bool) {
        if isRESP3 {
            if value { buffer.append("#t\r\n") } else { buffer.append("#f\r\n") }
        } else {
            integer(value ? 1 : 0)
        }
    }

    /// A floating-point number: digits that read back as the same number.
    public mutating func double(_ value: Double) {
        if isRESP3 {
            buffer.append(UInt8(ascii: ","))
            Numbers.append(value, to: &buffer)
            buffer.append("\r\n")
        } else {
            bulk(double: value)
        }
    }

    /// A bulk string that holds a floating-point number, in either version.
    public mutating func bulk(double value: Double) {
        if let whole = Numbers.wholeNumber(value) { return bulk(integer: whole) }
        numberText.removeAll()
        Numbers.append(value, to: &numberText)
        buffer.appendBulkString(numberText.readable)
    }

    /// A floating-point number in plain notation with up to 17 decimals.
    public mutating func plainDouble(_ value: Double) {
        numberText.removeAll()
        ExtendedNumber(value).append(to: &numberText)
        guard isRESP3 else { return buffer.appendBulkString(numberText.readable) }
        buffer.append(UInt8(ascii: ","))
        buffer.append(numberText.readable)
        buffer.append("\r\n")
    }

    /// A number of any size, given as decimal digits.
    public mutating func bigNumber(_ digits: StaticString) {
        if isRESP3 {
            buffer.append(UInt8(ascii: "("))
            buffer.append(digits)
            buffer.append("\r\n")
        } else {
            bulk(digits)
        }
    }

    /// Text with a three-letter format (`txt`, `mkd`).
    public mutating func verbatim(_ bytes: ByteSlice, format: StaticString) {
        precondition(format.utf8CodeUnitCount == 3, "formats have three letters")
        guard isRESP3 else { return bulk(bytes) }
        buffer.appendLine(marker: UInt8(ascii: "="), decimal: bytes.count + 4)
        buffer.append(format)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(bytes)
        buffer.append("\r\n")
    }
}
