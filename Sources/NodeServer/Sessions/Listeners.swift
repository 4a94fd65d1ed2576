// The sockets on which a node accepts clients.
//
//   bind * -::*      every IPv4 address, and every IPv6 address if the machine has IPv6 at all
//   bind 10.0.0.1    that address must be there, or the start fails
//   bind -10.0.0.1   listened on if it is there

import EventLoop
import Platform

/// Why a port cannot be listened on.
struct ListenFailure: Error {
    let address: String
    let port: Int
    let error: SystemError
}

/// The open listeners of a node.
struct Listeners {
    private(set) var network: [Listener] = []
    private(set) var encrypted: [Listener] = []
    private(set) var local: Listener?

    /// The TCP port; 0 when there is none.
    var port: Int { network.first.map { Int($0.address.port) } ?? 0 }
    /// The TLS port; 0 when there is none.
    var encryptedPort: Int { encrypted.first.map { Int($0.address.port) } ?? 0 }
    /// Whether clients can reach the node at all.
    var isOpen: Bool { !network.isEmpty || !encrypted.isEmpty || local != nil }

    /// Opens listeners for `addresses` at `port`, without changing the present ones.
    static func open(
        _ addresses: [String], port: Int, backlog: Int, node: Node, isEncrypted: Bool = false
    ) throws(ListenFailure) -> [Listener] {
        var opened: [Listener] = []
        do throws(ListenFailure) {
            for text in addresses {
                let isOptional = text.hasPrefix("-")
                let name = isOptional ? String(text.dropFirst()) : text
                do throws(SystemError) {
                    for address in try resolve(
                        name, port: opened.first?.address.port ?? UInt16(port))
                    {
                        opened.append(
                            try Listener(
                                loop: node.loop, address: address, backlog: Int32(clamping: backlog)
                            ) { [unowned node] in
                                node.accept($0, isLocal: false, isEncrypted: isEncrypted)
                            })
                    }
                } catch  where isOptional && !error.isAddressInUse {
                    continue
                } catch {
                    throw ListenFailure(address: name, port: port, error: error)
                }
            }
        } catch {
            for listener in opened { listener.close() }
            throw error
        }
        return opened
    }

    private static func resolve(_ name: String, port: UInt16) throws(SystemError) -> [SocketAddress]
    {
        switch name {
        case "*": [.version4(address: [0, 0, 0, 0], port: port)]
        case "::*": [.version6(address: [UInt8](repeating: 0, count: 16), port: port, scope: 0)]
        default: try SocketAddress.resolve(name, port: port)
        }
    }

    /// Takes `listeners` in place of the present network listeners, which are closed.
    mutating func replaceNetwork(_ listeners: [Listener]) {
        for listener in network { listener.close() }
        network = listeners
    }

    /// Takes `listeners` in place of the present TLS listeners, which are closed.
    mutating func replaceEncrypted(_ listeners: [Listener]) {
        for listener in encrypted { listener.close() }
        encrypted = listeners
    }

    /// Opens the Unix socket at `path`, replacing a file that a former process left there.
    mutating func openLocal(_ path: String, permissions: Int, node: Node) throws(SystemError) {
        try? FileSystem.unlink(path)
        local = try Listener(
            loop: node.loop, address: .local(path: path),
            backlog: Int32(clamping: node.settings.listenBacklog)
        ) { [unowned node] in node.accept($0, isLocal: true) }
        if permissions != 0 {
            try FileSystem.setPermissions(path, UInt32(permissions))
        }
    }

    /// Closes everything; `path` is the Unix socket's file.
    mutating func close(path: String) {
        replaceNetwork([])
        replaceEncrypted([])
        local?.close()
        if local != nil && !path.isEmpty { try? FileSystem.unlink(path) }
        local = nil
    }
}
