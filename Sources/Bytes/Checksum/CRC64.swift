// CRC-64 "Jones", the checksum at the end of every RDB file.
//
//   polynomial 0xAD93D23594C935A9, processed reflected (0x95AC9329AC4BC9B5), initial value 0, no
//   final inversion; the check value of "123456789" is 0xE9C6D914C4B8D9CA.
//
// Eight bytes are folded per step ("slicing by 8"): table k holds the checksum of a byte that is
// followed by k zero bytes, so the eight look-ups of one word are independent of each other.

/// A running CRC-64 (Jones) as RDB files use it.
public struct CRC64: Sendable, Equatable {
    /// The checksum of everything that was added so far.
    public private(set) var value: UInt64

    /// Starts with nothing added, or goes on from an earlier `value`.
    public init(value: UInt64 = 0) { self.value = value }

    /// Adds the bytes of `slice`.
    public mutating func update(_ slice: ByteSlice) {
        let tables = CRC64.tables
        var crc = value
        var index = 0
        while index &+ 8 <= slice.count {
            crc ^= slice.loadWord(at: index)
            crc =
                tables[1792 &+ Int(crc & 0xFF)] ^ tables[1536 &+ Int(crc >> 8 & 0xFF)]
                ^ tables[1280 &+ Int(crc >> 16 & 0xFF)] ^ tables[1024 &+ Int(crc >> 24 & 0xFF)]
                ^ tables[768 &+ Int(crc >> 32 & 0xFF)] ^ tables[512 &+ Int(crc >> 40 & 0xFF)]
                ^ tables[256 &+ Int(crc >> 48 & 0xFF)] ^ tables[Int(crc >> 56)]
            index &+= 8
        }
        while index < slice.count {
            crc = tables[Int((crc ^ UInt64(slice[checked: index])) & 0xFF)] ^ (crc >> 8)
            index &+= 1
        }
        value = crc
    }

    /// The checksum of one run of bytes.
    public static func checksum(_ slice: ByteSlice) -> UInt64 {
        var crc = CRC64()
        crc.update(slice)
        return crc.value
    }

    /// Eight tables of 256 entries, back to back.
    private static let tables: [UInt64] = {
        var tables = [UInt64](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt64(byte)
            for _ in 0..<8 {
                crc = crc & 1 == 1 ? (crc >> 1) ^ 0x95AC_9329_AC4B_C9B5 : crc >> 1
            }
            tables[byte] = crc
        }
        for index in 256..<tables.count {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return tables
    }()
}
