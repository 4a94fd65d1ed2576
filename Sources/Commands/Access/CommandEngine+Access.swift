// Whether a client may do what it asks for, and what follows when its rights change.
//
// A client whose user can be refused nothing never comes here: see `ClientState.isSpecial`.
internal import Bytes
internal import RESP

extension CommandEngine {
    // MARK: Checks

    /// Why the client's user may not run the command, as the reply; nil when it may. A refusal is
    /// counted and logged.
    func accessError(
        _ number: Int, _ arguments: Arguments, _ client: ClientState, in context: AccessContext
    ) -> ReplyError? {
        guard let user = client.user, !user.isUnrestricted,
            let refusal = user.refusal(number, arguments, table)
        else { return nil }
        noteRefusal(refusal, number, arguments, client, context)
        switch context {
        case .topLevel:
            return ReplyError(
                composed: "NOPERM " + accessText(refusal, number, arguments, user))
        case .script:
            return ReplyError(
                composed: "ERR ACL failure in script: "
                    + accessText(refusal, number, arguments, user))
        case .transaction:
            let reason =
                switch refusal.reason {
                case .command: "no permission to execute the command or subcommand"
                case .key: "no permission to touch the specified keys"
                case .channel:
                    "no permission to access one of the channels used as arguments to the command"
                }
            return ReplyError(
                composed: """
                    NOPERM ACLs rules changed between the moment the transaction was accumulated \
                    and the EXEC call. This command is no longer allowed for the following \
                    reason: \(reason)
                    """)
        }
    }

    /// A script runs a command on behalf of `client`: the error it gets when the client's user may
    /// not run it.
    func scriptAccessError(
        _ number: Int, _ arguments: Arguments, _ client: ClientState
    ) -> ReplyError? {
        accessError(number, arguments, client, in: .script)
    }

    /// Whether the client may read every key, as SORT needs it for BY and GET.
    func mayReadAllKeys(_ number: Int, _ arguments: Arguments, _ client: ClientState) -> Bool {
        guard let user = client.user, !user.isUnrestricted else { return true }
        return user.rules.selectors.contains {
            $0.readsAllKeys && $0.allows(number, arguments, table)
        }
    }

    /// What is refused, in words; the object itself when `isVerbose` (ACL DRYRUN).
    func accessText(
        _ refusal: AccessRefusal, _ number: Int, _ arguments: Arguments, _ user: AccessUser,
        isVerbose: Bool = false
    ) -> String {
        let object = { arguments[refusal.position].string }
        switch refusal.reason {
        case .command:
            return "User \(user.nameText) has no permissions to run the "
                + "'\(table.fullName(number))' command"
        case .key:
            guard isVerbose else { return "No permissions to access a key" }
            return "User \(user.nameText) has no permissions to access the '\(object())' key"
        case .channel:
            guard isVerbose else { return "No permissions to access a channel" }
            return "User \(user.nameText) has no permissions to access the '\(object())' channel"
        }
    }

    private func noteRefusal(
        _ refusal: AccessRefusal, _ number: Int, _ arguments: Arguments, _ client: ClientState,
        _ context: AccessContext
    ) {
        // A command that is queued counts for its transaction.
        let isQueued = context == .topLevel && client.transaction != nil
        let object =
            refusal.reason == .command
            ? Array(table.fullName(number).utf8) : arguments[refusal.position].array
        addToAccessLog(
            AccessReason(refusal.reason), isQueued ? .transaction : context, object: object,
            userName: client.user?.name ?? [], client)
    }

    private func addToAccessLog(
        _ reason: AccessReason, _ context: AccessContext, object: [UInt8], userName: [UInt8],
        _ client: ClientState
    ) {
        access.denials.count(reason)
        access.log.add(
            reason, context, object: object, userName: userName,
            clientLine: Clients.line(of: client, self), now: now,
            countMax: settings.accessLogCountMax)
    }

    // MARK: Logging in

    /// Whether the client must log in before it may do anything else.
    func needsAuthentication(_ client: ClientState) -> Bool {
        !client.isAuthenticated && !access.isOpen
    }

    /// Makes the client the user; `command` is the word that the client used.
    func logIn(
        _ client: ClientState, user name: ByteSlice, password: ByteSlice, command: ByteSlice
    ) throws(ReplyError) {
        guard let user = access.user(name.array), user.accepts(password) else {
            addToAccessLog(
                .authentication, client.transaction == nil ? .topLevel : .transaction,
                object: command.array, userName: name.array, client)
            throw .wrongPassword
        }
        client.user = user
        client.isAuthenticated = true
        owner.authenticationChanged(client)
    }

    /// A new client, or one that said RESET: the default user, with what that one may do at once.
    func logOut(_ client: ClientState) {
        client.user = client.isMaster ? nil : access.defaultUser
        client.isAuthenticated = client.isMaster || access.isOpen
    }

