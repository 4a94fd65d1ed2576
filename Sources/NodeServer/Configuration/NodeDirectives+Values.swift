// Directives on how values are kept: when collections change their form, and where what is big is
// freed. Names, old names and defaults are those of redis.conf.

import Directives
import Store

extension NodeDirectives {
    static let values: [Directive<NodeSettings>] = encodings + freeing

    /// A directive of lists before Redis 3.2, which reads it and goes on, as later ones do.
    private static func replacedBySize(_ name: String) -> Directive<NodeSettings> {
        .custom(
            name, flags: [.hidden, .transient, .withoutEffect], shape: "number",
            why: "Replaced by list-max-listpack-size.",
            "Accepted for compatibility; has no effect.",
            apply: { (_, words, _) throws(DirectiveError) in
                guard words.count == 1 else { throw .wrongNumberOfArguments }
            }, value: { _ in "" }, lines: { _ in [] })
    }

    private static let encodings: [Directive<NodeSettings>] = [
        .integer(
            "hash-max-listpack-entries", \.encoding.hashPackedEntriesMax, in: 0...Int.max,
            aliases: ["hash-max-ziplist-entries"],
            "Fields up to which a hash is packed."),
        .bytes(
            "hash-max-listpack-value", \.encoding.hashPackedValueBytesMax,
            aliases: ["hash-max-ziplist-value"],
            "Length of a field or value up to which a hash is packed."),
        .integer(
            "list-max-listpack-size", \.encoding.listPackedSize,
            in: Int(Int32.min)...Int(Int32.max),
            aliases: ["list-max-ziplist-size"],
            "Elements of a node of a list; -1 to -5 for 4, 8, 16, 32, 64 KB."),
        replacedBySize("list-max-ziplist-entries"), replacedBySize("list-max-ziplist-value"),
        .integer(
            "list-compress-depth", \.encoding.listCompressDepth, in: 0...Int(Int32.max),
            "Nodes at either end of a list that stay uncompressed; 0 compresses none."),
        .integer(
            "set-max-intset-entries", \.encoding.setIntegerEntriesMax, in: 0...Int.max,
            "Members up to which a set of integers is packed."),
        .integer(
            "set-max-listpack-entries", \.encoding.setPackedEntriesMax, in: 0...Int.max,
            "Members up to which a set is packed."),
        .bytes(
            "set-max-listpack-value", \.encoding.setPackedValueBytesMax,
            "Length of a member up to which a set is packed."),
        .integer(
            "zset-max-listpack-entries", \.encoding.sortedSetPackedEntriesMax, in: 0...Int.max,
            aliases: ["zset-max-ziplist-entries"],
            "Members up to which a sorted set is packed."),
        .bytes(
            "zset-max-listpack-value", \.encoding.sortedSetPackedValueBytesMax,
            aliases: ["zset-max-ziplist-value"],
            "Length of a member up to which a sorted set is packed."),
        .bytes(
            "hll-sparse-max-bytes", \.encoding.hyperLogLogSparseBytesMax,
            "Size up to which a HyperLogLog is sparse."),
        .bytes(
            "stream-node-max-bytes", \.encoding.streamNodeBytesMax,
            "Bytes of a node of a stream; 0 for any."),
        .integer(
            "stream-node-max-entries", \.encoding.streamNodeEntriesMax, in: 0...Int.max,
            "Entries of a node of a stream; 0 for any."),
    ]

    private static let freeing: [Directive<NodeSettings>] = [
        .bool(
            "lazyfree-lazy-eviction", \.evictsLazily,
            "Free big values that are evicted on another thread."),
        .bool(
            "lazyfree-lazy-expire", \.expiresLazily,
            "Free big values that expire on another thread."),
        .bool(
            "lazyfree-lazy-server-del", \.overwritesLazily,
            "Free big values that are overwritten on another thread."),
        .bool(
            "lazyfree-lazy-user-del", \.deletesLazily,
            "DEL frees big values on another thread, as UNLINK does."),
        .bool(
            "lazyfree-lazy-user-flush", \.flushesLazily,
            "FLUSHALL and FLUSHDB without SYNC or ASYNC free on another thread."),
    ]
}
