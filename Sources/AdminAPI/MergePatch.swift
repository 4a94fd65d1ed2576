// Merge patches of JSON documents (RFC 7396 §2): null removes, objects merge, the rest replaces.

import APIContract
import ControlModel

enum MergePatch {
    /// The document after the patch.
    static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members: [JSONValue.Member] = []
        if case .object(let present) = target { members = present }
        for change in changes {
            let index = members.firstIndex { $0.name == change.name }
            if case .null = change.value {
                if let index { members.remove(at: index) }
                continue
            }
            let before = index.map { members[$0].value } ?? .null
            let member = JSONValue.Member(change.name, apply(change.value, to: before))
            if let index {
                members[index] = member
            } else {
                members.append(member)
            }
        }
        return .object(members)
    }
}

extension JSONValue {
    /// A value of the model as a document.
    static func of(_ value: some Encodable) -> JSONValue {
        guard
            let document = try? ControlJSON.decode(JSONValue.self, from: ControlJSON.encode(value))
        else { preconditionFailure("the model encodes to JSON") }
        return document
    }
}
