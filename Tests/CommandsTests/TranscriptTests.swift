import Foundation
import TestKit
import Testing

/// The transcripts of `Tests/Transcripts/Commands`.
enum Transcripts {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Transcripts/Commands")

    static let names: [String] = {
        let files = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (files ?? []).filter { $0.hasSuffix(".txt") }.sorted()
    }()

    static func load(_ name: String) throws -> Transcript {
        let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        return try Transcript(name: name, text: text)
    }
}

@Suite struct TranscriptTests {
    @Test(arguments: Transcripts.names, Split.allCases)
    func engineAnswersAsWritten(name: String, split: Split) throws {
        let transcript = try Transcripts.load(name)
        if split != .whole && !transcript.allowsSplit { return }
        let failures = try TranscriptRunner.play(transcript, on: EngineTarget(split: split))
        #expect(failures.isEmpty, Comment(rawValue: failures.joined(separator: "\n")))
    }
}
