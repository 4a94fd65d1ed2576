// The conversation of MIGRATE with another server, on the engine's thread: the command is defined
// to hold the server until the keys have moved, so that nobody sees a key in neither place.

import Bytes
import Commands
import Platform

extension EngineHost {
    /// Longest line of an answer.
    private static let answerBytesMax = 64 << 10
    private static let receiveBytes = 4 << 10

    func exchange(
        with host: String, port: Int, request: ByteSlice, answerCount: Int,
        timeoutMilliseconds: Int64, _ receive: (String) -> Void
    ) -> MigrationFailure? {
        guard let port = UInt16(exactly: port),
            let address = try? SocketAddress.resolve(host, port: port).first,
            let descriptor = try? Socket.connect(to: address),
            Socket.wait(for: .writable, descriptor, milliseconds: timeoutMilliseconds)
        else { return .connecting }
        // A connection that was refused shows when it is written to, as clients know it.
        guard Socket.connectError(descriptor) == nil,
            EngineHost.send(request, to: descriptor, timeoutMilliseconds)
        else { return .writing }
        var input = ByteBuffer()
        for _ in 0..<answerCount {
            guard
                let line = EngineHost.receiveLine(
                    from: descriptor, &input, timeoutMilliseconds)
            else { return .reading }
            receive(line)
        }
        return nil
    }

    private static func send(
        _ request: ByteSlice, to descriptor: borrowing Descriptor, _ milliseconds: Int64
    ) -> Bool {
        var sent = 0
        while sent < request.count {
            guard let count = try? Socket.send(request.dropFirst(sent), to: descriptor) else {
                return false
            }
            sent += count
            if count == 0
                && !Socket.wait(for: .writable, descriptor, milliseconds: milliseconds)
            {
                return false
            }
        }
        return true
    }

    /// The next line; nil when it does not come in time.
    private static func receiveLine(
        from descriptor: borrowing Descriptor, _ input: inout ByteBuffer, _ milliseconds: Int64
    ) -> String? {
        while true {
            if let end = input.readable.firstIndex(of: 0x0A) {
                let isPair = end > 0 && input.readable[end - 1] == 0x0D
                let line = input.readable.prefix(isPair ? end - 1 : end).string
                input.consume(end + 1)
                return line
            }
            guard input.count < answerBytesMax,
                Socket.wait(for: .readable, descriptor, milliseconds: milliseconds),
                let outcome = try? Socket.receive(
                    from: descriptor, into: &input, minimum: receiveBytes)
            else { return nil }
            if case .end = outcome { return nil }
        }
    }
}
