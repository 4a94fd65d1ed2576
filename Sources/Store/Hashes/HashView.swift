// A hash in either form, for readers; and what builds one.
//
//   packed    field, value, field, value, …     in the order in which the fields came
//   object    a table of fields                 in no order
//
// A hash becomes an object when it has more fields than the limit or a field or value is longer
// than the limit, and stays one.

public import Bytes

/// The fields of a hash, whatever its form; valid until the next change of its database.
public struct HashView {
    @usableFromInline let entry: Entry

    /// The fields of `entry`, which holds a hash.
    @inlinable
    public init(_ entry: Entry) {
        assert(entry.type == .hash)
        self.entry = entry
    }

    @inlinable var object: HashObject {
        guard let object = entry.object(as: HashObject.self) else {
            preconditionFailure("a hash is packed or an object")
        }
        return object
    }

    /// Number of fields.
    @inlinable public var count: Int {
        if let packed = entry.packed { return packed.count / 2 }
        return object.count
    }

    /// The value of a field; nil if there is none.
    @inlinable
    public func value(of field: ByteSlice) -> PackedElement? {
        if let packed = entry.packed {
            guard let offset = packed.find(field, stride: 2) else { return nil }
            return packed.element(at: packed.next(after: offset))
        }
        guard let value = object.value(of: field) else { return nil }
        return .bytes(value)
    }

    /// Calls `body` with each field and its value; it must not change the database.
    @inlinable
    public func forEach(_ body: (_ field: PackedElement, _ value: PackedElement) -> Void) {
        guard let packed = entry.packed else {
            return object.forEach { body(.bytes($0.member), .bytes($0.memberValue)) }
        }
        var offset = PackedView.start
        while offset < packed.end {
            let value = packed.next(after: offset)
            body(packed.element(at: offset), packed.element(at: value))
            offset = packed.next(after: value)
        }
    }
}

/// Collects fields for a new hash, in the form that their number and lengths ask for. The packed
/// form is built in a buffer that the caller keeps.
public struct HashBuilder {
    private let entriesMax: Int
    private let valueBytesMax: Int
    private let hasher: KeyHasher
    private var object: HashObject?
    /// Number of fields.
    public private(set) var count = 0

    /// A builder that empties `packed`.
    public init(limits: borrowing EncodingLimits, hasher: KeyHasher, packed: inout ByteBuffer) {
        entriesMax = limits.hashPackedEntriesMax
        valueBytesMax = limits.hashPackedValueBytesMax
        self.hasher = hasher
        packed.removeAll()
        PackedEncoder.begin(&packed)
    }

    /// Sets a field; says whether it is new. Neither text may lie in the buffer.
    public mutating func set(
        _ field: ByteSlice, _ value: ByteSlice, packed: inout ByteBuffer
    ) -> Bool {
        if object == nil && (field.count > valueBytesMax || value.count > valueBytesMax) {
            unpack(&packed)
        }
        if let object {
            let isNew = !object.set(field, value)
            count += isNew ? 1 : 0
            return isNew
        }
        let view = PackedView(packed.readable)
        let needle = PackedNeedle(field)
        if let found = view.find(needle, stride: 2) {
            HashBuilder.replace(view.next(after: found), value, in: &packed)
            return false
        }
        needle.append(to: &packed)
        PackedEncoder.append(value, to: &packed)
        count += 1
        if count > entriesMax { unpack(&packed) }
        return true
    }

    private mutating func unpack(_ packed: inout ByteBuffer) {
        object = HashObject(PackedView(packed.readable), hasher: hasher)
        packed.removeAll()
    }

    /// Replaces the element at `offset`: a field was named twice.
    private static func replace(
        _ offset: Int, _ value: ByteSlice, in packed: inout ByteBuffer
    ) {
        var changed = ByteBuffer(capacity: packed.count + value.count + 5)
        let next = PackedView(packed.readable).next(after: offset)
        changed.append(packed.readable.prefix(offset))
        PackedEncoder.append(value, to: &changed)
        changed.append(packed.readable.dropFirst(next))
        packed.removeAll()
        packed.append(changed.readable)
    }

    /// The object if the packed form does not do; otherwise the buffer is complete. Ends building.
    public mutating func finish(packed: inout ByteBuffer) -> HashObject? {
        if let object { return object }
        PackedEncoder.setCount(count * 2, in: &packed)
        return nil
    }
}
