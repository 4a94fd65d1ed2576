// A consumer group: how far it has read, and what was delivered and not acknowledged.
//
//   pending     ID ► (when, how often, which consumer)        of all consumers, by ID
//   consumers   sorted by name, each with the IDs that are pending at it
//   slots       number of a consumer ► the consumer: pending entries name it by that number
//
// Invariants
//   an ID is pending at exactly the consumer that its pending entry names; the group's count is the
//   sum of the consumers'.

public import Bytes

/// An entry that was delivered and not acknowledged.
public struct PendingEntry: HasStreamID {
    /// The entry's ID.
    public let id: StreamID
    /// When it was delivered last, in milliseconds since 1970.
    public var deliveredAt: Int64
    /// How often it was delivered.
    public var deliveryCount: Int64
    /// The number of its consumer; `unowned` while a group is loaded.
    var slot: Int32

    static var unowned: Int32 { -1 }
}

/// An ID that is pending at a consumer.
struct PendingID: HasStreamID {
    let id: StreamID
}

/// One reader of a group.
public final class StreamConsumer {
    /// Its name.
    public let name: [UInt8]
    /// When it last tried to read or claim, in milliseconds since 1970.
    public var seenAt: Int64 { willSet { willChange() } }
    /// When it last got an entry; -1 if never.
    public var activeAt: Int64 = -1 { willSet { willChange() } }
    /// Announce changes with `willChange`.
    fileprivate(set) var pending = StreamOrder<PendingID>()
    let slot: Int32
    private let commons: StreamCommons
    private var frozen: FreezeImage<FrozenConsumer>

    init(name: [UInt8], slot: Int32, seenAt: Int64, commons: StreamCommons) {
        self.name = name
        self.slot = slot
        self.seenAt = seenAt
        self.commons = commons
        frozen = FreezeImage(madeIn: commons.freeze)
    }

    /// Bytes of the object with its name and its places in the group's lists.
    var ownBytes: Int { 184 + name.count }

    // MARK: Freezing

    /// Comes before each change.
    @inline(__always)
    fileprivate func willChange() {
        if frozen.isMissing(in: commons.freeze) { _ = image() }
    }

    /// What it was when its stream was frozen.
    func image() -> FrozenConsumer {
        frozen.take(in: commons.freeze) {
            FrozenConsumer(seenAt: seenAt, activeAt: activeAt, pending: pending.freeze())
        }
    }

    /// Nobody reads the image any more.
    func dropImage() {
        if frozen.drop() { pending.endFreeze() }
    }

    // MARK: Pending entries

    /// Number of entries that are pending at it.
    public var pendingCount: Int { pending.count }

    /// Calls `body` for each ID that is pending at it, in order.
    public func forEachPending(_ body: (StreamID) -> Void) { pending.forEach { body($0.id) } }

    /// The first ID pending at it that is not below `id`.
    public func pendingID(atOrAfter id: StreamID) -> StreamID? {
        let place = pending.lowerBound(id)
        return place == pending.end ? nil : pending[place].id
    }
}

/// A consumer group.
public final class StreamGroup {
    /// Its name.
    public let name: [UInt8]
    /// The last ID that was delivered.
    public var lastID: StreamID { willSet { willChange() } }
    /// How many entries of the stream were read up to `lastID`; -1 when that is unknown.
    public var entriesRead: Int64 { willSet { willChange() } }
    /// Its consumers, by name.
    public private(set) var consumers: [StreamConsumer] = []
    private var pending = StreamOrder<PendingEntry>()
    private var slots: [StreamConsumer?] = []
    private var freeSlots: [Int32] = []
    private let commons: StreamCommons
    private var frozen: FreezeImage<FrozenGroup>

    /// The answer of `entriesRead` when it is unknown.
    public static var unknown: Int64 { -1 }

    init(name: [UInt8], lastID: StreamID, entriesRead: Int64, commons: StreamCommons) {
        self.name = name
        self.lastID = lastID
        self.entriesRead = entriesRead
        self.commons = commons
        frozen = FreezeImage(madeIn: commons.freeze)
        commons.bytes += ownBytes + pending.memoryBytes
    }

    /// Bytes of the object with its name.
    private var ownBytes: Int { 192 + name.count }

    /// Accounts for everything that goes with the group.
    func leave() {
        for consumer in consumers {
            commons.bytes -= consumer.ownBytes + consumer.pending.memoryBytes
        }
        commons.bytes -= ownBytes + pending.memoryBytes
    }

