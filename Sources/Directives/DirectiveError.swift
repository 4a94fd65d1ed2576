// Why a configuration value was refused, in the words clients of a redis-server know.

/// A refused value; `reason` is a text without a line end.
public struct DirectiveError: Error, Equatable, Sendable {
    /// What is wrong, in Redis' words where it has words for it.
    public let reason: String

    /// An error with `reason`.
    public init(_ reason: String) { self.reason = reason }

    /// A directive that takes another number of values.
    public static let wrongNumberOfArguments = DirectiveError("wrong number of arguments")
    /// A name that no row has.
    public static let unknownDirective =
        DirectiveError("Bad directive or wrong number of arguments")
    /// Text that is no whole number.
    public static let notAnInteger =
        DirectiveError("argument couldn't be parsed into an integer")
    /// Text that is no memory size.
    public static let notMemory = DirectiveError("argument must be a memory value")
    /// Text that is neither `yes` nor `no`.
    public static let notBoolean = DirectiveError("argument must be 'yes' or 'no'")

    /// A number outside its bounds.
    public static func outside(_ range: ClosedRange<Int>) -> DirectiveError {
        DirectiveError(
            "argument must be between \(range.lowerBound) and \(range.upperBound) inclusive")
    }

    /// A word that is none of `names`.
    public static func notOneOf(_ names: [String]) -> DirectiveError {
        DirectiveError(
            "argument(s) must be one of the following: \(names.joined(separator: ", "))")
    }
}

/// A configuration text that cannot be used: where, and why.
public struct ConfigFileError: Error, Equatable, Sendable {
    /// The line in its file, from 1; command-line options count as lines behind the file.
    public let line: Int
    /// The line as it was read.
    public let text: String
    /// What is wrong with it.
    public let reason: String

    /// An error of these parts.
    public init(line: Int, text: String, reason: String) {
        self.line = line
        self.text = text
        self.reason = reason
    }

    /// The message a redis-server prints before it exits with status 1.
    public func message(server: String) -> String {
        """

        *** FATAL CONFIG FILE ERROR (\(server)) ***
        Reading the configuration file, at line \(line)
        >>> '\(text)'
        \(reason)

        """
    }
}

/// A CONFIG SET that changed nothing.
public enum ConfigSetError: Error, Equatable, Sendable {
    /// No row has this name.
    case unknown(String)
    /// The value of the named directive was refused.
    case refused(name: String, reason: String)

    /// The error reply without its dash.
    public var reply: String {
        switch self {
        case .unknown(let name):
            "ERR Unknown option or number of arguments for CONFIG SET - '\(name)'"
        case .refused(let name, let reason):
            "ERR CONFIG SET failed (possibly related to argument '\(name)') - \(reason)"
        }
    }
}
