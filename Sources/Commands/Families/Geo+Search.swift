// Searches for positions in a circle or a rectangle.
//
//   1. The request: where the centre is, what shape, which options.
//   2. The cells that cover the shape are ranges of scores; their members are checked one by one.
//   3. The matches are sorted by distance when that is asked for, cut off, and sent or stored.
internal import Bytes
internal import RESP
internal import Store

extension Geo {
    static let searching: [CommandSpec] = [
        CommandSpec(
            name: "geosearch", since: "6.2.0", group: .geo,
            complexity: """
                O(N+log(M)) where N is the number of elements in the grid-aligned bounding box \
                area around the shape provided as the filter and M is the number of items inside \
                the shape
                """,
            arity: -7, flags: [.readOnly],
            categories: [.geo], keys: [.one([.readOnly, .access])],
            syntax: """
                key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | \
                FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] \
                [WITHCOORD] [WITHDIST] [WITHHASH]
                """,
            summary: """
                Queries a geospatial index for members inside an area of a box, circle, or a \
                polygon.
                """,
            handler: search),
        CommandSpec(
            name: "geosearchstore", since: "6.2.0", group: .geo,
            complexity: """
                O(N+log(M)) where N is the number of elements in the grid-aligned bounding box \
                area around the shape provided as the filter and M is the number of items inside \
                the shape
                """,
            arity: -8, flags: [.write, .denyOutOfMemory],
            categories: [.geo],
            keys: [
                .one([.overwrite, .update]),
                .range(first: 2, last: 2, step: 1, [.readOnly, .access]),
            ],
            syntax: """
                destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS \
                radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] \
                [COUNT count [ANY]] [STOREDIST]
                """,
            summary: """
                Queries a geospatial index for members inside an area of a box, a circle, or a \
                polygon, optionally stores the result.
                """,
            handler: searchStore),
    ]

    /// Which command asks.
    enum SearchKind {
        /// GEORADIUS: position and radius stand at fixed places.
        case radius(mayStore: Bool)
        /// GEORADIUSBYMEMBER: member and radius stand at fixed places.
        case radiusByMember(mayStore: Bool)
        /// GEOSEARCH.
        case search
        /// GEOSEARCHSTORE: the target stands before the source.
        case searchStore
    }

    /// A member that lies in the shape.
    private struct Match {
        var member: [UInt8]
        var score: Double
        var position: GeoPosition
        var meters: Double
    }

    static func find(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments, _ kind: SearchKind
    ) throws(ReplyError) {
        let isStore = if case .searchStore = kind { true } else { false }
        let source = arguments[isStore ? 2 : 1]
        let view = try SortedSets.view(engine, client, source, engine.keyspace.hash(source))
        let request = try SearchRequest(engine, arguments, kind, view)
        guard let view else {
            guard let target = request.target else { return client.writer.arrayHeader(0) }
            _ = SortedSets.store(
                SortedSet(hasher: engine.keyspace.hasher), engine, client, target, "", arguments)
            return client.writer.integer(0)
        }
        var matches = matches(view, request)
        sort(&matches, request)
        if request.count > 0 && matches.count > request.count {
            matches.removeLast(matches.count - request.count)
        }
        if let target = request.target {
            store(matches, request, target, engine, client, arguments)
        } else {
            reply(matches, request, client)
        }
    }

    /// Sorts by distance as far as the result reaches: all of it by a stable sort, as that of the C
    /// library, a part of it as Redis does.
    private static func sort(_ matches: inout [Match], _ request: SearchRequest) {
        if request.order == .none { return }
        let sign = request.order == .ascending ? 1 : -1
        let meters = matches.map(\.meters)
        let compare = { (left: Int, right: Int) -> Int in
            if meters[left] == meters[right] { return 0 }
            return meters[left] > meters[right] ? sign : -sign
        }
        let order: [Int]
        if request.count > 0 && request.count < matches.count {
            order =
                PartialSort(count: matches.count, wanted: request.count, compare: compare).order
        } else {
            order = matches.indices.sorted { left, right in
                let result = compare(left, right)
                return result < 0 || (result == 0 && left < right)
            }
        }
        matches = order.map { matches[$0] }
    }

    private static func matches(_ view: SortedSetView, _ request: SearchRequest) -> [Match] {
        var matches: [Match] = []
        let limit = request.takesAny ? request.count : .max
        var text = ByteBuffer()
        request.shape.forEachCell { cell in
            let scores = cell.scores
            var range = ScoreRange(scores.first, scores.end)
            range.excludesMax = true
            view.forEach(view.ranks(range)) { member, score in
                guard matches.count < limit else { return }
                let position = GeoHash(score: score).position
                guard let meters = request.shape.distance(to: position) else { return }
                matches.append(
                    Match(
                        member: member.text(in: &text).array, score: score, position: position,
                        meters: meters))
            }
            return matches.count < limit
        }
        return matches
    }

    private static func reply(
        _ matches: [Match], _ request: SearchRequest, _ client: ClientState
    ) {
        client.writer.arrayHeader(matches.count)
        var parts = 1
        if request.withDistance { parts += 1 }
        if request.withHash { parts += 1 }
        if request.withPosition { parts += 1 }
        for match in matches {
            if parts > 1 { client.writer.arrayHeader(parts) }
            match.member.withByteSlice { client.writer.bulk($0) }
            if request.withDistance {
                write(distance: match.meters / request.shape.metersPerUnit, client)
            }
            if request.withHash { client.writer.integer(Int64(match.score)) }
            if request.withPosition { write(match.position, client) }
        }
    }

    private static func store(
        _ matches: [Match], _ request: SearchRequest, _ target: ByteSlice,
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let result = SortedSet(hasher: engine.keyspace.hasher)
        for match in matches {
            let score =
                request.storesDistance
                ? match.meters / request.shape.metersPerUnit : match.score
            match.member.withByteSlice { result.add($0, score) }
        }
        let event: StaticString = request.isSearch ? "geosearchstore" : "georadiusstore"
        let count = SortedSets.store(
            result, engine, client, target, event, arguments, changes: Int64(matches.count))
        client.writer.integer(count)
    }

    private static func search(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try find(engine, client, arguments, .search) }

    private static func searchStore(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) { try find(engine, client, arguments, .searchStore) }
}
