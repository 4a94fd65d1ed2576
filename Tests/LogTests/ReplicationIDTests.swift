import Bytes
import Log
import Testing

struct ReplicationIDTests {
    @Test func textFormIsKeptAndLettersAreLowered() throws {
        let text = "8371B4fb1155b71f4a04d3e1bc3e18c4a990aeeb"
        let id = try #require(ReplicationID(text))
        #expect(id.text == text.lowercased())
        #expect(ReplicationID(text.uppercased()) == id)
    }

    @Test func otherLengthsAndUnprintableTextAreRefused() {
        #expect(ReplicationID(String(repeating: "a", count: 39)) == nil)
        #expect(ReplicationID(String(repeating: "a", count: 41)) == nil)
        #expect(ReplicationID(String(repeating: " ", count: 40)) == nil)
        #expect(ReplicationID("?") == nil)
    }

    @Test func randomIDsAreFortyHexadecimalDigitsAndDiffer() {
        var generator = SystemRandomNumberGenerator()
        var seen = Set<ReplicationID>()
        for _ in 0..<200 {
            let id = ReplicationID(using: &generator)
            #expect(id.text.count == 40)
            #expect(id.text.allSatisfy { "0123456789abcdef".contains($0) })
            seen.insert(id)
        }
        #expect(seen.count == 200)
        #expect(ReplicationID.none.text == String(repeating: "0", count: 40))
    }

    @Test func everyDigitPositionVaries() {
        var generator = SystemRandomNumberGenerator()
        var values = [Set<UInt8>](repeating: [], count: 40)
        for _ in 0..<200 {
            for (index, byte) in ReplicationID(using: &generator).bytes.enumerated() {
                values[index].insert(byte)
            }
        }
        #expect(values.allSatisfy { $0.count > 8 })
    }
}
