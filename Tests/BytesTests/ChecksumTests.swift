// The two checksums against their published check values and against each other's definition.
import Testing

@testable import Bytes

@Suite struct ChecksumTests {
    private static let digits = [UInt8]("123456789".utf8)

    @Test func jonesCheckValueIsTheOneOfRedis() {
        #expect(ChecksumTests.digits.withByteSlice { CRC64.checksum($0) } == 0xE9C6_D914_C4B8_D9CA)
    }

    @Test func castagnoliCheckValueIsTheOneOfTheRFC() {
        #expect(ChecksumTests.digits.withByteSlice { CRC32C.checksum($0) } == 0xE306_9283)
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(zeros.withByteSlice { CRC32C.checksum($0) } == 0x8A91_36AA)
    }

    @Test func castagnoliInstructionEqualsTheTables() {
        var random = SeededRandom(seed: 32)
        let bytes = (0..<4_096).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        bytes.withByteSlice { slice in
            for length in Array(0..<80) + [255, 1_000, 4_090] {
                // Starts at each alignment.
                for start in 0..<min(9, slice.count - length + 1) {
                    let part = slice.slice(from: start, count: length)
                    var byTable = CRC32C(value: UInt32(truncatingIfNeeded: random.next()))
                    var either = byTable
                    byTable.updateByTable(part)
                    either.update(part)
                    #expect(either == byTable)
                }
            }
        }
        var byTable = CRC32C()
        ChecksumTests.digits.withByteSlice { byTable.updateByTable($0) }
        #expect(byTable.value == 0xE306_9283)
    }

    @Test func anyCutGivesTheSameChecksum() {
        let bytes = (0..<100).map { UInt8(truncatingIfNeeded: $0 * 37) }
        bytes.withByteSlice { slice in
            let whole64 = CRC64.checksum(slice)
            let whole32 = CRC32C.checksum(slice)
            for cut in 0...slice.count {
                var crc64 = CRC64()
                crc64.update(slice.prefix(cut))
                crc64.update(slice.dropFirst(cut))
                #expect(crc64.value == whole64)
                var crc32 = CRC32C(value: CRC32C.checksum(slice.prefix(cut)))
                crc32.update(slice.dropFirst(cut))
                #expect(crc32.value == whole32)
            }
        }
    }

    @Test func wordwiseChecksumEqualsBitwiseOne() {
        var bytes: [UInt8] = []
        for length in 0..<64 {
            var crc: UInt64 = 0
            for byte in bytes {
                crc ^= UInt64(byte)
                for _ in 0..<8 {
                    crc = crc & 1 == 1 ? (crc >> 1) ^ 0x95AC_9329_AC4B_C9B5 : crc >> 1
                }
            }
            #expect(bytes.withByteSlice { CRC64.checksum($0) } == crc)
            bytes.append(UInt8(truncatingIfNeeded: length &* 73 &+ 11))
        }
    }
}
