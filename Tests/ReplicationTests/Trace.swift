// Renders effects as lines, so that a test reads as a transcript: what happened, what was done.

import Bytes
import Log
import Replication

/// Bytes as text with visible line ends.
func shown(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
        .replacingOccurrences("\r", "\\r").replacingOccurrences("\n", "\\n")
}

extension String {
    func replacingOccurrences(_ part: Character, _ text: String) -> String {
        var result = ""
        for character in unicodeScalars {
            result += Character(character) == part ? text : String(character)
        }
        return result
    }
}

/// The command with these words, as it stands in a stream.
func command(_ words: String...) -> [UInt8] {
    var result = Array("*\(words.count)\r\n".utf8)
    for word in words { result += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
    return result
}

func slices<Result>(_ words: [String], _ body: (ByteSliceView) -> Result) -> Result {
    var bytes: [[UInt8]] = words.map { Array($0.utf8) }
    func add(_ index: Int, _ list: inout ByteSliceList) -> Result {
        if index == words.count { return body(list.view(from: 0, count: words.count)) }
        let word = bytes[index]
        return word.withByteSlice { slice in
            list.append(slice)
            return add(index + 1, &list)
        }
    }
    bytes.append([])
    var list = ByteSliceList()
    return add(0, &list)
}

func line(_ effect: UpstreamEffect) -> String {
    switch effect {
    case .connect: "connect"
    case .send(let bytes): "send \(shown(bytes))"
    case .close(let reason): "close \(reason.text)"
    case .beginSnapshot(_, let offset, let length):
        "begin snapshot at \(offset) of \(length.map(String.init) ?? "unknown") bytes"
    case .snapshot(let range): "snapshot \(range.count)"
    case .endSnapshot: "end snapshot"
    case .abortSnapshot: "abort snapshot"
    case .resumed(let position, let isNewHistory):
        "resumed after \(position.offset)\(isNewHistory ? " in a new history" : "")"
    case .stream(let range, let database): "stream \(range.count) db \(database)"
    case .learnedEpoch(let epoch): "learned epoch \(epoch)"
    case .handover(let accepted, _): "handover \(accepted ? "accepted" : "refused")"
    }
}

func line(_ effect: DownstreamEffect) -> String {
    switch effect {
    case .send(let bytes): "send \(shown(bytes))"
    case .requestSnapshot: "request snapshot"
    case .sendSnapshot: "send snapshot"
    case .feed(let offset): "feed from \(offset)"
    case .takeOver: "take over"
    case .acknowledged: "acknowledged"
    case .close(let reason): "close \(reason)"
    }
}

/// An upstream link with its input, driven by a test.
struct DrivenLink {
    var link: UpstreamLink
    var now: Int64 = 0
    var input: [UInt8] = []
    var effects: [UpstreamEffect] = []

    init(_ settings: UpstreamSettings, position: ReplicationPosition? = nil) {
        link = UpstreamLink(settings: settings, position: position, seed: 7)
        link.start(now: now, effects: &effects)
        link.connected(now: now, effects: &effects)
    }

    /// Feeds bytes and consumes what the link takes.
    mutating func receive(_ bytes: [UInt8]) {
        input += bytes
        while link.isConnected {
            let link = self.link
            let (next, count) = input.withByteSlice { slice in
                var copy = link
                let count = copy.receive(slice, now: now, effects: &effects)
                return (copy, count)
            }
            self.link = next
            if count == 0 { break }
            input.removeFirst(count)
        }
        // What a closed connection still held is gone with it.
        if !link.isConnected { input = [] }
    }

    mutating func receive(_ text: String) { receive(Array(text.utf8)) }

    mutating func tick(after milliseconds: Int64) {
        now += milliseconds
        link.tick(now: now, effects: &effects)
    }

    /// The effects since the last call, as lines.
    mutating func trace() -> [String] {
        defer { effects = [] }
        return effects.map { line($0) }
    }
}

let idA = "8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb"
let idB = "00112233445566778899aabbccddeeff00112233"

func id(_ text: String) -> ReplicationID {
    guard let id = ReplicationID(text) else { preconditionFailure("a test names a bad id") }
    return id
}

func settings(cluster: String? = nil, epoch: Int64 = 0, holdsData: Bool = false)
    -> UpstreamSettings
{
    UpstreamSettings(
        host: "127.0.0.1", port: 7001, announcedPort: 7002,
        identity: PeerIdentity(
            clusterID: cluster, nodeID: "n2", epoch: epoch, lineageIsEmpty: !holdsData),
        holdsData: holdsData)
}
