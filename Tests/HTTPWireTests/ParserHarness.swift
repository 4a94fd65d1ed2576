// Feeds the same bytes to a parser whole, in halves and one by one, and compares the outcomes.
import Bytes
import Testing

@testable import HTTPWire

/// What a stream of bytes was read as.
struct Reading: Equatable {
    struct Item: Equatable {
        var method: HTTPMethod
        var target: String
        var path: [String]
        var query: [HTTPRequest.QueryItem]
        var fields: HTTPFields
        var body: [UInt8]
        var isPersistent: Bool
    }
    var requests: [Item] = []
    var refusal: HTTPRefusal?
    var unread = 0
}

/// Reads `bytes` in pieces of the given size, as a connection would.
func read(
    _ bytes: [UInt8], pieces: Int, limits: HTTPLimits = HTTPLimits()
) -> Reading {
    var parser = HTTPRequestParser(limits: limits)
    var pending: [UInt8] = []
    var reading = Reading()
    var position = 0
    while position < bytes.count {
        let end = min(position + pieces, bytes.count)
        pending += bytes[position..<end]
        position = end
        do {
            try drain(&parser, &pending, &reading)
        } catch {
            reading.refusal = error
            return reading
        }
    }
    reading.unread = pending.count
    return reading
}

private func drain(
    _ parser: inout HTTPRequestParser, _ pending: inout [UInt8], _ reading: inout Reading
) throws(HTTPRefusal) {
    while true {
        let taken = try pending.withByteSlice { (slice) throws(HTTPRefusal) in
            try parser.parse(slice)
        }
        pending.removeFirst(taken)
        if parser.phase == .complete {
            let request = parser.takeRequest()
            reading.requests.append(
                Reading.Item(
                    method: request.method, target: request.target, path: request.path,
                    query: request.query, fields: request.fields, body: request.body,
                    isPersistent: request.isPersistent))
        } else if taken == 0 {
            return
        }
        if pending.isEmpty { return }
    }
}

/// Reads `text` whole, in halves and bytewise; all three must agree.
func readEveryWay(_ text: String, limits: HTTPLimits = HTTPLimits()) -> Reading {
    let bytes = Array(text.utf8)
    let whole = read(bytes, pieces: max(1, bytes.count), limits: limits)
    for pieces in [max(1, bytes.count / 2), 7, 1] {
        var split = read(bytes, pieces: pieces, limits: limits)
        // After a refusal the bytes behind it do not matter.
        if split.refusal == nil && split.requests.count == whole.requests.count {
            split.unread = whole.unread
        }
        #expect(split == whole, "pieces of \(pieces)")
    }
    return whole
}
