// The older commands for searches, each a form of GEOSEARCH or GEOSEARCHSTORE.
internal import Bytes
internal import RESP
internal import Store

extension Geo {
    static let searchingByName: [CommandSpec] = [
        CommandSpec(
            name: "georadius", since: "3.2.0", group: .geo,
            complexity: """
                O(N+log(M)) where N is the number of elements inside the bounding box of the \
                circular area delimited by center and radius and M is the number of items inside \
                the index.
                """,
            arity: -6, flags: [.write, .denyOutOfMemory, .movableKeys],
            categories: [.geo],
            keys: [
                .one([.readOnly, .access]),
                .keyword("STORE", from: 6, last: 0, [.overwrite, .update, .variable]),
                .keyword("STOREDIST", from: 6, last: 0, [.overwrite, .update, .variable]),
            ],
            findKeys: { arguments, body in keys(arguments, optionsFrom: 6, body) },
            syntax: """
                key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]
                """,
            summary: """
                Queries a geospatial index for members within a distance from a coordinate, \
                optionally stores the result.
                """,
            replacedBy: ("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
            handler: radius),
        CommandSpec(
            name: "georadius_ro", since: "3.2.10", group: .geo,
            complexity: """
                O(N+log(M)) where N is the number of elements inside the bounding box of the \
                circular area delimited by center and radius and M is the number of items inside \
                the index.
                """,
            arity: -6, flags: [.readOnly],
            categories: [.geo], keys: [.one([.readOnly, .access])],
            syntax: """
                key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
                [COUNT count [ANY]] [ASC | DESC]
                """,
            summary: """
                Returns members from a geospatial index that are within a distance from a \
                coordinate.
                """,
            replacedBy: ("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
            handler: radiusReadOnly),
        CommandSpec(
            name: "georadiusbymember", since: "3.2.0", group: .geo,
            complexity: """
                O(N+log(M)) where N is the number of elements inside the bounding box of the \
                circular area delimited by center and radius and M is the number of items inside \
                the index.
                """,
            arity: -5, flags: [.write, .denyOutOfMemory, .movableKeys],
            categories: [.geo],
            keys: [
                .one([.readOnly, .access]),
                .keyword("STORE", from: 5, last: 0, [.overwrite, .update, .variable]),
                .keyword("STOREDIST", from: 5, last: 0, [.overwrite, .update, .variable]),
            ],
            findKeys: { arguments, body in keys(arguments, optionsFrom: 5, body) },
            syntax: """
                key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT \
                count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]
                """,
            summary: """
                Queries a geospatial index for members within a distance from a member, optionally \
                stores the result.
                """,
            replacedBy: (
                "6.2.0",
                "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"
            ),
            handler: radiusByMember),
        CommandSpec(
            name: "georadiusbymember_ro", since: "3.2.10", group: .geo,
            complexity: """
                O(N+log(M)) where N is the number of elements inside the bounding box of the \
                circular area delimited by center and radius and M is the number of items inside \
                the index.
                """,
            arity: -5, flags: [.readOnly],
            categories: [.geo], keys: [.one([.readOnly, .access])],
            syntax: """
                key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT \
                count [ANY]] [ASC | DESC]
                """,
            summary: """
                Returns members from a geospatial index that are within a distance from a member.
                """,
            replacedBy: ("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
            handler: radiusByMemberReadOnly),
    ]

    /// The set that is searched, and the target: of several, the last one counts.
    private static func keys(
        _ arguments: Arguments, optionsFrom start: Int, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        guard arguments.count > 1 else { return false }
        body(1, [.readOnly, .access])
        var target: Int?
        var index = start
        while index < arguments.count {
            if isTarget(arguments[index]) {
                index += 1
                target = index
            }
            index += 1
        }
        if let target, target < arguments.count { body(target, [.overwrite, .update]) }
        return true
    }

    /// Whether the word stands before the key that takes the result.
    static func isTarget(_ option: ByteSlice) -> Bool {
        option.equalsIgnoringCase("store") || option.equalsIgnoringCase("storedist")
    }

    private static func radius(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try find(engine, client, arguments, .radius(mayStore: true))
    }

    private static func radiusReadOnly(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try find(engine, client, arguments, .radius(mayStore: false))
    }

    private static func radiusByMember(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try find(engine, client, arguments, .radiusByMember(mayStore: true))
    }

    private static func radiusByMemberReadOnly(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try find(engine, client, arguments, .radiusByMember(mayStore: false))
    }
}
