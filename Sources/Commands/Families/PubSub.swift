// Publish and subscribe.
//
// Subscriptions answer with one push per channel; `count` in it is what the client is subscribed to
// afterwards (channels and patterns together, shard channels for themselves).
internal import Bytes
internal import RESP

/// The commands on channels.
enum PubSub {
    static let table: [CommandSpec] = subscribing + publishing + asking

    private static let listenFlags: CommandFlags = [
        .pubSub, .noScript, .loading, .stale, .allowedWhileSubscribed,
    ]

    private static let subscribing: [CommandSpec] = [
        subscribingRow(
            "subscribe", "2.0.0", -2, "channel [channel ...]",
            "Listens for messages published to channels.",
            "O(N) where N is the number of channels to subscribe to."
        ) { subscribe($0, $1, $2, .channel, "subscribe") },
        subscribingRow(
            "unsubscribe", "2.0.0", -1, "[channel [channel ...]]",
            "Stops listening to messages posted to channels.",
            "O(N) where N is the number of channels to unsubscribe."
        ) { unsubscribe($0, $1, $2, .channel, "unsubscribe") },
        subscribingRow(
            "psubscribe", "2.0.0", -2, "pattern [pattern ...]",
            "Listens for messages published to channels that match one or more patterns.",
            "O(N) where N is the number of patterns to subscribe to."
        ) { subscribe($0, $1, $2, .pattern, "psubscribe") },
        subscribingRow(
            "punsubscribe", "2.0.0", -1, "[pattern [pattern ...]]",
            """
            Stops listening to messages published to channels that match one or more patterns.
            """,
            "O(N) where N is the number of patterns to unsubscribe."
        ) { unsubscribe($0, $1, $2, .pattern, "punsubscribe") },
        subscribingRow(
            "ssubscribe", "7.0.0", -2, "shardchannel [shardchannel ...]",
            "Listens for messages published to shard channels.",
            "O(N) where N is the number of shard channels to subscribe to.",
            keys: [.range(first: 1, last: -1, step: 1, [.notKey])]
        ) { (engine, client, arguments) throws(ReplyError) in
            if client.deniesBlocking {
                throw ReplyError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
            }
            subscribe(engine, client, arguments, .shardChannel, "ssubscribe")
        },
        subscribingRow(
            "sunsubscribe", "7.0.0", -1, "[shardchannel [shardchannel ...]]",
            "Stops listening to messages posted to shard channels.",
            "O(N) where N is the number of shard channels to unsubscribe.",
            keys: [.range(first: 1, last: -1, step: 1, [.notKey])]
        ) { unsubscribe($0, $1, $2, .shardChannel, "sunsubscribe") },
    ]

