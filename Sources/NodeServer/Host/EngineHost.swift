// What the command core asks of the node: one file per group of `NodeHost`.
//
// The engine needs its host when it is made, and the node needs the engine; so the host is an
// object of its own that learns of the node once it exists.

import Logging
import Bytes
import Commands
import Directives
import Platform
import RESP

/// The node as the command core sees it. Engine thread only.
final class EngineHost: NodeHost {
    private weak var attached: Node?

    /// Tells the host which node it works for; once, before the first command.
    func attach(_ node: Node) {
        precondition(attached == nil, "a host works for one node")
        attached = node
    }

    var node: Node {
        guard let node = attached else { preconditionFailure("the host has no node") }
        return node
    }

    // MARK: Time

    func monotonicNanoseconds() -> Int64 { Clock.monotonicNanoseconds() }

    func wallMicroseconds() -> Int64 { Clock.wallMicroseconds() }

    // MARK: Facts and configuration

    func appendInformation(
        sections: [String], client: ClientState, to text: inout ByteBuffer
    ) {
        var information = InfoText()
        node.writeInformation(sections: sections, to: &information)
        text.append(information.bytes)
    }

    func configurationValues(matching patterns: [String]) -> [(name: String, value: String)] {
        let patterns = patterns.map { $0.lowercased() }
        return NodeDirectives.table.values(of: node.settings, exact: Set(patterns)) { name in
            patterns.contains { pattern in
                Array(pattern.utf8).withByteSlice { pattern in
                    Array(name.utf8).withByteSlice { name in
                        Glob.matches(pattern: pattern, text: name, ignoringCase: true)
                    }
                }
            }
        }
    }

    func setConfiguration(
        _ pairs: [(name: String, value: String)], client: ClientState
    ) throws(ReplyError) {
        var new = node.settings
        do throws(ConfigSetError) {
            _ = try NodeDirectives.table.set(
                pairs, in: &new, allowingProtected: allowsProtectedConfigs(client))
            let isAboutCertificates = pairs.contains { $0.name.lowercased().hasPrefix("tls-") }
            try node.apply(new, reloadsCertificates: isAboutCertificates)
            if pairs.contains(where: { $0.name.lowercased() == "requirepass" }) {
                node.engine.resetDefaultPassword()
            }
        } catch {
            throw ReplyError(composed: error.reply)
        }
    }

    private func allowsProtectedConfigs(_ client: ClientState) -> Bool {
        switch node.settings.protectedConfigs {
        case .no: false
        case .yes: true
        case .local: client.isOnThisMachine
        }
    }

    func rewriteConfiguration() throws(ReplyError) {
        try rewriteConfiguration(writesDefaults: false)
    }

    /// With `writesDefaults` every directive is written: DEBUG CONFIG-REWRITE-FORCE-ALL.
    func rewriteConfiguration(writesDefaults: Bool) throws(ReplyError) {
        guard let path = node.configurationFile else {
            throw ReplyError("ERR The server is running without a config file")
        }
        do throws(SystemError) {
            var old: [UInt8] = []
            if FileSystem.exists(path) {
                old = try FileSystem.read(path, bytesMax: Startup.configurationBytesMax)
            }
            var settings = node.settings
            settings.users =
                settings.accessFile.isEmpty ? node.userDirectives : []
            let text = NodeDirectives.table.rewritten(
                old, settings: settings, defaults: writesDefaults ? nil : NodeSettings())
            try FileSystem.replace(path, with: text)
            node.log.notice("CONFIG REWRITE executed with success.")
        } catch {
            node.log.warning("CONFIG REWRITE failed: \(error)")
            throw ReplyError(composed: "ERR Rewriting config file: \(error.reason)")
        }
    }

    func resetStatistics() {
        node.statistics = Statistics()
        node.memory.evictedClients = 0
        node.lazyFree.resetFreedCount()
    }

    func log(_ level: LogLevel, _ message: String) {
        switch level {
        case .debug: node.log.debug("\(message)")
        case .verbose: node.log.info("\(message)")
        case .notice: node.log.notice("\(message)")
        case .warning: node.log.warning("\(message)")
        }
    }
}
