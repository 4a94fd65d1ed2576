// The coordinator's directory. Two coordinators on one store would both decide: the lock makes
// the second one end with a sentence that says which process holds it.

import Platform

/// A locked directory; the lock ends with the process or with `release`.
final class StateDirectory {
    /// Name of the lock file.
    static let lockName = "coordinator.lock"

    let path: String
    private var lock: FolderLock?

    /// Makes the directory if needed, readable by its owner only, and locks it.
    init(path: String) throws(StateStoreError) {
        self.path = path
        do throws(SystemError) {
            try FileSystem.makeDirectories(path, permissions: 0o700)
        } catch {
            throw StateStoreError(description: "cannot use \(path): \(error)")
        }
        do throws(FolderLock.Failure) {
            lock = try FolderLock(path, name: Self.lockName, permissions: 0o600)
        } catch {
            switch error {
            case .held(let holder):
                throw StateStoreError(
                    description: "\(path) is in use by the coordinator with process id \(holder)")
            case .system(let error):
                throw StateStoreError(description: "cannot use \(path): \(error)")
            }
        }
    }

    /// Ends the lock, for another coordinator in the same process.
    func release() { lock = nil }
}