    func copy(commons: StreamCommons) -> StreamGroup {
        let copied = StreamGroup(
            name: name, lastID: lastID, entriesRead: entriesRead, commons: commons)
        commons.bytes -= copied.pending.memoryBytes
        copied.pending = pending.copy()
        commons.bytes += copied.pending.memoryBytes
        copied.slots = Array(repeating: nil, count: slots.count)
        copied.freeSlots = freeSlots
        for consumer in consumers {
            let twin = StreamConsumer(
                name: consumer.name, slot: consumer.slot, seenAt: consumer.seenAt,
                commons: commons)
            twin.activeAt = consumer.activeAt
            twin.pending = consumer.pending.copy()
            copied.consumers.append(twin)
            copied.slots[Int(consumer.slot)] = twin
            commons.bytes += twin.ownBytes + twin.pending.memoryBytes
        }
        return copied
    }

    // MARK: Freezing

    /// Comes before each change.
    @inline(__always)
    private func willChange() {
        if frozen.isMissing(in: commons.freeze) { _ = image() }
    }

    /// What it was when its stream was frozen.
    func image() -> FrozenGroup {
        frozen.take(in: commons.freeze) {
            FrozenGroup(
                lastID: lastID, entriesRead: entriesRead, consumers: consumers,
                pending: pending.freeze())
        }
    }

    /// Nobody reads the image any more.
    func dropImage() {
        if frozen.drop() { pending.endFreeze() }
    }

    /// Drops its image and those of its consumers.
    func dropImages() {
        for consumer in frozen.value?.consumers ?? consumers { consumer.dropImage() }
        dropImage()
    }

    /// Hands over what a file says of the group.
    func forEachPart(_ body: (StreamPart) -> Void) {
        body(
            .group(
                name: name, lastID: lastID, entriesRead: entriesRead, pendingCount: pending.count))
        pending.forEach { body(.pending($0)) }
        body(.consumerCount(consumers.count))
        for consumer in consumers {
            body(
                .consumer(
                    name: consumer.name, seenAt: consumer.seenAt, activeAt: consumer.activeAt,
                    pendingCount: consumer.pendingCount))
            consumer.pending.forEach { body(.owned($0.id)) }
        }
    }

    // MARK: Names