    // MARK: Changes

    /// The user has other rights: the straight path is open or closed to its clients.
    func accessChanged(_ user: AccessUser) {
        owner.forEachClient { if $0.user === user { $0.updateSpecial() } }
    }

    /// Gives a user other rules, and closes the connections of those who listen to channels that
    /// it may not listen to any more.
    func change(_ user: AccessUser, to rules: AccessUser.Rules) {
        let listeners = listenersLosingChannels(user, rules)
        user.replace(with: rules)
        accessChanged(user)
        for client in listeners { endConnection(client) }
    }

    private func listenersLosingChannels(
        _ user: AccessUser, _ rules: AccessUser.Rules
    ) -> [ClientState] {
        if rules.selectors.contains(where: \.allowsAllChannels) { return [] }
        let upcoming = rules.selectors.flatMap(\.channelPatterns)
        let hadAll = user.rules.selectors.contains(where: \.allowsAllChannels)
        let old = user.rules.selectors.flatMap(\.channelPatterns)
        if !hadAll && old.allSatisfy(upcoming.contains) { return [] }
        var losing: [ClientState] = []
        owner.forEachClient { client in
            guard client.user === user, client.subscriptions.total > 0 else { return }
            let isDenied = { (name: [UInt8], literally: Bool) in
                !name.withByteSlice {
                    AccessSelector.isListed($0, in: upcoming, literally: literally)
                }
            }
            let names = client.subscriptions.channels + client.subscriptions.shardChannels
            if client.subscriptions.patterns.contains(where: { isDenied($0, true) })
                || names.contains(where: { isDenied($0, false) })
            {
                losing.append(client)
            }
        }
        return losing
    }

    /// Removes a user, and closes its connections; false when there is none.
    func deleteUser(_ name: [UInt8]) -> Bool {
        guard let user = access.remove(name) else { return false }
        endConnections(of: user)
        return true
    }

    private func endConnections(of user: AccessUser) {
        var victims: [ClientState] = []
        owner.forEachClient { if $0.user === user { victims.append($0) } }
        for client in victims {
            client.user = access.defaultUser
            client.isAuthenticated = false
            endConnection(client)
        }
    }

    private func endConnection(_ client: ClientState) {
        if client === runningClient {
            client.closesAfterReplies = true
        } else {
            owner.close(client, .now)
        }
    }

    // MARK: For the node

    /// Whether clients come in without a password.
    public var isOpenToAll: Bool { access.defaultUser.rules.needsNoPassword }

    /// CONFIG SET requirepass: also when the value is the old one, because ACL SETUSER may have
    /// changed the default user since.
    public func resetDefaultPassword() {
        access.setDefaultPassword(settings.password)
        accessChanged(access.defaultUser)
    }

    /// Makes `client` one that was let in elsewhere: with the rights of a user, in a database and
    /// with a version of the protocol. False when there is no such user.
    public func adopt(
        _ client: ClientState, userName: String, databaseIndex: Int, isRESP3: Bool
    ) -> Bool {
        guard let user = access.user(Array(userName.utf8)) else { return false }
        client.user = user
        client.isAuthenticated = true
        client.databaseIndex = databaseIndex
        client.output.isRESP3 = isRESP3
        return true
    }

    /// How often something was refused.
    public var accessDenials: AccessDenials { access.denials }

    /// Creates the users of `user` lines of the configuration, each without that word.
    public func loadUsers(_ lines: [[String]]) throws(AccessLoadFailure) {
        try access.load(lines: lines)
        accessChanged(access.defaultUser)
    }

    /// Every user as the rest of a `user` line.
    public var userLines: [String] { access.inOrder.map(\.line) }

    /// Names of users that are disabled: worth a warning at the start.
    public var disabledUsers: [String] {
        access.inOrder.filter { !$0.rules.isEnabled }.map(\.nameText)
    }

    /// Replaces all users by those of an access file, all or none.
    public func loadUsers(file bytes: [UInt8], name: String) throws(AccessLoadFailure) {
        let parsed = try access.parse(file: bytes, name: name)
        let kept = Set(parsed.map(\.name))
        for user in access.inOrder where !kept.contains(user.name) {
            _ = deleteUser(user.name)
        }
        for (name, rules) in parsed {
            if let user = access.user(name) {
                change(user, to: rules)
            } else {
                access.set(name, rules)
            }
        }
    }

    /// What is wrong with the words behind `user` in a configuration line; nil when nothing is, or
    /// only that a command is unknown.
    public static func problem(ofUserLine words: [String]) -> String? {
        guard let problem = AccessControl.problem(ofLine: words, CommandTable()) else {
            return nil
        }
        return "Error in user declaration '\(problem.text)': \(problem.problem.text)"
    }
}
