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

/// `TRANSCRIPT_TARGETS=127.0.0.1:6379,…`: servers to play the transcripts against.
struct Peer: Sendable, CustomStringConvertible {
    let host: String
    let port: UInt16
    var description: String { "\(host):\(port)" }

    static let all: [Peer] = {
        let list = ProcessInfo.processInfo.environment["TRANSCRIPT_TARGETS"] ?? ""
        return list.split(separator: ",").compactMap { text in
            let parts = text.split(separator: ":")
            guard parts.count == 2, let port = UInt16(parts[1]) else { return nil }
            return Peer(host: String(parts[0]), port: port)
        }
    }()
}

/// Files share the server's data set and settings, so they are played one after the other.
@Suite(.serialized) struct PeerTranscriptTests {
    @Test(.enabled(if: !Peer.all.isEmpty), arguments: Peer.all, Transcripts.names)
    func serverAnswersAsWritten(peer: Peer, name: String) throws {
        let transcript = try Transcripts.load(name)
        let target = try TCPTarget(host: peer.host, port: peer.port)
        let failures = try TranscriptRunner.play(transcript, on: target)
        #expect(failures.isEmpty, Comment(rawValue: failures.joined(separator: "\n")))
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
