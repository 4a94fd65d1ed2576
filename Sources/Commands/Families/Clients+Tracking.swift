// CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR: how a connection hears of changed keys.
internal import Bytes
internal import RESP

extension Clients {
    static let tracking: [CommandSpec] = [
        row(
            "caching", "6.0.0", arity: 3, syntax: "<YES | NO>",
            """
            Instructs the server whether to track the keys in the next request.
            """, caching),
        row(
            "getredir", "6.0.0", arity: 2,
            """
            Returns the client ID to which the connection's tracking notifications are \
            redirected.
            """
        ) { _, client, _ in client.writer.integer(client.tracking?.redirectID ?? -1) },
        row(
            "tracking", "6.0.0", arity: -3,
            syntax: """
                <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] \
                [OPTIN] [OPTOUT] [NOLOOP]
                """,
            "Controls server-assisted client-side caching for the connection.",
            complexity: """
                O(1). Some options may introduce additional complexity.
                """, track),
        row(
            "trackinginfo", "6.2.0", arity: 2,
            """
            Returns information about server-assisted client-side caching for the connection.
            """, writeTracking),
    ]

    // MARK: TRACKING

    private static func track(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let mode = try trackingMode(engine, arguments)
        if arguments[2].equalsIgnoringCase("on") {
            try checkMode(mode, client)
            engine.track(client, mode)
        } else if arguments[2].equalsIgnoringCase("off") {
            engine.stopTracking(client)
        } else {
            throw .syntax
        }
        client.writer.ok()
    }

    /// The options; two words for opposite choices are told by `checkMode`.
    private static func trackingMode(
        _ engine: CommandEngine, _ arguments: Arguments
    ) throws(ReplyError) -> ClientTracking {
        let mode = ClientTracking()
        var isOptIn = false
        var isOptOut = false
        var index = 3
        while index < arguments.count {
            let option = arguments[index]
            let hasValue = index + 1 < arguments.count
            if option.equalsIgnoringCase("redirect"), hasValue {
                index += 1
                try redirect(mode, to: arguments[index], engine)
            } else if option.equalsIgnoringCase("bcast") {
                mode.isBroadcast = true
            } else if option.equalsIgnoringCase("optin") {
                isOptIn = true
            } else if option.equalsIgnoringCase("optout") {
                isOptOut = true
            } else if option.equalsIgnoringCase("noloop") {
                mode.ignoresOwnChanges = true
            } else if option.equalsIgnoringCase("prefix"), hasValue {
                index += 1
                mode.prefixes.append(arguments[index].array)
            } else {
                throw .syntax
            }
            index += 1
        }
        guard arguments[2].equalsIgnoringCase("on") else { return mode }
        if mode.isBroadcast && (isOptIn || isOptOut) {
            throw ReplyError("ERR OPTIN and OPTOUT are not compatible with BCAST")
        }
        if isOptIn && isOptOut {
            throw ReplyError("ERR You can't specify both OPTIN mode and OPTOUT mode")
        }
        if isOptIn { mode.choice = .onRequest }
        if isOptOut { mode.choice = .unlessRefused }
        return mode
    }

    private static func redirect(
        _ mode: ClientTracking, to argument: ByteSlice, _ engine: CommandEngine
    ) throws(ReplyError) {
        if mode.redirectID != 0 {
            throw ReplyError("ERR A client can only redirect to a single other client")
        }
        mode.redirectID = try engine.integer(argument)
        if engine.host.client(id: mode.redirectID) == nil {
            throw ReplyError("ERR The client ID you want redirect to does not exist")
        }
    }

    private static func checkMode(
        _ mode: ClientTracking, _ client: ClientState
    ) throws(ReplyError) {
        if !mode.isBroadcast && !mode.prefixes.isEmpty {
            throw ReplyError("ERR PREFIX option requires BCAST mode to be enabled")
        }
        if let old = client.tracking {
            if old.isBroadcast != mode.isBroadcast {
                throw ReplyError(
                    """
                    ERR You can't switch BCAST mode on/off before disabling tracking for this \
                    client, and then re-enabling it with a different mode.
                    """)
            }
            let choices = [old.choice, mode.choice]
            if choices.contains(.onRequest) && choices.contains(.unlessRefused) {
                throw ReplyError(
                    """
                    ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this \
                    client, and then re-enabling it with a different mode.
                    """)
            }
        }
        try checkPrefixes(mode.prefixes, old: client.tracking?.prefixes ?? [])
    }

    /// Two prefixes of a client must not cover the same key: it would be told twice.
    private static func checkPrefixes(
        _ prefixes: [[UInt8]], old: [[UInt8]]
    ) throws(ReplyError) {
        for (index, prefix) in prefixes.enumerated() {
            if let other = old.first(where: { overlap($0, prefix) }) {
                throw ReplyError(
                    composed: "ERR Prefix '\(text(prefix))' overlaps with an existing prefix "
                        + "'\(text(other))'. Prefixes for a single client must not overlap.")
            }
            if let other = prefixes[(index + 1)...].first(where: { overlap($0, prefix) }) {
                throw ReplyError(
                    composed: "ERR Prefix '\(text(prefix))' overlaps with another provided "
                        + "prefix '\(text(other))'. Prefixes for a single client must not overlap.")
            }
        }
    }

    private static func overlap(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.starts(with: right) || right.starts(with: left)
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    // MARK: CACHING

    private static func caching(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        guard let mode = client.tracking else {
            throw ReplyError(
                """
                ERR CLIENT CACHING can be called only when the client is in tracking mode with \
                OPTIN or OPTOUT mode enabled
                """)
        }
        if arguments[2].equalsIgnoringCase("yes") {
            guard mode.choice == .onRequest else {
                throw ReplyError(
                    """
                    ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.
                    """)
            }
        } else if arguments[2].equalsIgnoringCase("no") {
            guard mode.choice == .unlessRefused else {
                throw ReplyError(
                    """
                    ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.
                    """)
            }
        } else {
            throw .syntax
        }
        mode.hasCachingWord = true
        client.writer.ok()
    }

    // MARK: TRACKINGINFO

    private static func writeTracking(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        var flags: [StaticString] = [client.tracking == nil ? "off" : "on"]
        if let mode = client.tracking {
            if mode.isBroadcast { flags.append("bcast") }
            if mode.choice == .onRequest { flags.append("optin") }
            if mode.choice == .onRequest && mode.hasCachingWord { flags.append("caching-yes") }
            if mode.choice == .unlessRefused { flags.append("optout") }
            if mode.choice == .unlessRefused && mode.hasCachingWord {
                flags.append("caching-no")
            }
            if mode.ignoresOwnChanges { flags.append("noloop") }
            if mode.isRedirectBroken { flags.append("broken_redirect") }
        }
        client.writer.mapHeader(3)
        client.writer.bulk("flags")
        client.writer.setHeader(flags.count)
        for flag in flags { client.writer.bulk(flag) }
        client.writer.bulk("redirect")
        client.writer.integer(client.tracking?.redirectID ?? -1)
        client.writer.bulk("prefixes")
        let prefixes = client.tracking?.prefixes ?? []
        client.writer.arrayHeader(prefixes.count)
        for prefix in prefixes { prefix.withByteSlice { client.writer.bulk($0) } }
    }
}
