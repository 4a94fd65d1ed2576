// Log lines as JSON objects on standard output, one per line, unbuffered.

import APIContract
import ControlModel
import Logging
import Platform

struct JSONLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    let label: String

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var members: [JSONValue.Member] = [
            .init("time", .string(Timestamp(milliseconds: Clock.wallMilliseconds()).text)),
            .init("level", .string(event.level.rawValue)), .init("logger", .string(label)),
            .init("message", .string(event.message.description)),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            members.append(.init(name, .string(value.description)))
        }
        let line = JSONValue.object(members).jsonText + "\n"
        StandardStreams.writeOutput(line)
    }
}
