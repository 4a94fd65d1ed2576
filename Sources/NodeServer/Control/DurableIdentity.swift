// Who this node is and the highest epoch it has accepted: `headwater-node.state` in `dir`.
//
//   headwater-node-state 1        format version
//   cluster-id demo               absent while no coordinator manages the node
//   node-id n1
//   epoch 12
//   upstream 10.0.0.2 7001 n2   the last upstream that was ordered; absent on a master
//   end                           a file without it was cut short
//
// The file is replaced as a whole (temporary file, fsync, rename, fsync of the folder) before an
// epoch takes effect, so that a node never forgets one it has answered with.

import Directives

/// A node that this one follows.
public struct FollowedUpstream: Equatable, Sendable {
    /// Where it listens.
    public var address: UpstreamAddress
    /// The name that must answer there; nil for any.
    public var nodeID: String?
}

/// The durable part of a node's place in a cluster.
public struct DurableIdentity: Equatable, Sendable {
    /// Version of the file format.
    static let formatVersion = 1
    /// Name of the file in `dir`.
    static let fileName = "headwater-node.state"

    /// The cluster; empty while no coordinator manages the node.
    public var clusterID = ""
    /// The node's name in it; empty while it has none.
    public var nodeID = ""
    /// Highest epoch that was accepted; 0 while none was.
    public var epoch: Int64 = 0

    /// Whom the node follows by order; nil for a master.
    public var upstream: FollowedUpstream?

    /// Whether a coordinator has given an order. An epoch alone may come from the upstream.
    public var isManaged: Bool { epoch > 0 && !clusterID.isEmpty }

    /// An identity that nobody manages.
    public init() {}

    /// The file's text.
    func encoded() -> String {
        var text = """
            headwater-node-state \(Self.formatVersion)
            cluster-id \(ConfigLine.quoted(clusterID))
            node-id \(ConfigLine.quoted(nodeID))
            epoch \(epoch)

            """
        if let upstream {
            let host = ConfigLine.quoted(upstream.address.host)
            let name = ConfigLine.quoted(upstream.nodeID ?? "")
            text += "upstream \(host) \(upstream.address.port) \(name)\n"
        }
        return text + "end\n"
    }

    /// Reads the file's text; nil when it is damaged or of a newer format.
    init?(decoding text: String) {
        var hasVersion = false
        var hasEnd = false
        for line in text.split(separator: "\n") {
            guard !hasEnd, let words = ConfigLine.split(text: String(line)),
                let name = words.first
            else { return nil }
            if name == "end" {
                hasEnd = true
                continue
            }
            if name == "upstream" {
                guard words.count == 4, let port = DirectiveText.integer(words[2]) else {
                    return nil
                }
                upstream = FollowedUpstream(
                    address: UpstreamAddress(host: words[1], port: port),
                    nodeID: words[3].isEmpty ? nil : words[3])
                continue
            }
            guard words.count == 2 else { return nil }
            switch name {
            case "headwater-node-state":
                guard words[1] == String(Self.formatVersion) else { return nil }
                hasVersion = true
            case "cluster-id": clusterID = words[1]
            case "node-id": nodeID = words[1]
            case "epoch":
                guard let number = DirectiveText.integer(words[1]), number >= 0 else { return nil }
                epoch = Int64(number)
            default: return nil
            }
        }
        guard hasVersion && hasEnd else { return nil }
    }
}
