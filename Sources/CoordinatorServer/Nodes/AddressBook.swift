// Numeric addresses of hosts. Names are resolved on a thread of their own and the answers are
// kept: a slow or dead name server delays the first probe of a new node, and nothing else. A
// name is asked again while its node does not answer, because a container that was started anew
// may have moved.

import ControlModel
import EventLoop
import Platform
import Synchronization

/// Knows the numeric address of each host name. Lives on the loop's thread.
final class AddressBook {
    /// Least distance of two questions about one name.
    static let refreshMilliseconds: Int64 = 5000

    private struct Entry {
        var numeric: String?
        var askedAt: Int64
        var isAsking: Bool
    }

    private final class Weak {
        weak var book: AddressBook?
        init(_ book: AddressBook) { self.book = book }
    }

    private let loop: EventLoop
    private var entries: [String: Entry] = [:]
    private let resolver: LoopThread
    private lazy var bound = LoopBound(Weak(self), loop: loop)

    init(loop: EventLoop) throws(SystemError) {
        self.loop = loop
        resolver = try LoopThread.start(name: "resolver") { _ throws(SystemError) in }.thread
    }

    /// The origin of an endpoint with a numeric host; nil while it is being found out.
    func origin(of endpoint: Endpoint) -> String? {
        if let address = SocketAddress(numeric: endpoint.host, port: UInt16(endpoint.port)) {
            return "http://\(address)"
        }
        if entries[endpoint.host] == nil { ask(endpoint.host) }
        guard let numeric = entries[endpoint.host]?.numeric else {
            refresh(endpoint)
            return nil
        }
        return "http://\(Endpoint(host: numeric, port: endpoint.port).text)"
    }

    /// Asks again for a name whose node does not answer.
    func refresh(_ endpoint: Endpoint) {
        guard let entry = entries[endpoint.host], !entry.isAsking,
            loop.nowMilliseconds - entry.askedAt >= Self.refreshMilliseconds
        else { return }
        ask(endpoint.host)
    }

    private func ask(_ host: String) {
        let known = entries[host]?.numeric
        entries[host] = Entry(numeric: known, askedAt: loop.nowMilliseconds, isAsking: true)
        let bound = bound
        resolver.mailbox.post { _ in
            let found = try? SocketAddress.resolve(host, port: 1).first?.host
            bound.post { $0.book?.take(host, found) }
        }
    }

    /// Keeps the last good address when the name server has none.
    private func take(_ host: String, _ found: String?) {
        entries[host]?.isAsking = false
        if let found { entries[host]?.numeric = found }
    }

    /// Ends the resolver's thread; waits for a question under way.
    func close() { resolver.stop() }
}
