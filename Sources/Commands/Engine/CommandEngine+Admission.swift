// Whether a command may run now. The order of the questions is that of Redis, because the first
// reason is the one that the client is told.
//
//   unknown → arguments → authentication → not in MULTI → rights → memory → right to write
//   → subscribed → stale data → loading → paused → queued by MULTI
internal import Bytes
internal import RESP

/// What becomes of a command.
enum Admission {
    /// It runs.
    case run
    /// It waits for EXEC.
    case queue
    /// It is answered with an error.
    case refuse(ReplyError)
    /// It waits until the pause is over.
    case wait
}

extension CommandEngine {
    /// The number of the command or subcommand that `arguments` name; -1 if there is none.
    func resolve(_ found: Int, _ arguments: Arguments) -> Int {
        guard found >= 0, table.facts[found].childCount > 0, arguments.count > 1 else {
            return found
        }
        return table.number(of: arguments[1], in: found)
    }

    /// Asks all questions; `found` is the container if `number` is a subcommand.
    func admit(
        _ number: Int, _ found: Int, _ arguments: Arguments, _ client: ClientState
    ) -> Admission {
        guard number >= 0 else {
            if found < 0 && isOfBrowser(arguments[0]) { return .refuse(refuseBrowser(client)) }
            return .refuse(unknown(found, arguments))
        }
        let facts = table.facts[number]
        guard facts.accepts(arguments.count) else {
            return .refuse(.wrongArity(table.fullName(number)))
        }
        var flags = facts.flags
        if flags.contains(.runsScript) { flags = self.flags(ofScriptCommand: number, arguments) }
        if client.isMaster {
            // What the master sends is always taken, but a replica may be asked to make room.
            if exceedsMemoryLimit { relieveMemory() }
            return queues(flags, client) ? .queue : .run
        }
        if !flags.contains(.noAuth) && needsAuthentication(client) {
            return .refuse(.noAuthentication)
        }
        if client.transaction != nil && flags.contains(.noMulti) {
            return .refuse(ReplyError("ERR Command not allowed inside a transaction"))
        }
        if let error = accessError(number, arguments, client, in: .topLevel) {
            return .refuse(error)
        }
        let isExec = ByteSlice(table.specs[number].name) == "exec"
        if isExec, let transaction = client.transaction { flags.formUnion(transaction.flags) }
        if let error = refusal(flags, number, client) { return .refuse(error) }
        if mustWait(flags, client) { return .wait }
        return queues(facts.flags, client) ? .queue : .run
    }

    private func queues(_ flags: CommandFlags, _ client: ClientState) -> Bool {
        client.transaction != nil && !flags.contains(.runsInsideMulti)
    }

    private func refusal(
        _ flags: CommandFlags, _ number: Int, _ client: ClientState
    ) -> ReplyError? {
        // Whatever the command: a script may do anything later.
        if exceedsMemoryLimit || (isOutOfMemory && eviction.limit > 0) { relieveMemory() }
        if isOutOfMemory && flags.contains(.denyOutOfMemory) { return .outOfMemory }
        if flags.contains(.write), let error = writeGate.error { return error }
        if client.subscriptions.total > 0 && !client.writer.isRESP3
            && !flags.contains(.allowedWhileSubscribed)
        {
            return ReplyError(
                composed: "ERR Can't execute '\(table.fullName(number))': only (P|S)SUBSCRIBE / "
                    + "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
        }
        if refusesStaleReads && !flags.contains(.stale) { return .masterDown }
        if isLoading && !flags.contains(.loading) { return .loading }
        if script.isBusy && !flags.contains(.allowBusy) { return busyError }
        return nil
    }

    func mustWait(_ flags: CommandFlags, _ client: ClientState) -> Bool {
        switch pause {
        case .none: false
        case .writes:
            !client.isReplica && !flags.isDisjoint(with: [.write, .mayReplicate, .publishes])
        case .all: !client.isReplica
        }
    }

    // MARK: Browsers

    /// How often the log tells of requests of browsers.
    private static let browserWarningMilliseconds: Int64 = 60_000

    /// Whether this is the first word of a line of HTTP that a web page can make a browser send
    /// here, with commands in its body.
    private func isOfBrowser(_ name: ByteSlice) -> Bool {
        name.equalsIgnoringCase("post") || name.equalsIgnoringCase("host:")
    }

    /// Nothing behind such a line may run, as in Redis.
    private func refuseBrowser(_ client: ClientState) -> ReplyError {
        client.closesAfterReplies = true
        if nowMilliseconds - browserWarnedMilliseconds >= Self.browserWarningMilliseconds {
            browserWarnedMilliseconds = nowMilliseconds
            owner.log(
                .warning,
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or "
                    + "Host: commands. This is likely due to an attacker attempting to use Cross "
                    + "Protocol Scripting. Connection from \(client.addressText) aborted.")
        }
        return ReplyError("ERR This is no HTTP server: the connection is closed")
    }

    private func unknown(_ found: Int, _ arguments: Arguments) -> ReplyError {
        if found >= 0 {
            let parent = table.specs[found].name.description.uppercased()
            let name = arguments[1].prefix(min(128, arguments[1].count)).string
            return ReplyError(composed: "ERR unknown subcommand '\(name)'. Try \(parent) HELP.")
        }
        let name = arguments[0].prefix(min(128, arguments[0].count)).string
        var beginning = ""
        for index in 1..<max(1, arguments.count) {
            let room = 128 - beginning.utf8.count
            if room <= 0 { break }
            let argument = arguments[index]
            beginning += "'\(argument.prefix(min(room, argument.count)).string)' "
        }
        return ReplyError(
            composed: "ERR unknown command '\(name)', with args beginning with: \(beginning)")
    }
}
