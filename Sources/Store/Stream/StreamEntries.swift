// A walk over the entries of a stream, forwards or backwards.
//
//   entry = flags │ milliseconds − node's │ sequence − node's │ values │ number of elements
//
//   flags 1  deleted        2  the fields are those of the node's first entry
//   values   with flag 2: one value per field; else: number of fields │ (field, value)*
//
// The last element counts the ones before it, so that a walk can go backwards.

internal import Bytes

/// A position in a stream; valid until the stream changes.
///
///     var entries = StreamEntries(stream, from: first, to: last)
///     while entries.next() {
///         for _ in 0..<entries.fieldCount { use(entries.nextField(), entries.nextValue()) }
///     }
public struct StreamEntries {
    static var deletedFlag: Int64 { 1 }
    static var sameFieldsFlag: Int64 { 2 }

    private let stream: StreamObject
    private let from: StreamID
    private let to: StreamID
    private let isReversed: Bool

    private(set) var place: StreamOrder<PlacedNode>.Place
    private var hasNode = false
    private var base = StreamID.zero
    private var body = ByteSlice()
    private var liveStart = 0
    private var nodeFieldCount = 0
    /// Where the next entry begins; when walking backwards, where the last one began.
    private var offset = 0

    /// The ID of the entry.
    public private(set) var id = StreamID.zero
    /// How many fields it has.
    public private(set) var fieldCount = 0
    /// Where its flags are in the node.
    private(set) var flagsOffset = 0
    private(set) var flags: Int64 = 0
    private var fieldOffset = 0
    private var valueOffset = 0

    /// A walk over the entries with IDs from `from` to `to`, both included.
    public init(
        _ stream: StreamObject, from: StreamID = .zero, to: StreamID = .max,
        isReversed: Bool = false
    ) {
        self.stream = stream
        self.from = from
        self.to = to
        self.isReversed = isReversed
        if isReversed {
            // An entry up to `to` lies in the last node that begins there, or before it.
            place = stream.nodes.floor(to) ?? stream.nodes.end
        } else {
            place = stream.nodes.floor(from) ?? stream.nodes.start
        }
        if place != stream.nodes.end { enter() }
    }

    private mutating func enter() {
        let placed = stream.nodes[place]
        let node = placed.node
        base = placed.id
        body = node.body
        liveStart = node.liveStart
        nodeFieldCount = node.fieldCount
        offset = isReversed ? body.count : liveStart
        hasNode = true
    }

    /// Goes to the next entry that is not deleted; false when there is none.
    public mutating func next() -> Bool {
        isReversed ? nextBackwards() : nextForwards()
    }

    private mutating func nextForwards() -> Bool {
        while hasNode {
            while offset < body.count {
                readHead(at: offset)
                offset = entryEnd()
                if id < from || flags & StreamEntries.deletedFlag != 0 { continue }
                if id > to {
                    hasNode = false
                    return false
                }
                return true
            }
            place = stream.nodes.place(after: place)
            if place == stream.nodes.end { hasNode = false } else { enter() }
        }
        return false
    }

    private mutating func nextBackwards() -> Bool {
        while hasNode {
            while offset > liveStart {
                var count = Listpack.previous(body, before: offset)
                var start = count
                var elements = Listpack.integer(body, at: &count)
                while elements > 0 {
                    start = Listpack.previous(body, before: start)
                    elements -= 1
                }
                offset = start
                readHead(at: start)
                if id > to || flags & StreamEntries.deletedFlag != 0 { continue }
                if id < from {
                    hasNode = false
                    return false
                }
                return true
            }
            if let before = stream.nodes.place(before: place) {
                place = before
                enter()
            } else {
                hasNode = false
            }
        }
        return false
    }

    /// Goes to the next entry of the present node, deleted or not; only for walks forwards.
    mutating func nextOfNode() -> Bool {
        guard hasNode, offset < body.count else { return false }
        readHead(at: offset)
        offset = entryEnd()
        return true
    }

    /// Where the entry ends in its node; only for walks forwards.
    var end: Int { offset }

    /// Reads what stands before the values of the entry at `start`.
    @inline(__always)
    private mutating func readHead(at start: Int) {
        var place = start
        flagsOffset = start
        flags = Listpack.integer(body, at: &place)
        let milliseconds = Listpack.integer(body, at: &place)
        let sequence = Listpack.integer(body, at: &place)
        id = StreamID(
            base.milliseconds &+ UInt64(bitPattern: milliseconds),
            base.sequence &+ UInt64(bitPattern: sequence))
        if flags & StreamEntries.sameFieldsFlag != 0 {
            fieldCount = nodeFieldCount
            // The fields stand behind the node's number of fields.
            fieldOffset = Listpack.next(body, after: 0)
        } else {
            fieldCount = Int(Listpack.integer(body, at: &place))
        }
        valueOffset = place
    }

    /// Where the entry whose head was read ends.
    @inline(__always)
    private func entryEnd() -> Int {
        var place = valueOffset
        var left =
            flags & StreamEntries.sameFieldsFlag != 0 ? fieldCount &+ 1 : fieldCount &* 2 &+ 1
        while left > 0 {
            place = Listpack.next(body, after: place)
            left &-= 1
        }
        return place
    }

    /// The name of the next field; call it before `nextValue`, `fieldCount` times.
    @inline(__always)
    public mutating func nextField() -> ListpackElement {
        flags & StreamEntries.sameFieldsFlag != 0
            ? Listpack.element(body, at: &fieldOffset) : Listpack.element(body, at: &valueOffset)
    }

    /// The value of the field that `nextField` named.
    @inline(__always)
    public mutating func nextValue() -> ListpackElement {
        Listpack.element(body, at: &valueOffset)
    }
}
