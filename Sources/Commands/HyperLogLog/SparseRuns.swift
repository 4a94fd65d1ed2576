// The sparse registers of a HyperLogLog: runs of equal registers, in order.
//
//   00xxxxxx             1–64 registers that are 0
//   01xxxxxx yyyyyyyy    1–16384 registers that are 0
//   1vvvvvxx             1–4 registers with the value 1–32
//
// All of them together cover 16384 registers. A register is set in place: its run is split into up
// to three, and neighbours that have become equal are joined, both exactly as Redis does it, since
// the bytes are what clients and replicas see.
internal import Bytes

/// Reading and changing of sparse registers.
enum SparseRuns {
    /// One run.
    enum Run: Equatable {
        case zeros(Int)
        case values(UInt8, count: Int)

        var count: Int {
            switch self {
            case .zeros(let count): count
            case .values(_, let count): count
            }
        }
    }

    /// Largest value of a register in this form.
    static let valueMax: UInt8 = 32
    private static let valuesMax = 4
    private static let shortZerosMax = 64
    /// Runs behind a changed one that are looked at for joining.
    private static let joinedRunsMax = 5

    // MARK: Reading

    /// The run at `offset` with the bytes it takes; nil when it is cut off.
    static func run(_ bytes: ByteSlice, at offset: Int) -> (run: Run, length: Int)? {
        let first = bytes[offset]
        if first & 0x80 != 0 {
            return (.values(first >> 2 & 31 + 1, count: Int(first & 3) + 1), 1)
        }
        if first & 0x40 == 0 { return (.zeros(Int(first & 63) + 1), 1) }
        guard offset + 1 < bytes.count else { return nil }
        return (.zeros(Int(first & 63) << 8 + Int(bytes[offset + 1]) + 1), 2)
    }

    /// Calls `body` with each run and its first register; false when the runs do not cover exactly
    /// all registers.
    static func forEach(_ bytes: ByteSlice, _ body: (Int, Run) -> Void) -> Bool {
        var offset = HyperLogLog.headerBytes
        var first = 0
        while offset < bytes.count {
            guard let (run, length) = run(bytes, at: offset),
                first + run.count <= HyperLogLog.registerCount
            else { return false }
            body(first, run)
            first += run.count
            offset += length
        }
        return first == HyperLogLog.registerCount
    }

    // MARK: Writing

    static func append(_ run: Run, to buffer: inout ByteBuffer) {
        switch run {
        case .values(let value, let count):
            buffer.append(0x80 | (value - 1) << 2 | UInt8(count - 1))
        case .zeros(let count) where count <= shortZerosMax:
            buffer.append(UInt8(count - 1))
        case .zeros(let count):
            buffer.append(0x40 | UInt8((count - 1) >> 8))
            buffer.append(UInt8((count - 1) & 0xFF))
        }
    }

    // MARK: Setting

    /// Where a run lies and what it covers.
    struct Place: Equatable {
        /// Offset of the run.
        var offset: Int
        /// First register of the run.
        var first: Int
        /// Offset and first register of the run before it; nil for the first one that was seen.
        var before: (offset: Int, first: Int)?

        static func == (left: Place, right: Place) -> Bool { left.offset == right.offset }

        /// The first run.
        static let start = Place(offset: HyperLogLog.headerBytes, first: 0, before: nil)
    }

    /// What became of an attempt to set a register.
    enum Outcome: Equatable {
        /// The register holds as much already.
        case unchanged
        /// The register was raised.
        case changed
        /// This form cannot hold the value, or would become too long: the dense one must.
        case promotes
        /// The runs end before the register.
        case corrupt
    }

    /// The run that holds register `index`, looked for from `start` on; nil if there is none.
    static func find(_ index: Int, in bytes: ByteSlice, from start: Place) -> Place? {
        var place = start
        while place.offset < bytes.count {
            guard let (run, length) = run(bytes, at: place.offset) else { return nil }
            if index < place.first + run.count { return place }
            place = Place(
                offset: place.offset + length, first: place.first + run.count,
                before: (place.offset, place.first))
        }
        return nil
    }

    /// Whether setting the register to `count` would change anything.
    static func wouldChange(_ bytes: ByteSlice, _ place: Place, _ count: UInt8) -> Bool {
        guard case .values(let value, _)? = run(bytes, at: place.offset)?.run else { return true }
        return value < count
    }

    /// Raises register `index`, which the run at `place` holds, to `count`. `split` is scratch
    /// memory.
    static func set(
        _ index: Int, to count: UInt8, in buffer: inout ByteBuffer, at place: Place,
        bytesMax: Int, split: inout ByteBuffer
    ) -> Outcome {
        guard count <= valueMax else { return .promotes }
        guard let (run, length) = run(buffer.readable, at: place.offset) else { return .corrupt }
        if !wouldChange(buffer.readable, place, count) { return .unchanged }
        split.removeAll()
        let before = index - place.first
        let behind = run.count - before - 1
        func rest(_ count: Int) -> Run {
            if case .values(let value, _) = run { return .values(value, count: count) }
            return .zeros(count)
        }
        if before > 0 { append(rest(before), to: &split) }
        append(.values(count, count: 1), to: &split)
        if behind > 0 { append(rest(behind), to: &split) }
        let growth = split.count - length
        if growth > 0 && buffer.count + growth > bytesMax { return .promotes }
        buffer.splice(at: place.offset, removing: length, inserting: split.readable)
        join(&buffer, from: place.before?.offset ?? HyperLogLog.headerBytes)
        return .changed
    }

    /// Joins neighbours with equal values, in the few runs from `offset` on.
    private static func join(_ buffer: inout ByteBuffer, from start: Int) {
        var offset = start
        var left = joinedRunsMax
        while offset < buffer.count && left > 0 {
            left -= 1
            guard let (current, length) = run(buffer.readable, at: offset) else { return }
            guard case .values(let value, let count) = current, offset + 1 < buffer.count,
                case .values(value, let more)? = run(buffer.readable, at: offset + 1)?.run,
                count + more <= valuesMax
            else {
                offset += length
                continue
            }
            // The joined run may be joined again.
            buffer.replace(
                at: offset + 1, with: 0x80 | (value - 1) << 2 | UInt8(count + more - 1))
            buffer.splice(at: offset, removing: 1, inserting: ByteSlice())
        }
    }
}
