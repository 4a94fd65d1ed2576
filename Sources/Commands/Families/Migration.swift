// MIGRATE: moves keys to another server. The engine writes the request and reads the answers; the
// node carries them, and the whole server waits, as in Redis.
//
//   engine   [AUTH …] SELECT n, RESTORE k ttl payload [REPLACE] …  ──► node ──► target
//   target   +OK or an error for each                              ──► node ──► engine
//
// A key goes only when the target has acknowledged it; the effect is DEL of those keys.
internal import Bytes
internal import Persistence
internal import RESP
internal import Store

/// What a conversation with another server may end with too early.
public enum MigrationFailure: Sendable, Equatable {
    /// No connection came about.
    case connecting
    /// The request was not taken in time.
    case writing
    /// An answer did not come in time.
    case reading
}

/// The command MIGRATE.
enum Migration {
    static let table: [CommandSpec] = [
        CommandSpec(
            name: "migrate", since: "2.6.0", group: .generic,
            complexity: """
                This command actually executes a DUMP+DEL in the source instance, and a RESTORE \
                in the target instance. See the pages of these commands for time complexity. \
                Also an O(N) data transfer between the two instances is performed.
                """,
            arity: -6, flags: [.write, .movableKeys], categories: [.keyspace, .dangerous],
            keys: [
                .range(first: 3, last: 3, step: 1, [.readWrite, .access, .delete]),
                .keyword(
                    "KEYS", from: -2, last: -1, step: 1, limit: 0,
                    [.readWrite, .access, .delete, .incomplete]),
            ], findKeys: findKeys,
            syntax: """
                host port <key | ""> destination-db timeout [COPY] [REPLACE] \
                [AUTH password | AUTH2 username password] [KEYS key [key ...]]
                """,
            summary: "Atomically transfers a key from one instance to another.",
            tips: ["nondeterministic_output"], handler: migrate)
    ]

    /// The key at position 3, or those behind KEYS when it is empty.
    private static func findKeys(
        _ arguments: Arguments, _ body: (Int, KeySpec.Access) -> Void
    ) -> Bool {
        let access: KeySpec.Access = [.readWrite, .access, .delete]
        guard let options = try? Options(arguments) else {
            body(3, access)
            return true
        }
        for place in options.keys { body(place, access) }
        return true
    }

    /// What follows the timeout.
    private struct Options {
        var copies = false
        var replaces = false
        var user: Int?
        var password: Int?
        var keys = 3..<4

        init(_ arguments: Arguments) throws(ReplyError) {
            var index = 6
            while index < arguments.count {
                let option = arguments[index]
                let rest = arguments.count - index - 1
                if option.equalsIgnoringCase("copy") {
                    copies = true
                } else if option.equalsIgnoringCase("replace") {
                    replaces = true
                } else if option.equalsIgnoringCase("auth"), rest >= 1 {
                    index += 1
                    password = index
                } else if option.equalsIgnoringCase("auth2"), rest >= 2 {
                    user = index + 1
                    index += 2
                    password = index
                } else if option.equalsIgnoringCase("keys") {
                    guard arguments[3].isEmpty else {
                        throw ReplyError(
                            """
                            ERR When using MIGRATE KEYS option, the key argument must be set to \
                            the empty string
                            """)
                    }
                    keys = (index + 1)..<arguments.count
                    return
                } else {
                    throw .syntax
                }
                index += 1
            }
        }
    }

    /// The keys of a request in the order of its answers.
    private struct Request: ~Copyable {
        var bytes = ByteBuffer()
        /// Answers in front of those to RESTORE.
        var introductionCount = 0
        /// Positions of the keys that are sent.
        var places: [Int] = []
    }

