// Incremental HTTP/1.1 request parser (RFC 9112), one per connection.
//
//   requestLine ─► fields ─┬─► body ────────────────────────────────────┬─► complete
//                          ├─► chunkLine ⇄ chunkData, chunkEnd ─► trailers ─┤
//                          └────────────────────────────────────────────┘
//
// 1. The owner hands over all bytes it has not consumed yet; `parse` answers how many it took.
// 2. Lines are taken whole; `scanned` remembers how much of an unfinished line was searched, so
//    slow input is never searched twice.
// 3. Framing is decided once, when the head ends, by the rules of RFC 9112 §6.3. Whatever two
//    recipients could read differently is refused (`HTTPRefusal`), never repaired: that is what
//    makes request smuggling through a proxy impossible.
// 4. At `complete` the owner takes the request; bytes behind it belong to the next request.

public import Bytes

/// Parses the requests of one connection, one after the other.
public struct HTTPRequestParser: Sendable {
    /// Where the parser stands.
    public enum Phase: Equatable, Sendable {
        /// Expects a request line, or the empty lines that RFC 9112 §2.2 allows before one.
        case requestLine
        /// Expects a field line or the empty line that ends the head.
        case fields
        /// Expects `remaining` more bytes of content.
        case body(remaining: Int)
        /// Expects a chunk-size line.
        case chunkLine
        /// Expects `remaining` more bytes of a chunk.
        case chunkData(remaining: Int)
        /// Expects the CRLF behind a chunk.
        case chunkEnd
        /// Expects a trailer field or the empty line that ends the request.
        case trailers
        /// A request is ready; ends with ``takeRequest()``.
        case complete
    }

    /// Where the parser stands.
    public private(set) var phase = Phase.requestLine
    /// Whether the client waits for `100 Continue` before it sends content (RFC 9110 §10.1.1).
    /// The owner clears it by sending the interim response.
    public var awaitsContinue = false

    private let limits: HTTPLimits
    private var request = HTTPRequest(method: .get, target: "")
    private var headBytes = 0
    private var trailerBytes = 0
    private var scanned = 0

    /// A parser that expects a first request.
    public init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    /// Whether no byte of a request was taken yet: the connection is idle.
    public var isIdle: Bool { phase == .requestLine && headBytes == 0 }
    /// Whether the head of the current request is complete.
    public var hasHead: Bool { phase != .requestLine && phase != .fields }
    /// The request as far as it is known; for the log line of a refused request.
    public var partialRequest: HTTPRequest { request }

    /// Takes as much of `input` as belongs to the current request; returns how many bytes that
    /// was. The next call must begin at the first byte that was not taken.
    public mutating func parse(_ input: ByteSlice) throws(HTTPRefusal) -> Int {
        var position = 0
        while phase != .complete && position < input.count {
            let taken = try step(input.dropFirst(position))
            if taken == 0 { break }
            position += taken
        }
        return position
    }

    /// Hands the complete request over and expects the next one.
    public mutating func takeRequest() -> HTTPRequest {
        precondition(phase == .complete, "no request is complete")
        let taken = request
        request = HTTPRequest(method: .get, target: "")
        phase = .requestLine
        headBytes = 0
        trailerBytes = 0
        awaitsContinue = false
        return taken
    }

    private mutating func step(_ rest: ByteSlice) throws(HTTPRefusal) -> Int {
        switch phase {
        case .requestLine: return try takeRequestLine(rest)
        case .fields: return try takeField(rest)
        case .body(let remaining):
            let length = min(remaining, rest.count)
            request.body += rest.prefix(length).array
            phase = length == remaining ? .complete : .body(remaining: remaining - length)
            return length
        case .chunkLine: return try takeChunkLine(rest)
        case .chunkData(let remaining):
            let length = min(remaining, rest.count)
            request.body += rest.prefix(length).array
            phase = length == remaining ? .chunkEnd : .chunkData(remaining: remaining - length)
            return length
        case .chunkEnd:
            if rest[0] != 0x0D { throw .malformedChunk }
            guard rest.count >= 2 else { return 0 }
            if rest[1] != 0x0A { throw .malformedChunk }
            phase = .chunkLine
            return 2
        case .trailers: return try takeTrailer(rest)
        case .complete: return 0
        }
    }

