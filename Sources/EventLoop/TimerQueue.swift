// Timers of a loop: a binary heap by deadline.
//
//   heap[0] is the earliest; heap[i] <= heap[2i+1], heap[2i+2]
//   slots[s] = { body, period, generation, position in the heap or -1 }
//
// Invariants
//   slots[heap[i].slot].position == i;
//   equal deadlines keep the order in which they were scheduled (sequence).
//
// Schedule and cancel are O(log n), the next deadline O(1).

internal import Bytes

/// Names one scheduled timer; stays invalid after it has fired or was cancelled.
public struct TimerID: Hashable, Sendable {
    let slot: Int
    let generation: UInt32
}

struct TimerQueue {
    private struct Node {
        var deadline: Int64
        var sequence: UInt64
        var slot: Int

        func isBefore(_ other: Node) -> Bool {
            deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence
        }
    }

    private struct Slot {
        var body: (() -> Void)?
        var periodMicroseconds: Int64?
        var generation: UInt32 = 0
        var position = -1
    }

    private var heap: [Node] = []
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var sequenceNext: UInt64 = 0

    /// Number of timers that wait.
    var count: Int { heap.count }

    /// When the earliest timer is due, in microseconds of the monotonic clock.
    var deadlineFirst: Int64? { heap.first?.deadline }

    mutating func schedule(
        at deadline: Int64, periodMicroseconds: Int64?, _ body: @escaping () -> Void
    ) -> TimerID {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = slots.count
            slots.append(Slot())
        }
        slots[slot].body = body
        slots[slot].periodMicroseconds = periodMicroseconds
        insert(slot: slot, deadline: deadline)
        return TimerID(slot: slot, generation: slots[slot].generation)
    }

    /// Removes a timer; does nothing if it has fired or was cancelled.
    mutating func cancel(_ id: TimerID) {
        guard id.slot < slots.count, slots[id.slot].generation == id.generation else { return }
        let position = slots[id.slot].position
        if position >= 0 { remove(at: position) }
        release(slot: id.slot)
    }

    /// Takes the earliest timer whose deadline is at most `now` and gives its body. A repeating
    /// timer is scheduled again first, one period after its deadline, or after `now` when whole
    /// periods were missed: a stalled loop does not fire a burst.
    mutating func takeDue(now: Int64) -> (() -> Void)? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        let slot = first.slot
        let body = slots[slot].body
        remove(at: 0)
        if let period = slots[slot].periodMicroseconds {
            let next = first.deadline.addingClamped(period)
            insert(slot: slot, deadline: next > now ? next : now.addingClamped(period))
        } else {
            release(slot: slot)
        }
        return body
    }

    private mutating func release(slot: Int) {
        slots[slot].body = nil
        slots[slot].generation &+= 1
        free.append(slot)
    }

    private mutating func insert(slot: Int, deadline: Int64) {
        heap.append(Node(deadline: deadline, sequence: sequenceNext, slot: slot))
        sequenceNext &+= 1
        slots[slot].position = heap.count - 1
        rise(from: heap.count - 1)
    }

    private mutating func remove(at position: Int) {
        slots[heap[position].slot].position = -1
        let last = heap.removeLast()
        guard position < heap.count else { return }
        heap[position] = last
        slots[last.slot].position = position
        rise(from: position)
        sink(from: slots[last.slot].position)
    }

    private mutating func rise(from start: Int) {
        var position = start
        while position > 0 {
            let parent = (position - 1) / 2
            guard heap[position].isBefore(heap[parent]) else { return }
            exchange(position, parent)
            position = parent
        }
    }

    private mutating func sink(from start: Int) {
        var position = start
        while true {
            var least = position
            for child in [2 * position + 1, 2 * position + 2]
            where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            if least == position { return }
            exchange(position, least)
            position = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        slots[heap[left].slot].position = left
        slots[heap[right].slot].position = right
    }
}
