// The node's log: lines in the form of redis-server, to standard output or a file, each written at
// once, so that a process that dies has said everything.
//
//   1234:M 23 Nov 2026 11:20:00.123 * Ready to accept connections tcp
//   pid  │ time in UTC              │ . debug  - verbose  * notice  # warning
//        M master  S replica

import Bytes
import Logging
import Platform
import Synchronization

/// Where log lines go, and what they say of the node's role. Used by all threads.
final class LogSink: Sendable {
    /// Empty for standard output. A file is opened for each line, so that it can be rotated.
    private let path: String
    /// Written by the engine thread, read by all.
    private let replica = Atomic<Bool>(false)
    private let processID = ProcessFacts.processID

    /// A sink to the file at `path`, or to standard output when it is empty.
    init(path: String) { self.path = path }

    /// The role that lines show.
    var isReplica: Bool {
        get { replica.load(ordering: .relaxed) }
        set { replica.store(newValue, ordering: .relaxed) }
    }

    func line(_ level: Logger.Level, _ text: String) {
        let role = isReplica ? "S" : "M"
        let time = LogTime.text(milliseconds: Clock.wallMilliseconds())
        writeRaw("\(processID):\(role) \(time) \(LogSink.mark(level)) \(text)\n")
    }

    /// Text as it is: for the banner.
    func writeRaw(_ text: String) {
        guard !path.isEmpty else { return StandardStreams.writeOutput(text) }
        // A full disk must not stop the node: the line is lost.
        guard let file = try? File.open(path, [.write, .create, .append]) else { return }
        Array(text.utf8).withByteSlice { try? file.write($0) }
    }

    private static func mark(_ level: Logger.Level) -> Character {
        switch level {
        case .trace, .debug: "."
        case .info: "-"
        case .notice: "*"
        case .warning, .error, .critical: "#"
        }
    }
}

/// The time of a log line.
enum LogTime {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `23 Nov 2026 11:20:00.123` for a time in milliseconds since 1970, in UTC.
    static func text(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1_000
        let clock = seconds % 86_400
        let (year, month, day) = civil(days: seconds / 86_400)
        return "\(two(day)) \(months[month - 1]) \(year) \(two(Int(clock / 3_600))):"
            + "\(two(Int(clock / 60 % 60))):\(two(Int(clock % 60)))."
            + three(Int(milliseconds % 1_000))
    }

    /// The date of a day counted from 1970-01-01: eras of 400 years that begin in March.
    private static func civil(days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(days) + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func three(_ number: Int) -> String {
        number < 100 ? "0" + two(number) : "\(number)"
    }
}

/// Hands log lines to a sink.
struct NodeLogHandler: LogHandler {
    let sink: LogSink
    var logLevel = Logger.Level.notice
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { sink.line(event.level, "\(event.message)") }
}
