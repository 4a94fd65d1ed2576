// Names in directories: make, move, remove, list.
import Bytes
import CLinux
import Glibc

/// What a path leads to.
public struct FileFacts: Sendable {
    /// Length in bytes.
    public let size: Int64
    /// Whether it is a directory.
    public let isDirectory: Bool
    /// Whether it is a regular file.
    public let isRegular: Bool
    /// Permission bits.
    public let permissions: UInt32
    /// Last change of the content, milliseconds since 1970.
    public let modifiedMilliseconds: Int64
    /// Device and inode.
    public let identity: FileIdentity
}

/// Calls on paths.
public enum FileSystem {
    /// Gives `source` the name `target`, replacing what had it, in one step. The new name is safe
    /// after `syncDirectory`.
    public static func rename(_ source: String, to target: String) throws(SystemError) {
        _ = try attempt("rename", "\(source) to \(target)") { unsafe Glibc.rename(source, target) }
    }

    /// Removes a name; the file lives on while it is open.
    public static func unlink(_ path: String) throws(SystemError) {
        _ = try attempt("unlink", path) { unsafe Glibc.unlink(path) }
    }

    /// Removes an empty directory.
    public static func removeDirectory(_ path: String) throws(SystemError) {
        _ = try attempt("rmdir", path) { unsafe rmdir(path) }
    }

    /// Makes a directory; an existing one is left as it is.
    public static func makeDirectory(
        _ path: String, permissions: UInt32 = 0o755
    ) throws(SystemError) {
        do {
            _ = try attempt("mkdir", path) { unsafe mkdir(path, mode_t(permissions)) }
        } catch  where error.isExisting {
            guard try facts(path)?.isDirectory == true else { throw error }
        }
    }

    /// Makes a directory and those above it.
    public static func makeDirectories(
        _ path: String, permissions: UInt32 = 0o755
    ) throws(SystemError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/\(part)"
            try makeDirectory(made, permissions: permissions)
        }
    }

    /// Names in a directory, sorted, without `.` and `..`.
    public static func list(_ path: String) throws(SystemError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            throw SystemError(call: "opendir", code: errno, subject: path)
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What the path leads to; nil if there is nothing.
    public static func facts(_ path: String) throws(SystemError) -> FileFacts? {
        var facts = stat()
        do {
            _ = try attempt("stat", path) { unsafe stat(path, &facts) }
        } catch  where error.isNotFound || error.code == ENOTDIR {
            return nil
        }
        return FileFacts(
            size: Int64(facts.st_size), isDirectory: facts.st_mode & S_IFMT == S_IFDIR,
            isRegular: facts.st_mode & S_IFMT == S_IFREG,
            permissions: UInt32(facts.st_mode & 0o7777),
            modifiedMilliseconds: Int64(facts.st_mtim.tv_sec) * 1_000
                + Int64(facts.st_mtim.tv_nsec) / 1_000_000,
            identity: FileIdentity(device: UInt64(facts.st_dev), node: UInt64(facts.st_ino)))
    }

    /// Whether the path leads to something.
    public static func exists(_ path: String) -> Bool { (try? facts(path)) != nil }

    /// Waits until the names in a directory are on the disk.
    public static func syncDirectory(_ path: String) throws(SystemError) {
        let number = try attempt("open", path) { unsafe hw_open(path, O_RDONLY | O_DIRECTORY, 0) }
        let descriptor = Descriptor(owning: number)
        let owned = descriptor.number
        do {
            _ = try attempt("fsync", path) { fsync(owned) }
        } catch  where error.code == EINVAL {
            // Some file systems (FUSE, SMB) cannot sync directories.
        }
    }

    /// Sets the permission bits of a file.
    public static func setPermissions(
        _ path: String, _ permissions: UInt32
    ) throws(SystemError) {
        _ = try attempt("chmod", path) { unsafe chmod(path, mode_t(permissions)) }
    }

    /// The whole content of a file of at most `bytesMax` bytes.
    public static func read(_ path: String, bytesMax: Int) throws(SystemError) -> [UInt8] {
        let file = try File.open(path, .read)
        var buffer = ByteBuffer(capacity: 4_096)
        while try file.read(into: &buffer, maximum: 65_536) > 0 {
            guard buffer.count <= bytesMax else {
                throw SystemError(call: "read", code: EFBIG, subject: path)
            }
        }
        return buffer.readable.array
    }

    /// Replaces a file in one step and durably: a reader or a crash sees the old content or the
    /// new, never a mixture. Steps: write `path.tmp`, fsync, rename, fsync the directory.
    public static func replace(
        _ path: String, with bytes: [UInt8], permissions: UInt32 = 0o644
    ) throws(SystemError) {
        let temporary = "\(path).tmp"
        let file = try File.open(
            temporary, [.write, .create, .truncate], permissions: permissions)
        do throws(ShortWrite) {
            try bytes.withByteSlice { (slice) throws(ShortWrite) in try file.write(slice) }
        } catch {
            try? unlink(temporary)
            throw error.cause.about(temporary)
        }
        try file.sync()
        try rename(temporary, to: path)
        try syncDirectory(directory(of: path))
    }

    /// The directory part of a path; `.` if there is none.
    public static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Bytes free for this process on the file system of `path`.
    public static func freeBytes(at path: String) throws(SystemError) -> Int64 {
        var facts = statvfs()
        _ = try attempt("statvfs", path) { unsafe statvfs(path, &facts) }
        return Int64(clamping: UInt64(facts.f_bavail) * UInt64(facts.f_frsize))
    }

    /// The process' working directory.
    public static func workingDirectory() throws(SystemError) -> String {
        unsafe try withUnsafeTemporaryAllocation(
            of: CChar.self, capacity: Int(PATH_MAX)
        ) { (buffer) throws(SystemError) in
            guard let base = buffer.baseAddress, unsafe getcwd(base, buffer.count) != nil else {
                throw SystemError(call: "getcwd", code: errno)
            }
            return unsafe String(cString: base)
        }
    }

    /// Changes the process' working directory.
    public static func changeDirectory(_ path: String) throws(SystemError) {
        _ = try attempt("chdir", path) { unsafe chdir(path) }
    }
}
