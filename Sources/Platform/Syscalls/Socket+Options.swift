// Options of sockets.
import Glibc

extension Socket {
    /// Sends small pieces at once (TCP_NODELAY), or lets the kernel gather them. Does nothing to a
    /// unix socket.
    public static func setNoDelay(
        _ descriptor: borrowing Descriptor, isOn: Bool = true
    ) throws(SystemError) {
        try setTCP(TCP_NODELAY, isOn ? 1 : 0, on: descriptor)
    }

    /// Whether small pieces leave at once.
    public static func isNoDelay(_ descriptor: borrowing Descriptor) throws(SystemError) -> Bool {
        try get(Int32(IPPROTO_TCP), TCP_NODELAY, of: descriptor) != 0
    }

    /// Lets the kernel probe an idle peer: first after `idleSeconds`, then each third of that, and
    /// give up after three unanswered probes (as Redis' `tcp-keepalive`). 0 switches it off.
    public static func setKeepAlive(
        _ descriptor: borrowing Descriptor, idleSeconds: Int32
    ) throws(SystemError) {
        try set(SOL_SOCKET, SO_KEEPALIVE, idleSeconds > 0 ? 1 : 0, on: descriptor)
        guard idleSeconds > 0 else { return }
        try setTCP(TCP_KEEPIDLE, idleSeconds, on: descriptor)
        try setTCP(TCP_KEEPINTVL, max(1, idleSeconds / 3), on: descriptor)
        try setTCP(TCP_KEEPCNT, 3, on: descriptor)
    }

    /// Gives a connection up when sent bytes stay unacknowledged for so long (TCP_USER_TIMEOUT).
    public static func setUnacknowledgedTimeout(
        _ descriptor: borrowing Descriptor, milliseconds: Int32
    ) throws(SystemError) {
        try setTCP(TCP_USER_TIMEOUT, milliseconds, on: descriptor)
    }

    /// Size of the kernel's send buffer in bytes (the kernel doubles it for its own needs).
    public static func setSendBuffer(
        _ descriptor: borrowing Descriptor, bytes: Int32
    ) throws(SystemError) {
        try set(SOL_SOCKET, SO_SNDBUF, bytes, on: descriptor)
    }

    /// Makes `close` send a reset and drop what is under way.
    public static func setResetOnClose(_ descriptor: borrowing Descriptor) throws(SystemError) {
        var value = linger(l_onoff: 1, l_linger: 0)
        let number = descriptor.number
        _ = try attempt("setsockopt") {
            unsafe setsockopt(
                number, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        }
    }

    static func set(
        _ level: Int32, _ option: Int32, _ value: Int32, on descriptor: borrowing Descriptor
    ) throws(SystemError) {
        var value = value
        let number = descriptor.number
        _ = try attempt("setsockopt") {
            unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    static func get(
        _ level: Int32, _ option: Int32, of descriptor: borrowing Descriptor
    ) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let number = descriptor.number
        _ = try attempt("getsockopt") {
            unsafe getsockopt(number, level, option, &value, &length)
        }
        return value
    }

    private static func setTCP(
        _ option: Int32, _ value: Int32, on descriptor: borrowing Descriptor
    ) throws(SystemError) {
        do {
            try set(Int32(IPPROTO_TCP), option, value, on: descriptor)
        } catch  where error.code == EOPNOTSUPP || error.code == ENOPROTOOPT {
            // A unix socket has no TCP options and needs none.
        }
    }
}
