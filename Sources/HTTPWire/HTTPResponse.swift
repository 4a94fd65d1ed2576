// One response before it is written.

public import Bytes

/// A response as handlers make it.
public struct HTTPResponse: Sendable {
    /// The status.
    public var status: HTTPStatus
    /// Fields without Date, Content-Length, Connection and Transfer-Encoding: the writer adds them.
    public var fields: HTTPFields
    /// The content; left out for HEAD, its length is still announced.
    public var body: [UInt8]
    /// Ends the connection after this response.
    public var closesConnection = false

    /// A response of the given parts.
    public init(_ status: HTTPStatus, fields: HTTPFields = HTTPFields(), body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// A response whose content is `text`.
    public init(_ status: HTTPStatus, text: String, type: String = "text/plain; charset=utf-8") {
        self.init(status, fields: HTTPFields([("Content-Type", type)]), body: Array(text.utf8))
    }
}

/// Writes responses in the form of RFC 9112 §4.
public enum HTTPResponseWriter {
    /// Appends head and content of `response`, which answers a request of `method`.
    ///
    /// `date` is the text of ``HTTPDate``; `isPersistent` says whether the connection stays open.
    public static func write(
        _ response: HTTPResponse, answering method: HTTPMethod, isPersistent: Bool, date: String,
        into output: inout ByteBuffer
    ) {
        writeStatusAndFields(response.status, response.fields, date: date, into: &output)
        if !response.status.forbidsContent {
            output.append("Content-Length: ")
            output.append(decimal: Int64(response.body.count))
            output.append("\r\n")
        }
        if !isPersistent { output.append("Connection: close\r\n") }
        output.append("\r\n")
        if method != .head && !response.status.forbidsContent { output.append(response.body) }
    }

    /// Appends the head of a response whose content follows piece by piece: chunked in HTTP/1.1,
    /// ended by the end of the connection in HTTP/1.0 (RFC 9112 §6.3).
    public static func writeStreamHead(
        _ status: HTTPStatus, fields: HTTPFields, isChunked: Bool, date: String,
        into output: inout ByteBuffer
    ) {
        writeStatusAndFields(status, fields, date: date, into: &output)
        output.append(
            isChunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Connection: close\r\n\r\n")
    }

    /// Appends `piece` as one chunk; an empty piece writes nothing, for it would end the content.
    public static func writeChunk(_ piece: ByteSlice, into output: inout ByteBuffer) {
        guard !piece.isEmpty else { return }
        output.append(text: String(piece.count, radix: 16))
        output.append("\r\n")
        output.append(piece)
        output.append("\r\n")
    }

    /// Appends the chunk that ends the content.
    public static func writeLastChunk(into output: inout ByteBuffer) { output.append("0\r\n\r\n") }

    /// Appends `100 Continue` (RFC 9110 §15.2.1).
    public static func writeContinue(into output: inout ByteBuffer) {
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
    }

    private static func writeStatusAndFields(
        _ status: HTTPStatus, _ fields: HTTPFields, date: String, into output: inout ByteBuffer
    ) {
        output.append("HTTP/1.1 ")
        output.append(decimal: Int64(status.code))
        output.append(" ")
        output.append(text: status.reason)
        output.append("\r\nDate: ")
        output.append(text: date)
        output.append("\r\n")
        for field in fields.all {
            output.append(text: field.name)
            output.append(": ")
            output.append(text: field.value)
            output.append("\r\n")
        }
    }
}
