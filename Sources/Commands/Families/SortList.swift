// The elements that SORT works on: copies, because looking keys up may change the database.
//
//   texts │ element 0 │ element 1 │ … │ weight 0 │ weight 1 │ … │ what was looked up last │
internal import Bytes
internal import RESP
internal import Store

/// Elements with their weights.
final class SortList {
    /// A text in the buffer.
    struct Place {
        var start: Int
        var count: Int
    }

    /// One element.
    struct Item {
        /// The element.
        var text: Place
        /// What BY found for it; nil when it found nothing.
        var weight: Place?
        /// The weight as a number; 0 when BY found nothing.
        var score = 0.0
    }

    private var texts = ByteBuffer()
    private var keptCount = 0
    private var key = ByteBuffer()
    /// The elements.
    var items: [Item] = []

    /// The bytes of a text; valid until the next is added.
    func bytes(_ place: Place) -> ByteSlice {
        texts.readable.slice(from: place.start, count: place.count)
    }

    private func append(_ bytes: ByteSlice) -> Place {
        let place = Place(start: texts.count, count: bytes.count)
        texts.append(bytes)
        return place
    }

    private func append(_ element: PackedElement) -> Place {
        let start = texts.count
        element.append(to: &texts)
        return Place(start: start, count: texts.count - start)
    }

    // MARK: Loading

    /// Copies the elements of `entry` in their own order, or backwards; false when its type has no
    /// elements to sort.
    func load(_ entry: Entry, isReversed: Bool) -> Bool {
        switch entry.type {
        case .set: SetView(entry).forEach { add($0) }
        case .list:
            var cursor = ListView(entry).cursor()
            while let element = cursor.next() { add(element) }
        case .sortedSet:
            let view = SortedSetView(entry)
            view.forEach(0..<view.count) { member, _ in add(member) }
        default: return false
        }
        // The order of a set means nothing, backwards or not.
        if isReversed && entry.type != .set { items.reverse() }
        return true
    }

    private func add(_ element: PackedElement) { items.append(Item(text: append(element))) }

    // MARK: Looking up

    /// What `pattern` makes of the element at `index`; nil when there is no such value.
    func lookUp(
        _ pattern: ByteSlice, _ index: Int, _ engine: CommandEngine, _ client: ClientState
    ) -> Place? {
        if pattern == "#" { return items[index].text }
        guard let star = pattern.firstIndex(of: UInt8(ascii: "*")) else { return nil }
        let arrow = SortList.arrow(in: pattern, from: star + 1)
        key.removeAll()
        key.append(pattern.prefix(star))
        key.append(bytes(items[index].text))
        key.append(pattern.slice(from: star + 1, count: (arrow ?? pattern.count) - star - 1))
        let hash = engine.keyspace.hash(key.readable)
        guard let entry = engine.read(key.readable, hash, client) else { return nil }
        guard let arrow else {
            guard entry.type == .string else { return nil }
            switch entry.stringValue {
            case .integer(let value): return append(.integer(value))
            case .bytes(let bytes): return append(bytes)
            }
        }
        guard entry.type == .hash else { return nil }
        return field(pattern.dropFirst(arrow + 2), of: entry)
    }

    /// Where "->" with a field behind it begins.
    private static func arrow(in pattern: ByteSlice, from start: Int) -> Int? {
        var index = start
        while index + 2 < pattern.count {
            if pattern[index] == UInt8(ascii: "-") && pattern[index + 1] == UInt8(ascii: ">") {
                return index
            }
            index += 1
        }
        return nil
    }

    private func field(_ name: ByteSlice, of entry: Entry) -> Place? {
        if let packed = entry.packed {
            guard let place = packed.find(name, stride: 2) else { return nil }
            return append(packed.element(at: packed.next(after: place)))
        }
        return entry.object(as: HashObject.self)?.value(of: name).map { append($0) }
    }

    /// From here on, what is looked up is forgotten by `forgetLookups`.
    func weightsAreDone() { keptCount = texts.count }

    /// Drops the texts that were looked up since.
    func forgetLookups() { if keptCount > 0 { texts.truncate(to: keptCount) } }

    // MARK: Sorting

    /// Puts the elements in order; equal ones stay as they are.
    func sort(isAlphabetic: Bool, isDescending: Bool, hasWeights: Bool) {
        var order = Array(items.indices)
        order.sort { left, right in
            let result = compare(
                items[left], items[right], isAlphabetic: isAlphabetic, hasWeights: hasWeights)
            if result == 0 { return left < right }
            return isDescending ? result > 0 : result < 0
        }
        items = order.map { items[$0] }
    }

    private func compare(
        _ left: Item, _ right: Item, isAlphabetic: Bool, hasWeights: Bool
    ) -> Int {
        if !isAlphabetic {
            if left.score != right.score { return left.score < right.score ? -1 : 1 }
            return bytes(left.text).compare(bytes(right.text))
        }
        guard hasWeights else { return bytes(left.text).compare(bytes(right.text)) }
        switch (left.weight, right.weight) {
        case (nil, nil): return 0
        case (nil, _): return -1
        case (_, nil): return 1
        case (let mine?, let theirs?): return bytes(mine).compare(bytes(theirs))
        }
    }
}
