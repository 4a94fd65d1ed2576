// LZF, the compression of long strings in RDB files.
//
//   control byte c < 32:   c + 1 literal bytes follow
//   otherwise:             L = c >> 5; if L == 7, L += next byte
//                          distance = ((c & 31) << 8 | next byte) + 1
//                          copy L + 2 bytes from `distance` back (the runs may overlap)
//
// Hence three input bytes make at most 264 output bytes (L = 7 + 255): a claimed size above 88
// times the input is refused before anything is allocated.
//
// The compressor finds a match through a table of the last position of each hashed triple.
// Positions are stored relative to a base that grows with each input, so the table is cleared only
// once every 2^30 bytes and compressing a short string costs nothing but the string.

/// What is wrong with LZF data.
public enum LZFError: Error, Equatable, Sendable {
    /// The data end in the middle of an item, or point before the start of the output.
    case corrupt
    /// The data make another number of bytes than was claimed.
    case wrongLength
}

/// Decompression of LZF data.
public enum LZF {
    /// Appends the `length` bytes that `compressed` stands for to `output`.
    ///
    /// When it throws, `output` is as before.
    public static func decompress(
        _ compressed: ByteSlice, length: Int, into output: inout ByteBuffer
    ) throws(LZFError) {
        guard length >= 0, length / 88 <= compressed.count else { throw .wrongLength }
        let before = output.count
        do throws(LZFError) {
            output.reserve(length)
            try expand(compressed, limit: before + length, into: &output)
            guard output.count == before + length else { throw .wrongLength }
        } catch {
            output.truncate(to: before)
            throw error
        }
    }

    private static func expand(
        _ compressed: ByteSlice, limit: Int, into output: inout ByteBuffer
    ) throws(LZFError) {
        let start = output.count
        var index = 0
        while index < compressed.count {
            let control = Int(compressed[checked: index])
            index += 1
            if control < 32 {
                guard index + control < compressed.count else { throw .corrupt }
                guard output.count + control + 1 <= limit else { throw .wrongLength }
                output.append(compressed.slice(from: index, count: control + 1))
                index += control + 1
                continue
            }
            var run = control >> 5
            if run == 7 {
                guard index < compressed.count else { throw .corrupt }
                run += Int(compressed[checked: index])
                index += 1
            }
            guard index < compressed.count else { throw .corrupt }
            let distance = ((control & 31) << 8 | Int(compressed[checked: index])) + 1
            index += 1
            guard distance <= output.count - start else { throw .corrupt }
            guard output.count + run + 2 <= limit else { throw .wrongLength }
            output.appendBackReference(distance: distance, count: run + 2)
        }
    }
}

/// Compresses strings one after the other, reusing its table.
public struct LZFCompressor: ~Copyable {
    private static let tableBits = 14
    private static let distanceMax = 8192
    private static let matchMax = 264
    private static let literalsMax = 32

    /// Last position of each hashed triple, plus the base of its input; 0 is older than any input.
    private var table = [UInt32](repeating: 0, count: 1 << LZFCompressor.tableBits)
    /// What is added to the positions of the current input.
    private var base = LZFCompressor.distanceMax + 1

    /// A compressor with a table of 64 KB.
    public init() {}

    /// Appends the compressed form of `input` to `output` and returns its length; returns nil and
    /// leaves `output` as before when it would take more than `limit` bytes.
    public mutating func compress(
        _ input: ByteSlice, limit: Int, into output: inout ByteBuffer
    ) -> Int? {
        guard input.count >= 4, limit > 0, input.count < 1 << 30 else { return nil }
        if base + input.count > 1 << 31 {
            for index in table.indices { table[index] = 0 }
            base = LZFCompressor.distanceMax + 1
        }
        defer { base += input.count + LZFCompressor.distanceMax + 1 }
        let before = output.count
        var literalStart = 0
        var index = 0
        while index + 2 < input.count {
            let distance = matchDistance(input, at: index)
            guard distance > 0 else {
                index += 1
                continue
            }
            let length = matchLength(input, at: index, distance: distance)
            appendLiterals(input, from: literalStart, to: index, into: &output)
            appendMatch(distance: distance, length: length, into: &output)
            if output.count - before > limit { break }
            // The triples inside the match are left out of the table but for the last two: a little
            // ratio for much speed.
            index += length
            literalStart = index
            if index + 2 < input.count {
                record(input, at: index - 2)
                record(input, at: index - 1)
            }
        }
        appendLiterals(input, from: literalStart, to: input.count, into: &output)
        let length = output.count - before
        guard length <= limit else {
            output.truncate(to: before)
            return nil
        }
        return length
    }

    private func slot(_ input: ByteSlice, at index: Int) -> Int {
        let triple =
            UInt32(input[checked: index]) << 16 | UInt32(input[checked: index + 1]) << 8
            | UInt32(input[checked: index + 2])
        return Int((triple &* 0x9E37_79B1) >> (32 - UInt32(LZFCompressor.tableBits)))
    }

    private mutating func record(_ input: ByteSlice, at index: Int) {
        table[slot(input, at: index)] = UInt32(base + index)
    }

    /// Distance to an earlier copy of the triple at `index`, or 0; records the triple.
    private mutating func matchDistance(_ input: ByteSlice, at index: Int) -> Int {
        let slot = slot(input, at: index)
        let distance = base + index - Int(table[slot])
        table[slot] = UInt32(base + index)
        guard distance <= LZFCompressor.distanceMax, distance <= index else { return 0 }
        let earlier = index - distance
        return input[checked: earlier] == input[checked: index]
            && input[checked: earlier + 1] == input[checked: index + 1]
            && input[checked: earlier + 2] == input[checked: index + 2] ? distance : 0
    }

    private func matchLength(_ input: ByteSlice, at index: Int, distance: Int) -> Int {
        let limit = min(LZFCompressor.matchMax, input.count - index)
        var length = 3
        while length < limit,
            input[checked: index + length] == input[checked: index + length - distance]
        {
            length += 1
        }
        return length
    }

    private func appendLiterals(
        _ input: ByteSlice, from start: Int, to end: Int, into output: inout ByteBuffer
    ) {
        var index = start
        while index < end {
            let length = min(LZFCompressor.literalsMax, end - index)
            output.append(UInt8(length - 1))
            output.append(input.slice(from: index, count: length))
            index += length
        }
    }

    private func appendMatch(distance: Int, length: Int, into output: inout ByteBuffer) {
        let run = length - 2
        let far = distance - 1
        if run < 7 {
            output.append(UInt8(run << 5 | far >> 8))
        } else {
            output.append(UInt8(7 << 5 | far >> 8))
            output.append(UInt8(run - 7))
        }
        output.append(UInt8(far & 0xFF))
    }
}
