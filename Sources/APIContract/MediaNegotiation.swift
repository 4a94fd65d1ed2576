// Content negotiation (RFC 9110 §12.5.1) and the type of request content (§8.3).

/// Chooses among the forms of a reply.
public enum MediaNegotiation {
    /// The offered type that `accept` likes best; nil if it accepts none (406). No Accept field
    /// accepts everything. Among equals the earlier offer wins.
    public static func choose(_ offered: [String], accept: String?) -> String? {
        guard let accept, !offered.isEmpty else { return offered.first }
        let ranges = accept.split(separator: ",").compactMap { Range(String($0)) }
        if ranges.isEmpty { return offered.first }
        var best: (type: String, quality: Int)?
        for type in offered {
            let fitting = ranges.filter { $0.matches(type) }
            // The most specific range decides (RFC 9110 §12.5.1).
            guard let range = fitting.max(by: { $0.weight < $1.weight }), range.quality > 0 else {
                continue
            }
            if range.quality > best?.quality ?? 0 { best = (type, range.quality) }
        }
        return best?.type
    }

    /// Whether a Content-Type names `application/json`, in UTF-8 if it names a charset.
    public static func isJSON(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        let parts = contentType.lowercased().split(separator: ";").map(trimmed)
        guard parts.first == "application/json" else { return false }
        return parts.dropFirst().allSatisfy { part in
            !part.hasPrefix("charset=") || part == "charset=utf-8" || part == "charset=\"utf-8\""
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }

    /// A media range with its quality in thousandths.
    private struct Range {
        let type: String
        let subtype: String
        let quality: Int

        init?(_ text: String) {
            let parts = text.lowercased().split(separator: ";").map(trimmed)
            guard let names = parts.first?.split(separator: "/"), names.count == 2 else {
                return nil
            }
            type = String(names[0])
            subtype = String(names[1])
            var quality = 1_000
            for part in parts.dropFirst() where part.hasPrefix("q=") {
                quality = Int(((Double(part.dropFirst(2)) ?? 1) * 1_000).rounded())
            }
            self.quality = min(1_000, max(0, quality))
        }

        /// How specific the range is.
        var weight: Int { type == "*" ? 0 : subtype == "*" ? 1 : 2 }

        func matches(_ offered: String) -> Bool {
            let base = offered.split(separator: ";").first.map(trimmed) ?? ""
            let names = base.split(separator: "/")
            guard names.count == 2 else { return false }
            return (type == "*" && subtype == "*")
                || (type == names[0] && (subtype == "*" || subtype == names[1]))
        }
    }
}
