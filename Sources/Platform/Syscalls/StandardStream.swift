// The process' standard output and error, unbuffered.
public import Bytes
import Glibc

/// One of the streams a process is started with.
public enum StandardStream: Int32, Sendable {
    /// Descriptor 1.
    case output = 1
    /// Descriptor 2.
    case error = 2

    /// Writes all of `bytes` at once. False if the reader has gone or the disk is full: whoever
    /// logs has nobody left to tell.
    @discardableResult
    public func write(_ bytes: ByteSlice) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(rawValue, $0.baseAddress, $0.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody else made the stream nonblocking: wait for room.
                var entry = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&entry, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