    private static func subscribingRow(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString, _ complexity: StaticString, keys: [KeySpec] = [],
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .pubSub, complexity: complexity, arity: arity,
            flags: listenFlags, keys: keys, syntax: syntax, summary: summary, handler: handler)
    }

    private static let publishing: [CommandSpec] = [
        CommandSpec(
            name: "publish", since: "2.0.0", group: .pubSub,
            complexity: """
                O(N+M) where N is the number of clients subscribed to the receiving channel and \
                M is the total number of subscribed patterns (by any client).
                """,
            arity: 3, flags: [.pubSub, .loading, .stale, .fast, .publishes],
            syntax: "channel message", summary: "Posts a message to a channel.",
            handler: { engine, client, arguments in
                let receivers = engine.publish(arguments[1], arguments[2])
                engine.propagate(arguments, client)
                client.writer.integer(receivers)
            }),
        CommandSpec(
            name: "spublish", since: "7.0.0", group: .pubSub,
            complexity: """
                O(N) where N is the number of clients subscribed to the receiving shard channel.
                """,
            arity: 3, flags: [.pubSub, .loading, .stale, .fast, .publishes],
            keys: [.one([.notKey])], syntax: "shardchannel message",
            summary: "Post a message to a shard channel",
            handler: { engine, client, arguments in
                let receivers = engine.publishToShard(arguments[1], arguments[2])
                engine.propagate(arguments, client)
                client.writer.integer(receivers)
            }),
    ]

    private static let asking: [CommandSpec] = [
        .container(
            name: "pubsub", since: "2.8.0", group: .pubSub,
            summary: "A container for Pub/Sub commands.",
            subcommands: [
                askingRow(
                    "channels", "2.8.0", -2, "[pattern]", "Returns the active channels.",
                    """
                    O(N) where N is the number of active channels, and assuming constant time \
                    pattern matching (relatively short channels and patterns)
                    """
                ) { (engine, client, arguments) throws(ReplyError) in
                    try channels(engine, client, arguments, .channel)
                },
                askingRow(
                    "shardchannels", "7.0.0", -2, "[pattern]",
                    "Returns the active shard channels.",
                    """
                    O(N) where N is the number of active shard channels, and assuming constant \
                    time pattern matching (relatively short shard channels).
                    """
                ) { (engine, client, arguments) throws(ReplyError) in
                    try channels(engine, client, arguments, .shardChannel)
                },
                askingRow(
                    "numsub", "2.8.0", -2, "[channel [channel ...]]",
                    "Returns a count of subscribers to channels.",
                    "O(N) for the NUMSUB subcommand, where N is the number of requested channels"
                ) { counts($0, $1, $2, .channel) },
                askingRow(
                    "shardnumsub", "7.0.0", -2, "[shardchannel [shardchannel ...]]",
                    "Returns the count of subscribers of shard channels.",
                    """
                    O(N) for the SHARDNUMSUB subcommand, where N is the number of requested \
                    shard channels
                    """
                ) { counts($0, $1, $2, .shardChannel) },
                askingRow(
                    "numpat", "2.8.0", 2, "",
                    "Returns a count of unique pattern subscriptions.", "O(1)"
                ) { engine, client, _ in
                    client.writer.integer(engine.subscribers[.pattern].count)
                },
                CommandSpec(
                    name: "help", since: "6.2.0", group: .pubSub, arity: 2,
                    flags: [.loading, .stale],
                    summary: "Returns helpful text about the different subcommands.",
                    handler: help),
            ])
    ]

    private static func askingRow(
        _ name: StaticString, _ since: StaticString, _ arity: Int, _ syntax: StaticString,
        _ summary: StaticString, _ complexity: StaticString, _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .pubSub, complexity: complexity, arity: arity,
            flags: [.pubSub, .loading, .stale], syntax: syntax, summary: summary,
            handler: handler)
    }

    // MARK: Subscribing

    private static func subscribe(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ kind: SubscriptionKind, _ word: StaticString
    ) {
        for index in 1..<arguments.count {
            _ = engine.subscribers.add(arguments[index].array, kind: kind, client: client)
            client.push(3) {
                client.writer.bulk(word)
                client.writer.bulk(arguments[index])
                client.writer.integer(client.subscriptions.count(for: kind))
            }
        }
    }

    private static func unsubscribe(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ kind: SubscriptionKind, _ word: StaticString
    ) {
        if arguments.count > 1 {
            for index in 1..<arguments.count {
                unsubscribe(engine, client, arguments[index].array, kind, word)
            }
            return
        }
        unsubscribeFromAll(engine, client, kind, word)
    }

    /// Ends all subscriptions of one kind and says so, also when there are none.
    private static func unsubscribeFromAll(
        _ engine: CommandEngine, _ client: ClientState, _ kind: SubscriptionKind,
        _ word: StaticString
    ) {
        let names = client.subscriptions[kind]
        for name in names { unsubscribe(engine, client, name, kind, word) }
        guard names.isEmpty else { return }
        client.push(3) {
            client.writer.bulk(word)
            client.writer.null()
            client.writer.integer(client.subscriptions.count(for: kind))
        }
    }

    private static func unsubscribe(
        _ engine: CommandEngine, _ client: ClientState, _ name: ChannelName,
        _ kind: SubscriptionKind, _ word: StaticString
    ) {
        _ = engine.subscribers.remove(name, kind: kind, client: client)
        client.push(3) {
            client.writer.bulk(word)
            name.withByteSlice { client.writer.bulk($0) }
            client.writer.integer(client.subscriptions.count(for: kind))
        }
    }

    // MARK: Asking

    private static func channels(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ kind: SubscriptionKind
    ) throws(ReplyError) {
        if arguments.count > 3 { throw subcommandSyntax("PUBSUB", arguments) }
        let names = engine.subscribers[kind].keys.filter { name in
            guard arguments.count == 3 else { return true }
            return name.withByteSlice { Glob.matches(pattern: arguments[2], text: $0) }
        }
        client.writer.arrayHeader(names.count)
        for name in names { name.withByteSlice { client.writer.bulk($0) } }
    }

    private static func counts(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ kind: SubscriptionKind
    ) {
        client.writer.arrayHeader((arguments.count - 2) * 2)
        for index in 2..<max(2, arguments.count) {
            client.writer.bulk(arguments[index])
            let count = engine.subscribers[kind][arguments[index].array]?.count ?? 0
            client.writer.integer(count)
        }
    }

    private static func help(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writeHelp(
            "PUBSUB",
            [
                "CHANNELS [<pattern>]",
                "    Return the currently active channels matching a <pattern> (default: '*').",
                "NUMPAT",
                "    Return number of subscriptions to patterns.",
                "NUMSUB [<channel> ...]",
                "    Return the number of subscribers for the specified channels, excluding",
                "    pattern subscriptions(default: no channels).",
                "SHARDCHANNELS [<pattern>]",
                """
                \u{20}   Return the currently active shard level channels matching a <pattern> \
                (default: '*').
                """,
                "SHARDNUMSUB [<shardchannel> ...]",
                """
                \u{20}   Return the number of subscribers for the specified shard level channel(s)
                """,
            ])
    }
}

/// The error for a known subcommand with arguments that do not fit.
func subcommandSyntax(_ container: String, _ arguments: Arguments) -> ReplyError {
    ReplyError(
        composed: "ERR unknown subcommand or wrong number of arguments for "
            + "'\(arguments[1].string)'. Try \(container) HELP.")
}
