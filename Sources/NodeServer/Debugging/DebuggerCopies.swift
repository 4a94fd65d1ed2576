// Sessions of the debugger whose changes are thrown away: EVAL after SCRIPT DEBUG YES.
//
//   EVAL ──► snapshot into a file ──► this program again: loads it, runs EVAL as after SYNC
//                                           │ ▲
//   client ◄──► its session ◄──► relay ◄────┘ │ a socket of its own
//
// Redis forks, which a process with several threads must not do and go on. A copy costs the time
// of a snapshot and of a load, and the memory of the data set once more; the node serves on. The
// copy has no log, no replicas and no listener: what a script changes there ends with it.

import Bytes
import Commands
import Directives
import EventLoop
import Logging
import Platform
import RESP
import Scripting

/// The sessions of one node. Engine thread only.
final class DebuggerCopies {
    /// Most sessions at a time: each holds the whole data set.
    static let countMax = 4

    private unowned let node: Node
    private var relays: [ObjectIdentifier: DebuggerRelay] = [:]
    /// Processes that were ended and are not gone yet.
    private var ending: [ChildProcess] = []

    init(_ node: Node) { self.node = node }

    /// Begins a session for the EVAL of `call`: the connection belongs to it from here on.
    func begin(_ call: ScriptCall, _ client: ClientState) throws(ReplyError) {
        guard let session = node.clients.session(of: client), !client.deniesBlocking else {
            throw ReplyError("ERR A script can not be debugged within a transaction")
        }
        guard relays.count < DebuggerCopies.countMax else {
            throw ReplyError(
                composed: "ERR \(DebuggerCopies.countMax) scripts are being debugged on copies of "
                    + "the data set, which is the most: end one of these sessions first")
        }
        let relay: DebuggerRelay
        do throws(SystemError) {
            relay = try DebuggerRelay(session, owner: self)
        } catch {
            throw ReplyError(composed: "ERR The debugger cannot be started: \(error)")
        }
        relay.append(call.command)
        relays[ObjectIdentifier(relay)] = relay
        session.handOver(to: relay)
        node.snapshots.request(.copy) { [weak self] result in
            guard let self, relays[ObjectIdentifier(relay)] != nil else { return }
            do throws(SystemError) {
                switch result {
                case .success: try start(relay, client)
                case .failure(.system(let error)): throw error
                case .failure: relay.fail("the copy of the data set was not completed")
                }
            } catch {
                relay.fail("\(error)")
            }
        }
    }

    private func start(_ relay: DebuggerRelay, _ client: ClientState) throws(SystemError) {
        guard let path = node.snapshots.copyPath else { return }
        let dump = try File.open(path, .read)
        let configuration = try File.inMemory(self.configuration, name: "debugger-copy")
        let isReadOnly = node.engine.writeGate == .readOnlyReplica
        try relay.start { (socket) throws(SystemError) in
            let order = DebuggerCopyOrder(
                socket: socket, dump: dump.descriptor.number, databaseIndex: client.databaseIndex,
                isRESP3: client.output.isRESP3, isReadOnly: isReadOnly,
                userName: client.userName)
            let child = try ChildProcess.startOwnProgram(
                [DebuggerCopyProgram.option] + order.words,
                standardInput: configuration.descriptor,
                inherited: [order.socket, order.dump])
            node.log.notice(
                "A script is debugged on a copy of the data set, in process \(child.processID)")
            return child
        }
    }

    /// The settings of a copy: those of the node, but for all that would reach outside.
    private var configuration: [UInt8] {
        var settings = node.settings
        settings.port = 0
        settings.tlsPort = 0
        settings.unixSocket = ""
        settings.httpPort = 0
        settings.pidFile = ""
        settings.logFile = ""
        settings.logLevel = .nothing
        settings.savePoints = []
        settings.appendOnly = false
        settings.upstream = nil
        settings.accessFile = ""
        settings.users = node.userDirectives
        settings.killScore.values[0] = settings.killScore.values[2]
        return NodeDirectives.table.rewritten([], settings: settings, defaults: NodeSettings())
    }

    /// A connection is over, whoever ended it; so is its copy.
    func ended(_ relay: DebuggerRelay) {
        guard relays.removeValue(forKey: ObjectIdentifier(relay)) != nil else { return }
        guard let child = relay.child else { return }
        child.kill()
        ending.append(child)
        node.log.notice("The script in process \(child.processID) is no longer debugged")
    }

    /// Collects processes that are gone; part of the housekeeping.
    func collect() {
        if !ending.isEmpty { ending.removeAll { $0.collect() } }
    }
}
