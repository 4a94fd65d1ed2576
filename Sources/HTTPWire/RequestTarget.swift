// Reads a request target (RFC 9112 §3.2) and decodes its parts exactly once.
//
//   origin-form    /v1/clusters/demo?wait=30s
//   absolute-form  http://host:8080/v1/clusters/demo?wait=30s     the authority replaces Host
//   asterisk-form  *                                              OPTIONS only
//
// Path segments are identifiers here: an encoded slash, a backslash, a control character and dot
// segments are refused rather than normalised, so that no later layer can read another path out
// of the same bytes.

import Bytes

enum RequestTarget {
    /// Fills path and query of `request`.
    static func read(_ target: ByteSlice, into request: inout HTTPRequest) throws(HTTPRefusal) {
        guard !target.isEmpty else { throw .malformedTarget }
        if target == "*" {
            guard request.method == .options else { throw .malformedTarget }
            return
        }
        var rest = target
        if target[0] != 0x2F { rest = try afterAuthority(target) }
        let question = rest.firstIndex(of: 0x3F)
        try readPath(rest.prefix(question ?? rest.count), into: &request)
        if let question { request.query = try readQuery(rest.dropFirst(question + 1)) }
    }

    private static func afterAuthority(_ target: ByteSlice) throws(HTTPRefusal) -> ByteSlice {
        let schemes: [StaticString] = ["http://", "https://"]
        for scheme in schemes {
            let length = scheme.utf8CodeUnitCount
            guard target.count > length, target.prefix(length).equalsIgnoringCase(scheme) else {
                continue
            }
            let behind = target.dropFirst(length)
            let end = min(
                behind.firstIndex(of: 0x2F) ?? behind.count,
                behind.firstIndex(of: 0x3F) ?? behind.count)
            // An authority with user information is refused by the same check (RFC 9110 §4.2.4).
            guard isHost(behind.prefix(end)) else { throw .malformedTarget }
            return behind.dropFirst(end)
        }
        throw .malformedTarget
    }

    private static func readPath(
        _ path: ByteSlice, into request: inout HTTPRequest
    ) throws(HTTPRefusal) {
        var start = 1
        while start <= path.count {
            let end = path.firstIndex(of: 0x2F, from: start) ?? path.count
            let raw = path.slice(from: start, count: end - start)
            if raw.isEmpty && end == path.count {
                request.hasTrailingSlash = !request.path.isEmpty
                return
            }
            request.path.append(try segment(raw))
            start = end + 1
        }
    }

    private static func segment(_ raw: ByteSlice) throws(HTTPRefusal) -> String {
        let bytes = try decode(raw, plusIsSpace: false, extra: 0)
        if bytes.contains(0x2F) || bytes.contains(0x5C) { throw .encodedSlash }
        if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) { throw .encodedControlCharacter }
        if bytes == [0x2E] || bytes == [0x2E, 0x2E] { throw .dotSegment }
        return try text(bytes)
    }

    private static func readQuery(
        _ query: ByteSlice
    ) throws(HTTPRefusal) -> [HTTPRequest.QueryItem] {
        var items: [HTTPRequest.QueryItem] = []
        var start = 0
        while start < query.count {
            let end = query.firstIndex(of: 0x26, from: start) ?? query.count
            let pair = query.slice(from: start, count: end - start)
            start = end + 1
            if pair.isEmpty { continue }
            let equals = pair.firstIndex(of: 0x3D) ?? pair.count
            items.append(
                HTTPRequest.QueryItem(
                    name: try queryText(pair.prefix(equals)),
                    value: try queryText(pair.dropFirst(min(equals + 1, pair.count)))))
        }
        return items
    }

    private static func queryText(_ raw: ByteSlice) throws(HTTPRefusal) -> String {
        let bytes = try decode(raw, plusIsSpace: true, extra: 0x3F)
        if bytes.contains(0) { throw .encodedControlCharacter }
        return try text(bytes)
    }

    private static func text(_ bytes: [UInt8]) throws(HTTPRefusal) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
        return text
    }

    /// Decodes `%XX` once. Bytes that RFC 3986 §3.3 and §3.4 do not allow raw are refused; `extra`
    /// is one more allowed byte, and a query may hold slashes.
    private static func decode(
        _ raw: ByteSlice, plusIsSpace: Bool, extra: UInt8
    ) throws(HTTPRefusal) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(raw.count)
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            if byte == 0x25 {
                guard index + 2 < raw.count, let high = hexadecimal(raw[index + 1]),
                    let low = hexadecimal(raw[index + 2])
                else { throw .malformedPercentEncoding }
                bytes.append(high << 4 | low)
                index += 3
                continue
            }
            if byte == 0x2B && plusIsSpace {
                bytes.append(0x20)
            } else if isPathCharacter(byte) || (extra != 0 && (byte == extra || byte == 0x2F)) {
                bytes.append(byte)
            } else {
                throw .malformedTarget
            }
            index += 1
        }
        return bytes
    }

    /// `uri-host [":" port]` (RFC 9110 §7.2): a name, an IPv4 address or a bracketed IPv6 address.
    static func isHost(_ value: ByteSlice) -> Bool {
        guard !value.isEmpty else { return false }
        var end = 0
        if value[0] == 0x5B {
            guard let close = value.firstIndex(of: 0x5D), close > 1 else { return false }
            for index in 1..<close {
                let byte = value[index]
                guard hexadecimal(byte) != nil || byte == 0x3A || byte == 0x2E else { return false }
            }
            end = close + 1
        } else {
            while end < value.count, isHostCharacter(value[end]) { end += 1 }
            guard end > 0 else { return false }
        }
        if end == value.count { return true }
        guard value[end] == 0x3A, value.count - end <= 6 else { return false }
        for index in (end + 1)..<value.count where value[index] &- 0x30 > 9 { return false }
        return true
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F || byte == 0x7E
    }

    /// `pchar` of RFC 3986 §3.3 without percent-encoding.
    private static func isPathCharacter(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        switch byte {
        case 0x2D, 0x2E, 0x5F, 0x7E: return true  // - . _ ~
        case 0x21, 0x24, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x3B, 0x3D: return true
        case 0x3A, 0x40: return true  // : @
        default: return false
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
    }

    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        if byte &- 0x30 < 10 { return byte &- 0x30 }
        let lower = byte | 0x20
        return lower &- 0x61 < 6 ? lower &- 0x61 &+ 10 : nil
    }
}
