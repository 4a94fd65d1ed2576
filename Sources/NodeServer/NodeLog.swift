// The node's log: lines in the form of redis-server, to standard output or a file.

import Logging

/// Sets the log up.
enum NodeLog {
    /// The logger of the node, at the level of `settings`.
    static func start(_ settings: NodeSettings) -> Logger {
        var log = Logger(label: "node")
        log.logLevel = settings.logLevel.level
        return log
    }

    /// Writes text to the log as it is: for the banner.
    static func writeRaw(_ text: String) {
        print(text, terminator: "")
    }
}
