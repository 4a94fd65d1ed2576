// Adding and removing single members of stored sets, in the form that they have.

public import Bytes

/// What became of a set.
public struct SetChange {
    /// The entry, which may have moved.
    public var entry: Entry
    /// Whether the member was added or removed.
    public var isChanged: Bool
    /// Number of members now.
    public var count: Int
}

extension Database {
    /// Adds a member to a stored set; it changes its form when it outgrows `limits`.
    ///
    /// `scratch` is overwritten; neither it nor the member lies in the database.
    public func addMember(
        _ entry: Entry, _ hash: KeyHash, _ member: ByteSlice, limits: EncodingLimits,
        scratch: inout ByteBuffer
    ) -> SetChange {
        let view = SetView(entry)
        let count = view.count
        scratch.removeAll()
        switch view {
        case .integers(let integers):
            if let value = PackedEncoder.integer(member) {
                let (index, isFound) = integers.search(value)
                if isFound { return SetChange(entry: entry, isChanged: false, count: count) }
                let width = integers.width
                if count < limits.setIntegerEntriesMax && IntegerSetView.width(for: value) <= width
                {
                    IntegerSetView.append(value, width: width, to: &scratch)
                    let changed = splice(
                        entry, hash, at: integers.offset(of: index), removing: 0,
                        inserting: scratch.readable, countChange: 1)
                    return SetChange(entry: changed, isChanged: true, count: count + 1)
                }
            }
        case .packed(let packed):
            let needle = PackedNeedle(member)
            if packed.find(needle) != nil {
                return SetChange(entry: entry, isChanged: false, count: count)
            }
            if count < limits.setPackedEntriesMax && member.count <= limits.setPackedValueBytesMax {
                needle.append(to: &scratch)
                let changed = splice(
                    entry, hash, at: packed.end, removing: 0, inserting: scratch.readable,
                    countChange: 1)
                return SetChange(entry: changed, isChanged: true, count: count + 1)
            }
        case .table(let object):
            if object.contains(member) {
                return SetChange(entry: entry, isChanged: false, count: count)
            }
            changeObject(entry, hash, object) { _ = $0.insert(member) }
            return SetChange(entry: entry, isChanged: true, count: count + 1)
        }
        return convert(entry, hash, view, adding: member, limits: limits)
    }

    /// Puts a member into a packed set that changes its form for it.
    private func convert(
        _ entry: Entry, _ hash: KeyHash, _ view: SetView, adding member: ByteSlice,
        limits: EncodingLimits
    ) -> SetChange {
        var builder = SetBuilder(limits: limits, hasher: hasher)
        builder.take(view)
        let isAdded = builder.add(member)
        assert(isAdded)
        let changed = builder.store(in: self, entry.key, hash, keepingExpiry: true)
        return SetChange(entry: changed, isChanged: true, count: builder.count)
    }

    /// Removes a member from a stored set. The caller removes the key when no member is left.
    public func removeMember(_ entry: Entry, _ hash: KeyHash, _ member: ByteSlice) -> SetChange {
        let view = SetView(entry)
        let count = view.count
        var place: (offset: Int, length: Int)?
        switch view {
        case .integers(let integers):
            if let value = PackedEncoder.integer(member) {
                let (index, isFound) = integers.search(value)
                if isFound { place = (integers.offset(of: index), integers.width) }
            }
        case .packed(let packed):
            if let offset = packed.find(member) {
                place = (offset, packed.next(after: offset) - offset)
            }
        case .table(let object):
            guard object.contains(member) else { break }
            changeObject(entry, hash, object) { _ = $0.remove(member) }
            return SetChange(entry: entry, isChanged: true, count: count - 1)
        }
        guard let place else { return SetChange(entry: entry, isChanged: false, count: count) }
        let changed = splice(
            entry, hash, at: place.offset, removing: place.length, inserting: ByteSlice(),
            countChange: -1)
        return SetChange(entry: changed, isChanged: true, count: count - 1)
    }

    /// Changes the table of a big set in place: a running snapshot gets it first, and its memory is
    /// counted anew.
    public func changeObject(
        _ entry: Entry, _ hash: KeyHash, _ object: SetObject, _ body: (SetObject) -> Void
    ) {
        willModify(entry, hash)
        let before = object.memoryUsage
        body(object)
        noteMemoryChange(object.memoryUsage - before)
    }
}
