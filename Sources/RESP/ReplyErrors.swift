// The catalogue of error texts that clients match: one place, so that a text has one spelling.
// Wording is that of Redis 7.2.

extension ReplyError {
    /// A command met a value of another type.
    public static var wrongType: ReplyError {
        ReplyError("WRONGTYPE Operation against a key holding the wrong kind of value")
    }
    /// A key that must exist does not.
    public static var noSuchKey: ReplyError { ReplyError("ERR no such key") }
    /// An option is unknown or in the wrong place.
    public static var syntax: ReplyError { ReplyError("ERR syntax error") }
    /// A text is no integer of 64 bits.
    public static var notInteger: ReplyError {
        ReplyError("ERR value is not an integer or out of range")
    }
    /// A text is no number.
    public static var notFloat: ReplyError { ReplyError("ERR value is not a valid float") }
    /// INCR and its kin would leave the range of 64 bits.
    public static var overflow: ReplyError {
        ReplyError("ERR increment or decrement would overflow")
    }
    /// DECRBY of the smallest integer.
    public static var decrementOverflow: ReplyError { ReplyError("ERR decrement would overflow") }
    /// INCRBYFLOAT would give infinity or no number.
    public static var floatOverflow: ReplyError {
        ReplyError("ERR increment would produce NaN or Infinity")
    }
    /// A count that must not be negative.
    public static var valueOutOfRangePositive: ReplyError {
        ReplyError("ERR value is out of range, must be positive")
    }
    /// A number outside of what the command takes.
    public static var valueOutOfRange: ReplyError { ReplyError("ERR value is out of range") }
    /// A string would exceed `proto-max-bulk-len`.
    public static var stringTooLong: ReplyError {
        ReplyError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    }
    /// SETRANGE with a negative offset.
    public static var offsetOutOfRange: ReplyError { ReplyError("ERR offset is out of range") }
    /// The number of a database is not usable.
    public static var databaseOutOfRange: ReplyError { ReplyError("ERR DB index is out of range") }
    /// COPY, MOVE or RENAME onto itself.
    public static var sameObject: ReplyError {
        ReplyError("ERR source and destination objects are the same")
    }
    /// SCAN with a cursor that is no number.
    public static var invalidCursor: ReplyError { ReplyError("ERR invalid cursor") }
    /// A write came to a replica.
    public static var readOnly: ReplyError {
        ReplyError("READONLY You can't write against a read only replica.")
    }
    /// A replica without its master refuses to serve old data.
    public static var masterDown: ReplyError {
        ReplyError(
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
    }
    /// The data set is being loaded.
    public static var loading: ReplyError {
        ReplyError("LOADING Redis is loading the dataset in memory")
    }
    /// Fewer good replicas than `min-replicas-to-write`.
    public static var noReplicas: ReplyError {
        ReplyError("NOREPLICAS Not enough good replicas to write.")
    }
    /// The last snapshot failed and `stop-writes-on-bgsave-error` is set.
    public static var snapshotFailed: ReplyError {
        ReplyError(
            """
            MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
            persist to disk. Commands that may modify the data set are disabled, because this \
            instance is configured to report errors during writes if RDB snapshotting fails \
            (stop-writes-on-bgsave-error option). Please check the Redis logs for details about \
            the RDB error.
            """)
    }
    /// The memory limit is reached.
    public static var outOfMemory: ReplyError {
        ReplyError("OOM command not allowed when used memory > 'maxmemory'.")
    }
    /// The client has not authenticated.
    public static var noAuthentication: ReplyError {
        ReplyError("NOAUTH Authentication required.")
    }
    /// User or password are wrong.
    public static var wrongPassword: ReplyError {
        ReplyError("WRONGPASS invalid username-password pair or user is disabled.")
    }
    /// A digest names no script of the cache.
    public static var noScript: ReplyError {
        ReplyError("NOSCRIPT No matching script. Please use EVAL.")
    }
    /// A queued command was refused.
    public static var executionAborted: ReplyError {
        ReplyError("EXECABORT Transaction discarded because of previous errors.")
    }
    /// MULTI within MULTI.
    public static var nestedMulti: ReplyError {
        ReplyError("ERR MULTI calls can not be nested")
    }
    /// WATCH within MULTI.
    public static var watchInsideMulti: ReplyError {
        ReplyError("ERR WATCH inside MULTI is not allowed")
    }
    /// EXEC without MULTI.
    public static var execWithoutMulti: ReplyError { ReplyError("ERR EXEC without MULTI") }
    /// DISCARD without MULTI.
    public static var discardWithoutMulti: ReplyError { ReplyError("ERR DISCARD without MULTI") }
    /// A cluster command on a node without cluster support.
    public static var clusterDisabled: ReplyError {
        ReplyError("ERR This instance has cluster support disabled")
    }
    /// HELLO with a version that does not exist.
    public static var unsupportedProtocol: ReplyError {
        ReplyError("NOPROTO unsupported protocol version")
    }
    /// A timeout that is no integer.
    public static var timeoutNotInteger: ReplyError {
        ReplyError("ERR timeout is not an integer or out of range")
    }
    /// A timeout below zero.
    public static var timeoutNegative: ReplyError { ReplyError("ERR timeout is negative") }
    /// A timeout whose end the clock cannot say.
    public static var timeoutOutOfRange: ReplyError { ReplyError("ERR timeout is out of range") }

    /// The command got too few or too many arguments; `name` in lower case, `parent|child`.
    public static func wrongArity(_ name: String) -> ReplyError {
        ReplyError(composed: "ERR wrong number of arguments for '\(name)' command")
    }
    /// An expire time of `command` is not usable.
    public static func invalidExpire(_ command: String) -> ReplyError {
        ReplyError(composed: "ERR invalid expire time in '\(command)' command")
    }
}
