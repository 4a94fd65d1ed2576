// The address of a stream socket: IPv4, IPv6 or a path.

/// An address that a stream socket binds or connects to.
public enum SocketAddress: Hashable, Sendable {
    /// Four address bytes and a port.
    case version4(address: [UInt8], port: UInt16)
    /// Sixteen address bytes, a port and the zone of a link-local address (0: none).
    case version6(address: [UInt8], port: UInt16, scope: UInt32)
    /// A path of at most 107 bytes; empty for an unnamed peer.
    case local(path: String)

    /// Longest path of a unix socket: `sun_path` is 108 bytes with the final zero.
    public static let localPathBytesMax = 107

    /// An address from numeric text (`127.0.0.1`, `::1`); nil if `host` is a name: names are
    /// resolved by `resolve`, which may wait, and never in an event loop.
    public init?(numeric host: String, port: UInt16) {
        guard let address = SocketAddress.parse(host, port: port) else { return nil }
        self = address
    }

    /// The port; 0 for a path.
    public var port: UInt16 {
        switch self {
        case .version4(_, let port), .version6(_, let port, _): port
        case .local: 0
        }
    }

    /// The numeric address or the path.
    public var host: String {
        switch self {
        case .version4(let address, _): address.map(String.init).joined(separator: ".")
        case .version6(let address, _, _): SocketAddress.text(version6: address)
        case .local(let path): path
        }
    }

    /// Whether only this machine can reach the address.
    public var isLoopback: Bool {
        switch self {
        case .version4(let address, _): address[0] == 127
        case .version6(let address, _, _):
            address == [UInt8](repeating: 0, count: 15) + [1]
                || address.prefix(13) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127]
        case .local: true
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:6379`, `[::1]:6379`, or `/path/socket:0` as Redis prints a unix socket.
    public var description: String {
        if case .version6 = self { return "[\(host)]:\(port)" }
        return "\(host):\(port)"
    }
}
