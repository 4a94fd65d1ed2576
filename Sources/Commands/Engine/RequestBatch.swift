// The commands of one read, parsed: what goes into the engine.
//
//   input      │ *3 … SET k v │ *2 … GET k │ *2 … GE          (partial: left for the next read)
//   commands     [0]            [1]
//   arguments    SET k v          GET k
//
// The slices point into the input, which the caller keeps in place until the batch was run. The
// engine fills in what it finds out in its first phase (command number, hash of the first key).
public import Bytes
public import RESP
public import Store

/// One parsed command of a batch.
struct BatchCommand: BitwiseCopyable {
    var argumentStart: Int32
    var argumentCount: Int32
    /// Where the request begins and ends in the input.
    var start: Int
    var end: Int
    /// The request is a RESP array that may be copied verbatim into a stream.
    var isCanonical: Bool
    /// Number in the command table; -1 when unknown.
    var number: Int32 = -1
    /// What may refuse it on the straight path; all bits when it cannot take that path.
    var flags = CommandFlags.notStraight
    /// Hash of the first key; meaningless for commands without keys.
    var keyHash: KeyHash
}

/// A batch of parsed commands; reuse one per thread.
public struct RequestBatch: ~Copyable {
    /// Most commands of one batch: enough to hide memory latency, few enough to stay in cache.
    public static var commandsMax: Int { 64 }

    var arguments = ByteSliceList(capacity: 256)
    var commands = TrivialList<BatchCommand>(capacity: RequestBatch.commandsMax)
    var input = ByteSlice()
    private let noHash: KeyHash
    /// Bytes of the input that `fill` took.
    public private(set) var consumed = 0
    /// The input ended inside a command: more must arrive before `fill` finds anything else.
    public private(set) var needsMore = false
    /// What ended the parsing, to be told behind the replies of the commands before it.
    public private(set) var problem: ProtocolError?

    /// An empty batch.
    ///
    /// - Parameter keyspace: the one that the batches are for.
    public init(keyspace: Keyspace) { noHash = keyspace.hash(ByteSlice()) }

    /// Number of commands.
    public var count: Int { commands.count }

    /// Parses commands of `input` from its start until it ends, `commandsMax` is reached, or it
    /// violates the protocol. A client that is not authenticated gets one command per batch, so
    /// that AUTH lifts the limits for what follows.
    public mutating func fill(from input: ByteSlice, parser: inout RequestParser) {
        arguments.removeAll()
        commands.removeAll()
        parser.releaseDecodedLines()
        self.input = input
        needsMore = false
        problem = nil
        let countMax = parser.limits.isAuthenticated ? RequestBatch.commandsMax : 1
        var position = 0
        do throws(ProtocolError) {
            while position < input.count && commands.count < countMax {
                let first = arguments.count
                let outcome = try parser.parse(input, from: position, into: &arguments)
                guard case .command(let length, let argumentCount) = outcome else {
                    needsMore = true
                    break
                }
                let end = position &+ length
                if argumentCount > 0 {
                    commands.append(
                        BatchCommand(
                            argumentStart: Int32(first), argumentCount: Int32(argumentCount),
                            start: position, end: end, isCanonical: parser.wasCanonical,
                            keyHash: noHash))
                }
                position = end
            }
        } catch {
            problem = error
        }
        consumed = position
    }

    func arguments(of command: BatchCommand) -> Arguments {
        arguments.view(from: Int(command.argumentStart), count: Int(command.argumentCount))
    }
}

/// How far the engine came with a batch.
public struct BatchOutcome: Sendable, Equatable {
    /// Why it stopped.
    public enum End: Sendable {
        /// All commands were run.
        case finished
        /// The client is blocked; what follows waits.
        case blocked
        /// Clients are paused; the next command waits.
        case paused
        /// The connection closes when the replies are sent.
        case closing
        /// The connection speaks the replication protocol from here on.
        case handedOver
    }

    /// Why it stopped.
    public let end: End
    /// Number of commands that were run.
    public let executedCount: Int
    /// Bytes of the input that are done with: the rest must be kept and filled in again.
    public let consumed: Int
}
