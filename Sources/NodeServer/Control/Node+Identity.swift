// The durable identity on disk, and the name that this node answers to.

import Platform

extension Node {
    /// Largest state file that is read.
    private static let stateBytesMax = 64 * 1024

    private var statePath: String { "\(settings.directory)/\(DurableIdentity.fileName)" }

    /// Why a node may not start with the state file it found.
    enum IdentityProblem: Error {
        /// The file is damaged, or of a newer version.
        case unreadable(String)
        /// The file belongs to another node or cluster than the configuration names.
        case foreign(String)
    }

    /// Reads the state file of the working directory; there is none before the first order.
    func loadIdentity() throws(IdentityProblem) {
        let name = statePath
        guard FileSystem.exists(name) else { return }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.read(name, bytesMax: Node.stateBytesMax)
        } catch {
            throw .unreadable("\(name): \(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self),
            let stored = DurableIdentity(decoding: text)
        else { throw .unreadable("\(name) is damaged or of a newer version") }
        if !settings.nodeID.isEmpty && !stored.nodeID.isEmpty && stored.nodeID != settings.nodeID {
            throw .foreign(
                "\(name) belongs to node '\(stored.nodeID)', node-id is '\(settings.nodeID)'")
        }
        if !settings.clusterID.isEmpty && !stored.clusterID.isEmpty
            && stored.clusterID != settings.clusterID
        {
            throw .foreign(
                "\(name) belongs to cluster '\(stored.clusterID)', "
                    + "cluster-id is '\(settings.clusterID)'")
        }
        identity = stored
    }

    /// Makes `new` durable and then the present identity.
    func store(_ new: DurableIdentity) throws(SystemError) {
        guard new != identity else { return }
        try FileSystem.replace(statePath, with: Array(new.encoded().utf8))
        identity = new
    }

    /// The node's name; nil while it has none.
    var effectiveNodeID: String? {
        let name = identity.nodeID.isEmpty ? settings.nodeID : identity.nodeID
        return name.isEmpty ? nil : name
    }

    /// The cluster's name; nil while it has none.
    var effectiveClusterID: String? {
        let name = identity.clusterID.isEmpty ? settings.clusterID : identity.clusterID
        return name.isEmpty ? nil : name
    }
}
