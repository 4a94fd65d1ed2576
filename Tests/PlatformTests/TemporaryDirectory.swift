// A directory of its own for each test, removed afterwards.
import Platform

final class TemporaryDirectory {
    let path: String

    init() throws {
        path = "/tmp/headwater-platform-\(Random.hexadecimal(byteCount: 8))"
        try FileSystem.makeDirectory(path, permissions: 0o700)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    deinit {
        for name in (try? FileSystem.list(path)) ?? [] { try? FileSystem.unlink(file(name)) }
        try? FileSystem.removeDirectory(path)
    }
}
