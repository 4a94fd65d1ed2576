// The commands between MULTI and EXEC.
//
//   bytes      *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n *2\r\n …      each as a RESP array
//   places          │SET│     │k│     │v│                             arguments, by offset
//
// Keeping RESP arrays means that a queued command goes into the replication stream as one copy.
internal import Bytes
internal import RESP

/// The queue of one transaction.
final class TransactionQueue {
    /// One queued command.
    struct Queued: BitwiseCopyable {
        var number: Int32
        var argumentCount: Int32
        var firstPlace: Int
        var start: Int
        var end: Int
    }

    private struct Place: BitwiseCopyable {
        var start: Int
        var count: Int
    }

    private(set) var bytes = ByteBuffer()
    private var places = TrivialList<Place>()
    private var commands = TrivialList<Queued>()
    /// Flags of all queued commands together: EXEC is gated by them.
    private(set) var flags: CommandFlags = []
    /// A command was refused while queueing: EXEC must fail.
    var isBroken = false

    /// Number of queued commands.
    var count: Int { commands.count }

    /// Adds a command with a copy of its arguments.
    func append(number: Int, flags: CommandFlags, arguments: Arguments) {
        let start = bytes.count
        let firstPlace = places.count
        RequestWriter.begin(arguments.count, into: &bytes)
        for index in 0..<arguments.count {
            let argument = arguments[index]
            RequestWriter.argument(argument, into: &bytes)
            places.append(
                Place(start: bytes.count - argument.count - 2, count: argument.count))
        }
        commands.append(
            Queued(
                number: Int32(number), argumentCount: Int32(arguments.count),
                firstPlace: firstPlace, start: start, end: bytes.count))
        self.flags.formUnion(flags)
    }

    subscript(index: Int) -> Queued { commands[index] }

    /// Appends the arguments of a queued command to `list`: valid until the queue changes.
    func copyArguments(of queued: Queued, into list: inout ByteSliceList) {
        let readable = bytes.readable
        for index in 0..<Int(queued.argumentCount) {
            let place = places[queued.firstPlace + index]
            list.append(readable.slice(from: place.start, count: place.count))
        }
    }

    /// The RESP array of a queued command.
    func request(of queued: Queued) -> ByteSlice {
        bytes.readable.slice(from: queued.start, count: queued.end - queued.start)
    }
}
