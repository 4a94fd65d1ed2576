// What a connection announces with REPLCONF before it asks for the stream, and what it reports
// afterwards. Source: the option list of Redis 7.0 and Valkey 8.

public import Bytes

/// The options of one connection that is, or may become, a replica.
public struct ReplicaOptions: Equatable, Sendable {
    /// `listening-port`: where the replica serves clients; 0 when not announced.
    public var listeningPort = 0
    /// `ip-address`: overrides the peer's address in INFO and ROLE.
    public var announcedAddress: String?
    /// `capa eof`: snapshots of unknown length are understood.
    public var acceptsMarkedSnapshot = false
    /// `capa psync2`: `+CONTINUE` may name a new history.
    public var acceptsHistoryChange = false
    /// `capa headwater`: heartbeat lines are understood.
    public var acceptsHeartbeats = false
    /// `version x.y.z`: sent by Valkey 8 and newer only.
    public var version: String?
    /// Whether the peer has proved that it reads RDB files of version 11: it is of our own kind, or
    /// a server that says its version, which those of Redis 7.0 do not.
    public var readsSnapshotsOfVersion11: Bool { acceptsHeartbeats || version != nil }
    /// `rdb-only 1`: snapshot without the stream behind it.
    public var wantsSnapshotOnly = false
    /// `rdb-filter-only`: what the snapshot is to have.
    public var snapshotContent = SnapshotContent.everything
    /// `headwater 1 …`: the identity of a node of our own kind.
    public var identity: PeerIdentity?

    /// No options.
    public init() {}
}

/// What a replica wants in its snapshot.
public enum SnapshotContent: Equatable, Sendable {
    /// Keys, libraries, and what modules keep.
    case everything
    /// The function libraries.
    case functions
    /// An empty file: a filter that names nothing.
    case nothing
}

/// What a REPLCONF command asks of the connection.
public enum ReplicaOptionsAnswer: Equatable, Sendable {
    /// `+OK`.
    case ok
    /// Say who we are.
    case identity
    /// Nothing to say; the acknowledgement is meant for the link, if there is one.
    case acknowledgement(Acknowledgement)
    /// Nothing to say.
    case silent
    /// An error reply, without the leading minus and the line end.
    case error(String)
}

extension ReplicaOptions {
    /// Takes the arguments of a REPLCONF command, the name at index 0.
    ///
    /// Pairs before a faulty one stay in force, as in Redis.
    public mutating func take(_ arguments: ByteSliceView) -> ReplicaOptionsAnswer {
        guard arguments.count % 2 == 1 else { return .error("ERR syntax error") }
        var index = 1
        while index < arguments.count {
            let option = arguments[index]
            if option.equalsIgnoringCase("ack") { return Self.acknowledgement(arguments, index) }
            if option.equalsIgnoringCase("getack") { return .silent }
            if option.equalsIgnoringCase("headwater") { return identity(arguments, index) }
            if let problem = take(option, arguments[index + 1]) { return .error(problem) }
            index += 2
        }
        return .ok
    }

    private mutating func take(_ option: ByteSlice, _ value: ByteSlice) -> String? {
        if option.equalsIgnoringCase("listening-port") {
            guard let port = WireText.integer(value) else {
                return "ERR value is not an integer or out of range"
            }
            listeningPort = (0...65535).contains(port) ? Int(port) : 0
        } else if option.equalsIgnoringCase("ip-address") {
            guard value.count <= ReplicationLimits.announcedAddressBytesMax else {
                return "ERR REPLCONF ip-address provided by replica instance is too long: "
                    + "\(value.count) bytes"
            }
            announcedAddress = value.isEmpty ? nil : value.string
        } else if option.equalsIgnoringCase("capa") {
            // Capabilities nobody here knows are ignored, as every version does.
            if value.equalsIgnoringCase("eof") { acceptsMarkedSnapshot = true }
            if value.equalsIgnoringCase("psync2") { acceptsHistoryChange = true }
            if value.equalsIgnoringCase("headwater") { acceptsHeartbeats = true }
        } else if option.equalsIgnoringCase("version") {
            guard Self.isVersion(value) else { return "ERR Unrecognized version format" }
            version = value.string
        } else if option.equalsIgnoringCase("rdb-only") {
            guard let flag = WireText.integer(value) else {
                return "ERR value is not an integer or out of range"
            }
            wantsSnapshotOnly = flag == 1
        } else if option.equalsIgnoringCase("rdb-filter-only") {
            return takeFilter(value.string)
        } else {
            return "ERR Unrecognized REPLCONF option: \(option.string)"
        }
        return nil
    }

    /// Words between blanks. The first filter takes everything away, and none gives it back but
    /// the libraries.
    private mutating func takeFilter(_ text: String) -> String? {
        if snapshotContent == .everything { snapshotContent = .nothing }
        for word in text.split(whereSeparator: { $0.isWhitespace }) {
            guard word.lowercased() == "functions" else {
                return "ERR Unsupported rdb-filter-only option: \(word)"
            }
            snapshotContent = .functions
        }
        return nil
    }

    /// Three numbers with dots between them.
    private static func isVersion(_ text: ByteSlice) -> Bool {
        let parts = text.string.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts.allSatisfy { UInt16($0) != nil }
    }

    private mutating func identity(
        _ arguments: ByteSliceView, _ index: Int
    ) -> ReplicaOptionsAnswer {
        var words: [ByteSlice] = []
        for position in (index + 1)..<arguments.count { words.append(arguments[position]) }
        guard let identity = PeerIdentity(words: words) else {
            return .error("ERR Unrecognized identity format")
        }
        self.identity = identity
        return .identity
    }

    /// `ACK <offset> [FACK <offset>] [HEARTBEAT <epoch>:<clock>]`: never answered, even when it
    /// is malformed.
    private static func acknowledgement(
        _ arguments: ByteSliceView, _ start: Int
    ) -> ReplicaOptionsAnswer {
        guard let offset = WireText.integer(arguments[start + 1]) else { return .silent }
        var result = Acknowledgement(offset: offset)
        for index in stride(from: start + 2, to: arguments.count - 1, by: 2) {
            if arguments[index].equalsIgnoringCase("fack") {
                result.durableOffset = WireText.integer(arguments[index + 1])
            } else if arguments[index].equalsIgnoringCase("heartbeat") {
                result.heartbeat = Heartbeat(echo: arguments[index + 1])
            }
        }
        return .acknowledgement(result)
    }
}
