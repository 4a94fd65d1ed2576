// epoll and eventfd, the two calls an event loop is made of.
import CLinux
import Glibc

/// What a descriptor is watched for, or ready for.
public struct Readiness: OptionSet, Sendable {
    /// Bits as in `epoll_event.events`.
    public let rawValue: UInt32
    /// A set with the given epoll bits.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Bytes, a connection or the end of input can be read.
    public static let readable = Readiness(rawValue: 0x001)
    /// There is room for output, or a connection attempt has ended.
    public static let writable = Readiness(rawValue: 0x004)
    /// The descriptor is in error; always reported.
    public static let failed = Readiness(rawValue: 0x008)
    /// Both directions are closed; always reported.
    public static let hungUp = Readiness(rawValue: 0x010)
    /// The peer has finished sending (only if asked for).
    public static let peerFinished = Readiness(rawValue: 0x2000)
}

/// A set of watched descriptors (epoll, level-triggered).
@safe
public struct Epoll: ~Copyable {
    private let descriptor: Descriptor
    private let events: UnsafeMutablePointer<epoll_event>
    /// Most events taken by one wait.
    public let batchMax: Int

    /// An empty set that takes at most `batchMax` events at once.
    public init(batchMax: Int) throws(SystemError) {
        precondition(batchMax > 0)
        descriptor = Descriptor(
            owning: try attempt("epoll_create1") {
                epoll_create1(Int32(EPOLL_CLOEXEC))
            })
        unsafe events = .allocate(capacity: batchMax)
        self.batchMax = batchMax
    }

    deinit { unsafe events.deallocate() }

    /// Watches a descriptor; `token` comes back with its events.
    public borrowing func add(
        _ number: Int32, _ interest: Readiness, token: UInt64
    ) throws(SystemError) {
        try control(EPOLL_CTL_ADD, number, interest, token)
    }

    /// Changes what a watched descriptor is watched for.
    public borrowing func modify(
        _ number: Int32, _ interest: Readiness, token: UInt64
    ) throws(SystemError) {
        try control(EPOLL_CTL_MOD, number, interest, token)
    }

    /// Stops watching a descriptor that is still open.
    public borrowing func remove(_ number: Int32) throws(SystemError) {
        try control(EPOLL_CTL_DEL, number, [], 0)
    }

    private borrowing func control(
        _ operation: Int32, _ number: Int32, _ interest: Readiness, _ token: UInt64
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        unsafe event.data.u64 = token
        let own = descriptor.number
        _ = try attempt("epoll_ctl") { unsafe epoll_ctl(own, operation, number, &event) }
    }

    /// Waits at most `timeoutMilliseconds` (-1: without end) and says how many events there are; 0
    /// also when a signal interrupted the wait.
    public borrowing func wait(timeoutMilliseconds: Int32) -> Int {
        let count = unsafe hw_wait(
            descriptor.number, events, Int32(batchMax), timeoutMilliseconds)
        if count >= 0 { return Int(count) }
        precondition(errno == EINTR, "epoll_wait failed")
        return 0
    }

    /// The token of event `index` of the last wait.
    @inline(__always)
    public borrowing func token(at index: Int) -> UInt64 {
        precondition(index >= 0 && index < batchMax)
        return unsafe events[index].data.u64
    }

    /// What event `index` of the last wait is ready for.
    @inline(__always)
    public borrowing func readiness(at index: Int) -> Readiness {
        precondition(index >= 0 && index < batchMax)
        return Readiness(rawValue: unsafe events[index].events)
    }
}

/// A counter that any thread raises and one thread waits for with epoll (eventfd).
public struct WakeCounter: ~Copyable, Sendable {
    /// The descriptor to watch for `readable`.
    public let descriptor: Descriptor

    /// A counter at zero.
    public init() throws(SystemError) {
        descriptor = Descriptor(
            owning: try attempt("eventfd") {
                eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
            })
    }

    /// Raises the counter; from any thread.
    public borrowing func raise() {
        var one: UInt64 = 1
        // It would block only at 2^64 - 2 unread raises: then the waiter is awake anyway.
        _ = unsafe Glibc.write(descriptor.number, &one, 8)
    }

    /// Waits until the counter is above zero; leaves it as it is.
    public borrowing func waitUntilRaised() {
        var entry = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        // An interrupted wait is the caller's to repeat: it looks whether its condition holds.
        _ = unsafe poll(&entry, 1, -1)
    }

    /// Sets the counter back to zero.
    public borrowing func clear() {
        var value: UInt64 = 0
        _ = unsafe Glibc.read(descriptor.number, &value, 8)
    }
}
