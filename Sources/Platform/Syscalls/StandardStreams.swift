// Standard input, output and error of the process, without buffers.
import Bytes
import CLinux
import Glibc

/// The three standard streams.
public enum StandardStreams {
    /// Writes `text` to standard error; what cannot be written is lost.
    public static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Writes `text` to standard output; what cannot be written is lost.
    public static func writeOutput(_ text: String) { write(text, to: STDOUT_FILENO) }

    private static func write(_ text: String, to number: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var start = 0
            while start < bytes.count {
                let written = try? attempt("write") {
                    unsafe Glibc.write(
                        number, bytes.baseAddress.map { unsafe $0 + start }, bytes.count - start)
                }
                guard let written, written > 0 else { return }
                start += written
            }
        }
    }

    /// Everything that standard input holds, of which there may be `bytesMax` bytes.
    public static func readInput(bytesMax: Int) throws(SystemError) -> [UInt8] {
        var buffer = ByteBuffer(capacity: 4_096)
        while true {
            let before = buffer.count
            try unsafe buffer.write(minimum: 4_096) { (free) throws(SystemError) in
                try attempt("read", "standard input") {
                    unsafe read(STDIN_FILENO, free.baseAddress, free.count)
                }
            }
            if buffer.count == before { return buffer.readable.array }
            if buffer.count > bytesMax {
                throw SystemError(call: "read", code: EFBIG, subject: "standard input")
            }
        }
    }
}

extension Clock {
    /// Lets the calling thread sleep; a signal may end it early.
    public static func sleep(microseconds: Int64) {
        var time = timespec(
            tv_sec: Int(microseconds / 1_000_000), tv_nsec: Int(microseconds % 1_000_000) * 1_000)
        _ = unsafe nanosleep(&time, nil)
    }
}
