// The process in which a script is debugged on a copy of the data set: see `DebuggerCopies`.
//
//   headwater-node --debugger-copy SOCKET DUMP DATABASE PROTOCOL ROLE USER   < configuration
//
//   1. settings from standard input, the data set from a descriptor
//   2. one client, on the other descriptor, whose first command is the EVAL to debug
//   3. the end of that connection is the end of the process

import Bytes
import Commands
import Diagnostics
import Directives
import EventLoop
import Logging
import Platform
import Store

/// What a copy is told by the node that starts it.
struct DebuggerCopyOrder: Equatable {
    /// Descriptor of the connection.
    let socket: Int32
    /// Descriptor of the file that holds the data set.
    let dump: Int32
    /// Database of the client.
    let databaseIndex: Int
    /// Protocol of the client.
    let isRESP3: Bool
    /// The node is a replica that takes no writes.
    let isReadOnly: Bool
    /// User of the client.
    let userName: String

    /// As arguments of the program.
    var words: [String] {
        [
            String(socket), String(dump), String(databaseIndex), isRESP3 ? "3" : "2",
            isReadOnly ? "replica" : "master", userName,
        ]
    }
}

extension DebuggerCopyOrder {
    /// From arguments of the program; nil when they are none.
    init?(_ words: [String]) {
        guard words.count == 6, let socket = Int32(words[0]), socket > 2,
            let dump = Int32(words[1]), dump > 2, dump != socket,
            let databaseIndex = Int(words[2]), ["2", "3"].contains(words[3]),
            ["replica", "master"].contains(words[4])
        else { return nil }
        self.init(
            socket: socket, dump: dump, databaseIndex: databaseIndex, isRESP3: words[3] == "3",
            isReadOnly: words[4] == "replica", userName: words[5])
    }
}

/// The program of a copy.
enum DebuggerCopyProgram {
    /// The first argument.
    static let option = "--debugger-copy"
    /// How long one turn waits.
    private static let waitMilliseconds: Int64 = 1_000

    /// Runs it with the arguments behind `option`; returns the exit status.
    static func run(_ words: [String]) -> Int32 {
        guard let order = DebuggerCopyOrder(words) else {
            StandardStream.error.write(
                text: "\(option) is what a node uses to start itself; see SCRIPT DEBUG YES\n")
            return 1
        }
        ChildProcess.endWithParent()
        Signals.ignoreBrokenPipe()
        Signals.ignoreFileSizeLimit()
        let socket = Descriptor(owning: order.socket)
        let node: Node
        do throws(StartFailure) {
            node = try load(order)
        } catch {
            let text = Array("-ERR The debugger cannot be started: \(error.message)\r\n".utf8)
            // Whoever does not read it sees the end of the connection.
            _ = text.withByteSlice { try? Socket.send($0, to: socket) }
            return 1
        }
        return serve(node, order, socket)
    }

    private static func load(_ order: DebuggerCopyOrder) throws(StartFailure) -> Node {
        let output = LogOutput(destination: .standardOutput, level: nil, role: "C")
        let log = Logger(label: "node", output: output)
        var settings: NodeSettings
        let node: Node
        do throws(ConfigFileError) {
            settings = try Startup.load(["-"]).settings
        } catch {
            throw StartFailure(error.reason)
        }
        settings.directory = "/proc/self/fd"
        settings.dumpFile = String(order.dump)
        do throws(SystemError) {
            node = try Node(settings: settings, configurationFile: nil, output: output, log: log)
        } catch {
            throw StartFailure("\(error)")
        }
        node.killScoreFollowsRole()
        try node.loadUsers()
        try node.reload(.dump, flushing: false)
        node.hasFixedGates = true
        node.engine.isReplica = order.isReadOnly
        node.engine.writeGate = order.isReadOnly ? .readOnlyReplica : .allowed
        return node
    }

    private static func serve(
        _ node: Node, _ order: DebuggerCopyOrder, _ socket: consuming Descriptor
    ) -> Int32 {
        let client = ClientState(id: node.clients.nextID())
        guard (0..<node.keyspace.databaseCount).contains(order.databaseIndex),
            node.engine.adopt(
                client, userName: order.userName, databaseIndex: order.databaseIndex,
                isRESP3: order.isRESP3),
            let session = try? Session(
                node: node, client: client, descriptor: socket, isLocal: true)
        else { return 1 }
        node.clients.add(session)
        client.scriptDebugging = .inEngine
        while !session.isClosed {
            node.loop.runTurn(waitMillisecondsMax: waitMilliseconds)
            // Also an EVAL that was refused was the only one.
            if client.scriptDebugging == .off { session.finish() }
        }
        return 0
    }
}
