// The script that runs, as the command core sees it.
//
// States
//   none        no script
//   running     `begin` … `end`; commands come through `runFromScript`
//   busy        running for longer than `busy-reply-threshold`: other clients are answered BUSY
//   killed      SCRIPT KILL or FUNCTION KILL has asked for its end
internal import Bytes
internal import RESP

/// State of the one script that can run at a time.
struct ScriptRun {
    /// Runs the script's commands: its own database, protocol and replies.
    let client: ClientState
    /// As `client`, for scripts that come with the stream of a master.
    let masterClient: ClientState
    /// The client that has called the script; nil when none runs.
    var caller: ClientState?
    /// How the script is called in a log and in errors.
    var name: [UInt8] = []
    var isFunction = false
    /// All arguments of the command, for FUNCTION STATS. Taken when the script becomes busy.
    var command: [[UInt8]] = []
    var flags: ScriptFlags = []
    /// Commands that write are refused.
    var isReadOnly = false
    /// Commands run although memory is short.
    var ignoresMemory = false
    /// A command that writes was called: the script can no longer be stopped halfway.
    var hasWritten = false
    /// Effects go into the stream: `redis.set_repl` may turn that off.
    var propagates = true
    var startedNanoseconds: Int64 = 0
    var isBusy = false
    /// The script's unit while other clients are served.
    var suspended: InterruptedUnit?
    var isKilled = false

    init() {
        client = ClientState(id: -1)
        masterClient = ClientState(id: -1, isMaster: true)
        for client in [client, masterClient] {
            client.addressText = "lua"
            client.isAuthenticated = true
            client.deniesBlocking = true
        }
    }

    /// Whether a script runs.
    var isActive: Bool { caller != nil }
    /// The client that runs the commands of the present script.
    var runner: ClientState { caller?.isMaster == true ? masterClient : client }
}
