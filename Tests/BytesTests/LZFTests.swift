// LZF: known encodings, round trips of many shapes, and damaged input.
import Bytes
import Testing

@Suite struct LZFTests {
    private func decompress(_ bytes: [UInt8], length: Int) throws(LZFError) -> [UInt8] {
        var output = ByteBuffer()
        output.append("kept")
        defer { #expect(output.readable.prefix(4) == "kept") }
        var failure: LZFError?
        bytes.withByteSlice { slice in
            do throws(LZFError) {
                try LZF.decompress(slice, length: length, into: &output)
            } catch {
                failure = error
            }
        }
        if let failure {
            #expect(output.count == 4)
            throw failure
        }
        return output.readable.dropFirst(4).array
    }

    private func compress(_ bytes: [UInt8], with compressor: inout LZFCompressor) -> [UInt8]? {
        var output = ByteBuffer()
        let length = bytes.withByteSlice {
            compressor.compress($0, limit: bytes.count + bytes.count / 16 + 8, into: &output)
        }
        guard let length else { return nil }
        #expect(length == output.count)
        return output.readable.array
    }

    @Test func literalsAndOverlappingRunsAreExpanded() throws {
        // One literal "a", then 8 bytes from distance 1 (L = 6).
        #expect(
            try decompress([0, 0x61, 0xC0, 0], length: 9) == [UInt8](repeating: 0x61, count: 9))
        // L = 7 takes another byte: 7 + 1 + 2 = 10 bytes.
        #expect(
            try decompress([0, 0x61, 0xE0, 1, 0], length: 11) == [UInt8](repeating: 0x61, count: 11)
        )
    }

    @Test func damagedInputIsRefused() {
        let cases: [([UInt8], Int, LZFError)] = [
            ([5, 0x61], 6, .corrupt), ([0, 0x61, 0xC0], 9, .corrupt), ([0xC0, 0], 8, .corrupt),
            ([0, 0x61, 0xC0, 1], 9, .corrupt), ([0, 0x61], 2, .wrongLength),
            ([0, 0x61, 0xC0, 0], 8, .wrongLength), ([0, 0x61], 1_000_000, .wrongLength),
            ([], 88, .wrongLength), ([0, 0x61, 0xE0], 9, .corrupt),
        ]
        for (bytes, length, expected) in cases {
            #expect(throws: expected) { try decompress(bytes, length: length) }
        }
    }

    @Test func everyShapeSurvivesTheRoundTrip() throws {
        var compressor = LZFCompressor()
        var state: UInt64 = 42
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for round in 0..<400 {
            let length = 4 + next(round % 10 == 0 ? 20_000 : 300)
            let alphabet = 1 + next(round % 3 == 0 ? 256 : 4)
            let bytes = (0..<length).map { _ in UInt8(next(alphabet)) }
            let packed = try #require(compress(bytes, with: &compressor))
            #expect(try decompress(packed, length: length) == bytes)
        }
    }

    @Test func repeatedTextShrinksAndNoiseIsGivenUp() throws {
        var compressor = LZFCompressor()
        let text = [UInt8](String(repeating: "headwater ", count: 100).utf8)
        let packed = try #require(compress(text, with: &compressor))
        #expect(packed.count < 40)
        let noise = (0..<256).map { UInt8(($0 * 167 + 13) & 0xFF) }
        var output = ByteBuffer()
        let length = noise.withByteSlice { compressor.compress($0, limit: 252, into: &output) }
        #expect(length == nil && output.isEmpty)
    }

    @Test func mutatedDataNeverWriteBeyondTheClaimedLength() throws {
        var compressor = LZFCompressor()
        let text = [UInt8](String(repeating: "abcabcabd-", count: 30).utf8)
        let packed = try #require(compress(text, with: &compressor))
        for index in packed.indices {
            for bit in 0..<8 {
                var damaged = packed
                damaged[index] ^= 1 << UInt8(bit)
                let result = try? decompress(damaged, length: text.count)
                #expect(result == nil || result?.count == text.count)
            }
            #expect(throws: LZFError.self) {
                try decompress([UInt8](packed[..<index]), length: text.count)
            }
        }
    }
}
