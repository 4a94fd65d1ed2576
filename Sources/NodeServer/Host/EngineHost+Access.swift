// The host's part on users: the access file, and users at the start.

import Commands
import Logging
import Platform
import RESP

extension EngineHost {
    /// Largest access file.
    static let accessFileBytesMax = 64 << 20

    func accessFileName() -> String? {
        node.settings.accessFile.isEmpty ? nil : node.settings.accessFile
    }

    func readAccessFile() throws(ReplyError) -> [UInt8] {
        let name = node.settings.accessFile
        do throws(SystemError) {
            return try FileSystem.read(name, bytesMax: EngineHost.accessFileBytesMax)
        } catch {
            throw ReplyError(
                composed: "ERR Error loading ACLs, opening file '\(name)': \(error.reason)")
        }
    }

    func writeAccessFile(_ bytes: [UInt8]) throws(ReplyError) {
        do throws(SystemError) {
            try FileSystem.replace(node.settings.accessFile, with: bytes)
        } catch {
            node.log.warning("Writing ACL file for ACL SAVE: \(error)")
            throw ReplyError(
                """
                ERR There was an error trying to save the ACLs. Please check the server logs for \
                more information
                """)
        }
    }

    func randomBytes(_ count: Int) -> [UInt8] { Random.bytes(count) }
}

extension Node {
    /// Every user as the words behind `user` in a configuration.
    var userDirectives: [[String]] {
        engine.userLines.map { $0.split(separator: " ").map(String.init) }
    }

    /// Creates the users of the configuration or of the access file, before anybody can connect.
    func loadUsers() throws(StartFailure) {
        guard settings.accessFile.isEmpty || settings.users.isEmpty else {
            throw StartFailure(
                """
                Configuring Redis with users defined in redis.conf and at the same setting an ACL \
                file path is invalid. This setup is very likely to lead to configuration errors \
                and security holes, please define either an ACL file or declare users directly \
                in your redis.conf, but not both.
                """)
        }
        do throws(AccessLoadFailure) {
            try engine.loadUsers(settings.users)
        } catch {
            log.critical("\(error.message)")
            throw StartFailure("Critical error while loading ACLs. Exiting.")
        }
        for name in engine.disabledUsers {
            log.notice(
                """
                The user '\(name)' is disabled (there is no 'on' modifier in the user \
                description). Make sure this is not a configuration error.
                """)
        }
        if !settings.accessFile.isEmpty { try loadAccessFile() }
    }

    private func loadAccessFile() throws(StartFailure) {
        var problem: String
        do throws(ReplyError) {
            let bytes = try host.readAccessFile()
            do throws(AccessLoadFailure) {
                return try engine.loadUsers(file: bytes, name: settings.accessFile)
            } catch {
                problem = error.message
            }
        } catch {
            problem = String(error.text.dropFirst(4))
        }
        throw StartFailure("Aborting Redis startup because of ACL errors: \(problem)")
    }
}
