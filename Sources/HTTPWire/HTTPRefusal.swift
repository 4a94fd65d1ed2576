// Every reason for which the parser gives a request up, in one table: status, code and text. The
// text names the rule that the request broke. After a refusal the framing of the connection cannot
// be trusted any more, so the answer is the last on it (RFC 9112 §9.6).

/// Why a request was refused before any handler saw it.
public enum HTTPRefusal: Error, Equatable, CaseIterable, Sendable {
    /// The request line is not `method SP target SP version`.
    case malformedRequestLine
    /// The method is a valid token but none of ``HTTPMethod``.
    case unknownMethod
    /// The target is in no form that RFC 9112 §3.2 allows, or holds a byte outside RFC 3986.
    case malformedTarget
    /// The request line is over its limit.
    case targetTooLong
    /// The version is not `HTTP/digit.digit`.
    case malformedVersion
    /// The major version is not 1.
    case unsupportedVersion
    /// A line ends in LF without CR.
    case bareLineFeed
    /// CR without LF inside a line.
    case bareCarriageReturn
    /// A field is continued on the next line.
    case foldedField
    /// A field line lacks its colon or its name is not a token.
    case malformedFieldName
    /// White space between field name and colon.
    case spaceBeforeColon
    /// A control character in a field value.
    case malformedFieldValue
    /// The head is over its limit.
    case headTooLarge
    /// More fields than the limit.
    case tooManyFields
    /// HTTP/1.1 without Host.
    case missingHost
    /// More than one Host.
    case repeatedHost
    /// Host is not `uri-host [":" port]`.
    case malformedHost
    /// Content-Length is not a decimal number.
    case malformedContentLength
    /// More than one Content-Length, even if they agree.
    case repeatedContentLength
    /// Content-Length beside Transfer-Encoding.
    case lengthAndTransferEncoding
    /// Transfer-Encoding in an HTTP/1.0 request.
    case transferEncodingInOldVersion
    /// A transfer coding other than `chunked`.
    case unsupportedTransferEncoding
    /// `chunked` is not the last coding or is applied twice.
    case chunkedNotLast
    /// Expect names something other than `100-continue`.
    case unknownExpectation
    /// The content is over its limit.
    case bodyTooLarge
    /// A chunk-size line or the end of a chunk is malformed.
    case malformedChunk
    /// A chunk-size line is over its limit.
    case chunkLineTooLong
    /// The trailer section is over its limit.
    case trailersTooLarge
    /// `%` without two hexadecimal digits.
    case malformedPercentEncoding
    /// An encoded slash or a backslash in a path segment.
    case encodedSlash
    /// A `.` or `..` path segment.
    case dotSegment
    /// An encoded control character.
    case encodedControlCharacter
    /// Percent-decoded bytes that are not UTF-8.
    case invalidUTF8

    /// The status of the answer.
    public var status: HTTPStatus { row.status }
    /// What the client did and which rule forbids it.
    public var text: String { row.text }

    private var row: (status: HTTPStatus, text: String) {
        framingRow ?? fieldRow ?? lineRow
    }

    private var lineRow: (status: HTTPStatus, text: String) {
        switch self {
        case .malformedRequestLine:
            (.badRequest, "The request line is not method, target and version (RFC 9112 §3).")
        case .unknownMethod: (.notImplemented, "The method is not known here (RFC 9110 §9.1).")
        case .malformedTarget: (.badRequest, "The request target is malformed (RFC 9112 §3.2).")
        case .targetTooLong: (.targetTooLong, "The request line is too long (RFC 9112 §3).")
        case .malformedVersion: (.badRequest, "The HTTP version is malformed (RFC 9112 §2.3).")
        case .unsupportedVersion:
            (.versionNotSupported, "Only HTTP/1.1 and HTTP/1.0 are spoken here (RFC 9110 §15.6.6).")
        case .malformedPercentEncoding:
            (.badRequest, "A percent sign lacks two hexadecimal digits (RFC 3986 §2.1).")
        case .encodedSlash:
            (.badRequest, "A path segment holds an encoded slash or backslash (RFC 3986 §7.3).")
        case .dotSegment:
            (.badRequest, "The path holds a '.' or '..' segment (RFC 3986 §3.3).")
        case .encodedControlCharacter:
            (.badRequest, "The target holds an encoded control character (RFC 3986 §7.3).")
        default: (.badRequest, "The target is not UTF-8 after percent-decoding (RFC 3986 §2.5).")
        }
    }

    private var fieldRow: (status: HTTPStatus, text: String)? {
        switch self {
        case .bareLineFeed: (.badRequest, "A line ends without carriage return (RFC 9112 §2.2).")
        case .bareCarriageReturn:
            (.badRequest, "A carriage return stands without line feed (RFC 9112 §2.2).")
        case .foldedField: (.badRequest, "A field is folded over lines (RFC 9112 §5.2).")
        case .malformedFieldName: (.badRequest, "A field name is malformed (RFC 9112 §5).")
        case .spaceBeforeColon:
            (.badRequest, "White space stands before the colon of a field (RFC 9112 §5.1).")
        case .malformedFieldValue:
            (.badRequest, "A field value holds a control character (RFC 9110 §5.5).")
        case .headTooLarge, .trailersTooLarge:
            (.fieldsTooLarge, "The header or trailer fields are too large (RFC 6585 §5).")
        case .tooManyFields: (.fieldsTooLarge, "There are too many header fields (RFC 6585 §5).")
        case .missingHost: (.badRequest, "The Host field is missing (RFC 9112 §3.2).")
        case .repeatedHost: (.badRequest, "The Host field is repeated (RFC 9112 §3.2).")
        case .malformedHost: (.badRequest, "The Host field is malformed (RFC 9112 §3.2).")
        case .unknownExpectation:
            (.expectationFailed, "Only 100-continue can be expected (RFC 9110 §10.1.1).")
        default: nil
        }
    }

    private var framingRow: (status: HTTPStatus, text: String)? {
        switch self {
        case .malformedContentLength:
            (.badRequest, "Content-Length is not a decimal number (RFC 9110 §8.6).")
        case .repeatedContentLength:
            (.badRequest, "Content-Length is repeated (RFC 9112 §6.3).")
        case .lengthAndTransferEncoding:
            (.badRequest, "Content-Length stands beside Transfer-Encoding (RFC 9112 §6.1).")
        case .transferEncodingInOldVersion:
            (.badRequest, "HTTP/1.0 has no Transfer-Encoding (RFC 9112 §6.1).")
        case .unsupportedTransferEncoding:
            (.notImplemented, "Only the chunked transfer coding is known (RFC 9112 §6.1).")
        case .chunkedNotLast:
            (.badRequest, "The chunked coding must be last and applied once (RFC 9112 §6.3).")
        case .bodyTooLarge: (.contentTooLarge, "The content is too large (RFC 9110 §15.5.14).")
        case .malformedChunk: (.badRequest, "The chunked content is malformed (RFC 9112 §7.1).")
        case .chunkLineTooLong:
            (.badRequest, "A chunk-size line is too long (RFC 9112 §7.1.1).")
        default: nil
        }
    }
}
