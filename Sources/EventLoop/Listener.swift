// Accepts connections in batches.
//
// When the process has no descriptor left, accept4 fails and the waiting connection stays in the
// backlog: a level-triggered loop would spin and the peer would wait for ever. So the listener
// keeps one descriptor in reserve: it closes it, accepts the connection with the number that is now
// free, closes the connection (the peer sees the end at once) and opens the reserve again.
public import Platform

/// A listening socket in a loop.
public final class Listener: Channel {
    /// Most connections taken in one turn, so that a flood does not starve the open ones.
    public static let acceptsPerTurnMax = 128

    /// Where it listens, with the port that the kernel chose if 0 was asked for.
    public let address: SocketAddress
    /// Connections that were closed at once because no descriptor was left.
    public private(set) var refusedCount = 0

    private let loop: EventLoop
    private let descriptor: Descriptor
    private var reserve: Descriptor?
    private let accepted: (consuming Descriptor) -> Void

    /// Listens and registers at once. `accepted` receives each connection, nonblocking, on the
    /// loop's thread. The listener works until `close`.
    public init(
        loop: EventLoop, address: SocketAddress, backlog: Int32 = 511,
        accepted: @escaping (consuming Descriptor) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.accepted = accepted
        descriptor = try Socket.listen(on: address, backlog: backlog)
        self.address =
            if case .local = address { address } else {
                try Socket.localAddress(of: descriptor)
            }
        reserve = try Descriptor.reserve()
        super.init()
        try loop.register(self, descriptor: descriptor, interest: .readable)
    }

    /// Stops accepting: pending connections in the backlog are reset when the listener goes away.
    public func close() { loop.deregister(self) }

    /// Accepts what waits.
    public override func ready(_ readiness: Readiness) {
        for _ in 0..<Listener.acceptsPerTurnMax {
            do {
                guard let connection = try Socket.accept(descriptor) else { return }
                accepted(connection)
                if !isRegistered { return }
            } catch {
                // Out of descriptors: refuse by hand. Out of memory: leave it to the next turn.
                guard error.isOutOfDescriptors, refuseOne() else { return }
            }
        }
    }

    /// Accepts one connection with the reserve and closes it. False if even that failed.
    private func refuseOne() -> Bool {
        reserve = nil
        defer { reserve = try? Descriptor.reserve() }
        guard let connection = try? Socket.accept(descriptor) else { return false }
        _ = consume connection
        refusedCount += 1
        return true
    }
}
