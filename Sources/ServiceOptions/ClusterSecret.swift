// Secrets of files: the cluster secret, which the services and the nodes share, and whatever else
// is written down in the same way.

internal import ArgumentParser
import Platform

/// Reads secrets.
public enum ClusterSecret {
    /// Fewest characters that are accepted.
    public static let charactersMin = 16
    /// Largest file that is read.
    public static let fileBytesMax = 4_096

    /// The secret of a file: its text without white space.
    public static func read(_ path: String) throws -> String {
        let bytes = try FileSystem.read(path, bytesMax: fileBytesMax)
        let secret = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        guard secret.count >= charactersMin else {
            throw ValidationError(
                "the secret in \(path) is shorter than \(charactersMin) characters")
        }
        return secret
    }
}
