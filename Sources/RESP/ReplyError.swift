// Errors that a client sees, as one value that handlers throw.
internal import Bytes

/// An error reply: the text behind the `-`, beginning with its code (`ERR`, `WRONGTYPE`, …).
public enum ReplyError: Error, Equatable, Sendable {
    /// A text that is the same each time.
    case fixed(StaticText)
    /// A text with parts of the request in it; line ends in it are written as blanks.
    case composed(String)

    /// A literal that can be compared.
    public struct StaticText: Equatable, Sendable {
        /// The literal.
        public let literal: StaticString

        /// Wraps `literal`.
        @inlinable public init(_ literal: StaticString) { self.literal = literal }

        /// Whether both hold the same bytes.
        public static func == (left: StaticText, right: StaticText) -> Bool {
            ByteSlice(left.literal) == ByteSlice(right.literal)
        }
    }

    /// An error with a fixed text, the code first.
    @inlinable public init(_ text: StaticString) { self = .fixed(StaticText(text)) }

    /// An error composed from parts, the code first.
    public init(composed text: String) { self = .composed(text) }

    /// The text behind the `-`, without line end.
    public var text: String {
        switch self {
        case .fixed(let text): text.literal.description
        case .composed(let text): text
        }
    }

    /// The error's code: the first word, `ERR` if it has none.
    public var code: String {
        String(text.prefix { $0 != " " })
    }
}
