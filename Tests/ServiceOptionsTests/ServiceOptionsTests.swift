import ArgumentParser
import Diagnostics
import Foundation
import Logging
import Platform
import Testing

@testable import ServiceOptions

@Suite struct ServiceOptionsTests {
    private func settings(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> ServiceSettings {
        try ServiceOptions.parse(arguments).resolved(
            environment: ServiceEnvironment { environment[$0] })
    }

    @Test func flagsWinOverTheEnvironmentAndTheEnvironmentOverDefaults() throws {
        let environment = [
            "HEADWATER_SECRET_FILE": "/env", "HEADWATER_DRAIN_SECONDS": "3",
            "HEADWATER_LOG_LEVEL": "error", "HEADWATER_LOG_FORMAT": "json",
        ]
        #expect(
            try settings([], ["HEADWATER_SECRET_FILE": "/env"])
                == ServiceSettings(
                    secretPath: "/env", drainMilliseconds: 10_000, logLevel: .info,
                    logFormat: .server))
        #expect(
            try settings([], environment)
                == ServiceSettings(
                    secretPath: "/env", drainMilliseconds: 3_000, logLevel: .error,
                    logFormat: .json))
        let flags = [
            "--secret-file", "/flag", "--drain-seconds", "0", "--log-level", "debug",
            "--log-format", "server",
        ]
        #expect(
            try settings(flags, environment)
                == ServiceSettings(
                    secretPath: "/flag", drainMilliseconds: 0, logLevel: .debug,
                    logFormat: .server))
    }

    @Test(
        arguments: [
            ([], [:], "--secret-file or HEADWATER_SECRET_FILE is needed"),
            (
                ["--secret-file", "/s", "--drain-seconds", "3601"], [:],
                "--drain-seconds takes 0 to"
            ),
            (
                ["--secret-file", "/s", "--log-level", "loud"], [:],
                "--log-level takes trace, debug"
            ),
            (["--secret-file", "/s", "--log-format", "xml"], [:], "server or json, not xml"),
            (
                ["--secret-file", "/s"], ["HEADWATER_DRAIN_SECONDS": "soon"],
                "no number in range: soon"
            ),
        ] as [([String], [String: String], String)])
    func whatDoesNotFitIsRefusedWithWhatWould(
        arguments: [String], environment: [String: String], text: String
    ) throws {
        let error = try #require(throws: ValidationError.self) {
            try settings(arguments, environment)
        }
        #expect(error.message.contains(text), "\(error.message)")
    }

    @Test func addressesAreNumeric() throws {
        let environment = ServiceEnvironment { _ in nil }
        #expect(try environment.address(host: "::1", port: 7).port == 7)
        #expect(throws: ValidationError.self) {
            try environment.address(host: "localhost", port: 7)
        }
    }

    @Test func aSecretIsTheTextOfItsFileAndNotTooShort() throws {
        let path = NSTemporaryDirectory() + "secret-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "  0123456789abcdef\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try ClusterSecret.read(path) == "0123456789abcdef")
        try "short\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: ValidationError.self) { try ClusterSecret.read(path) }
        #expect(throws: (any Error).self) { try ClusterSecret.read(path + "-absent") }
    }
}
