import Foundation
import Bytes
import RESP
import TestKit

#if canImport(Glibc)
import Glibc
#endif

/// A server on the network, for transcripts that prove themselves against a real one.
final class TCPTarget: TranscriptTarget {
    struct Failure: Error, CustomStringConvertible { let description: String }

    final class Connection {
        let descriptor: Int32
        var input: [UInt8] = []
        var parser = ReplyParser()
        init(_ descriptor: Int32) { self.descriptor = descriptor }
        deinit { close(descriptor) }
    }

    /// How long a reply may take.
    static let replyMilliseconds: Int32 = 2_000

    private let host: String
    private let port: UInt16
    private var connections: [Int: Connection] = [:]
    private(set) var peer: TranscriptPeer?

    /// Connects, empties the data set and reads the version.
    init(host: String, port: UInt16) throws {
        self.host = host
        self.port = port
        for command in [["FLUSHALL"], ["CONFIG", "RESETSTAT"], ["INFO", "server"]] {
            try send(TCPTarget.encoded(command), connection: 0)
            let text = try receive(connection: 0)?.text ?? ""
            let isOurs = text.contains("headwater_version:")
            if command[0] == "INFO", !isOurs, let line = text.firstRange(of: "redis_version:") {
                peer = TranscriptPeer(
                    version: String(text[line.upperBound...].prefix { $0 != "\r" }),
                    isValkey: text.contains("valkey_version:"))
            }
        }
        connections = [:]
    }

    private static func encoded(_ words: [String]) -> [UInt8] {
        Array(
            ("*\(words.count)\r\n"
                + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()).utf8)
    }

    private func connection(_ number: Int) throws -> Connection {
        if let known = connections[number] { return known }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        unsafe inet_pton(AF_INET, host, &address.sin_addr)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(description: "no connection to \(host):\(port)") }
        let made = Connection(descriptor)
        connections[number] = made
        return made
    }

    func send(_ request: [UInt8], connection number: Int) throws {
        let target = try connection(number)
        var sent = 0
        while sent < request.count {
            let count = unsafe request[sent...].withUnsafeBytes {
                unsafe Glibc.send(
                    target.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "the server closed") }
            sent += count
        }
    }

    func receive(connection number: Int) throws -> Reply? {
        try receive(connection(number), waiting: TCPTarget.replyMilliseconds)
    }

    private func receive(_ target: Connection, waiting: Int32) throws -> Reply? {
        while true {
            let found = try target.input.withByteSlice { try target.parser.parse($0, from: 0) }
            if let found {
                target.input.removeFirst(found.consumed)
                return found.reply
            }
            guard try readMore(target, waiting: waiting) else { return nil }
        }
    }

    /// Replies that were not asked for arrive at any time; one that is here already counts.
    func hasUnreadReply(connection number: Int) throws -> Bool {
        let target = try connection(number)
        if !target.input.isEmpty { return true }
        var entry = pollfd(fd: target.descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&entry, 1, 0) > 0 else { return false }
        var byte: UInt8 = 0
        return unsafe recv(target.descriptor, &byte, 1, Int32(MSG_PEEK)) > 0
    }

    /// The server reads what arrived first before a ping that arrives later.
    func settle() throws {
        try send(TCPTarget.encoded(["PING"]), connection: TCPTarget.marker)
        _ = try receive(connection: TCPTarget.marker)
    }

    func advance(milliseconds: Int) throws {
        Thread.sleep(forTimeInterval: Double(milliseconds) / 1_000)
    }

    // MARK: The replication stream

    /// The number of the connection that acts as replica, and of the one that asks for marks.
    private static let replica = -1
    private static let marker = -2

    /// The database that the stream selected last, so that a mark does not select another.
    private var streamDatabase = 0
    private var markCount = 0

    /// Reads the stream as a replica does, up to a mark: a message that is published for it.
    func takeEffects() throws -> [[String]]? {
        if connections[TCPTarget.replica] == nil { try followStream() }
        markCount += 1
        let mark = ["PUBLISH", "transcript-mark", "\(markCount)"]
        for command in [["SELECT", "\(streamDatabase)"], mark] {
            try send(TCPTarget.encoded(command), connection: TCPTarget.marker)
            _ = try receive(connection: TCPTarget.marker)
        }
        let target = try connection(TCPTarget.replica)
        var effects: [[String]] = []
        while let command = try receive(target, waiting: TCPTarget.replyMilliseconds) {
            let words = (command.elements ?? []).map { element -> String in
                guard case .bulk(let bytes) = element else { return "?" }
                return bytes.map { String(UnicodeScalar($0)) }.joined()
            }
            if words == mark {
                // The mark's own: the commands before it went to another database.
                if effects.last?.first?.lowercased() == "select" { effects.removeLast() }
                return effects
            }
            let name = words.first?.lowercased()
            if name == "select", let database = Int(words[1]) { streamDatabase = database }
            if name != "ping" && name != "replconf" { effects.append(words) }
        }
        throw Failure(description: "the stream has no mark")
    }

    private func followStream() throws {
        // A snapshot for a socket would wait five seconds for more replicas.
        try send(
            TCPTarget.encoded(["CONFIG", "SET", "repl-diskless-sync", "no"]),
            connection: TCPTarget.marker)
        _ = try receive(connection: TCPTarget.marker)
        try send(Array("SYNC\r\n".utf8), connection: TCPTarget.replica)
        let target = try connection(TCPTarget.replica)
        // Line ends come as signs of life until the snapshot's length is known.
        var length: Int?
        while length == nil || target.input.count < length ?? 0 {
            while length == nil, let end = target.input.firstIndex(of: 0x0A) {
                let line = String(decoding: target.input[..<end], as: UTF8.self)
                target.input.removeFirst(end + 1)
                if line.hasPrefix("$") { length = Int(line.dropFirst().prefix { $0 != "\r" }) }
            }
            if let length, target.input.count >= length { break }
            guard try readMore(target, waiting: 10_000) else {
                throw Failure(description: "no snapshot")
            }
        }
        target.input.removeFirst(length ?? 0)
    }

    private func readMore(_ target: Connection, waiting: Int32) throws -> Bool {
        var entry = pollfd(fd: target.descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&entry, 1, waiting) > 0 else { return false }
        var room = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(target.descriptor, &room, room.count, 0)
        guard count > 0 else { return false }
        target.input += room[..<count]
        return true
    }
}
