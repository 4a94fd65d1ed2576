// The HyperLogLog of Redis: an estimate of how many different elements were added, in a string.
// Values travel between servers as plain strings, so every byte is as Redis writes it.
//
//   "HYLL"(4) │ encoding(1) │ 0 0 0 │ cached cardinality u64 │ registers
//                                     (little-endian; the highest bit says that it is out of date)
//
//   dense (0)    16384 registers of 6 bits, lowest bits first: four registers in three bytes
//   sparse (1)   runs of equal registers: see HyperLogLog+Sparse.swift
//
//   An element's hash chooses the register (14 bits); one more than the trailing zeros of the other
//   50 bits is what the register keeps the largest of.
//
// The estimate is that of O. Ertl, "New cardinality estimation algorithms for HyperLogLog
// sketches", arXiv:1702.01284, in the order of operations of Redis, so that it rounds alike.
internal import Bytes
internal import RESP

/// The format and the arithmetic; values lie in the store or in buffers of the caller.
enum HyperLogLog {
    /// How the registers are stored.
    enum Encoding: UInt8 { case dense = 0, sparse = 1 }

    static let indexBits = 14
    static let registerCount = 1 << indexBits
    static let headerBytes = 16
    static let denseBytes = headerBytes + registerCount * 6 / 8
    /// Where the cached cardinality begins, and its byte with the flag.
    static let cacheOffset = 8
    static let cacheFlagOffset = 15
    /// Hash bits behind the index; a register holds at most one more.
    private static let runBits = 64 - indexBits
    private static let seed: UInt64 = 0xADC8_3B19

    static var notOne: ReplyError {
        ReplyError("WRONGTYPE Key is not a valid HyperLogLog string value.")
    }
    static var corrupt: ReplyError { ReplyError("INVALIDOBJ Corrupted HLL object detected") }

    /// The encoding of a string that is a HyperLogLog.
    static func encoding(of bytes: ByteSlice) throws(ReplyError) -> Encoding {
        guard bytes.count >= headerBytes, bytes.prefix(4) == "HYLL",
            let encoding = Encoding(rawValue: bytes[4]),
            encoding == .sparse || bytes.count == denseBytes
        else { throw notOne }
        return encoding
    }

    /// Appends the header and the one run of an empty sparse value.
    static func appendEmpty(to buffer: inout ByteBuffer) {
        buffer.append("HYLL")
        buffer.append(Encoding.sparse.rawValue)
        for _ in 5..<headerBytes { buffer.append(0) }
        SparseRuns.append(.zeros(registerCount), to: &buffer)
    }

    // MARK: Cache

    /// The cached cardinality; nil when it is out of date.
    static func cachedCardinality(_ bytes: ByteSlice) -> Int64? {
        let word = bytes.littleEndian(at: cacheOffset, as: UInt64.self)
        return word >> 63 == 0 ? Int64(bitPattern: word) : nil
    }

    // MARK: Elements and registers

    /// The register of an element and what it brings there.
    static func place(of element: ByteSlice) -> (index: Int, count: UInt8) {
        let hash = MurmurHash64.hash(element, seed: seed)
        let rest = hash >> UInt64(indexBits) | 1 << UInt64(runBits)
        return (Int(hash & UInt64(registerCount - 1)), UInt8(rest.trailingZeroBitCount + 1))
    }

    /// The two bytes that hold a register, as one number, with the offset of the first.
    private static func window(
        _ bytes: ByteSlice, _ index: Int
    ) -> (offset: Int, shift: UInt16, word: UInt16) {
        let offset = headerBytes + index * 6 / 8
        let high = offset + 1 < bytes.count ? bytes[offset + 1] : 0
        return (offset, UInt16(index * 6 & 7), UInt16(high) << 8 | UInt16(bytes[offset]))
    }

    /// A register of a dense value.
    static func denseRegister(_ bytes: ByteSlice, _ index: Int) -> UInt8 {
        let (_, shift, word) = window(bytes, index)
        return UInt8(word >> shift & 63)
    }

