// One process a folder: two that write the same files destroy what the other has acknowledged.
//
// The lock is the kernel's (flock) on a file in the folder, so that it ends with its process,
// however that ends; the file holds the process id for whoever is refused.

import Bytes
import Glibc

/// A folder that this process alone uses, until the lock is released or the process ends.
public final class FolderLock {
    /// Why a folder could not be locked.
    public enum Failure: Error {
        /// Another process holds it; its id as the file tells it.
        case held(by: String)
        /// The system refused.
        case system(SystemError)
    }

    private let file: File

    /// Locks the folder at `path` by the file `name` in it, which is made with `permissions`.
    public init(
        _ path: String, name: String, permissions: UInt32 = 0o644
    ) throws(Failure) {
        let lockPath = path + "/" + name
        do {
            let file = try File.open(lockPath, [.write, .create], permissions: permissions)
            guard try file.tryLock() else {
                let holder = try FileSystem.read(lockPath, bytesMax: 32)
                throw Failure.held(by: String(decoding: holder, as: UTF8.self))
            }
            try file.truncate(to: 0)
            var text = ByteBuffer()
            text.append(decimal: Int64(ProcessFacts.processID))
            try file.write(text.readable, at: 0)
            self.file = consume file
        } catch let failure as Failure {
            throw failure
        } catch let error as SystemError {
            throw .system(error)
        } catch {
            preconditionFailure("no other error is thrown here")
        }
    }
}
