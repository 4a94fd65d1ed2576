// Taking items out of the ordered index.
//
//   1. Descend to the leaf, by item or by rank; take a run of items out.
//   2. On the way back each branch subtracts the run from its count. When a subtree's first item
//      has gone, the lowest branch that keeps it as a key takes the new one.
//   3. A child without items leaves its branch; one with too few is filled up from a neighbour or
//      merged with it.
//   4. A root with a single child gives way to that child.

internal import Bytes

extension OrderedIndex {
    /// Where the items to remove begin.
    private enum Start {
        case item(Double, ByteSlice)
        case rank(Int)
    }

    /// What a removal did to a subtree.
    private struct Removal {
        var count = 0
        /// The subtree's new first item, if that changed.
        var first: OrderedItem?
        var isEmpty = false
    }

    /// Removes the item of an entry that has this score; it must be there.
    mutating func remove(_ score: Double, _ entry: Entry) {
        removeRun(.item(score, entry.key), countMax: 1) { item in
            precondition(item.entry == entry, "the item is not in the index")
        }
    }

    /// Removes the items at these ranks, after `visit` has seen each; `visit` may free the entry.
    mutating func remove(_ ranks: Range<Int>, _ visit: (OrderedItem) -> Void) {
        precondition(ranks.lowerBound >= 0 && ranks.upperBound <= count, "no such ranks")
        var rest = ranks.count
        while rest > 0 {
            rest -= removeRun(.rank(ranks.lowerBound), countMax: rest, visit)
        }
    }

    /// Removes items from `start` on, no more than one leaf holds; returns how many.
    @discardableResult
    private mutating func removeRun(
        _ start: Start, countMax: Int, _ visit: (OrderedItem) -> Void
    ) -> Int {
        let removal = remove(start, countMax, from: root, level, visit)
        count -= removal.count
        while level > 0 {
            let branch = OrderedBranch(address: root)
            guard branch.count <= 1 else { break }
            if branch.count == 0 {
                let leaf = OrderedLeaf(capacity: OrderedLeaf.capacityMin)
                adopt(leaf.address, level: 0, bytes: leaf.bytes - OrderedBranch.bytes)
            } else {
                adopt(branch.child(0), level: level - 1, bytes: -OrderedBranch.bytes)
            }
            branch.free()
        }
        return removal.count
    }

    private mutating func remove(
        _ start: Start, _ countMax: Int, from node: UInt, _ level: Int,
        _ visit: (OrderedItem) -> Void
    ) -> Removal {
        guard level > 0 else {
            return removeFromLeaf(OrderedLeaf(address: node), start, countMax, visit)
        }
        let branch = OrderedBranch(address: node)
        let index: Int
        var next = start
        switch start {
        case .item(let score, let member):
            index = branch.childIndex(.item(score, member, isBehind: true))
        case .rank(var rank):
            index = OrderedIndex.descend(branch, &rank)
            next = .rank(rank)
        }
        var removal = remove(next, countMax, from: branch.child(index), level - 1, visit)
        branch.setItemCount(index, branch.itemCount(index) - removal.count)
        if removal.isEmpty {
            drop(index, of: branch, level - 1)
            removal.isEmpty = branch.count == 0
            removal.first = index == 0 && branch.count > 0 ? branch.key(0) : nil
            return removal
        }
        if index > 0, let first = removal.first {
            branch.setKey(index, first)
            removal.first = nil
        }
        refill(index, of: branch, level - 1)
        return removal
    }

    private mutating func removeFromLeaf(
        _ leaf: OrderedLeaf, _ start: Start, _ countMax: Int, _ visit: (OrderedItem) -> Void
    ) -> Removal {
        let first: Int
        switch start {
        case .item(let score, let member):
            first = leaf.keys.countBefore(.item(score, member, isBehind: false))
        case .rank(let rank):
            first = rank
        }
        precondition(first < leaf.count, "the item is not in the index")
        let end = min(leaf.count, first + countMax)
        for index in first..<end { visit(leaf.item(index)) }
        leaf.remove(first..<end)
        let isEmpty = leaf.count == 0
        return Removal(
            count: end - first, first: first == 0 && !isEmpty ? leaf.item(0) : nil,
            isEmpty: isEmpty)
    }

