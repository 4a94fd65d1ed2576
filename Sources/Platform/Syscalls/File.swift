// Regular files: for the log, snapshots and configuration.
//
// Writes either store everything or say how much was stored (`ShortWrite`): a full disk usually
// takes a part, and a log has to know where its last good byte is.
public import Bytes
import CLinux
import Glibc

/// How a file is opened.
public struct OpenMode: OptionSet, Sendable {
    /// Bits of open(2).
    public let rawValue: Int32
    /// A mode with the given bits of open(2).
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Reading only.
    public static let read = OpenMode(rawValue: O_RDONLY)
    /// Writing only.
    public static let write = OpenMode(rawValue: O_WRONLY)
    /// Reading and writing.
    public static let readWrite = OpenMode(rawValue: O_RDWR)
    /// Makes the file if it does not exist.
    public static let create = OpenMode(rawValue: O_CREAT)
    /// Fails if the file exists (with `create`).
    public static let exclusive = OpenMode(rawValue: O_EXCL)
    /// Cuts an existing file to nothing.
    public static let truncate = OpenMode(rawValue: O_TRUNC)
    /// Each write goes to the end.
    public static let append = OpenMode(rawValue: O_APPEND)
    /// Fails if the last part of the path is a symbolic link.
    public static let noFollow = OpenMode(rawValue: O_NOFOLLOW)
}

/// An open regular file; closed when it goes away.
public struct File: ~Copyable, Sendable {
    /// The descriptor behind the file.
    public private(set) var descriptor: Descriptor

