// The order of a sorted set: a B+ tree over (score, member) that knows the size of each subtree.
//
//   branch   │ key │ key │ …      counts of items below each child
//     └► leaf ⇄ leaf ⇄ leaf       64 × (score, reference to the member's entry)
//
//   1. A probe (score, member or item) descends by the keys in the branches; the counts of the
//      children that lie before its way add up to its rank. A rank descends by the counts.
//   2. An insertion counts itself in on the way back. A full leaf gives items to a neighbour, or
//      splits in the middle; at either end of the index it splits off nothing, so that ascending
//      and descending insertions leave full leaves behind.
//   3. A removal takes a run of items out of one leaf. A node that is less than a quarter full
//      takes items from a neighbour or is merged with it.
//
// Each step touches one node per level: no operation but freeing the whole index takes longer than
// a few microseconds.
//
// The index owns its nodes and no entry. Entries must not move while they are in it, and an item's
// score must not change but through `replaceScore`.
//
// Invariants (checkInvariants): see Layout/OrderedNodes.swift; the counts of a branch are the
// numbers of items below its children; `count` is the number of all items.

internal import Bytes

/// The items of a sorted set in their order. Confined to the engine's thread.
struct OrderedIndex: ~Copyable {
    /// A node with fewer items or children than this is filled up or merged.
    static let fillMin = 16
    /// Two neighbours with at most so many items or children together become one.
    static let mergeMax = 56

    private(set) var root: UInt
    /// Branches above the leaves.
    private(set) var level = 0
    /// Number of items.
    var count = 0
    private(set) var memoryBytes: Int

    init() {
        let leaf = OrderedLeaf(capacity: OrderedLeaf.capacityMin)
        root = leaf.address
        memoryBytes = leaf.bytes
    }

    deinit { OrderedIndex.free(root, level) }

    private static func free(_ node: UInt, _ level: Int) {
        guard level > 0 else { return OrderedLeaf(address: node).free() }
        let branch = OrderedBranch(address: node)
        for index in 0..<branch.count { free(branch.child(index), level - 1) }
        branch.free()
    }

    // MARK: Ranks

    /// How many items lie before the probe.
    func rank(_ probe: OrderedProbe) -> Int {
        var node = root
        var rank = 0
        var level = self.level
        while level > 0 {
            let branch = OrderedBranch(address: node)
            let index = branch.childIndex(probe)
            rank &+= branch.itemCountBefore(index)
            node = branch.child(index)
            level &-= 1
        }
        return rank &+ OrderedLeaf(address: node).keys.countBefore(probe)
    }

    /// The leaf with the item at `rank`, and its place there.
    @inline(__always)
    private func locate(_ rank: Int) -> (leaf: OrderedLeaf, index: Int) {
        precondition(rank >= 0 && rank < count, "no such rank")
        var node = root
        var rest = rank
        var level = self.level
        while level > 0 {
            let branch = OrderedBranch(address: node)
            node = branch.child(OrderedIndex.descend(branch, &rest))
            level &-= 1
        }
        return (OrderedLeaf(address: node), rest)
    }

    /// The child that holds the item at `rank`, which becomes the rank in that child.
    @inline(__always)
    static func descend(_ branch: OrderedBranch, _ rank: inout Int) -> Int {
        var index = 0
        while true {
            let below = branch.itemCount(index)
            if rank < below { return index }
            rank &-= below
            index &+= 1
        }
    }

    /// The item at `rank`, which must exist.
    func item(at rank: Int) -> OrderedItem {
        let place = locate(rank)
        return place.leaf.item(place.index)
    }

    // MARK: Walks

    /// How far ahead of a walk entries are asked for.
    private static let prefetchDistance = 6

