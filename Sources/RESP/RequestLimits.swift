// The limits of what one client may send. Redis' defaults.

/// Limits of the request parser.
public struct RequestLimits: Sendable {
    /// Longest inline command and longest header line, in bytes.
    public static var lineBytesMax: Int { 64 * 1_024 }
    /// Most arguments before authentication.
    public static var unauthenticatedArgumentsMax: Int { 10 }
    /// Longest argument before authentication, in bytes.
    public static var unauthenticatedBulkBytesMax: Int { 16_384 }

    /// Most arguments of one command.
    public var argumentsMax = Int(Int32.max)
    /// Longest argument in bytes (`proto-max-bulk-len`).
    public var bulkBytesMax = 512 * 1_024 * 1_024
    /// Whether the client has proved who it is.
    public var isAuthenticated = true

    /// Redis' defaults.
    public init() {}
}
