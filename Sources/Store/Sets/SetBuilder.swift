// Builds a set member by member and stores it in the form that fits: for commands that add many
// members or store a result, and for loading.
//
//   integers ──(another text: as many as a packed set takes)──► packed
//      │                                                            │
//      └──(too many, or too many for a packed set)──► table ◄──(too many, or a long member)
//
// The order of the changes is that of Redis, so that OBJECT ENCODING answers the same.

public import Bytes

/// A set that no key names yet.
public struct SetBuilder: ~Copyable {
    private enum Form { case integers, packed, table }

    private let limits: EncodingLimits
    private let hasher: KeyHasher
    private var form = Form.integers
    private var integers = TrivialList<Int64>(capacity: 16)
    private var packed = ByteBuffer()
    private var packedCount = 0
    private var object: SetObject?
    private var scratch = ByteBuffer()

    /// An empty set of integers.
    public init(limits: EncodingLimits, hasher: KeyHasher) {
        self.limits = limits
        self.hasher = hasher
    }

    /// An empty set in the form that suits `expectedCount` members, of which `first` is one.
    public init(limits: EncodingLimits, hasher: KeyHasher, first: ByteSlice, expectedCount: Int) {
        self.init(limits: limits, hasher: hasher)
        if Numbers.integer(first) != nil && expectedCount <= limits.setIntegerEntriesMax { return }
        if expectedCount <= limits.setPackedEntriesMax { becomePacked() } else { becomeTable() }
    }

    /// Number of members.
    public var count: Int {
        switch form {
        case .integers: integers.count
        case .packed: packedCount
        case .table: object?.count ?? 0
        }
    }

    /// Takes the members of a packed set over; the builder is empty.
    public mutating func take(_ view: SetView) {
        precondition(count == 0, "the builder holds members already")
        switch view {
        case .integers(let view):
            for index in 0..<view.count { integers.append(view[index]) }
        case .packed(let view):
            form = .packed
            packed.append(view.bytes)
            packedCount = view.count
        case .table: preconditionFailure("a big set changes in place")
        }
    }

    // MARK: Adding

    /// Adds a member; false when it is there already.
    public mutating func add(_ member: ByteSlice) -> Bool {
        switch form {
        case .integers:
            if let value = Numbers.integer(member) { return add(integer: value) }
            if fitsPacked(count: integers.count, member) && longestInteger <= memberBytesMax {
                becomePacked()
                appendPacked(member)
                return true
            }
            becomeTable()
        case .packed:
            let needle = PackedNeedle(member)
            if packedCount > 0 && PackedView(packed.readable).find(needle) != nil { return false }
            if fitsPacked(count: packedCount, member) {
                needle.append(to: &packed)
                packedCount += 1
                return true
            }
            becomeTable()
        case .table: break
        }
        return object?.insert(member) ?? false
    }

    /// Adds a member that came from a set.
    public mutating func add(_ member: PackedElement) -> Bool {
        switch member {
        case .bytes(let bytes): return add(bytes)
        case .integer(let value): return add(integer: value)
        case .sevenBits(let text):
            // `add` may write to `scratch`.
            var characters = ByteBuffer(capacity: SevenBitText.longest + 8)
            characters.append(text)
            return add(characters.readable)
        }
    }

    /// Adds a member that is a number; false when it is there already.
    public mutating func add(integer value: Int64) -> Bool {
        guard form == .integers else {
            var text = ByteBuffer(capacity: 20)
            text.append(decimal: value)
            return add(text.readable)
        }
        let (place, isFound) = search(value)
        if isFound { return false }
        integers.insert(value, at: place)
        if integers.count > limits.setIntegerEntriesMax { becomeTable() }
        return true
    }

    /// Removes a member; false when it is not there. The form stays.
    public mutating func remove(_ member: PackedElement) -> Bool {
        switch form {
        case .integers:
            guard let value = member.numericValue else { return false }
            let (place, isFound) = search(value)
            if isFound { integers.remove(at: place) }
            return isFound
        case .packed:
            return removePacked(member)
        case .table:
            guard let object else { return false }
            return member.withText(&scratch) { object.remove($0) }
        }
    }

