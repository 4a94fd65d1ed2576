// Processes that this one starts.
import Bytes
import CLinux
import Glibc

/// A process that was started here, until it has ended and is collected.
public struct ChildProcess: Sendable {
    /// Its id.
    public let processID: Int32

    /// Starts this program again, with `arguments` behind its name. It has the environment, the
    /// working directory and the outputs of this process, `standardInput` to read from, and the
    /// descriptors of `inherited` under their numbers.
    public static func startOwnProgram(
        _ arguments: [String], standardInput: borrowing Descriptor, inherited: [Int32]
    ) throws(SystemError) -> ChildProcess {
        var words = unsafe ([ProcessFacts.arguments.first ?? ""] + arguments).map { word in
            unsafe strdup(word)
        }
        defer { unsafe words.forEach { unsafe free($0) } }
        unsafe words.append(nil)
        var processID: Int32 = 0
        // Also when the file has been replaced since this process was started.
        let code = unsafe hw_spawn(
            "/proc/self/exe", words, standardInput.number, inherited, inherited.count, &processID)
        if code != 0 { throw SystemError(call: "posix_spawn", code: code) }
        return ChildProcess(processID: processID)
    }

    /// Ends it at once; it is still to be collected.
    public func kill() { _ = Glibc.kill(processID, SIGKILL) }

    /// Whether it has ended. True once: then its id may belong to another process.
    public func collect() -> Bool {
        waitpid(processID, nil, WNOHANG) != 0
    }

    /// Ends the calling process when the one that started it ends.
    public static func endWithParent() { _ = hw_end_with_parent() }
}

extension File {
    /// A file in memory that holds `bytes`, to be read from its beginning.
    public static func inMemory(_ bytes: [UInt8], name: String) throws(SystemError) -> File {
        let file = File(
            owning: Descriptor(
                owning: try attempt("memfd_create") { unsafe hw_memory_file(name) }))
        do throws(ShortWrite) {
            try bytes.withByteSlice { (all) throws(ShortWrite) in try file.write(all, at: 0) }
        } catch {
            throw error.cause
        }
        return file
    }
}
