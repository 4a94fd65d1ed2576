// A session of the debugger: EVAL of a client that has sent SCRIPT DEBUG SYNC. After SCRIPT DEBUG
// YES the session is the same, in another process on a copy of the data set, which the node starts.
//
//   EVAL ──► session ──► the script, with a hook on each line ──► end of session ──► reply, close
//                             │  ▲
//                  lines to the client, commands from it, past its replies: these wait for the log
public import Bytes
import Commands
import RESP

/// What a debugger's client has sent.
public enum ScriptConsoleInput: Sendable {
    /// One command.
    case command
    /// Nothing yet.
    case nothing
    /// It is gone.
    case gone
}

/// The connection of a debugger's client, while its script holds the engine.
public protocol ScriptConsole: AnyObject {
    /// Sends at once.
    func send(_ text: ByteSlice)
    /// Waits for some milliseconds; the words of a command stay valid until the next call.
    func receive(into words: inout ByteSliceList) -> ScriptConsoleInput
}

/// The session that runs.
final class DebuggerSession {
    let console: any ScriptConsole
    let state: LuaState
    var words = ByteSliceList(capacity: 16)

    init(console: any ScriptConsole, state: LuaState) {
        self.console = console
        self.state = state
    }
}

extension ReplyError {
    /// There is nobody to talk to.
    fileprivate static var noDebugger: ReplyError {
        ReplyError("ERR The debugger cannot be started for this client")
    }
}

extension LuaScripts {
    /// EVAL under the debugger.
    func debug(
        _ call: ScriptCall, _ state: LuaState, client: ClientState,
        _ run: () throws(ReplyError) -> Void
    ) throws(ReplyError) {
        guard call.kind == .body else {
            throw ReplyError("ERR Please use EVAL instead of EVALSHA for debugging")
        }
        if isRunning { throw ReplyError("ERR scripts can not be nested") }
        let isOnCopy = client.scriptDebugging == .onCopy
        client.scriptDebugging = .off
        if isOnCopy {
            guard let debugOnCopy else { throw .noDebugger }
            return try debugOnCopy(call, client)
        }
        guard let console = makeConsole?(client), state.beginDebugging(call.name) else {
            throw .noDebugger
        }
        engine.host.log(.notice, "Synchronous debugging session of a script started")
        debugger = DebuggerSession(console: console, state: state)
        defer {
            state.endDebugging()
            debugger = nil
            // As in Redis, the end of the connection is the end of the session.
            client.closesAfterReplies = true
            engine.host.log(.notice, "Synchronous debugging session of a script ended")
        }
        try run()
    }

    /// Waits for a command of the debugger's client, and serves the others meanwhile: to them the
    /// script is busy. False when the client is gone, or the script has to end.
    func nextDebuggerCommand() -> Bool {
        guard let call = current, let session = debugger else { return false }
        if !engine.isScriptBusy { markBusy(call) }
        while true {
            session.words.removeAll()
            switch session.console.receive(into: &session.words) {
            case .command: return true
            case .gone: return false
            case .nothing:
                serveOthers?()
                if engine.isScriptKilled || mustEnd?() == true { return false }
            }
        }
    }
}
