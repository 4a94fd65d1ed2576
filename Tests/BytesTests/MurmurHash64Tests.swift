import Bytes
import Testing

@Suite struct MurmurHash64Tests {
    /// Computed with a straightforward version of the published algorithm.
    @Test(
        arguments: [
            ("", 0xD8DF_EA65_85BC_9732), ("a", 0x53D2_470A_9B43_B1A7),
            ("hello", 0x0F65_6F01_EECF_E400), ("abcdefgh", 0xF3A6_5DF5_5991_4567),
            ("abcdefghi", 0x834F_BA4D_9152_DAF7), ("The quick brown fox", 0xB8CB_2A48_BA03_F3E4),
        ] as [(String, UInt64)])
    func hashesAreThoseOfTheReference(text: String, expected: UInt64) {
        let hash = Array(text.utf8).withByteSlice { MurmurHash64.hash($0, seed: 0xADC8_3B19) }
        #expect(hash == expected)
    }
}