    /// The bytes of a dense value that change when a register is set, written to `buffer`; returns
    /// where they belong. The last register lies in one byte.
    static func encodeRegister(
        _ bytes: ByteSlice, _ index: Int, _ value: UInt8, into buffer: inout ByteBuffer
    ) -> Int {
        let (offset, shift, word) = window(bytes, index)
        let changed = word & ~(63 << shift) | UInt16(value) << shift
        buffer.removeAll()
        buffer.append(UInt8(changed & 0xFF))
        if offset + 1 < bytes.count { buffer.append(UInt8(changed >> 8)) }
        return offset
    }

    /// Raises each of `registers` to at least what `bytes` says; false when `bytes` is damaged.
    static func merge(
        _ bytes: ByteSlice, _ encoding: Encoding, into registers: inout [UInt8]
    ) -> Bool {
        guard encoding == .dense else {
            return SparseRuns.forEach(bytes) { first, run in
                guard case .values(let value, let count) = run else { return }
                for index in first..<(first + count) where registers[index] < value {
                    registers[index] = value
                }
            }
        }
        var index = 0
        var offset = headerBytes
        while index < registerCount {
            let word =
                UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8
                | UInt32(bytes[offset + 2]) << 16
            for part in 0..<4 {
                let value = UInt8(word >> UInt32(part * 6) & 63)
                if value > registers[index + part] { registers[index + part] = value }
            }
            index += 4
            offset += 3
        }
        return true
    }

    /// Appends a dense value with the header of another one and these registers.
    static func appendDense(
        header: ByteSlice, _ registers: [UInt8], to buffer: inout ByteBuffer
    ) {
        buffer.append(header.prefix(4))
        buffer.append(Encoding.dense.rawValue)
        buffer.append(header.slice(from: 5, count: headerBytes - 5))
        for index in stride(from: 0, to: registerCount, by: 4) {
            var word: UInt32 = 0
            for part in 0..<4 { word |= UInt32(registers[index + part]) << UInt32(part * 6) }
            buffer.append(UInt8(word & 0xFF))
            buffer.append(UInt8(word >> 8 & 0xFF))
            buffer.append(UInt8(word >> 16))
        }
    }

    // MARK: Estimate

    /// How often each value occurs among the registers; nil when `bytes` is damaged.
    static func histogram(_ bytes: ByteSlice, _ encoding: Encoding) -> [Int]? {
        var histogram = [Int](repeating: 0, count: 64)
        if encoding == .sparse {
            let isWhole = SparseRuns.forEach(bytes) { _, run in
                switch run {
                case .zeros(let count): histogram[0] += count
                case .values(let value, let count): histogram[Int(value)] += count
                }
            }
            return isWhole ? histogram : nil
        }
        for index in 0..<registerCount { histogram[Int(denseRegister(bytes, index))] += 1 }
        return histogram
    }

    /// How often each value occurs in `registers`.
    static func histogram(_ registers: [UInt8]) -> [Int] {
        var histogram = [Int](repeating: 0, count: 64)
        for value in registers { histogram[Int(value & 63)] += 1 }
        return histogram
    }

    /// The estimated number of elements.
    static func cardinality(_ histogram: [Int]) -> Int64 {
        let m = Double(registerCount)
        // 0.5 / ln 2
        let alpha = 0.721347520444481703680
        var z = m * tau((m - Double(histogram[runBits + 1])) / m)
        for value in (1...runBits).reversed() {
            z += Double(histogram[value])
            z *= 0.5
        }
        z += m * sigma(Double(histogram[0]) / m)
        let estimate = (alpha * m * m / z).rounded(.toNearestOrAwayFromZero)
        return estimate < 0x1p63 ? Int64(estimate) : .max
    }

    private static func tau(_ start: Double) -> Double {
        if start == 0 || start == 1 { return 0 }
        var x = start
        var y = 1.0
        var z = 1 - x
        var before: Double
        repeat {
            x = x.squareRoot()
            before = z
            y *= 0.5
            z -= (1 - x) * (1 - x) * y
        } while before != z
        return z / 3
    }

    private static func sigma(_ start: Double) -> Double {
        if start == 1 { return .infinity }
        var x = start
        var y = 1.0
        var z = x
        var before: Double
        repeat {
            x *= x
            before = z
            z += x * y
            y += y
        } while before != z
        return z
    }
}