    /// A line without its CRLF; nil when it has not ended. `limit` counts the CRLF.
    private mutating func line(
        _ rest: ByteSlice, limit: Int, tooLong: HTTPRefusal
    ) throws(HTTPRefusal) -> ByteSlice? {
        guard let end = rest.firstIndex(of: 0x0A, from: scanned) else {
            if rest.count >= limit { throw tooLong }
            scanned = rest.count
            return nil
        }
        scanned = 0
        if end >= limit { throw tooLong }
        if end == 0 || rest[end - 1] != 0x0D { throw .bareLineFeed }
        let line = rest.prefix(end - 1)
        if line.firstIndex(of: 0x0D) != nil { throw .bareCarriageReturn }
        return line
    }
}

// MARK: - Head

extension HTTPRequestParser {
    private mutating func takeRequestLine(_ rest: ByteSlice) throws(HTTPRefusal) -> Int {
        guard
            let line = try line(rest, limit: limits.requestLineBytesMax, tooLong: .targetTooLong)
        else { return 0 }
        headBytes += line.count + 2
        if line.isEmpty {
            // RFC 9112 §2.2: a robust server skips empty lines before the request line; the limit
            // of the head bounds how many.
            if headBytes >= limits.headBytesMax { throw .headTooLarge }
            return 2
        }
        guard let first = line.firstIndex(of: 0x20), first > 0,
            let second = line.firstIndex(of: 0x20, from: first + 1), second > first + 1,
            second + 1 < line.count, line.firstIndex(of: 0x20, from: second + 1) == nil
        else { throw .malformedRequestLine }
        let method = line.prefix(first)
        guard Self.isToken(method) else { throw .malformedRequestLine }
        guard let known = HTTPMethod(rawValue: method.string) else { throw .unknownMethod }
        request.minorVersion = try Self.minorVersion(line.dropFirst(second + 1))
        let target = line.slice(from: first + 1, count: second - first - 1)
        request.method = known
        request.target = target.string
        try RequestTarget.read(target, into: &request)
        phase = .fields
        return line.count + 2
    }

    private static func minorVersion(_ text: ByteSlice) throws(HTTPRefusal) -> Int {
        guard text.count == 8, text.prefix(5) == "HTTP/", text[6] == 0x2E, text[5] &- 0x30 < 10,
            text[7] &- 0x30 < 10
        else { throw .malformedVersion }
        guard text[5] == 0x31 else { throw .unsupportedVersion }
        // A higher minor version is read as the highest we know (RFC 9110 §2.5).
        return text[7] == 0x30 ? 0 : 1
    }

    private mutating func takeField(_ rest: ByteSlice) throws(HTTPRefusal) -> Int {
        let limit = limits.headBytesMax - headBytes
        guard let line = try line(rest, limit: limit, tooLong: .headTooLarge) else { return 0 }
        headBytes += line.count + 2
        if line.isEmpty {
            try endHead()
            return 2
        }
        let (name, value) = try Self.field(line)
        if request.fields.count >= limits.fieldCountMax { throw .tooManyFields }
        request.fields.append(name.string.lowercased(), value.string)
        return line.count + 2
    }

    /// Name and trimmed value of a field line (RFC 9112 §5).
    private static func field(
        _ line: ByteSlice
    ) throws(HTTPRefusal) -> (name: ByteSlice, value: ByteSlice) {
        if line[0] == 0x20 || line[0] == 0x09 { throw .foldedField }
        guard let colon = line.firstIndex(of: 0x3A), colon > 0 else { throw .malformedFieldName }
        let name = line.prefix(colon)
        if name[colon - 1] == 0x20 || name[colon - 1] == 0x09 { throw .spaceBeforeColon }
        guard isToken(name) else { throw .malformedFieldName }
        var start = colon + 1
        var end = line.count
        while start < end, line[start] == 0x20 || line[start] == 0x09 { start += 1 }
        while end > start, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
        for index in start..<end {
            let byte = line[index]
            if (byte < 0x20 && byte != 0x09) || byte == 0x7F { throw .malformedFieldValue }
        }
        return (name, line.slice(from: start, count: end - start))
    }

