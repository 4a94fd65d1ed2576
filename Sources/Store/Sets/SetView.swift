// A set as commands read it, whatever form it lies in.
//
//   integers   sorted array in the entry           "intset"
//   packed     elements in the entry               "listpack"
//   table      SetObject                           "hashtable"

public import Bytes

extension PackedElement {
    /// The number that the text is in canonical form, stored as such or not.
    @inlinable public var numericValue: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes(let bytes): PackedEncoder.integer(bytes)
        // A number is stored as such.
        case .sevenBits: nil
        }
    }

    /// Calls `body` with the text, which `scratch` holds if the element is a number.
    @inlinable
    public func withText<Result>(
        _ scratch: inout ByteBuffer, _ body: (ByteSlice) -> Result
    ) -> Result {
        switch self {
        case .bytes(let bytes): return body(bytes)
        case .integer(let value):
            scratch.removeAll()
            scratch.append(decimal: value)
            return body(scratch.readable)
        case .sevenBits(let text):
            scratch.removeAll()
            scratch.append(text)
            return body(scratch.readable)
        }
    }
}

/// The members of a set. Borrowed: valid until the next change of the database.
public enum SetView {
    /// A packed set of integers.
    case integers(IntegerSetView)
    /// A packed set of other members.
    case packed(PackedView)
    /// A big set.
    case table(SetObject)

    /// The members of `entry`, which is a set.
    public init(_ entry: Entry) {
        guard let packed = entry.packed else {
            guard let object = entry.object(as: SetObject.self) else {
                preconditionFailure("a set has neither bytes nor a table")
            }
            self = .table(object)
            return
        }
        if let integers = IntegerSetView(packed.bytes) {
            self = .integers(integers)
        } else {
            self = .packed(packed)
        }
    }

    /// Number of members.
    public var count: Int {
        switch self {
        case .integers(let view): view.count
        case .packed(let view): view.count
        case .table(let object): object.count
        }
    }

    /// Whether every member is known to be an integer.
    public var isIntegers: Bool {
        if case .integers = self { return true }
        return false
    }

    /// Whether `member` belongs to the set.
    public func contains(_ member: ByteSlice) -> Bool {
        switch self {
        case .integers(let view):
            guard let value = PackedEncoder.integer(member) else { return false }
            return view.search(value).isFound
        case .packed(let view):
            return view.find(member) != nil
        case .table(let object):
            return object.contains(member)
        }
    }

    /// Whether `member` belongs to the set; `scratch` takes the text of a number if it is needed.
    public func contains(_ member: PackedElement, scratch: inout ByteBuffer) -> Bool {
        switch self {
        case .integers(let view):
            guard let value = member.numericValue else { return false }
            return view.search(value).isFound
        case .packed(let view):
            guard case .integer(let value) = member else { break }
            return view.find(integer: value) != nil
        case .table: break
        }
        return member.withText(&scratch) { contains($0) }
    }

    /// Calls `body` with each member until it returns false.
    public func visit(while body: (PackedElement) -> Bool) {
        switch self {
        case .integers(let view):
            var index = 0
            let count = view.count
            while index < count {
                if !body(.integer(view[index])) { return }
                index &+= 1
            }
        case .packed(let view):
            var offset = PackedView.start
            let end = view.end
            while offset < end {
                if !body(view.element(at: offset)) { return }
                offset = view.next(after: offset)
            }
        case .table(let object):
            var goesOn = true
            object.forEach { entry in
                if goesOn { goesOn = body(.bytes(entry.member)) }
            }
        }
    }

    /// Calls `body` with each member.
    public func forEach(_ body: (PackedElement) -> Void) {
        visit(while: { member in
            body(member)
            return true
        })
    }

    /// A member, each equally likely; the set is not empty.
    public func randomMember(_ random: inout SeededRandom) -> PackedElement {
        switch self {
        case .integers(let view):
            return .integer(view[random.below(view.count)])
        case .packed(let view):
            let offset = view.offset(ofElement: random.below(view.count))
            return view.element(at: offset)
        case .table(let object):
            guard let entry = object.randomMember(&random) else {
                preconditionFailure("a stored set is empty")
            }
            return .bytes(entry.member)
        }
    }
}
