// The first token: without it nobody could make others. Its secret comes from a file, which is made
// with a random one if it does not exist, readable by its owner only; the coordinator learns the
// digest as soon as it answers.

import Bytes
import ControlModel
import EventLoop
import Logging
import Platform
import ServiceOptions

final class BootstrapToken {
    /// Whether the coordinator knows the token.
    private(set) var isDone: Bool

    private let hash: String
    private let client: CoordinatorClient
    private let cache: StateCache
    private let logger: Logger
    private var isUnderWay = false

    /// A token of the given secret; without one there is nothing to do.
    init(secret: String?, client: CoordinatorClient, cache: StateCache, logger: Logger) {
        self.client = client
        self.cache = cache
        self.logger = logger
        hash = secret.map { SHA256.hexadecimal(Array($0.utf8)) } ?? ""
        isDone = secret == nil
    }

    /// Stores the token unless the coordinator has it.
    func register() {
        guard !isDone, !isUnderWay else { return }
        if cache.token(hash: hash) != nil {
            isDone = true
            return
        }
        isUnderWay = true
        let record = TokenRecord(
            id: "bootstrap-\(hash.prefix(8))", name: "bootstrap", role: .admin, secretHash: hash,
            createdAt: Timestamp(milliseconds: Clock.wallMilliseconds()), createdBy: "bootstrap")
        let command = InternalCommand(
            actor: "bootstrap", requestID: "bootstrap-\(Random.hexadecimal(byteCount: 4))",
            action: .createToken(record))
        client.send(command) { [self] result in
            isUnderWay = false
            if case .failure(let problem) = result {
                // Another process may have stored it in this moment; the state will tell.
                logger.warning(
                    "bootstrap token was not stored", metadata: ["reason": "\(problem.detail)"])
            }
            cache.fetch { _ in }
        }
    }

    /// Reads the secret from `path`; makes the file if it does not exist.
    static func secret(at path: String) throws(SystemError) -> String {
        guard FileSystem.exists(path) else { return try makeSecret(at: path) }
        let bytes = try FileSystem.read(path, bytesMax: ClusterSecret.fileBytesMax)
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }

    /// Exclusive: of two processes that start at once only one makes the file.
    private static func makeSecret(at path: String) throws(SystemError) -> String {
        let secret = "hw_" + Random.hexadecimal(byteCount: 32)
        let file = try File.open(path, [.write, .create, .exclusive], permissions: 0o600)
        do throws(ShortWrite) {
            try Array((secret + "\n").utf8).withByteSlice { (slice) throws(ShortWrite) in
                try file.write(slice)
            }
        } catch {
            throw error.cause.about(path)
        }
        try file.sync()
        return secret
    }
}
