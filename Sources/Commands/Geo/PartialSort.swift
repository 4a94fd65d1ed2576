// Sorts the front of a list: what COUNT of a search needs.
//
// The quicksort of J. Bentley and M. McIlroy ("Engineering a Sort Function", 1993) that leaves out
// the parts nobody asks for. It is not stable, and the order of equal elements is that of Redis,
// which cuts its results off with the same algorithm: another one would return other members when
// several are equally far.

/// A sort of indices by a comparison that gives a negative number, zero or a positive one.
struct PartialSort {
    private(set) var order: [Int]
    private let wanted: Int
    private let compare: (Int, Int) -> Int

    /// Sorts the indices below `count` so far that the first `wanted` are in their places.
    init(count: Int, wanted: Int, compare: @escaping (Int, Int) -> Int) {
        order = Array(0..<count)
        self.wanted = wanted
        self.compare = compare
        sort(0, count)
    }

    private func compare(at left: Int, _ right: Int) -> Int { compare(order[left], order[right]) }

    private func median(_ a: Int, _ b: Int, _ c: Int) -> Int {
        if compare(at: a, b) < 0 {
            if compare(at: b, c) < 0 { return b }
            return compare(at: a, c) < 0 ? c : a
        }
        if compare(at: b, c) > 0 { return b }
        return compare(at: a, c) < 0 ? a : c
    }

    private func pivot(_ start: Int, _ count: Int) -> Int {
        var middle = start + count / 2
        guard count > 7 else { return middle }
        var low = start
        var high = start + count - 1
        if count > 40 {
            let step = count / 8
            low = median(low, low + step, low + 2 * step)
            middle = median(middle - step, middle, middle + step)
            high = median(high - 2 * step, high - step, high)
        }
        return median(low, middle, high)
    }

    private mutating func swapRuns(_ first: Int, _ second: Int, _ count: Int) {
        for offset in 0..<max(count, 0) { order.swapAt(first + offset, second + offset) }
    }

    private mutating func insertionSort(_ start: Int, _ count: Int) {
        for place in (start + 1)..<max(start + count, start + 1) {
            var low = place
            while low > start && compare(at: low - 1, low) > 0 {
                order.swapAt(low, low - 1)
                low -= 1
            }
        }
    }

    private mutating func sort(_ start: Int, _ count: Int) {
        var start = start
        var count = count
        while true {
            if count < 7 { return insertionSort(start, count) }
            let (lower, upper) = partition(start, count)
            // Elements before the pivot's equals, and those behind.
            if lower > 1 && start < wanted { sort(start, lower) }
            guard upper > 1 else { return }
            start += count - upper
            count = upper
            if start >= wanted { return }
        }
    }

    /// Puts what equals the pivot into the middle; returns how many lie before and behind.
    private mutating func partition(_ start: Int, _ count: Int) -> (lower: Int, upper: Int) {
        order.swapAt(start, pivot(start, count))
        // │ equal │ lower │ … │ upper │ equal │
        var equalEnd = start + 1
        var low = start + 1
        var high = start + count - 1
        var equalStart = high
        while true {
            while low <= high {
                let result = compare(at: low, start)
                if result > 0 { break }
                if result == 0 {
                    order.swapAt(equalEnd, low)
                    equalEnd += 1
                }
                low += 1
            }
            while low <= high {
                let result = compare(at: high, start)
                if result < 0 { break }
                if result == 0 {
                    order.swapAt(high, equalStart)
                    equalStart -= 1
                }
                high -= 1
            }
            if low > high { break }
            order.swapAt(low, high)
            low += 1
            high -= 1
        }
        let end = start + count
        let front = min(equalEnd - start, low - equalEnd)
        swapRuns(start, low - front, front)
        let back = min(equalStart - high, end - equalStart - 1)
        swapRuns(low, end - back, back)
        return (low - equalEnd, equalStart - high)
    }
}
