// Stream sockets: listen, accept, connect, receive, send and their options. All are nonblocking and
// closed on exec.
public import Bytes
import CLinux
import Glibc

/// What a nonblocking receive gave.
public enum ReceiveOutcome: Equatable, Sendable {
    /// So many bytes were appended (at least one).
    case bytes(Int)
    /// Nothing is there yet.
    case wouldBlock
    /// The peer has finished sending.
    case end
}

/// Calls on stream sockets.
public enum Socket {
    /// A listening socket. For TCP, `address` may carry port 0: ask `localAddress` for the port
    /// that the kernel chose. The file of a unix socket must not exist.
    public static func listen(
        on address: SocketAddress, backlog: Int32 = 511
    ) throws(SystemError) -> Descriptor {
        let descriptor = try make(for: address)
        switch address {
        case .version4: try set(SOL_SOCKET, SO_REUSEADDR, 1, on: descriptor)
        case .version6:
            try set(SOL_SOCKET, SO_REUSEADDR, 1, on: descriptor)
            try set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1, on: descriptor)
        case .local: break
        }
        let number = descriptor.number
        _ = try attempt("bind", address.description) {
            unsafe address.withRaw { unsafe Glibc.bind(number, $0, $1) }
        }
        _ = try attempt("listen", address.description) { Glibc.listen(number, backlog) }
        return descriptor
    }

    /// The next waiting connection, nonblocking; nil if there is none (or if it went away before it
    /// was accepted).
    public static func accept(
        _ listener: borrowing Descriptor
    ) throws(SystemError) -> Descriptor? {
        let number = listener.number
        do {
            let accepted = try attemptNonblocking("accept4") {
                hw_accept(number, nil, nil)
            }
            guard let accepted else { return nil }
            return Descriptor(owning: accepted)
        } catch {
            // accept(2): pending network errors of the new socket are reported here; they concern
            // that connection only.
            let passing = [
                ECONNABORTED, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
                EOPNOTSUPP, ENETUNREACH,
            ]
            if passing.contains(error.code) { return nil }
            throw error
        }
    }

    /// Starts a connection and does not wait: when the socket becomes writable, `connectError` says
    /// how it went. A refusal may also be thrown at once. `source` chooses the local address.
    public static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil
    ) throws(SystemError) -> Descriptor {
        let descriptor = try make(for: address)
        let number = descriptor.number
        if let source {
            _ = try attempt("bind", source.description) {
                unsafe source.withRaw { unsafe Glibc.bind(number, $0, $1) }
            }
        }
        do {
            _ = try attempt("connect") {
                unsafe address.withRaw { unsafe Glibc.connect(number, $0, $1) }
            }
        } catch  where error.code == EINPROGRESS {
            // The usual case: completion is reported through the event loop.
        } catch  where error.code == EALREADY {
            // The call was interrupted and repeated while the connection was under way.
        } catch {
            throw error.about(address.description)
        }
        return descriptor
    }

    /// Why the connection failed; nil once it is established. Clears the pending error.
    public static func connectError(_ descriptor: borrowing Descriptor) -> SystemError? {
        do {
            let code = try get(SOL_SOCKET, SO_ERROR, of: descriptor)
            return code == 0 ? nil : SystemError(call: "connect", code: code)
        } catch {
            return error
        }
    }

    /// A connected pair of unix sockets: for tests and for waking.
    public static func pair(
        _ body: (consuming Descriptor, consuming Descriptor) -> Void
    ) throws(SystemError) {
        var numbers: (Int32, Int32) = (-1, -1)
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        _ = try attempt("socketpair") {
            unsafe withUnsafeMutableBytes(of: &numbers) { bytes in
                unsafe socketpair(
                    AF_UNIX, kind, 0, bytes.assumingMemoryBound(to: Int32.self).baseAddress)
            }
        }
        body(Descriptor(owning: numbers.0), Descriptor(owning: numbers.1))
    }

    /// Appends what has arrived to `buffer`: as much as fits into its free room, of which there
    /// will be at least `minimum` bytes.
    @inline(__always)
    public static func receive(
        from descriptor: borrowing Descriptor, into buffer: inout ByteBuffer, minimum: Int
    ) throws(SystemError) -> ReceiveOutcome {
        var outcome = ReceiveOutcome.wouldBlock
        let number = descriptor.number
        try unsafe buffer.write(minimum: minimum) { (free) throws(SystemError) -> Int in
            let count = try attemptNonblocking("recv") {
                unsafe hw_receive(number, free.baseAddress, free.count)
            }
            guard let count else { return 0 }
            outcome = count == 0 ? .end : .bytes(count)
            return count
        }
        return outcome
    }

    /// Sends a beginning of `slice` and says how many bytes the kernel took; 0 if it has no room.
    /// A peer that went away is an error (EPIPE), never a signal.
    @inline(__always)
    public static func send(
        _ slice: ByteSlice, to descriptor: borrowing Descriptor
    ) throws(SystemError) -> Int {
        let number = descriptor.number
        let count = try unsafe slice.withUnsafeBytes { (bytes) throws(SystemError) -> Int? in
            try attemptNonblocking("send") {
                unsafe hw_send(number, bytes.baseAddress, bytes.count)
            }
        }
        return count ?? 0
    }

    /// Ends the sending direction: the peer reads the end after the bytes under way.
    public static func finishSending(_ descriptor: borrowing Descriptor) {
        _ = shutdown(descriptor.number, Int32(SHUT_WR))
    }

    /// The address this end is bound to.
    public static func localAddress(
        of descriptor: borrowing Descriptor
    ) throws(SystemError) -> SocketAddress {
        try unsafe address("getsockname", descriptor.number) { unsafe getsockname($0, $1, $2) }
    }

    /// The address of the other end.
    public static func peerAddress(
        of descriptor: borrowing Descriptor
    ) throws(SystemError) -> SocketAddress {
        try unsafe address("getpeername", descriptor.number) { unsafe getpeername($0, $1, $2) }
    }

    private static func address(
        _ call: StaticString, _ number: Int32,
        _ body: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) throws(SystemError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var address: SocketAddress?
        _ = try attempt(call) {
            unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                let raw = unsafe UnsafeMutableRawPointer(pointer)
                    .assumingMemoryBound(to: sockaddr.self)
                let result = unsafe body(number, raw, &length)
                if result == 0 { address = unsafe SocketAddress(raw: raw, length: length) }
                return result
            }
        }
        guard let address else { throw SystemError(call: call, code: EAFNOSUPPORT) }
        return address
    }

    private static func make(for address: SocketAddress) throws(SystemError) -> Descriptor {
        let family =
            switch address {
            case .version4: AF_INET
            case .version6: AF_INET6
            case .local: AF_UNIX
            }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return Descriptor(owning: try attempt("socket") { socket(family, kind, 0) })
    }
}
