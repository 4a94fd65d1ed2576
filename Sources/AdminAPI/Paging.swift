// Pages of a list: `limit` and an opaque cursor, the key of the last element in hexadecimal, so
// that nobody builds on its form.

import Bytes
import ControlModel
import HTTPWire

extension Exchange {
    /// Elements of a page unless the caller says otherwise.
    static let pageItemsDefault = 100

    /// The `limit` of the request, which its schema has checked.
    var limit: Int {
        request.queryValue("limit").flatMap { Int($0) } ?? Self.pageItemsDefault
    }

    /// Answers with the page that the request asks for.
    func replyPage<Element, View: Encodable>(
        _ elements: [Element], key: (Element) -> String, view: (Element) -> View
    ) {
        var start = 0
        if let cursor = request.queryValue("cursor") {
            guard let last = Self.key(ofCursor: cursor) else {
                return fail(Problems.invalidParameter("cursor", "is not one of this service"))
            }
            guard let index = elements.firstIndex(where: { key($0) == last }) else {
                return fail(
                    Problem(
                        status: 410, code: "CURSOR_EXPIRED", title: "The cursor has expired",
                        detail: "the element it pointed to is gone; begin again without cursor"))
            }
            start = index + 1
        }
        let end = min(elements.count, start + limit)
        let page = elements[start..<end]
        let next = end < elements.count ? page.last.map { Self.cursor(ofKey: key($0)) } : nil
        reply(
            Page(items: page.map(view), nextCursor: next),
            fields: next.map { [("Link", link(cursor: $0, name: "cursor"))] } ?? [])
    }

    /// A link to the next page (RFC 8288).
    func link(cursor: String, name: String) -> String {
        let kept = request.query.filter { $0.name != name && $0.name != "wait" }
        let items = kept.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }
        let query = (items + ["\(name)=\(cursor)"]).joined(separator: "&")
        let path = request.path.map(Self.encoded).joined(separator: "/")
        return "</\(path)?\(query)>; rel=\"next\""
    }

    static func cursor(ofKey key: String) -> String { SHA256.text(Array(key.utf8)) }

    static func key(ofCursor cursor: String) -> String? {
        let digits = Array(cursor.utf8)
        guard !digits.isEmpty, digits.count % 2 == 0, digits.count <= 512 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index..<(index + 2)], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16), !pair.contains("+") else { return nil }
            bytes.append(byte)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let isPlain =
                byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
                || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
            result += isPlain ? String(UnicodeScalar(byte)) : "%" + SHA256.text([byte]).uppercased()
        }
        return result
    }
}
