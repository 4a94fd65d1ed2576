// Commands as RESP arrays: what goes into the replication stream, to an upstream and in tests.
public import Bytes

/// Writes commands as arrays of bulk strings.
public enum RequestWriter {
    /// Begins a command of `argumentCount` arguments, its name included.
    @inlinable
    public static func begin(_ argumentCount: Int, into buffer: inout ByteBuffer) {
        buffer.appendLine(marker: UInt8(ascii: "*"), decimal: argumentCount)
    }

    /// Adds one argument.
    @inlinable
    public static func argument(_ bytes: ByteSlice, into buffer: inout ByteBuffer) {
        buffer.appendBulkString(bytes)
    }

    /// Adds one argument from a literal.
    @inlinable
    public static func argument(_ text: StaticString, into buffer: inout ByteBuffer) {
        buffer.appendBulkString(ByteSlice(text))
    }

    /// Adds one argument, an integer in decimal.
    @inlinable
    public static func argument(_ value: Int64, into buffer: inout ByteBuffer) {
        buffer.appendLine(marker: UInt8(ascii: "$"), decimal: Numbers.decimalCount(value))
        buffer.append(decimal: value)
        buffer.append("\r\n")
    }

    /// Writes a whole command from texts: for cold paths and tests.
    public static func command(_ arguments: [String], into buffer: inout ByteBuffer) {
        begin(arguments.count, into: &buffer)
        for text in arguments {
            buffer.appendLine(marker: UInt8(ascii: "$"), decimal: text.utf8.count)
            buffer.append(text: text)
            buffer.append("\r\n")
        }
    }

    /// Writes a whole command from the arguments of another one.
    @inlinable
    public static func command(_ arguments: ByteSliceView, into buffer: inout ByteBuffer) {
        begin(arguments.count, into: &buffer)
        var index = 0
        while index < arguments.count {
            buffer.appendBulkString(arguments[index])
            index += 1
        }
    }
}
