// The invariants of the ordered index, for tests.

internal import Bytes

extension OrderedIndex {
    /// What a subtree turned out to hold.
    private struct Subtree {
        var count: Int
        var first: OrderedItem
        var last: OrderedItem
    }

    /// Stops the process when an invariant is broken.
    func checkInvariants() {
        var leaves: [OrderedLeaf] = []
        var bytes = 0
        if let whole = check(root, level, &leaves, &bytes) {
            precondition(whole.count == count, "the count is wrong")
        } else {
            precondition(count == 0 && level == 0, "an empty node is left")
        }
        precondition(bytes == memoryBytes, "the memory is counted wrongly")
        for (index, leaf) in leaves.enumerated() {
            let previous = index == 0 ? 0 : leaves[index - 1].address
            let next = index + 1 == leaves.count ? 0 : leaves[index + 1].address
            precondition(leaf.previous == previous && leaf.next == next, "a link is wrong")
        }
    }

    private static func isBefore(_ left: OrderedItem, _ right: OrderedItem) -> Bool {
        left.score < right.score
            || (left.score == right.score && left.entry.key.compare(right.entry.key) < 0)
    }

    private func check(
        _ node: UInt, _ level: Int, _ leaves: inout [OrderedLeaf], _ bytes: inout Int
    ) -> Subtree? {
        guard level > 0 else { return check(OrderedLeaf(address: node), &leaves, &bytes) }
        let branch = OrderedBranch(address: node)
        bytes += OrderedBranch.bytes
        precondition(branch.count > 0 && branch.count <= OrderedBranch.capacity)
        var whole: Subtree?
        for index in 0..<branch.count {
            guard let child = check(branch.child(index), level - 1, &leaves, &bytes) else {
                preconditionFailure("an empty child is left")
            }
            precondition(child.count == branch.itemCount(index), "a child's count is wrong")
            if index > 0 {
                let key = branch.key(index)
                precondition(
                    key.score == child.first.score && key.entry == child.first.entry,
                    "a key is not the first item below")
            }
            guard let before = whole else {
                whole = child
                continue
            }
            precondition(OrderedIndex.isBefore(before.last, child.first), "children overlap")
            whole = Subtree(
                count: before.count + child.count, first: before.first, last: child.last)
        }
        return whole
    }

    private func check(
        _ leaf: OrderedLeaf, _ leaves: inout [OrderedLeaf], _ bytes: inout Int
    ) -> Subtree? {
        leaves.append(leaf)
        bytes += leaf.bytes
        precondition(leaf.count <= leaf.capacity)
        precondition(level == 0 || leaf.capacity == OrderedLeaf.capacityMax)
        guard leaf.count > 0 else { return nil }
        for index in 1..<max(leaf.count, 1) {
            precondition(
                OrderedIndex.isBefore(leaf.item(index - 1), leaf.item(index)), "items disordered")
        }
        return Subtree(
            count: leaf.count, first: leaf.item(0), last: leaf.item(leaf.count - 1))
    }
}
