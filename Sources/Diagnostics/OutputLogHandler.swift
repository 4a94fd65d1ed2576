// Connects swift-log to a `LogOutput`.
public import Logging

/// A swift-log handler that writes to a shared output.
///
/// Its level is the output's, which can change at run time, unless the logger was given one of its
/// own.
public struct OutputLogHandler: LogHandler {
    /// Values added to each line.
    public var metadata: Logger.Metadata = [:]
    /// Gives further values for each line.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let output: LogOutput
    private var ownLevel: Logger.Level?

    /// A handler for the logger called `label`.
    public init(label: String, output: LogOutput) {
        self.label = label
        self.output = output
    }

    /// The lowest level that reaches the output.
    public var logLevel: Logger.Level {
        get { ownLevel ?? output.level ?? .critical }
        set { ownLevel = newValue }
    }

    /// The value added to each line under a key.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes the event as one line.
    public func log(event: LogEvent) {
        var values = metadata
        if let provided = metadataProvider?.get() { values.merge(provided) { $1 } }
        if let own = event.metadata { values.merge(own) { $1 } }
        if let error = event.error { values["error"] = "\(error)" }
        output.write(
            level: event.level, label: label, message: event.message.description,
            metadata: values)
    }
}

extension Logger {
    /// A logger that writes to `output`.
    public init(label: String, output: LogOutput) {
        self.init(label: label) { OutputLogHandler(label: $0, output: output) }
    }
}
