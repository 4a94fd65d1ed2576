import Bytes
import Commands
import Directives
import Platform
import RESP
import Testing

@testable import NodeServer

@Suite(.serialized) struct AccessTests {
    @Test func usersOfTheConfigurationMayLogIn() throws {
        let world = try NodeWorld {
            $0.users = [["ann", "on", ">pw", "~a*", "+get"], ["off", "off"]]
        }
        try world.node.loadUsers()
        #expect(world.log.contains("The user 'off' is disabled"))
        let client = try world.connect()
        #expect(try world.call(client, "AUTH", "ann", "pw").text == "OK")
        #expect(try world.call(client, "GET", "a1") == .null)
        #expect(
            try world.call(client, "GET", "b").text == "NOPERM No permissions to access a key")
    }

    @Test func wrongRulesAreRefusedAtTheStart() throws {
        let world = try NodeWorld { $0.users = [["ann", "+nosuch"]] }
        #expect(throws: StartFailure.self) { try world.node.loadUsers() }
        #expect(
            world.log.contains(
                "Error loading ACL rule '+nosuch' for the user named 'ann': "
                    + "Unknown command or category name in ACL"))
        let both = try NodeWorld {
            $0.users = [["ann"]]
            $0.accessFile = "users.acl"
        }
        #expect(throws: StartFailure.self) { try both.node.loadUsers() }
    }

    @Test func configurationLinesAreCheckedWhenTheyAreRead() {
        for (line, reason) in [
            ("user ann on nonsense", "Error in user declaration 'nonsense': Syntax error"),
            (
                "user ann on\nuser ann off",
                "Error in user declaration 'ann': Duplicate user found. A user can only be "
                    + "defined once in config files"
            ),
        ] {
            var settings = NodeSettings()
            do {
                try NodeDirectives.table.load(Array(line.utf8), into: &settings) { _ in [] }
                Issue.record("accepted: \(line)")
            } catch {
                #expect(error.reason == reason)
            }
        }
        #expect(CommandEngine.problem(ofUserLine: ["ann", "+notyetknown", "~k"]) == nil)
    }

    @Test func theAccessFileIsWrittenAndReadAgain() throws {
        let world = try NodeWorld { $0.accessFile = "\($0.directory)/users.acl" }
        #expect(throws: StartFailure.self) { try world.node.loadUsers() }
        let client = try world.connect()
        _ = try world.call(client, "ACL", "SETUSER", "ann", "on", ">pw", "~a*", "&c", "+get")
        #expect(try world.call(client, "ACL", "SAVE").text == "OK")
        let before = try world.call(client, "ACL", "LIST")
        _ = try world.call(client, "ACL", "SETUSER", "ann", "off", "~b*")
        _ = try world.call(client, "ACL", "SETUSER", "new", "on")
        #expect(try world.call(client, "ACL", "LOAD").text == "OK")
        #expect(try world.call(client, "ACL", "LIST") == before)
        try world.node.loadUsers()
    }

    @Test func aBrokenAccessFileChangesNothing() throws {
        let world = try NodeWorld { $0.accessFile = "\($0.directory)/users.acl" }
        let place = "\(world.folder)/users.acl"
        let text = "user ann on >pw\nann\nuser ann\nuser bob +nosuch\n\n"
        try FileSystem.replace(place, with: Array(text.utf8))
        let client = try world.connect()
        let before = try world.call(client, "ACL", "LIST")
        let answer = try world.call(client, "ACL", "LOAD")
        #expect(
            answer.text
                == "ERR \(place):2 should start with user keyword followed by the username. "
                + "WARNING: Duplicate user 'ann' found on line 3. "
                + "\(place):4: Unknown command or category name in ACL. "
                + "WARNING: ACL errors detected, no change to the previously active ACL rules "
                + "was performed")
        #expect(try world.call(client, "ACL", "LIST") == before)
    }

    @Test func subscribersLoseTheirConnectionWithTheirChannel() throws {
        let world = try NodeWorld()
        let admin = try world.connect()
        _ = try world.call(
            admin, "ACL", "SETUSER", "ann", "on", "nopass", "+@all", "&news", "&more*")
        let stays = try world.connect()
        let goes = try world.connect()
        for (client, command, channel) in [
            (stays, "SUBSCRIBE", "more1"), (goes, "PSUBSCRIBE", "news"),
        ] {
            _ = try world.call(client, "AUTH", "ann", "x")
            _ = try world.call(client, command, channel)
        }
        _ = try world.call(admin, "ACL", "SETUSER", "ann", "&further")
        _ = try world.call(admin, "PING")
        #expect(!stays.isEnded && !goes.isEnded)
        _ = try world.call(admin, "ACL", "SETUSER", "ann", "resetchannels", "&more*")
        try world.until("the end of the subscriber") { goes.isEnded }
        #expect(!stays.isEnded)
        _ = try world.call(admin, "ACL", "DELUSER", "ann")
        try world.until("the end of the deleted user's client") { stays.isEnded }
        #expect(!admin.isEnded)
    }

    @Test func aUserWhoDeletesItselfHearsOfIt() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        _ = try world.call(client, "ACL", "SETUSER", "ann", "on", "nopass", "+@all")
        _ = try world.call(client, "AUTH", "ann", "x")
        #expect(try world.call(client, "ACL", "DELUSER", "ann") == .integer(1))
        try world.until("the end of the connection") { client.isEnded }
    }

    @Test func rewritingTheConfigurationWritesTheUsers() throws {
        let folder = try NodeWorld.makeFolder()
        let file = "\(folder)/node.conf"
        try FileSystem.replace(file, with: Array("# mine\nuser old on nopass\n".utf8))
        let world = try NodeWorld(folder: folder, file: file) { $0.users = [["old", "on"]] }
        try world.node.loadUsers()
        let client = try world.connect()
        _ = try world.call(client, "ACL", "SETUSER", "ann", "on", ">pw", "(+get ~x)")
        #expect(try world.call(client, "CONFIG", "REWRITE").text == "OK")
        let text = String(
            decoding: try FileSystem.read(file, bytesMax: 1 << 20), as: UTF8.self)
        #expect(text.contains("# mine\nuser ann on sanitize-payload #"))
        #expect(text.contains(" resetchannels -@all (~x resetchannels -@all +get)\n"))
        #expect(text.contains("\nuser default on nopass sanitize-payload ~* &* +@all\n"))
        var settings = NodeSettings()
        try NodeDirectives.table.load(Array(text.utf8), into: &settings) { _ in [] }
        #expect(settings.users.map { $0[0] } == ["ann", "default", "old"])
    }

    @Test func thePasswordDirectiveBelongsToTheDefaultUser() throws {
        let world = try NodeWorld { $0.requiredPassword = "first" }
        let client = try world.connect()
        #expect(try world.call(client, "GET", "x").text == "NOAUTH Authentication required.")
        #expect(try world.call(client, "AUTH", "first").text == "OK")
        _ = try world.call(client, "ACL", "SETUSER", "default", ">second")
        for password in ["first", "second"] {
            #expect(try world.call(client, "AUTH", "default", password).text == "OK")
        }
        _ = try world.call(client, "CONFIG", "SET", "requirepass", "first")
        #expect(try world.call(client, "AUTH", "second").text?.hasPrefix("WRONGPASS") == true)
        _ = try world.call(client, "CONFIG", "SET", "requirepass", "")
        let stranger = try world.connect()
        #expect(try world.call(stranger, "GET", "x") == .null)
    }
}