    /// Calls `body` with `limit` items (or all there are) from `rank` on, upwards or downwards.
    /// `body` must not change the index.
    @inline(__always)
    func forEach(
        from rank: Int, limit: Int, isReversed: Bool, _ body: (OrderedItem) -> Void
    ) {
        guard limit > 0, rank >= 0, rank < count else { return }
        var (leaf, index) = locate(rank)
        var rest = min(limit, isReversed ? rank &+ 1 : count &- rank)
        while true {
            let step = isReversed ? -1 : 1
            let inLeaf = min(rest, isReversed ? index &+ 1 : leaf.count &- index)
            let last = index &+ step &* (inLeaf &- 1)
            let neighbour = isReversed ? leaf.previous : leaf.next
            if rest > inLeaf { OrderedLeaf(address: neighbour).prefetch() }
            var ahead = 0
            while ahead < min(inLeaf, OrderedIndex.prefetchDistance) {
                prefetch(leaf.entry(index &+ step &* ahead))
                ahead &+= 1
            }
            var done = 0
            while done < inLeaf {
                let target = index &+ step &* OrderedIndex.prefetchDistance
                if isReversed ? target >= last : target <= last { prefetch(leaf.entry(target)) }
                body(leaf.item(index))
                index &+= step
                done &+= 1
            }
            rest &-= inLeaf
            if rest == 0 { return }
            leaf = OrderedLeaf(address: neighbour)
            index = isReversed ? leaf.count &- 1 : 0
        }
    }

    // MARK: Changes

    /// What becomes of a node that had to split: its right part with the first item there.
    private struct Split {
        var node: UInt
        var itemCount: Int
        var key: OrderedItem
    }

    /// Adds an item that is not in the index.
    mutating func insert(_ score: Double, _ entry: Entry) {
        let item = OrderedItem(score: score, entry: entry)
        let probe = OrderedProbe.item(score, entry.key, isBehind: true)
        if level == 0 { growLeafIfFull() }
        let split = insert(item, probe, into: root, level)
        count &+= 1
        guard let split else { return }
        let branch = OrderedBranch()
        memoryBytes += OrderedBranch.bytes
        branch.start(root, itemCount: count - split.itemCount)
        branch.insert(split.node, itemCount: split.itemCount, key: split.key, at: 1)
        root = branch.address
        level += 1
    }

    /// Doubles a leaf that is the whole index, until it has its final size.
    private mutating func growLeafIfFull() {
        let leaf = OrderedLeaf(address: root)
        let capacity = leaf.capacity
        guard leaf.count == capacity && capacity < OrderedLeaf.capacityMax else { return }
        let larger = OrderedLeaf(capacity: capacity * 2)
        larger.insert(from: leaf, 0..<leaf.count, at: 0)
        memoryBytes += larger.bytes - leaf.bytes
        leaf.free()
        root = larger.address
    }

    private mutating func insert(
        _ item: OrderedItem, _ probe: OrderedProbe, into node: UInt, _ level: Int
    ) -> Split? {
        guard level > 0 else { return insert(item, probe, into: OrderedLeaf(address: node)) }
        let branch = OrderedBranch(address: node)
        var index = branch.childIndex(probe)
        if level == 1, makeRoom(index, of: branch) { index = branch.childIndex(probe) }
        let split = insert(item, probe, into: branch.child(index), level &- 1)
        let below = branch.itemCount(index) &+ 1
        guard let split else {
            branch.setItemCount(index, below)
            return nil
        }
        branch.setItemCount(index, below - split.itemCount)
        return add(split, at: index + 1, to: branch)
    }

    /// A full leaf gives items to a neighbour that has room instead of splitting: leaves are about
    /// four fifths full then, not two thirds. Says whether it did.
    @inline(__always)
    private func makeRoom(_ index: Int, of branch: OrderedBranch) -> Bool {
        let leaf = OrderedLeaf(address: branch.child(index))
        if leaf.count < OrderedLeaf.capacityMax { return false }
        return moveItems(from: index, of: branch)
    }

