// Replies on one line, for transcripts.
//
//   +OK   -ERR text   :1   $"bulk"   _  (null)   *_  (null array of RESP2)   ,1.5   #t   (123
//   [a b]  array   {k v}  map   ~[a]  set   >[a]  push   =txt"text"   |{k v}reply
public import RESP

extension Reply {
    /// The reply on one line.
    public var rendered: String {
        switch self {
        case .simpleString(let text): "+" + text
        case .error(let text): "-" + text
        case .integer(let value): ":\(value)"
        case .bulk(let bytes): "$" + quoted(bytes)
        case .null: "_"
        case .nullArray: "*_"
        case .array(let items): "[" + joined(items) + "]"
        case .map(let items): "{" + joined(items) + "}"
        case .set(let items): "~[" + joined(items) + "]"
        case .push(let items): ">[" + joined(items) + "]"
        case .double(let text): "," + text
        case .bool(let value): value ? "#t" : "#f"
        case .bigNumber(let text): "(" + text
        case .verbatim(let format, let text): "=" + format + quoted(Array(text.utf8))
        case .attributed(let items, let reply): "|{" + joined(items) + "}" + reply.rendered
        }
    }

    private func joined(_ items: [Reply]) -> String {
        items.map(\.rendered).joined(separator: " ")
    }

    private func quoted(_ bytes: [UInt8]) -> String {
        var text = "\""
        for byte in bytes {
            switch byte {
            case 0x22, 0x5C: text += "\\" + String(UnicodeScalar(byte))
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 16)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text + "\""
    }
}