    private static func migrate(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let options = try Options(arguments)
        var timeout = try engine.integer(arguments[5])
        let database = try engine.integer(arguments[4])
        if timeout <= 0 { timeout = 1_000 }
        var request = Request()
        append(engine, client, arguments, options, database: database, to: &request)
        guard !request.places.isEmpty else { return client.writer.simpleString("NOKEY") }
        guard let port = Numbers.integer(arguments[2]).flatMap({ UInt16(exactly: $0) }) else {
            throw ReplyError("IOERR error or timeout connecting to the client")
        }
        var answers: [String] = []
        let failure = engine.host.exchange(
            with: arguments[1].string, port: Int(port), request: request.bytes.readable,
            answerCount: request.introductionCount + request.places.count,
            timeoutMilliseconds: timeout
        ) { answers.append($0) }
        try conclude(engine, client, arguments, options, request, answers, failure)
    }

    private static func append(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ options: Options, database: Int64, to request: inout Request
    ) {
        if let password = options.password {
            RequestWriter.begin(options.user == nil ? 2 : 3, into: &request.bytes)
            RequestWriter.argument("AUTH", into: &request.bytes)
            if let user = options.user {
                RequestWriter.argument(arguments[user], into: &request.bytes)
            }
            RequestWriter.argument(arguments[password], into: &request.bytes)
            request.introductionCount += 1
        }
        RequestWriter.begin(2, into: &request.bytes)
        RequestWriter.argument("SELECT", into: &request.bytes)
        RequestWriter.argument(database, into: &request.bytes)
        request.introductionCount += 1
        for place in options.keys {
            let key = arguments[place]
            guard let entry = engine.read(key, engine.keyspace.hash(key), client) else { continue }
            let left = entry.hasExpiry ? max(1, entry.expiresAt - engine.now) : 0
            RequestWriter.begin(options.replaces ? 5 : 4, into: &request.bytes)
            RequestWriter.argument("RESTORE", into: &request.bytes)
            RequestWriter.argument(key, into: &request.bytes)
            RequestWriter.argument(left, into: &request.bytes)
            engine.dumpCodec.withPayload(of: entry) {
                RequestWriter.argument($0, into: &request.bytes)
            }
            if options.replaces { RequestWriter.argument("REPLACE", into: &request.bytes) }
            request.places.append(place)
        }
    }

    /// Removes what the target has and tells the client.
    private static func conclude(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ options: Options, _ request: borrowing Request, _ answers: [String],
        _ failure: MigrationFailure?
    ) throws(ReplyError) {
        // Whatever is no "+OK" is a refusal: something else than a server may have answered.
        func isAccepted(_ answer: String) -> Bool { answer.hasPrefix("+") }
        let introduction = answers.prefix(request.introductionCount)
        var problem = introduction.first { !isAccepted($0) }
        // In another database than the wanted one nothing has arrived.
        let isThere = problem == nil
        var moved: [Int] = []
        for (place, answer) in zip(request.places, answers.dropFirst(request.introductionCount)) {
            if !isAccepted(answer) {
                problem = problem ?? answer
            } else if isThere {
                moved.append(place)
            }
        }
        if !options.copies { remove(moved, engine, client, arguments) }
        if let problem {
            throw ReplyError(
                composed: "ERR Target instance replied with error: "
                    + (problem.hasPrefix("-") ? String(problem.dropFirst()) : problem))
        }
        switch failure {
        case nil: client.writer.ok()
        case .connecting: throw ReplyError("IOERR error or timeout connecting to the client")
        case .writing: throw ReplyError("IOERR error or timeout writing to target instance")
        case .reading: throw ReplyError("IOERR error or timeout reading to target instance")
        }
    }

    private static func remove(
        _ places: [Int], _ engine: CommandEngine, _ client: ClientState,
        _ arguments: Arguments
    ) {
        if places.isEmpty { return }
        for place in places {
            let key = arguments[place]
            guard engine.database(client).remove(key, engine.keyspace.hash(key)) else { continue }
            engine.changed(key, client)
            engine.notify(.generic, "del", key, client)
        }
        guard engine.beginEffect(database: client.databaseIndex) else { return }
        RequestWriter.begin(places.count + 1, into: &engine.effects)
        RequestWriter.argument("DEL", into: &engine.effects)
        for place in places { RequestWriter.argument(arguments[place], into: &engine.effects) }
    }
}