    private mutating func removePacked(_ member: PackedElement) -> Bool {
        guard packedCount > 0 else { return false }
        let view = PackedView(packed.readable)
        let found = member.withText(&scratch) { view.find($0) }
        guard let found else { return false }
        // Small enough to be written anew.
        let next = view.next(after: found)
        var rest = ByteBuffer(capacity: packed.count)
        rest.append(view.bytes.prefix(found))
        rest.append(view.bytes.dropFirst(next))
        packed = rest
        packedCount -= 1
        return true
    }

    // MARK: Forms

    private var memberBytesMax: Int { limits.setPackedValueBytesMax }

    private func search(_ value: Int64) -> (index: Int, isFound: Bool) {
        var low = 0
        var high = integers.count
        if high > 0 && integers[high - 1] < value { return (high, false) }
        while low < high {
            let middle = (low &+ high) &>> 1
            let member = integers[middle]
            if member == value { return (middle, true) }
            if member < value { low = middle &+ 1 } else { high = middle }
        }
        return (low, false)
    }

    private func fitsPacked(count: Int, _ member: ByteSlice) -> Bool {
        count < limits.setPackedEntriesMax && member.count <= memberBytesMax
    }

    /// Length of the longest number: the first or the last, since they are sorted.
    private var longestInteger: Int {
        guard integers.count > 0 else { return 0 }
        return max(
            Numbers.decimalCount(integers[0]), Numbers.decimalCount(integers[integers.count - 1]))
    }

    private mutating func appendPacked(_ member: ByteSlice) {
        PackedEncoder.append(member, to: &packed)
        packedCount += 1
    }

    private mutating func becomePacked() {
        form = .packed
        packed.removeAll()
        PackedEncoder.begin(&packed)
        packedCount = integers.count
        for index in 0..<integers.count {
            PackedEncoder.append(integer: integers[index], to: &packed)
        }
    }

    private mutating func becomeTable() {
        if form == .table { return }
        let object = SetObject(hasher: hasher)
        if form == .integers {
            for index in 0..<integers.count {
                scratch.removeAll()
                scratch.append(decimal: integers[index])
                _ = object.insert(scratch.readable)
            }
        } else if packedCount > 0 {
            PackedEncoder.setCount(packedCount, in: &packed)
            SetView.packed(PackedView(packed.readable)).forEach { member in
                _ = member.withText(&scratch) { object.insert($0) }
            }
        }
        form = .table
        self.object = object
    }

    // MARK: Using

    /// Calls `body` with each member.
    public mutating func forEach(_ body: (PackedElement) -> Void) {
        switch form {
        case .integers: for index in 0..<integers.count { body(.integer(integers[index])) }
        case .packed:
            PackedEncoder.setCount(packedCount, in: &packed)
            SetView.packed(PackedView(packed.readable)).forEach(body)
        case .table: if let object { SetView.table(object).forEach(body) }
        }
    }

    /// Stores the set under `key`, whatever was there; returns the entry.
    @discardableResult
    public mutating func store(
        in database: Database, _ key: ByteSlice, _ hash: KeyHash,
        expiresAt: Int64 = Entry.never, keepingExpiry: Bool = false
    ) -> Entry {
        precondition(count > 0, "empty sets are not stored")
        switch form {
        case .table:
            guard let object else { preconditionFailure("a big set has a table") }
            return database.set(
                key, hash, object: object, type: .set, expiresAt: expiresAt,
                keepingExpiry: keepingExpiry)
        case .packed:
            PackedEncoder.setCount(packedCount, in: &packed)
        case .integers:
            packed.removeAll()
            let width = max(
                IntegerSetView.width(for: integers[0]),
                IntegerSetView.width(for: integers[integers.count - 1]))
            IntegerSetView.appendHeader(count: integers.count, width: width, to: &packed)
            for index in 0..<integers.count {
                IntegerSetView.append(integers[index], width: width, to: &packed)
            }
        }
        let entry = database.set(
            key, hash, packed: packed.readable, type: .set, expiresAt: expiresAt,
            keepingExpiry: keepingExpiry)
        entry.hasOnlyIntegers = form == .integers
        return entry
    }
}