    /// Decides the framing (RFC 9112 §6.3).
    private mutating func endHead() throws(HTTPRefusal) {
        try checkHost()
        let isOld = request.minorVersion == 0
        let lengths = request.fields.count(of: "content-length")
        if request.fields.count(of: "transfer-encoding") > 0 {
            if isOld { throw .transferEncodingInOldVersion }
            if lengths > 0 { throw .lengthAndTransferEncoding }
            let codings = request.fields.tokens("transfer-encoding")
            let isKnown = codings.allSatisfy { $0 == "chunked" }
            if !isKnown && codings.last == "chunked" { throw .unsupportedTransferEncoding }
            if codings != ["chunked"] { throw .chunkedNotLast }
            phase = .chunkLine
        } else if lengths > 0 {
            if lengths > 1 { throw .repeatedContentLength }
            let length = try contentLength(request.fields["content-length"] ?? "")
            phase = length == 0 ? .complete : .body(remaining: length)
        } else {
            phase = .complete
        }
        if let expectation = request.fields["expect"], !isOld {
            guard expectation.lowercased() == "100-continue" else { throw .unknownExpectation }
            awaitsContinue = phase != .complete
        }
    }

    private func checkHost() throws(HTTPRefusal) {
        let count = request.fields.count(of: "host")
        if count > 1 { throw .repeatedHost }
        guard let host = request.fields["host"] else {
            if request.minorVersion == 0 { return }
            throw .missingHost
        }
        let isValid = Array(host.utf8).withByteSlice { RequestTarget.isHost($0) }
        if !isValid { throw .malformedHost }
    }

    private func contentLength(_ text: String) throws(HTTPRefusal) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else {
            // "5, 5" is a list of lengths in one field line.
            throw text.utf8.contains(0x2C) ? .repeatedContentLength : .malformedContentLength
        }
        guard let length = Int(text), length <= limits.bodyBytesMax else { throw .bodyTooLarge }
        return length
    }

    /// `tchar` of RFC 9110 §5.6.2.
    static func isToken(_ bytes: ByteSlice) -> Bool {
        guard !bytes.isEmpty else { return false }
        for index in 0..<bytes.count {
            let byte = bytes[index]
            if byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 { continue }
            switch byte {
            case 0x21, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C,
                0x7E:
                continue
            default: return false
            }
        }
        return true
    }
}

// MARK: - Chunked content

extension HTTPRequestParser {
    private mutating func takeChunkLine(_ rest: ByteSlice) throws(HTTPRefusal) -> Int {
        guard
            let line = try line(rest, limit: limits.chunkLineBytesMax, tooLong: .chunkLineTooLong)
        else { return 0 }
        let size = try chunkSize(line)
        if size == 0 {
            phase = .trailers
        } else {
            if size > limits.bodyBytesMax - request.body.count { throw .bodyTooLarge }
            phase = .chunkData(remaining: size)
        }
        return line.count + 2
    }

    /// `1*HEXDIG [ BWS ";" extension ]` (RFC 9112 §7.1); extensions are read past.
    private func chunkSize(_ line: ByteSlice) throws(HTTPRefusal) -> Int {
        var size = 0
        var index = 0
        while index < line.count, let digit = RequestTarget.hexadecimal(line[index]) {
            if index >= 15 { throw .bodyTooLarge }
            size = size << 4 | Int(digit)
            index += 1
        }
        if index == 0 { throw .malformedChunk }
        if index == line.count { return size }
        while index < line.count, line[index] == 0x20 || line[index] == 0x09 { index += 1 }
        guard index < line.count, line[index] == 0x3B else { throw .malformedChunk }
        for behind in index..<line.count {
            let byte = line[behind]
            if (byte < 0x20 && byte != 0x09) || byte == 0x7F { throw .malformedChunk }
        }
        return size
    }

    /// Trailers are checked like fields and dropped: none means anything here, and merging them
    /// could change framing or authorisation after the fact (RFC 9110 §6.5.1).
    private mutating func takeTrailer(_ rest: ByteSlice) throws(HTTPRefusal) -> Int {
        let limit = limits.trailerBytesMax - trailerBytes
        guard let line = try line(rest, limit: limit, tooLong: .trailersTooLarge) else { return 0 }
        trailerBytes += line.count + 2
        if line.isEmpty {
            phase = .complete
        } else {
            _ = try Self.field(line)
        }
        return line.count + 2
    }
}
