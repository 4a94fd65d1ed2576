// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of the stream log's index records.
//
//   polynomial 0x1EDC6F41, processed reflected (0x82F63B78), initial value and final inversion all
//   ones; the check value of "123456789" is 0xE3069283.
//
// It lies on the path of every write, so the processor's instruction computes it where there is one
// (looked up once). Elsewhere it folds eight bytes per step with the tables of "slicing by 8" as
// `CRC64` does.

/// A running CRC-32C.
public struct CRC32C: Sendable, Equatable {
    /// The inverted register.
    private var register: UInt32

    /// The checksum of everything that was added so far.
    public var value: UInt32 { ~register }

    /// Starts with nothing added, or goes on from an earlier `value`.
    public init(value: UInt32 = 0) { register = ~value }

    /// Adds the bytes of `slice`.
    public mutating func update(_ slice: ByteSlice) {
        if ChecksumInstruction.isSupported {
            register = ChecksumInstruction.crc32c(register, slice)
        } else {
            updateByTable(slice)
        }
    }

    /// The same in plain Swift, for processors without the instruction.
    mutating func updateByTable(_ slice: ByteSlice) {
        let tables = CRC32C.tables
        var crc = register
        var index = 0
        while index &+ 8 <= slice.count {
            let word = slice.loadWord(at: index) ^ UInt64(crc)
            crc =
                tables[1792 &+ Int(word & 0xFF)] ^ tables[1536 &+ Int(word >> 8 & 0xFF)]
                ^ tables[1280 &+ Int(word >> 16 & 0xFF)] ^ tables[1024 &+ Int(word >> 24 & 0xFF)]
                ^ tables[768 &+ Int(word >> 32 & 0xFF)] ^ tables[512 &+ Int(word >> 40 & 0xFF)]
                ^ tables[256 &+ Int(word >> 48 & 0xFF)] ^ tables[Int(word >> 56)]
            index &+= 8
        }
        while index < slice.count {
            crc = tables[Int((crc ^ UInt32(slice[checked: index])) & 0xFF)] ^ (crc >> 8)
            index &+= 1
        }
        register = crc
    }

    /// The checksum of one run of bytes.
    public static func checksum(_ slice: ByteSlice) -> UInt32 {
        var crc = CRC32C()
        crc.update(slice)
        return crc.value
    }

    /// Eight tables of 256 entries, back to back.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
            tables[byte] = crc
        }
        for index in 256..<tables.count {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return tables
    }()
}