    /// The order of names: that of their bytes.
    static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        right.withByteSlice { compare(left, $0) }
    }

    @inline(__always)
    static func compare(_ left: [UInt8], _ right: ByteSlice) -> Int {
        left.withByteSlice { $0.compare(right) }
    }

    /// Where a name is, or belongs.
    static func position(
        count: Int, _ name: ByteSlice, _ nameAt: (Int) -> [UInt8]
    ) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            let order = compare(nameAt(middle), name)
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    // MARK: Consumers

    /// The consumer of this name.
    public func consumer(_ name: ByteSlice) -> StreamConsumer? {
        let found = StreamGroup.position(count: consumers.count, name) { consumers[$0].name }
        return found.isThere ? consumers[found.index] : nil
    }

    /// Adds a consumer; nil when there is one of this name.
    public func addConsumer(_ name: ByteSlice, seenAt: Int64) -> StreamConsumer? {
        let found = StreamGroup.position(count: consumers.count, name) { consumers[$0].name }
        if found.isThere { return nil }
        willChange()
        let slot = freeSlots.popLast() ?? Int32(slots.count)
        let consumer = StreamConsumer(
            name: name.array, slot: slot, seenAt: seenAt, commons: commons)
        if Int(slot) == slots.count { slots.append(consumer) } else { slots[Int(slot)] = consumer }
        consumers.insert(consumer, at: found.index)
        commons.bytes += consumer.ownBytes + consumer.pending.memoryBytes
        return consumer
    }

    /// Removes a consumer of this group with all that is pending at it.
    public func removeConsumer(_ consumer: StreamConsumer) {
        willChange()
        let before = pending.memoryBytes
        consumer.pending.forEach { _ = pending.remove($0.id) }
        commons.bytes += pending.memoryBytes - before
        commons.bytes -= consumer.ownBytes + consumer.pending.memoryBytes
        consumers.removeAll { $0 === consumer }
        slots[Int(consumer.slot)] = nil
        freeSlots.append(consumer.slot)
    }

    /// The consumer that a pending entry belongs to.
    public func consumer(of entry: PendingEntry) -> StreamConsumer {
        guard entry.slot >= 0, let consumer = slots[Int(entry.slot)] else {
            preconditionFailure("a pending entry without a consumer")
        }
        return consumer
    }

    // MARK: Pending entries

    /// Number of pending entries.
    public var pendingCount: Int { pending.count }
    /// The first pending entry.
    public var firstPending: PendingEntry? { pending.first }
    /// The last pending entry.
    public var lastPending: PendingEntry? { pending.last }

    /// Calls `body` for each pending entry, in order.
    public func forEachPending(_ body: (PendingEntry) -> Void) { pending.forEach(body) }

    /// The pending entry with this ID.
    public func pendingEntry(_ id: StreamID) -> PendingEntry? {
        pending.find(id).map { pending[$0] }
    }

    /// The first pending entry with an ID that is not below `id`.
    public func pendingEntry(atOrAfter id: StreamID) -> PendingEntry? {
        let place = pending.lowerBound(id)
        return place == pending.end ? nil : pending[place]
    }

    /// Makes an entry pending at `consumer`, wherever it was before.
    public func assign(
        _ id: StreamID, to consumer: StreamConsumer, deliveredAt: Int64, deliveryCount: Int64
    ) {
        willChange()
        consumer.willChange()
        let before = pending.memoryBytes + consumer.pending.memoryBytes
        let entry = PendingEntry(
            id: id, deliveredAt: deliveredAt, deliveryCount: deliveryCount, slot: consumer.slot)
        var isNewToConsumer = true
        if !pending.insert(entry), let place = pending.find(id) {
            let owner = self.consumer(of: pending[place])
            if owner === consumer {
                isNewToConsumer = false
            } else {
                remove(id, from: owner)
            }
            pending[place] = entry
        }
        if isNewToConsumer { _ = consumer.pending.insert(PendingID(id: id)) }
        commons.bytes += pending.memoryBytes + consumer.pending.memoryBytes - before
    }

    /// Notes another delivery of a pending entry to the consumer that has it.
    public func noteDelivery(_ id: StreamID, at time: Int64) {
        guard let place = pending.find(id) else { return }
        willChange()
        var entry = pending[place]
        entry.deliveredAt = time
        entry.deliveryCount &+= 1
        pending[place] = entry
    }

    /// Makes an entry no longer pending; says whether it was.
    public func removePending(_ id: StreamID) -> Bool {
        willChange()
        let before = pending.memoryBytes
        guard let entry = pending.remove(id) else { return false }
        commons.bytes += pending.memoryBytes - before
        remove(id, from: consumer(of: entry))
        return true
    }

    private func remove(_ id: StreamID, from consumer: StreamConsumer) {
        consumer.willChange()
        let before = consumer.pending.memoryBytes
        _ = consumer.pending.remove(id)
        commons.bytes += consumer.pending.memoryBytes - before
    }

    // MARK: Loading

    /// Adds a pending entry that a consumer will `own` later; false when its ID is there.
    public func loadPending(
        _ id: StreamID, deliveredAt: Int64, deliveryCount: Int64
    ) -> Bool {
        willChange()
        let before = pending.memoryBytes
        let isNew = pending.insert(
            PendingEntry(
                id: id, deliveredAt: deliveredAt, deliveryCount: deliveryCount,
                slot: PendingEntry.unowned))
        commons.bytes += pending.memoryBytes - before
        return isNew
    }

    /// Gives a loaded pending entry to a consumer; false when there is none or it has an owner.
    public func own(_ id: StreamID, _ consumer: StreamConsumer) -> Bool {
        guard let place = pending.find(id), pending[place].slot == PendingEntry.unowned else {
            return false
        }
        willChange()
        consumer.willChange()
        let before = consumer.pending.memoryBytes
        pending[place].slot = consumer.slot
        _ = consumer.pending.insert(PendingID(id: id))
        commons.bytes += consumer.pending.memoryBytes - before
        return true
    }

    /// Whether every pending entry has an owner.
    public var isOwned: Bool { consumers.reduce(0) { $0 + $1.pendingCount } == pending.count }

    /// Stops the process when an invariant is broken; returns the bytes of memory.
    func checkInvariants() -> Int {
        pending.checkInvariants()
        var bytes = ownBytes + pending.memoryBytes
        for (index, consumer) in consumers.enumerated() {
            consumer.pending.checkInvariants()
            consumer.pending.forEach { held in
                guard let entry = pendingEntry(held.id) else {
                    preconditionFailure("a consumer has what the group has not")
                }
                precondition(self.consumer(of: entry) === consumer)
            }
            bytes += consumer.ownBytes + consumer.pending.memoryBytes
            if index > 0 {
                precondition(StreamGroup.compare(consumers[index - 1].name, consumer.name) < 0)
            }
        }
        precondition(isOwned)
        return bytes
    }
}

extension StreamObject {
    /// The group of this name.
    public func group(_ name: ByteSlice) -> StreamGroup? {
        let found = StreamGroup.position(count: groups.count, name) { groups[$0].name }
        return found.isThere ? groups[found.index] : nil
    }

    /// Adds a group; nil when there is one of this name.
    public func addGroup(
        _ name: ByteSlice, lastID: StreamID, entriesRead: Int64
    ) -> StreamGroup? {
        let found = StreamGroup.position(count: groups.count, name) { groups[$0].name }
        if found.isThere { return nil }
        let group = StreamGroup(
            name: name.array, lastID: lastID, entriesRead: entriesRead, commons: commons)
        groups.insert(group, at: found.index)
        return group
    }

    /// Removes a group with all that is pending in it.
    public func removeGroup(_ group: StreamGroup) {
        group.leave()
        groups.removeAll { $0 === group }
    }
}