    /// Takes the ownership of a descriptor.
    public init(owning descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Opens `path`; a file that is made gets `permissions` (less the process' umask).
    public static func open(
        _ path: String, _ mode: OpenMode, permissions: UInt32 = 0o644
    ) throws(SystemError) -> File {
        let number = try attempt("open", path) { unsafe hw_open(path, mode.rawValue, permissions) }
        return File(owning: Descriptor(owning: number))
    }

    /// Closes before the owner goes away; does nothing the second time.
    public mutating func close() { descriptor.close() }

    /// Length in bytes.
    public borrowing func size() throws(SystemError) -> Int64 {
        let number = descriptor.number
        var facts = stat()
        _ = try attempt("fstat") { unsafe fstat(number, &facts) }
        return Int64(facts.st_size)
    }

    /// Identity of the file on its device: tells whether a path still leads to it.
    public borrowing func identity() throws(SystemError) -> FileIdentity {
        let number = descriptor.number
        var facts = stat()
        _ = try attempt("fstat") { unsafe fstat(number, &facts) }
        return FileIdentity(device: UInt64(facts.st_dev), node: UInt64(facts.st_ino))
    }

    // MARK: Reading

    /// Appends up to `maximum` bytes from the present position to `buffer`; 0 at the end.
    public borrowing func read(
        into buffer: inout ByteBuffer, maximum: Int
    ) throws(SystemError) -> Int {
        let number = descriptor.number
        var taken = 0
        try unsafe buffer.write(minimum: maximum) { (free) throws(SystemError) -> Int in
            taken = try attempt("read") {
                unsafe Glibc.read(number, free.baseAddress, min(maximum, free.count))
            }
            return taken
        }
        return taken
    }

    /// Appends up to `maximum` bytes from `offset` on to `buffer`; 0 at the end. Does not move the
    /// position; from any thread.
    public borrowing func read(
        at offset: Int64, into buffer: inout ByteBuffer, maximum: Int
    ) throws(SystemError) -> Int {
        let number = descriptor.number
        var taken = 0
        try unsafe buffer.write(minimum: maximum) { (free) throws(SystemError) -> Int in
            taken = try attempt("pread") {
                unsafe pread(number, free.baseAddress, min(maximum, free.count), off_t(offset))
            }
            return taken
        }
        return taken
    }

    // MARK: Writing

    /// Writes all of `bytes` at the present position (at the end with `append`).
    public borrowing func write(_ bytes: ByteSlice) throws(ShortWrite) {
        let number = descriptor.number
        try unsafe writeAll("write", bytes) { start, count, _ in
            unsafe Glibc.write(number, start, count)
        }
    }

    /// Writes all of `bytes` from `offset` on; does not move the position.
    public borrowing func write(_ bytes: ByteSlice, at offset: Int64) throws(ShortWrite) {
        let number = descriptor.number
        try unsafe writeAll("pwrite", bytes) { start, count, done in
            unsafe pwrite(number, start, count, off_t(offset) + done)
        }
    }

    /// Writes all of `first`, then all of `second`, with one call when the kernel takes both.
    public borrowing func write(_ first: ByteSlice, _ second: ByteSlice) throws(ShortWrite) {
        let number = descriptor.number
        var written = 0
        do throws(SystemError) {
            written = try attempt("writev") {
                unsafe first.withUnsafeBytes { head in
                    unsafe second.withUnsafeBytes { tail in
                        let pieces = unsafe [vector(head), vector(tail)]
                        return unsafe writev(number, pieces, 2)
                    }
                }
            }
        } catch {
            throw ShortWrite(written: 0, cause: error)
        }
        guard written < first.count + second.count else { return }
        do {
            if written < first.count { try write(first.dropFirst(written)) }
        } catch {
            throw ShortWrite(written: written + error.written, cause: error.cause)
        }
        let fromSecond = max(0, written - first.count)
        do {
            try write(second.dropFirst(fromSecond))
        } catch {
            throw ShortWrite(
                written: first.count + fromSecond + error.written, cause: error.cause)
        }
    }

    private borrowing func writeAll(
        _ call: StaticString, _ bytes: ByteSlice,
        _ write: (UnsafeRawPointer, Int, Int) -> Int
    ) throws(ShortWrite) {
        try unsafe bytes.withUnsafeBytes { (raw) throws(ShortWrite) in
            guard let base = raw.baseAddress else { return }
            var done = 0
            while done < raw.count {
                do throws(SystemError) {
                    done += try attempt(call) {
                        unsafe write(base + done, raw.count - done, done)
                    }
                } catch {
                    throw ShortWrite(written: done, cause: error)
                }
            }
        }
    }

    // MARK: Position and length

    /// Moves the position to the end and gives it.
    public borrowing func seekToEnd() throws(SystemError) -> Int64 {
        let number = descriptor.number
        return Int64(try attempt("lseek") { lseek(number, 0, SEEK_END) })
    }

    /// Moves the position.
    public borrowing func seek(to offset: Int64) throws(SystemError) {
        let number = descriptor.number
        _ = try attempt("lseek") { lseek(number, off_t(offset), SEEK_SET) }
    }

    /// Cuts or extends (with zeros) to `length`.
    public borrowing func truncate(to length: Int64) throws(SystemError) {
        let number = descriptor.number
        _ = try attempt("ftruncate") { ftruncate(number, off_t(length)) }
    }

    /// Reserves disk blocks for a range, so that later writes there cannot find the disk full. The
    /// length changes only when `extending`. File systems that cannot do it are left alone.
    public borrowing func allocate(
        offset: Int64, length: Int64, extending: Bool
    ) throws(SystemError) {
        let number = descriptor.number
        do {
            _ = try attempt("fallocate") {
                hw_fallocate(number, extending ? 0 : 1, offset, length)
            }
        } catch  where error.code == EOPNOTSUPP || error.code == ENOSYS {
            if extending, try size() < offset + length { try truncate(to: offset + length) }
        }
    }

    // MARK: Durability

    /// Waits until the bytes and what is needed to find them are on the disk (fdatasync).
    public borrowing func syncData() throws(SystemError) {
        let number = descriptor.number
        _ = try attempt("fdatasync") { fdatasync(number) }
    }

    /// Waits until bytes and all metadata are on the disk (fsync).
    public borrowing func sync() throws(SystemError) {
        let number = descriptor.number
        _ = try attempt("fsync") { fsync(number) }
    }

    /// Starts to write a range back without waiting, so that a later sync has little left to do.
    public borrowing func startWriteback(offset: Int64, length: Int64) throws(SystemError) {
        let number = descriptor.number
        do {
            _ = try attempt("sync_file_range") { hw_start_writeback(number, offset, length) }
        } catch  where error.code == ENOSYS || error.code == ESPIPE || error.code == EINVAL {
            // Only a hint: some file systems do not know it.
        }
    }

    // MARK: Lock

    /// Tries to lock the whole file against other processes until it is closed (flock). False if
    /// another open file holds the lock.
    public borrowing func tryLock() throws(SystemError) -> Bool {
        let number = descriptor.number
        return try attemptNonblocking("flock") { flock(number, LOCK_EX | LOCK_NB) } != nil
    }
}

/// Device and inode of a file.
public struct FileIdentity: Equatable, Sendable {
    /// Number of the device.
    public let device: UInt64
    /// Number of the inode.
    public let node: UInt64
}

private func vector(_ bytes: UnsafeRawBufferPointer) -> iovec {
    unsafe iovec(
        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
}
