// The waits that end by themselves, the earliest first: a binary heap whose members know their
// place, so that one that is served leaves it at once.
//
//   heap[i].deadline <= heap[2i+1].deadline, heap[2i+2].deadline;  heap[i].heapPosition == i
internal import Bytes

/// Waits by deadline.
struct DeadlineHeap {
    private var waits: [KeyWait] = []

    /// Number of waits with a deadline.
    var count: Int { waits.count }

    /// The wait that ends first.
    var first: KeyWait? { waits.first }

    /// Adds a wait that has a deadline.
    mutating func insert(_ wait: KeyWait) {
        assert(wait.heapPosition < 0 && wait.deadline != nil)
        wait.heapPosition = waits.count
        waits.append(wait)
        rise(wait.heapPosition)
    }

    /// Takes a wait out; does nothing if it is not there.
    mutating func remove(_ wait: KeyWait) {
        let position = wait.heapPosition
        if position < 0 { return }
        swap(position, waits.count - 1)
        waits.removeLast()
        wait.heapPosition = -1
        if position < waits.count {
            rise(position)
            sink(position)
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        let (first, second) = (waits[left], waits[right])
        let deadlines = (first.deadline ?? .never, second.deadline ?? .never)
        return deadlines.0 != deadlines.1
            ? deadlines.0 < deadlines.1 : first.ticket < second.ticket
    }

    private mutating func swap(_ left: Int, _ right: Int) {
        waits.swapAt(left, right)
        waits[left].heapPosition = left
        waits[right].heapPosition = right
    }

    private mutating func rise(_ start: Int) {
        var position = start
        while position > 0, isBefore(position, (position - 1) / 2) {
            swap(position, (position - 1) / 2)
            position = (position - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var position = start
        while true {
            var least = position
            for child in [2 * position + 1, 2 * position + 2]
            where child < waits.count && isBefore(child, least) {
                least = child
            }
            if least == position { return }
            swap(position, least)
            position = least
        }
    }
}
