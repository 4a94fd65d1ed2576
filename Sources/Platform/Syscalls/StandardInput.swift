// Standard input as a whole: for a configuration that is piped in.
import Bytes
import Glibc

/// Standard input of the process.
public enum StandardInput {
    /// Everything that standard input holds, of which there may be `bytesMax` bytes.
    public static func read(bytesMax: Int) throws(SystemError) -> [UInt8] {
        var buffer = ByteBuffer(capacity: 4_096)
        while true {
            let before = buffer.count
            try unsafe buffer.write(minimum: 4_096) { (free) throws(SystemError) in
                try attempt("read", "standard input") {
                    unsafe Glibc.read(STDIN_FILENO, free.baseAddress, free.count)
                }
            }
            if buffer.count == before { return buffer.readable.array }
            if buffer.count > bytesMax {
                throw SystemError(call: "read", code: EFBIG, subject: "standard input")
            }
        }
    }
}

extension StandardStream {
    /// Writes all of `text` at once; see `write(_:)`.
    @discardableResult
    public func write(text: String) -> Bool { Array(text.utf8).withByteSlice { write($0) } }
}
