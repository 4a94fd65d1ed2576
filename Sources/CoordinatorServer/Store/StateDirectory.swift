// The coordinator's directory. Two coordinators on one store would both decide: the lock makes
// the second one end with a sentence that says which process holds it.

import Bytes
import Foundation
import Platform

/// A locked directory; the lock ends with the process or with `release`.
final class StateDirectory {
    /// Name of the lock file.
    static let lockName = "coordinator.lock"

    let path: String
    private var lock: File?

    /// Makes the directory if needed, readable by its owner only, and locks it.
    init(path: String) throws(StateStoreError) {
        self.path = path
        do {
            try FileSystem.makeDirectories(path, permissions: 0o700)
            let lockPath = path + "/" + Self.lockName
            let file = try File.open(lockPath, [.write, .create], permissions: 0o600)
            guard try file.tryLock() else {
                let holder = try FileSystem.read(lockPath, bytesMax: 32)
                throw StateStoreError(
                    description: "\(path) is in use by the coordinator with process id "
                        + String(decoding: holder, as: UTF8.self))
            }
            try file.truncate(to: 0)
            var text = ByteBuffer()
            text.append(decimal: Int64(ProcessFacts.processID))
            try file.write(text.readable, at: 0)
            lock = consume file
        } catch let error as StateStoreError {
            throw error
        } catch {
            throw StateStoreError(description: "cannot use \(path): \(error)")
        }
    }

    /// Ends the lock, for another coordinator in the same process.
    func release() { lock = nil }
}
