// Certificates made by the openssl program, once for all tests of the process.
import Foundation

/// A folder with an authority, a stranger's authority, and certificates of both.
struct Certificates: Sendable {
    let folder: String

    /// Made when first used; nil when the program is missing or fails.
    static let shared: Certificates? = try? Certificates()

    private init() throws {
        folder =
            FileManager.default.temporaryDirectory
            .appending(path: "headwater-tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        for authority in ["ca", "other-ca"] {
            try run(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=\(authority) "
                    + "-keyout \(authority).key -out \(authority).crt")
        }
        for (name, authority) in [("node", "ca"), ("client", "ca"), ("stranger", "other-ca")] {
            try run(
                "req -newkey rsa:2048 -nodes -subj /CN=\(name) -keyout \(name).key "
                    + "-out \(name).csr")
            try run(
                "x509 -req -in \(name).csr -CA \(authority).crt -CAkey \(authority).key "
                    + "-CAcreateserial -days 2 -out \(name).crt")
        }
        try run("rsa -in node.key -aes256 -passout pass:secret -out locked.key")
    }

    private func run(_ arguments: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = URL(filePath: folder)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }
}
