// Where log lines go and what they look like; shared by all loggers of a process.
//
//   server line   4711:M 23 Nov 2026 11:20:00.123 * text (key=value)
//                 pid : role  local date and time     level: . debug - verbose * notice # warning
//   JSON line     {"time":"2026-11-23T11:20:00.123Z","level":"notice","logger":…,"message":…,
//                  "metadata":{…}}
//
// Each line is one unbuffered write, so that it is out before the process can die. A log file is
// opened for each line, as redis-server does: moving it away needs no signal.
public import Bytes
public import Logging
public import Platform
import Synchronization

/// Writes the log lines of a process; used from any thread.
public final class LogOutput: Sendable {
    /// Longest line in bytes; a longer one is cut.
    public static let lineBytesMax = 16 * 1_024

    /// What a line looks like.
    public enum Format: String, Sendable, CaseIterable {
        /// As redis-server writes it.
        case server
        /// One JSON object a line.
        case json
    }

    /// Where lines go.
    public enum Destination: Equatable, Sendable {
        /// Standard output.
        case standardOutput
        /// The end of a file, made if needed.
        case file(path: String)
    }

    /// What a line looks like.
    public let format: Format
    // Any thread reads; the owner of the process changes. -1: nothing is logged.
    private let levelRank: Atomic<Int>
    // The character behind the process id: M master, S replica, X other services.
    private let roleByte: Atomic<UInt8>
    // The lock also keeps lines of several threads apart.
    private let destination: Mutex<Destination>
    private let processID = ProcessFacts.processID

    /// An output; `role` is the character behind the process id in server lines.
    public init(
        format: Format = .server, destination: Destination = .standardOutput,
        level: Logger.Level? = .notice, role: Character = "X"
    ) {
        self.format = format
        self.destination = Mutex(destination)
        levelRank = Atomic(LogOutput.rank(of: level))
        roleByte = Atomic(role.asciiValue ?? 0x58)
    }

    /// The lowest level that is written; nil writes nothing.
    public var level: Logger.Level? {
        get {
            let rank = levelRank.load(ordering: .relaxed)
            return rank < 0 ? nil : Logger.Level.allCases[rank]
        }
        set { levelRank.store(LogOutput.rank(of: newValue), ordering: .relaxed) }
    }

    /// Sets the character behind the process id.
    public func setRole(_ role: Character) {
        roleByte.store(role.asciiValue ?? 0x58, ordering: .relaxed)
    }

    /// Sends the lines that follow elsewhere.
    public func setDestination(_ new: Destination) { destination.withLock { $0 = new } }

    /// Whether the destination can be written: to fail at the start, not at the first line.
    public func check() throws(SystemError) {
        guard case .file(let path) = destination.withLock({ $0 }) else { return }
        _ = try File.open(path, [.write, .create, .append]).size()
    }

    /// Writes bytes as they are: a banner of several lines.
    public func writeRaw(_ bytes: ByteSlice) {
        destination.withLock { destination in
            switch destination {
            case .standardOutput: StandardStream.output.write(bytes)
            case .file(let path):
                // A log that cannot be written must not stop what it reports about.
                try? File.open(path, [.write, .create, .append]).write(bytes)
            }
        }
    }

    /// Writes one line if its level is high enough.
    public func write(
        level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
    ) {
        guard let lowest = self.level, level >= lowest else { return }
        var line = ByteBuffer(capacity: 256)
        switch format {
        case .server: composeServerLine(&line, level, message, metadata)
        case .json: composeJSON(&line, level, label, message, metadata)
        }
        if line.count >= LogOutput.lineBytesMax { line.truncate(to: LogOutput.lineBytesMax - 1) }
        line.append(0x0A)
        writeRaw(line.readable)
    }

    private static func rank(of level: Logger.Level?) -> Int {
        level.flatMap { Logger.Level.allCases.firstIndex(of: $0) } ?? -1
    }

    // MARK: Forms

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private func composeServerLine(
        _ line: inout ByteBuffer, _ level: Logger.Level, _ message: String,
        _ metadata: Logger.Metadata
    ) {
        let time = CalendarTime(localFrom: Clock.wallMilliseconds())
        line.append(decimal: Int64(processID))
        line.append(0x3A)
        line.append(roleByte.load(ordering: .relaxed))
        line.append(0x20)
        line.append(padded: time.day, width: 2)
        line.append(text: " \(LogOutput.months[time.month - 1]) \(time.year) ")
        line.append(time: time)
        line.append(0x20)
        line.append(LogOutput.mark(of: level))
        line.append(0x20)
        line.append(printable: message)
        if metadata.isEmpty { return }
        line.append(" (")
        for (index, entry) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { line.append(0x20) }
            line.append(printable: "\(entry.key)=\(entry.value)")
        }
        line.append(0x29)
    }

    private static func mark(of level: Logger.Level) -> UInt8 {
        switch level {
        case .trace, .debug: UInt8(ascii: ".")
        case .info: UInt8(ascii: "-")
        case .notice: UInt8(ascii: "*")
        case .warning, .error, .critical: UInt8(ascii: "#")
        }
    }

    private func composeJSON(
        _ line: inout ByteBuffer, _ level: Logger.Level, _ label: String, _ message: String,
        _ metadata: Logger.Metadata
    ) {
        let time = CalendarTime(utcFrom: Clock.wallMilliseconds())
        line.append("{\"time\":\"")
        line.append(padded: time.year, width: 4)
        line.append(0x2D)
        line.append(padded: time.month, width: 2)
        line.append(0x2D)
        line.append(padded: time.day, width: 2)
        line.append(0x54)
        line.append(time: time)
        line.append("Z\",\"level\":\"")
        line.append(text: level.rawValue)
        line.append("\",\"logger\":")
        line.append(json: label)
        line.append(",\"message\":")
        // Cut here, not at the end: the line must stay JSON.
        line.append(json: String(decoding: message.utf8.prefix(4_096), as: UTF8.self))
        if !metadata.isEmpty {
            line.append(",\"metadata\":{")
            var isFirst = true
            for (key, value) in metadata.sorted(by: { $0.key < $1.key })
            where line.count < LogOutput.lineBytesMax / 2 {
                if !isFirst { line.append(0x2C) }
                isFirst = false
                line.append(json: String(decoding: key.utf8.prefix(128), as: UTF8.self))
                line.append(0x3A)
                line.append(
                    json: String(decoding: value.description.utf8.prefix(1_024), as: UTF8.self))
            }
            line.append(0x7D)
        }
        line.append(0x7D)
    }
}
