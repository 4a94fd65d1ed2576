// JSON of the control plane: one encoder and one decoder setting for the three services.

internal import FoundationEssentials

/// A body that could not be read as JSON of the expected type.
public struct ControlJSONError: Error, Hashable, Sendable {
    /// JSON Pointer to the offending place; empty: the whole body.
    public var pointer: String
    /// What is wrong there.
    public var detail: String

    /// Creates an error.
    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}

/// Encoding and decoding of the model types.
public enum ControlJSON {
    /// Encodes with sorted keys, so that equal values are equal bytes.
    public static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            // The model has no number that JSON lacks, so this is an error in the program.
            preconditionFailure("a model value cannot be encoded: \(error)")
        }
    }

    /// Decodes a value, or says which place of the body is wrong.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: some Sequence<UInt8>
    ) throws(ControlJSONError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw ControlJSONError(error)
        } catch {
            throw ControlJSONError(pointer: "", detail: "the body is not JSON")
        }
    }
}

extension ControlJSONError {
    fileprivate init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(pointer: Self.pointer(context.codingPath + [key]), detail: "is required")
        case .typeMismatch(let type, let context):
            self.init(
                pointer: Self.pointer(context.codingPath), detail: "is not of type \(type)")
        case .valueNotFound(_, let context):
            self.init(pointer: Self.pointer(context.codingPath), detail: "must not be null")
        case .dataCorrupted(let context):
            let detail =
                context.codingPath.isEmpty ? "the body is not JSON" : context.debugDescription
            self.init(pointer: Self.pointer(context.codingPath), detail: detail)
        @unknown default:
            self.init(pointer: "", detail: "the body has another form")
        }
    }

    private static func pointer(_ path: [any CodingKey]) -> String {
        path.map { key in
            let name = key.intValue.map(String.init) ?? key.stringValue
            let escaped = name.split(separator: "~", omittingEmptySubsequences: false)
                .joined(separator: "~0").split(separator: "/", omittingEmptySubsequences: false)
                .joined(separator: "~1")
            return "/" + escaped
        }.joined()
    }
}