    /// Takes a child without items out of its branch. The key of the child behind the first one
    /// moves to place 0, where `remove` reads it.
    private mutating func drop(_ index: Int, of branch: OrderedBranch, _ level: Int) {
        if level == 0 {
            unlink(OrderedLeaf(address: branch.child(index)))
        } else {
            OrderedBranch(address: branch.child(index)).free()
            noteFreed(OrderedBranch.bytes)
        }
        branch.remove(index..<(index + 1))
    }

    private mutating func unlink(_ leaf: OrderedLeaf) {
        if leaf.previous != 0 { OrderedLeaf(address: leaf.previous).next = leaf.next }
        if leaf.next != 0 { OrderedLeaf(address: leaf.next).previous = leaf.previous }
        noteFreed(leaf.bytes)
        leaf.free()
    }

    /// Fills a child that has too few items or children up, or merges it with a neighbour.
    private mutating func refill(_ index: Int, of branch: OrderedBranch, _ level: Int) {
        guard branch.count > 1, nodeCount(branch.child(index), level) < OrderedIndex.fillMin else {
            return
        }
        let left = index > 0 ? index - 1 : index
        let leftCount = nodeCount(branch.child(left), level)
        let rightCount = nodeCount(branch.child(left + 1), level)
        let isMerge = leftCount + rightCount <= OrderedIndex.mergeMax
        let target = isMerge ? leftCount + rightCount : (leftCount + rightCount) / 2
        // A node at an edge may be small beside a neighbour that is hardly larger.
        guard target != leftCount else { return }
        if level == 0 {
            balanceLeaves(left, of: branch, leftTarget: target)
        } else {
            balanceBranches(left, of: branch, leftTarget: target)
        }
        guard isMerge else { return }
        drop(left + 1, of: branch, level)
    }

    private func nodeCount(_ node: UInt, _ level: Int) -> Int {
        level == 0 ? OrderedLeaf(address: node).count : OrderedBranch(address: node).count
    }

    /// Moves items between two leaves until the left one has `leftTarget`.
    func balanceLeaves(_ index: Int, of branch: OrderedBranch, leftTarget: Int) {
        let left = OrderedLeaf(address: branch.child(index))
        let right = OrderedLeaf(address: branch.child(index + 1))
        let count = left.count
        if leftTarget > count {
            let moved = 0..<(leftTarget - count)
            left.insert(from: right, moved, at: count)
            right.remove(moved)
        } else {
            right.insert(from: left, leftTarget..<count, at: 0)
            left.remove(leftTarget..<count)
        }
        branch.setItemCount(index, left.count)
        branch.setItemCount(index + 1, right.count)
        if right.count > 0 { branch.setKey(index + 1, right.item(0)) }
    }

    /// Moves children between two branches until the left one has `leftTarget`.
    private func balanceBranches(_ index: Int, of branch: OrderedBranch, leftTarget: Int) {
        let left = OrderedBranch(address: branch.child(index))
        let right = OrderedBranch(address: branch.child(index + 1))
        let count = left.count
        // The key of the right node's first child is the one that the parent keeps for the node.
        right.setKey(0, branch.key(index + 1))
        if leftTarget > count {
            let moved = 0..<(leftTarget - count)
            left.insert(from: right, moved, at: count)
            right.remove(moved)
        } else {
            right.insert(from: left, leftTarget..<count, at: 0)
            left.remove(leftTarget..<count)
        }
        branch.setItemCount(index, left.total)
        branch.setItemCount(index + 1, right.total)
        if right.count > 0 { branch.setKey(index + 1, right.key(0)) }
    }
}