    @inline(never)
    private func moveItems(from index: Int, of branch: OrderedBranch) -> Bool {
        let roomy = OrderedLeaf.capacityMax - OrderedIndex.fillMin
        for left in [index, index - 1] where left >= 0 && left + 1 < branch.count {
            let counts = [left, left + 1].map { OrderedLeaf(address: branch.child($0)).count }
            guard min(counts[0], counts[1]) <= roomy else { continue }
            balanceLeaves(left, of: branch, leftTarget: (counts[0] + counts[1]) / 2)
            return true
        }
        return false
    }

    @inline(__always)
    private mutating func insert(
        _ item: OrderedItem, _ probe: OrderedProbe, into leaf: OrderedLeaf
    ) -> Split? {
        let place = leaf.keys.countBefore(probe)
        if leaf.count < leaf.capacity {
            leaf.insert(item, at: place)
            return nil
        }
        return split(leaf, inserting: item, at: place)
    }

    @inline(never)
    private mutating func split(
        _ leaf: OrderedLeaf, inserting item: OrderedItem, at place: Int
    ) -> Split {
        let count = leaf.count
        var keep = count / 2
        if place == count && leaf.next == 0 { keep = count }
        if place == 0 && leaf.previous == 0 { keep = 0 }
        let right = OrderedLeaf(capacity: OrderedLeaf.capacityMax)
        memoryBytes += right.bytes
        right.insert(from: leaf, keep..<count, at: 0)
        leaf.count = keep
        right.next = leaf.next
        right.previous = leaf.address
        if right.next != 0 { OrderedLeaf(address: right.next).previous = right.address }
        leaf.next = right.address
        if place < keep || (place == keep && keep < count) {
            leaf.insert(item, at: place)
        } else {
            right.insert(item, at: place - keep)
        }
        return Split(node: right.address, itemCount: right.count, key: right.item(0))
    }

    /// Adds the right part of a child that split; the branch may have to split, too.
    private mutating func add(_ child: Split, at index: Int, to branch: OrderedBranch) -> Split? {
        let count = branch.count
        if count < OrderedBranch.capacity {
            branch.insert(child.node, itemCount: child.itemCount, key: child.key, at: index)
            return nil
        }
        // At the end of a level the left part stays full, as for leaves.
        let keep = index == count ? count - 1 : count / 2
        let right = OrderedBranch()
        memoryBytes += OrderedBranch.bytes
        let key = branch.key(keep)
        right.insert(from: branch, keep..<count, at: 0)
        branch.remove(keep..<count)
        if index <= keep {
            branch.insert(child.node, itemCount: child.itemCount, key: child.key, at: index)
        } else {
            right.insert(child.node, itemCount: child.itemCount, key: child.key, at: index - keep)
        }
        return Split(node: right.address, itemCount: right.total, key: key)
    }

    /// Gives an item another score in place when its neighbours allow it; says whether they did.
    mutating func replaceScore(_ old: Double, _ entry: Entry, by new: Double) -> Bool {
        let probe = OrderedProbe.item(old, entry.key, isBehind: true)
        var node = root
        var level = self.level
        while level > 0 {
            let branch = OrderedBranch(address: node)
            node = branch.child(branch.childIndex(probe))
            level &-= 1
        }
        let leaf = OrderedLeaf(address: node)
        let index = leaf.keys.countBefore(probe) &- 1
        precondition(index >= 0 && leaf.entry(index) == entry, "the item is not in the index")
        // At the borders of a leaf a key above it, or another leaf, would have to be looked at.
        let isFirst = index == 0 && self.level > 0
        let isLast = index &+ 1 == leaf.count && self.level > 0
        guard !isFirst && !isLast, index == 0 || leaf.score(index &- 1) < new,
            index &+ 1 == leaf.count || new < leaf.score(index &+ 1)
        else { return false }
        leaf.set(index, OrderedItem(score: new, entry: entry))
        return true
    }

    // MARK: For removals

    /// Makes `node` the root.
    mutating func adopt(_ node: UInt, level: Int, bytes: Int) {
        root = node
        self.level = level
        memoryBytes += bytes
    }

    mutating func noteFreed(_ bytes: Int) { memoryBytes -= bytes }
}
