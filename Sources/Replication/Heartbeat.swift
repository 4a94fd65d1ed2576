// The heartbeat between nodes of our own kind: a line between commands, and its echo.
//
//   master → replica   +headwater <epoch> <clock>\r\n          each 100 ms, between whole units
//   replica → master   REPLCONF ACK <offset> [FACK <offset>] HEARTBEAT <epoch>:<clock>
//
// `clock` is the sender's own clock in milliseconds, which only the sender reads: it counts how
// long ago it spoke from when it spoke, not from when the echo came. The line is no part of the
// stream: not logged, not counted, not forwarded (each node beats for its own replicas, so a
// subtree stays up when the top of the tree dies).

public import Bytes

/// A heartbeat.
public struct Heartbeat: Equatable, Sendable {
    /// Epoch of the sender.
    public var epoch: Int64
    /// Milliseconds on the sender's clock.
    public var clock: Int64

    /// A heartbeat.
    public init(epoch: Int64, clock: Int64) {
        self.epoch = epoch
        self.clock = clock
    }

    /// The line with its CRLF.
    public var line: [UInt8] { WireText.line("+headwater \(epoch) \(clock)") }

    /// The heartbeat in a line, with or without its line end; nil when it is another line.
    public init?(line: ByteSlice) {
        var length = line.count
        while length > 0 && line[length - 1] <= 0x20 { length -= 1 }
        let words = WireText.words(line.prefix(length))
        guard words.count >= 3, words[0] == "+headwater", let epoch = WireText.integer(words[1]),
            let clock = WireText.integer(words[2])
        else { return nil }
        self.init(epoch: epoch, clock: clock)
    }

    /// The value of the echo.
    var echo: String { "\(epoch):\(clock)" }

    /// The heartbeat in the value of an echo.
    init?(echo: ByteSlice) {
        guard let colon = echo.firstIndex(of: 0x3A),
            let epoch = WireText.integer(echo.prefix(colon)),
            let clock = WireText.integer(echo.dropFirst(colon + 1))
        else { return nil }
        self.init(epoch: epoch, clock: clock)
    }
}

/// What a replica tells its upstream about its progress.
public struct Acknowledgement: Equatable, Sendable {
    /// Last byte applied.
    public var offset: Int64
    /// Last byte known to be on disk; nil without a log.
    public var durableOffset: Int64?
    /// The newest heartbeat seen, for peers that sent one.
    public var heartbeat: Heartbeat?

    /// An acknowledgement.
    public init(offset: Int64, durableOffset: Int64? = nil, heartbeat: Heartbeat? = nil) {
        self.offset = offset
        self.durableOffset = durableOffset
        self.heartbeat = heartbeat
    }

    /// The `REPLCONF ACK` command.
    public var command: [UInt8] {
        var words = ["REPLCONF", "ACK", "\(offset)"]
        if let durableOffset { words += ["FACK", "\(durableOffset)"] }
        if let heartbeat { words += ["HEARTBEAT", heartbeat.echo] }
        return WireText.command(words.map { Array($0.utf8) })
    }
}
