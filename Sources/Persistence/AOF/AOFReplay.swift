// Replays the commands of an append-only file: a machine that is fed with the file's bytes.
//
//   1. a unit (one command, or MULTI … EXEC) is applied when all of it is there
//   2. what was applied is consumed; `goodBytes` is the end of the last whole unit
//   3. at the end of the file, `leftover` bytes belong to no whole unit: a torn tail, to be cut
//   there
//      (`aof-load-truncated yes`) or a reason not to start
//
// Whether a command exists and what it does is the business of `apply`.

public import Bytes
internal import Log

/// Why an append-only file cannot be replayed.
public enum AOFReplayError: Error, Equatable, Sendable {
    /// Bytes that no server would have written, at this position of the file.
    case badFormat(position: Int64)
    /// A command that this server does not have.
    case unknownCommand(name: String, position: Int64)
    /// A command that this server could not execute.
    case failed(name: String, reason: String, position: Int64)
}

/// The incremental replay of one file.
public struct AOFReplay: ~Copyable {
    private var scanner = UnitScanner()
    private var commands: [UnitScanner.Command] = []
    private var arguments = ByteSliceList()
    /// Position in the file behind the last unit that was applied.
    public private(set) var goodBytes: Int64
    /// Number of commands applied.
    public private(set) var commandCount = 0
    /// Number of annotations passed over between units: they are no part of any stream.
    public private(set) var annotationCount = 0

    /// A replay from `position` on, where database 0 is selected: the start of a file, or the end
    /// of its RDB preamble.
    public init(position: Int64 = 0) { goodBytes = position }

    /// Database selected behind the last unit.
    public var database: Int { scanner.database }

    /// Applies every whole unit in `buffer` and consumes it; returns how many bytes the buffer must
    /// hold before the next call can do anything.
    ///
    /// `apply` receives each command of a unit with its bytes, MULTI and EXEC included; the slices
    /// are valid until it returns.
    public mutating func receive(
        _ buffer: inout ByteBuffer,
        apply: (ByteSliceView, ByteSlice) throws(AOFReplayError) -> Void
    ) throws(AOFReplayError) -> Int {
        while true {
            let input = buffer.readable
            let item: UnitScanner.Item
            do throws(LogFormatError) {
                item = try scanner.next(input, commands: &commands, arguments: &arguments)
            } catch {
                throw .badFormat(position: goodBytes + Int64(error.position))
            }
            switch item {
            case .needMore(let total):
                // An open transaction does not say how long it is.
                return commands.isEmpty ? total : max(total, buffer.count * 2)
            case .unit(let length):
                // An empty line has no command either, and belongs to the stream.
                if commands.isEmpty, input[0] == 0x23 { annotationCount += 1 }
                for command in commands {
                    try apply(
                        arguments.view(from: command.firstArgument, count: command.argumentCount),
                        input.slice(from: command.start, count: command.length))
                    commandCount += 1
                }
                buffer.consume(length)
                goodBytes += Int64(length)
            }
        }
    }
}
