// Positions in sorted sets, whose scores are cells of a grid (GeoHash). Searches are in Geo+Search.
internal import Bytes
internal import RESP
internal import Store

/// The commands on geographic sets.
enum Geo {
    static let table: [CommandSpec] = single + searching + searchingByName

    private static let single: [CommandSpec] = [
        CommandSpec(
            name: "geoadd", since: "3.2.0", group: .geo,
            complexity: """
                O(log(N)) for each item added, where N is the number of elements in the sorted \
                set.
                """,
            arity: -5, flags: [.write, .denyOutOfMemory],
            categories: [.geo], keys: [.one([.readWrite, .update])],
            syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
            summary: """
                Adds one or more members to a geospatial index. The key is created if it doesn't \
                exist.
                """,
            handler: add),
        CommandSpec(
            name: "geodist", since: "3.2.0", group: .geo,
            complexity: "O(1)",
            arity: -4, flags: [.readOnly],
            categories: [.geo], keys: [.one([.readOnly, .access])],
            syntax: "key member1 member2 [M | KM | FT | MI]",
            summary: "Returns the distance between two members of a geospatial index.",
            handler: distance),
        CommandSpec(
            name: "geohash", since: "3.2.0", group: .geo,
            complexity: "O(1) for each member requested.",
            arity: -2, flags: [.readOnly],
            categories: [.geo], keys: [.one([.readOnly, .access])],
            syntax: "key [member [member ...]]",
            summary: "Returns members from a geospatial index as geohash strings.",
            handler: hash),
        CommandSpec(
            name: "geopos", since: "3.2.0", group: .geo,
            complexity: "O(1) for each member requested.",
            arity: -2, flags: [.readOnly],
            categories: [.geo], keys: [.one([.readOnly, .access])],
            syntax: "key [member [member ...]]",
            summary: "Returns the longitude and latitude of members from a geospatial index.",
            handler: positions),
    ]

    // MARK: Arguments

    /// Longitude and latitude at two arguments.
    static func position(_ longitude: ByteSlice, _ latitude: ByteSlice) throws(ReplyError)
        -> GeoPosition
    {
        let position = GeoPosition(
            longitude: try SortedSets.score(longitude), latitude: try SortedSets.score(latitude))
        if position.isValid { return position }
        var text = ByteBuffer()
        text.append("ERR invalid longitude,latitude pair ")
        Numbers.append(fixed: position.longitude, to: &text)
        text.append(",")
        Numbers.append(fixed: position.latitude, to: &text)
        throw ReplyError(composed: text.readable.string)
    }

    /// Metres in a unit.
    static func unit(_ text: ByteSlice) throws(ReplyError) -> Double {
        if text.equalsIgnoringCase("m") { return 1 }
        if text.equalsIgnoringCase("km") { return 1000 }
        if text.equalsIgnoringCase("ft") { return 0.3048 }
        if text.equalsIgnoringCase("mi") { return 1609.34 }
        throw ReplyError("ERR unsupported unit provided. please use M, KM, FT, MI")
    }

    /// Writes a distance with four decimals, in either version of the protocol.
    static func write(distance: Double, _ client: ClientState) {
        // Rounded as Redis does: half to even of the ten-thousandths.
        let scaled = (distance * 10_000).rounded(.toNearestOrEven)
        guard scaled.magnitude < 9e18 else { return client.writer.bulk(double: distance) }
        let value = Int64(scaled)
        var text = ByteBuffer(capacity: 32)
        if value < 0 { text.append(UInt8(ascii: "-")) }
        text.append(decimal: Int64(value.magnitude / 10_000))
        text.append(UInt8(ascii: "."))
        var rest = Int64(value.magnitude % 10_000)
        var divisor: Int64 = 1_000
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(rest / divisor))
            rest %= divisor
            divisor /= 10
        }
        client.writer.bulk(text.readable)
    }

    // MARK: GEOADD

    private static func add(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = SortedSets.Options(arguments, from: 2, isIncrement: false, isGeo: true)
        let rest = arguments.count - options.end
        if rest % 3 != 0 || (!options.change.mayAdd && !options.change.mayUpdate) { throw .syntax }
        engine.scores.removeAll()
        for index in stride(from: options.end, to: arguments.count, by: 3) {
            let position = try position(arguments[index], arguments[index + 1])
            engine.scores.append(Double(GeoHash(position, step: GeoHash.stepMax).score))
        }
        if rest == 0 { throw .syntax }
        let isChanged = try SortedSets.apply(
            options, engine, client, arguments, firstMember: options.end + 2, step: 3)
        guard isChanged, engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(options.end + rest / 3 * 2, into: &engine.effects)
        RequestWriter.argument("zadd", into: &engine.effects)
        for index in 1..<options.end {
            RequestWriter.argument(arguments[index], into: &engine.effects)
        }
        for number in 0..<engine.scores.count {
            RequestWriter.argument(Int64(engine.scores[number]), into: &engine.effects)
            RequestWriter.argument(arguments[options.end + number * 3 + 2], into: &engine.effects)
        }
    }

    // MARK: Single members

    private static func distance(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        if arguments.count > 5 { throw .syntax }
        let unit = arguments.count == 5 ? try unit(arguments[4]) : 1
        guard let view = try SortedSets.view(engine, client, arguments[1], engine.keyHash),
            let first = view.score(of: arguments[2]), let second = view.score(of: arguments[3])
        else { return client.writer.null() }
        let meters = GeoHash(score: first).position.meters(to: GeoHash(score: second).position)
        write(distance: meters / unit, client)
    }

    private static func hash(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let view = try SortedSets.view(engine, client, arguments[1], engine.keyHash)
        client.writer.arrayHeader(arguments.count - 2)
        var text = ByteBuffer(capacity: 16)
        for index in 2..<arguments.count {
            guard let score = view?.score(of: arguments[index]) else {
                client.writer.null()
                continue
            }
            text.removeAll()
            GeoHash.appendText(GeoHash(score: score).position, to: &text)
            client.writer.bulk(text.readable)
        }
    }

    private static func positions(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let view = try SortedSets.view(engine, client, arguments[1], engine.keyHash)
        client.writer.arrayHeader(arguments.count - 2)
        for index in 2..<arguments.count {
            if let score = view?.score(of: arguments[index]) {
                write(GeoHash(score: score).position, client)
            } else {
                client.writer.nullArray()
            }
        }
    }

    /// Writes longitude and latitude.
    static func write(_ position: GeoPosition, _ client: ClientState) {
        client.writer.arrayHeader(2)
        client.writer.plainDouble(position.longitude)
        client.writer.plainDouble(position.latitude)
    }
}
