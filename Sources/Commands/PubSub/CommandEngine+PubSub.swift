// Delivery of messages: PUBLISH, keyspace events, MONITOR.
internal import Bytes
internal import RESP

extension CommandEngine {
    /// Delivers a message; returns how many clients got it.
    func publish(_ channel: ByteSlice, _ message: ByteSlice) -> Int {
        var receivers = 0
        for client in subscribers[.channel][channel.array] ?? [] {
            deliver(to: client, 3) {
                client.writer.bulk("message")
                client.writer.bulk(channel)
                client.writer.bulk(message)
            }
            noteOutput(client)
            receivers += 1
        }
        if subscribers[.pattern].isEmpty { return receivers }
        for (pattern, clients) in subscribers[.pattern] {
            pattern.withByteSlice { pattern in
                guard Glob.matches(pattern: pattern, text: channel) else { return }
                for client in clients {
                    deliver(to: client, 4) {
                        client.writer.bulk("pmessage")
                        client.writer.bulk(pattern)
                        client.writer.bulk(channel)
                        client.writer.bulk(message)
                    }
                    noteOutput(client)
                    receivers += 1
                }
            }
        }
        return receivers
    }

    /// Delivers a message to a shard channel; returns how many clients got it.
    func publishToShard(_ channel: ByteSlice, _ message: ByteSlice) -> Int {
        let clients = subscribers[.shardChannel][channel.array] ?? []
        for client in clients {
            deliver(to: client, 3) {
                client.writer.bulk("smessage")
                client.writer.bulk(channel)
                client.writer.bulk(message)
            }
            noteOutput(client)
        }
        return clients.count
    }

    /// Writes a push to a subscriber. One that the running client causes itself waits until its
    /// whole reply is written: inside of EXEC's array it could not be told from an element.
    private func deliver(to client: ClientState, _ count: Int, _ write: () -> Void) {
        guard client === runningClient else { return client.push(count, write) }
        let start = client.writer.buffer.count
        client.writer.pushHeader(count)
        write()
        client.ownPushes.append(client.writer.buffer.readable.dropFirst(start))
        client.writer.buffer.truncate(to: start)
    }

    /// A message of the node itself to all subscribers (`__sentinel__:hello`); not an effect.
    @discardableResult
    public func publish(channel: String, message: String) -> Int {
        Array(channel.utf8).withByteSlice { channel in
            Array(message.utf8).withByteSlice { publish(channel, $0) }
        }
    }

    /// Tells listeners that `event` happened to `key` of the client's database.
    @inline(__always)
    func notify(
        _ kind: KeyspaceEvents, _ event: StaticString, _ key: ByteSlice, _ client: ClientState
    ) {
        if eventMask.isDisjoint(with: kind) { return }
        notify(kind, event, key, database: client.databaseIndex)
    }

    /// Tells listeners that `event` happened to `key` of `database`.
    func notify(
        _ kind: KeyspaceEvents, _ event: StaticString, _ key: ByteSlice, database: Int
    ) {
        if eventMask.isDisjoint(with: kind) || subscribers.isEmpty { return }
        var channel = ByteBuffer()
        if eventMask.contains(.keyspace) {
            channel.append("__keyspace@")
            channel.append(decimal: Int64(database))
            channel.append("__:")
            channel.append(key)
            _ = publish(channel.readable, ByteSlice(event))
        }
        channel.removeAll()
        if eventMask.contains(.keyEvent) {
            channel.append("__keyevent@")
            channel.append(decimal: Int64(database))
            channel.append("__:")
            channel.append(event)
            _ = publish(channel.readable, key)
        }
    }

    /// Ends all subscriptions of a client without telling it.
    func dropSubscriptions(of client: ClientState) {
        for kind in [SubscriptionKind.channel, .pattern, .shardChannel] {
            for name in client.subscriptions[kind] {
                _ = subscribers.remove(name, kind: kind, client: client)
            }
        }
    }

    /// Whether an argument is a password or what belongs to one, to be kept out of logs.
    func isSecret(_ index: Int, of arguments: Arguments, _ number: Int) -> Bool {
        let name = ByteSlice(table.specs[number].name)
        if name == "auth" { return index > 0 }
        if name == "setuser" || name == "getuser" || name == "deluser" { return index > 1 }
        if name == "set", index > 2, arguments[0].equalsIgnoringCase("config") {
            return index % 2 == 1
                && CommandEngine.secretDirectives.contains {
                    arguments[index - 1].equalsIgnoringCase($0)
                }
        }
        if name == "migrate", index > 6 {
            return arguments[index - 1].equalsIgnoringCase("auth")
                || arguments[index - 1].equalsIgnoringCase("auth2")
                || arguments[index - 2].equalsIgnoringCase("auth2")
        }
        guard name == "hello", index > 1 else { return false }
        for place in max(1, index - 2)..<index where arguments[place].equalsIgnoringCase("auth") {
            return true
        }
        return false
    }

    private func source(of client: ClientState) -> String {
        guard client.addressText.hasSuffix(":0"), client.addressText.contains("/") else {
            return client.addressText
        }
        return "unix:" + client.addressText.dropLast(2)
    }

    /// Directives whose values are kept out of logs.
    private static let secretDirectives: [StaticString] = [
        "requirepass", "masterauth", "primaryauth", "masteruser", "primaryuser",
        "tls-key-file-pass", "tls-client-key-file-pass", "cluster-secret",
    ]

    /// Shows a command to the clients that sent MONITOR. A script `isShown` before what it runs.
    func feedMonitors(
        _ number: Int, _ arguments: Arguments, _ client: ClientState, isShown: Bool = false
    ) {
        let flags = table.facts[number].flags
        if !isShown && (flags.contains(.skipMonitor) || flags.contains(.admin)) { return }
        var line = ByteBuffer()
        let microseconds = owner.wallMicroseconds()
        let fraction = String(microseconds % 1_000_000)
        line.append(text: "+\(microseconds / 1_000_000).")
        line.append(text: String(repeating: "0", count: 6 - fraction.utf8.count) + fraction)
        line.append(text: " [\(client.databaseIndex) \(source(of: client))]")
        for index in 0..<arguments.count {
            line.append(" ")
            let isSecret = isSecret(index, of: arguments, number)
            QuotedText.append(isSecret ? ByteSlice("(redacted)") : arguments[index], to: &line)
        }
        line.append("\r\n")
        for monitor in monitors {
            monitor.writer.buffer.append(line.readable)
            noteOutput(monitor)
        }
    }
}
