// What a node in the middle of a tree does with its own replicas when something happens above it.
//
//   top ──► middle ──► leaf          one history, one offset space: any node can serve any other
//
// The middle passes bytes on verbatim, after applying them, unit by unit; it adds nothing. So its
// replicas stay attached whatever happens to its upstream, as long as the bytes they hold remain
// part of the history it serves under the id they know.

/// Something that happened to a node's history.
public enum HistoryEvent: Equatable, Sendable {
    /// The link to the upstream was lost.
    case upstreamLost
    /// Another upstream is to be followed.
    case upstreamChanged
    /// The stream goes on; `isNewHistory` when the upstream named a new id.
    case resumed(isNewHistory: Bool)
    /// A snapshot of the upstream replaced the data set.
    case replaced
    /// The node became the master.
    case promoted
    /// The node, a master so far, was told to follow somebody.
    case demoted
}

/// Rules for the replicas of a replica.
public enum Cascade {
    /// Whether the node's own replicas are disconnected, so that they come back with PSYNC: to
    /// learn the new id and go on where they were, or to get a snapshot of the new data.
    ///
    /// Replaced data are the one case in which they cannot go on.
    public static func disconnectsReplicas(on event: HistoryEvent) -> Bool {
        switch event {
        case .upstreamLost, .upstreamChanged, .demoted, .resumed(isNewHistory: false): false
        case .resumed(isNewHistory: true), .replaced, .promoted: true
        }
    }
}
