import Diagnostics
import Foundation
import Logging
import Platform
import Testing

/// A log file of the test's own.
private final class LogFile {
    let path = "/tmp/headwater-log-\(Random.hexadecimal(byteCount: 8))"

    var lines: [String] {
        let bytes = (try? FileSystem.read(path, bytesMax: 1_000_000)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    deinit { try? FileSystem.unlink(path) }
}

@Suite struct LogOutputTests {
    @Test func serverLinesLookLikeThoseOfRedis() throws {
        let file = LogFile()
        let output = LogOutput(
            destination: .file(path: file.path), level: .debug, role: "M")
        let logger = Logger(label: "node", output: output)
        logger.debug("one")
        logger.info("two")
        logger.notice("Ready to accept connections", metadata: ["port": "7001", "a": "b"])
        output.setRole("S")
        logger.warning("four\nforged line")
        let lines = file.lines
        #expect(lines.count == 4)
        let pid = ProcessFacts.processID
        let date = "[0-3][0-9] [A-Z][a-z][a-z] 20[0-9]{2} [0-9:]{8}\\.[0-9]{3}"
        for (line, pattern) in zip(
            lines,
            [
                "\(pid):M \(date) \\. one", "\(pid):M \(date) - two",
                "\(pid):M \(date) \\* Ready to accept connections \\(a=b port=7001\\)",
                "\(pid):S \(date) # four\\\\nforged line",
            ])
        {
            #expect(try Regex(pattern).wholeMatch(in: line) != nil, "\(line)")
        }
    }

    @Test func jsonLinesAreJSON() throws {
        let file = LogFile()
        let output = LogOutput(format: .json, destination: .file(path: file.path))
        var logger = Logger(label: "admin", output: output)
        logger[metadataKey: "request"] = "r\t\"1\""
        logger.error("tab\t quote\" backslash\\ bell\u{7} ü", metadata: ["n": "\(2)"])
        logger.error("\(String(repeating: "é", count: 100_000))")
        let lines = file.lines
        #expect(lines.count == 2)
        let value = try #require(
            JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
        #expect(value["message"] as? String == "tab\t quote\" backslash\\ bell\u{7} ü")
        #expect(value["level"] as? String == "error")
        #expect(value["logger"] as? String == "admin")
        #expect(value["metadata"] as? [String: String] == ["request": "r\t\"1\"", "n": "2"])
        let time = try #require(value["time"] as? String)
        #expect(time.count == 24 && time.hasSuffix("Z") && time.hasPrefix("20"))
        let long = try JSONSerialization.jsonObject(with: Data(lines[1].utf8))
        #expect(long is [String: Any])
    }

    @Test func theLevelChangesForAllLoggersAtOnce() {
        let file = LogFile()
        let output = LogOutput(destination: .file(path: file.path))
        let loggers = ["a", "b"].map { Logger(label: $0, output: output) }
        loggers[0].info("hidden")
        output.level = .info
        loggers[1].info("shown")
        output.level = nil
        loggers[0].critical("hidden")
        #expect(file.lines.count == 1)
        #expect(file.lines.first?.hasSuffix("shown") == true)
    }

    @Test func aFileThatWasMovedAwayIsMadeAgain() throws {
        let file = LogFile()
        let output = LogOutput(destination: .file(path: file.path))
        let logger = Logger(label: "a", output: output)
        logger.notice("one")
        try FileSystem.rename(file.path, to: file.path + ".1")
        logger.notice("two")
        #expect(file.lines.count == 1)
        try FileSystem.unlink(file.path + ".1")
        try output.check()
        output.setDestination(.file(path: "/proc/none/log"))
        #expect(throws: SystemError.self) { try output.check() }
        logger.notice("lost")
    }

    @Test func aLineHasALimit() {
        let file = LogFile()
        let output = LogOutput(destination: .file(path: file.path))
        Logger(label: "a", output: output).notice("\(String(repeating: "x", count: 100_000))")
        #expect(file.lines.map(\.utf8.count) == [LogOutput.lineBytesMax - 1])
    }
}
