// The directive table of the data node, in the order of the sections of redis.conf.

public import Directives

/// The directives of the data node.
public enum NodeDirectives {
    /// Every directive, by section.
    public static let table = DirectiveTable<NodeSettings>(
        network + encryption + general + limits + memory + values + security + snapshots + log
            + replication + controlPlane + acceptedSwitches + acceptedNumbers + acceptedWords
            + acceptedCluster)
}
