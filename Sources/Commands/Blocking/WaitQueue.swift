// The clients that wait for one key, in the order in which they came.
//
//   places  │ 3 A │ 7 – │ 8 B │ 12 C │        ticket and wait; "–" has left
//             first
//
// Invariants
//   tickets ascend; places before `first` are empty; `count` is the number of waits that are left;
//   at least a third of the places behind `first` is in use, or there are fewer than 32.
//
// Joining is O(1), leaving and the step to the next one O(log n), so that thousands of workers may
// wait for one key.

/// A queue that its members may leave from anywhere.
struct WaitQueue {
    private struct Place {
        let ticket: UInt64
        var wait: KeyWait?
    }

    private static let keptPlacesMin = 32

    private var places: [Place] = []
    private var first = 0
    /// Number of waits.
    private(set) var count = 0

    /// The ticket of the last one that joined; 0 if nobody ever did.
    var lastTicket: UInt64 { places.last?.ticket ?? 0 }

    /// Joins at the end.
    mutating func append(_ wait: KeyWait) {
        assert(wait.ticket > lastTicket, "tickets ascend")
        places.append(Place(ticket: wait.ticket, wait: wait))
        count += 1
    }

    /// Whether the wait with this ticket was the last that joined.
    func endsWith(_ ticket: UInt64) -> Bool { places.last?.ticket == ticket }

    /// Leaves.
    mutating func remove(ticket: UInt64) {
        let index = self.index(from: ticket)
        guard index < places.count, places[index].ticket == ticket, places[index].wait != nil
        else { preconditionFailure("a wait left a queue that it was not in") }
        places[index].wait = nil
        count -= 1
        while first < places.count, places[first].wait == nil { first += 1 }
        if places.count > WaitQueue.keptPlacesMin && places.count > count * 3 {
            places.removeAll { $0.wait == nil }
            first = 0
        }
    }

    /// The first wait behind `ticket`, if its own is not above `last`.
    func next(after ticket: UInt64, upTo last: UInt64) -> KeyWait? {
        var index = max(first, self.index(from: ticket + 1))
        while index < places.count, places[index].ticket <= last {
            if let wait = places[index].wait { return wait }
            index += 1
        }
        return nil
    }

    /// Calls `body` with each wait in order.
    func forEach(_ body: (KeyWait) -> Void) {
        for place in places {
            if let wait = place.wait { body(wait) }
        }
    }

    /// Index of the first place with at least this ticket.
    private func index(from ticket: UInt64) -> Int {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].ticket < ticket { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
