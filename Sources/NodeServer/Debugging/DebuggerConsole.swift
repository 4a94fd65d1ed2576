// The connection of a client that debugs a script: read and written past its session, which stands
// still in the middle of EVAL.

import Bytes
import EventLoop
import Platform
import RESP
import Scripting

/// One client that debugs.
final class DebuggerConsole: ScriptConsole {
    /// How long one look for input waits: others are served as often.
    private static let waitMilliseconds: Int64 = 10
    /// How long a client may take nothing of what it is told.
    private static let sendMilliseconds: Int64 = 5_000
    /// Longest command.
    private static let commandBytesMax = 1 << 20

    private let session: Session
    private var input = ByteBuffer()
    private var parser = RequestParser()
    private var usedBytes = 0
    private var isGone = false

    init(_ session: Session) { self.session = session }

    func send(_ text: ByteSlice) {
        var rest = text
        while !rest.isEmpty && !isGone {
            do throws(SystemError) {
                let sent = try session.sendAside(rest)
                rest = rest.dropFirst(sent)
                guard sent == 0 else { continue }
                isGone = !session.waitAside(
                    for: .writable, milliseconds: DebuggerConsole.sendMilliseconds)
            } catch {
                isGone = true
            }
        }
    }

    func receive(into words: inout ByteSliceList) -> ScriptConsoleInput {
        input.consume(usedBytes)
        usedBytes = 0
        if isGone { return .gone }
        do throws(ProtocolError) {
            if case .command(let length, let count) = try parser.parse(
                input.readable, from: 0, into: &words)
            {
                usedBytes = length
                return count > 0 ? .command : .nothing
            }
        } catch {
            return end()
        }
        guard input.count < DebuggerConsole.commandBytesMax else { return end() }
        do throws(SystemError) {
            switch try session.receiveAside(into: &input) {
            case .bytes: break
            case .end: return end()
            case .wouldBlock:
                _ = session.waitAside(
                    for: .readable, milliseconds: DebuggerConsole.waitMilliseconds)
            }
        } catch {
            return end()
        }
        return .nothing
    }

    private func end() -> ScriptConsoleInput {
        isGone = true
        return .gone
    }
}
