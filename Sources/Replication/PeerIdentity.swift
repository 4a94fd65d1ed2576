// Who is at the other end of a link, exchanged between nodes of our own kind.
//
//   replica → master   REPLCONF headwater 1 cluster <c> node <n> epoch <e> lineage written|empty
//   master → replica   +HEADWATER 1 cluster <c> node <n> epoch <e> lineage written|empty
//
// The `1` is the version of this format. Any other server answers the option with an error, which
// a handshake ignores. Names hold no space; `-` stands for no cluster. The master's answer is an
// ordinary status reply, so the exchange costs no extra round trip.
//
// A lineage is empty when the data set holds nothing and never did: a node that lost its disk, or
// was never used. It stays so when clients write, until the coordinator makes the node master as it
// is. Its full sync would wipe a replica; that is refused on managed nodes.

import Bytes

/// What a node says of itself in a handshake.
public struct PeerIdentity: Equatable, Sendable {
    /// Version of the format.
    public static let version = 1

    /// The cluster that manages the node; nil for a node that nobody manages.
    public var clusterID: String?
    /// The node's own name.
    public var nodeID: String
    /// The highest epoch the node has accepted; only grows.
    public var epoch: Int64
    /// Whether the data set holds nothing and never did, or nothing but what came since a start
    /// without data that no coordinator has judged.
    public var lineageIsEmpty: Bool

    /// An identity.
    public init(clusterID: String?, nodeID: String, epoch: Int64, lineageIsEmpty: Bool) {
        self.clusterID = clusterID
        self.nodeID = nodeID
        self.epoch = epoch
        self.lineageIsEmpty = lineageIsEmpty
    }

    private var words: [String] {
        [
            "\(Self.version)", "cluster", clusterID ?? "-", "node", nodeID, "epoch", "\(epoch)",
            "lineage", lineageIsEmpty ? "empty" : "written",
        ]
    }

    /// The REPLCONF command that announces this identity to a master.
    public var announcement: [UInt8] {
        WireText.command((["REPLCONF", "headwater"] + words).map { Array($0.utf8) })
    }

    /// The status line that answers an announcement.
    public var answer: [UInt8] {
        WireText.line("+HEADWATER " + words.joined(separator: " "))
    }

    /// The identity in `words`, the version first; nil when it is malformed or of another version.
    init?(words: [ByteSlice]) {
        guard let first = words.first, first == "1", words.count % 2 == 1 else { return nil }
        var clusterID: String?
        var nodeID: String?
        var epoch: Int64?
        var lineageIsEmpty = false
        for index in stride(from: 1, to: words.count, by: 2) {
            let value = words[index + 1]
            guard value.count <= ReplicationLimits.nameBytesMax else { return nil }
            if words[index] == "cluster" {
                clusterID = value == "-" ? nil : value.string
            } else if words[index] == "node" {
                nodeID = value.string
            } else if words[index] == "epoch" {
                epoch = WireText.integer(value)
            } else if words[index] == "lineage" {
                lineageIsEmpty = value == "empty"
            }
        }
        guard let nodeID, let epoch else { return nil }
        self.init(
            clusterID: clusterID, nodeID: nodeID, epoch: epoch, lineageIsEmpty: lineageIsEmpty)
    }

    /// The identity in a status line without its line end; nil when it is something else.
    init?(answer line: ByteSlice) {
        let words = WireText.words(line)
        guard let first = words.first, first == "+HEADWATER" else { return nil }
        self.init(words: Array(words.dropFirst()))
    }
}

/// Why a replica does not follow the upstream it was told to follow.
public enum UpstreamRefusal: Equatable, Sendable {
    /// The upstream is managed as part of another cluster.
    case otherCluster(own: String, upstream: String)
    /// The upstream has not heard of an epoch that this node has accepted.
    case staleEpoch(own: Int64, upstream: Int64)
    /// The upstream never held any data, and a full sync would wipe this node's.
    case emptyLineage(upstream: String)
    /// Another node answers at the upstream's address.
    case otherNode(expected: String, upstream: String)

    /// The reason in words, for INFO, logs and the health report.
    public var text: String {
        switch self {
        case .otherCluster(let own, let upstream):
            "the upstream belongs to cluster \(upstream), this node to \(own)"
        case .staleEpoch(let own, let upstream):
            "the upstream is at epoch \(upstream), this node at \(own)"
        case .emptyLineage(let upstream):
            "the upstream \(upstream) started without data and would empty this node"
        case .otherNode(let expected, let upstream):
            "node \(upstream) answers at the address of \(expected)"
        }
    }

    /// Whether a node that is `own` may follow `upstream` at all; nil if it may. Nodes that no
    /// cluster manages follow whom they are told to, as everywhere in this protocol. `expected` is
    /// the name of the node that was meant, if the order named one.
    public static func check(
        own: PeerIdentity, upstream: PeerIdentity, expected: String? = nil
    ) -> UpstreamRefusal? {
        if let expected, upstream.nodeID != expected {
            return .otherNode(expected: expected, upstream: upstream.nodeID)
        }
        guard let ownCluster = own.clusterID, let upstreamCluster = upstream.clusterID else {
            return nil
        }
        if ownCluster != upstreamCluster {
            return .otherCluster(own: ownCluster, upstream: upstreamCluster)
        }
        if upstream.epoch < own.epoch {
            return .staleEpoch(own: own.epoch, upstream: upstream.epoch)
        }
        return nil
    }
}
