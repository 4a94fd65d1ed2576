// TLS on one nonblocking socket: the same three calls as on a plain one.
//
//   socket ◄──► records ◄──► OpenSSL ◄──► receive, send
//
// Steps
//   1. the handshake, which `handshake` or the first `receive` makes in pieces
//   2. receive and send; `receive` leaves nothing decrypted behind, so that a level-triggered loop
//      which watches the socket misses nothing
//   3. `finish` says goodbye without waiting for an answer
public import Bytes
import COpenSSL
import Glibc
public import Platform

/// One encrypted connection; its owner keeps the socket open meanwhile and closes it afterwards.
@safe
public final class TLSSession {
    private let pointer: OpaquePointer
    /// The next step needs a socket that can be written: watch for it, then receive or flush again.
    public private(set) var wantsWritable = false

    /// A session on a connected socket.
    public init(_ context: TLSContext, on descriptor: borrowing Descriptor) throws(SystemError) {
        guard
            let made = unsafe hw_tls_session_new(
                context.pointer, descriptor.number, context.role == .server ? 1 : 0,
                context.verification)
        else { throw TLSSession.failure() }
        unsafe pointer = made
    }

    deinit { unsafe hw_tls_session_free(pointer) }

    /// Goes on with the handshake; true when it is done. One that the peer breaks off is an error.
    public func handshake() throws(SystemError) -> Bool {
        let outcome = unsafe hw_tls_handshake(pointer)
        if outcome == HW_TLS_END {
            throw SystemError(call: "TLS", code: ECONNRESET, subject: "handshake")
        }
        return try waits(outcome) == false
    }

    /// Appends what has arrived to `buffer`: all that is decrypted, at least up to `minimum` bytes
    /// if so much is there.
    public func receive(
        into buffer: inout ByteBuffer, minimum: Int
    ) throws(SystemError) -> ReceiveOutcome {
        var total = 0
        while total < minimum || hasPending {
            var outcome = 0
            unsafe buffer.write(minimum: min(minimum, TLSSession.recordBytesMax)) { free in
                guard let base = free.baseAddress else { return 0 }
                outcome = unsafe hw_tls_read(pointer, base, free.count)
                return max(0, outcome)
            }
            if outcome == HW_TLS_END { return total > 0 ? .bytes(total) : .end }
            if try waits(outcome) { break }
            total += outcome
        }
        return total > 0 ? .bytes(total) : .wouldBlock
    }

    private var hasPending: Bool { unsafe hw_tls_pending(pointer) > 0 }

    /// Largest piece that OpenSSL decrypts at a time.
    private static let recordBytesMax = 16 * 1_024

    /// Sends a beginning of `slice`; 0 if there is no room.
    public func send(_ slice: ByteSlice) throws(SystemError) -> Int {
        if slice.isEmpty { return 0 }
        let outcome = unsafe slice.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            return unsafe hw_tls_write(pointer, base, bytes.count)
        }
        if outcome == HW_TLS_END {
            throw SystemError(call: "TLS", code: EPIPE, subject: "send")
        }
        return try waits(outcome) ? 0 : outcome
    }

    /// Tells the peer that nothing more will come.
    public func finish() { unsafe hw_tls_finish(pointer) }

    /// The protocol version that was agreed on: `TLSv1.3`.
    public var version: String { unsafe String(cString: hw_tls_version(pointer)) }

    /// Whether the call must be repeated later.
    private func waits(_ outcome: Int) throws(SystemError) -> Bool {
        wantsWritable = outcome == HW_TLS_WANTS_WRITE
        if outcome == HW_TLS_FAILED { throw TLSSession.failure() }
        return outcome <= 0
    }

    /// What OpenSSL says, as an error of the socket.
    private static func failure() -> SystemError {
        SystemError(call: "TLS", code: EPROTO, subject: TLSContext.lastError())
    }
}
