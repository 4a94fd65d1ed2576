// Which segment holds a hash: an array indexed by the top bits of the hash.
//
//   index = hash >> (64 - depth)          words[index] names a segment (see Segment.swift)
//
// Invariants
//   1 <= depth <= 30; there are 2^depth words;
//   a segment of depth d fills 2^(depth - d) consecutive words, beginning at a multiple of that.

/// The directory of a table; owns the words, not the segments.
@safe
struct Directory: ~Copyable {
    static let depthMax = 30

    private var words: UnsafeMutablePointer<UInt64>
    private(set) var depth: Int
    private var shift: UInt64

    /// A directory whose words all name `segment`, which has depth 0.
    init(_ segment: Segment) {
        depth = 1
        shift = 63
        unsafe words = .allocate(capacity: 2)
        unsafe words.initialize(repeating: segment.word, count: 2)
    }

    deinit { unsafe words.deallocate() }

    var count: Int { 1 &<< depth }
    var bytes: Int { count * 8 }

    @inline(__always)
    func segment(for hash: UInt64) -> Segment {
        Segment(word: unsafe words[Int(truncatingIfNeeded: hash &>> shift)])
    }

    func segment(at index: Int) -> Segment {
        precondition(index >= 0 && index < count)
        return Segment(word: unsafe words[index])
    }

    /// Makes the words of the range of `hash` at depth `segment.depth` name `segment`.
    mutating func assign(_ segment: Segment, for hash: UInt64) {
        precondition(segment.depth <= depth)
        let span = 1 &<< (depth &- segment.depth)
        let first = Int(truncatingIfNeeded: hash &>> shift) & ~(span &- 1)
        for index in first..<(first + span) { unsafe words[index] = segment.word }
    }

    /// Doubles the number of words.
    mutating func deepen() {
        precondition(depth < Directory.depthMax, "the directory is too deep")
        let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: count * 2)
        for index in 0..<count {
            let word = unsafe words[index]
            unsafe (larger + 2 * index).initialize(to: word)
            unsafe (larger + 2 * index + 1).initialize(to: word)
        }
        unsafe words.deallocate()
        unsafe words = larger
        depth += 1
        shift -= 1
    }

    /// Halves the number of words while no segment is as deep as the directory.
    mutating func flatten() {
        while depth > 1 && !isNeeded() {
            let half = count / 2
            let smaller = UnsafeMutablePointer<UInt64>.allocate(capacity: half)
            for index in 0..<half {
                unsafe (smaller + index).initialize(to: words[2 * index])
            }
            unsafe words.deallocate()
            unsafe words = smaller
            depth -= 1
            shift += 1
        }
    }

    private func isNeeded() -> Bool {
        for index in stride(from: 0, to: count, by: 2)
        where segment(at: index).depth == depth {
            return true
        }
        return false
    }
}
