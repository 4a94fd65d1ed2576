import ControlModel
import Testing

/// Bodies that come from the network, damaged at random: they are refused, never a crash.
struct MutationTests {
    /// SplitMix64, so that a failing round can be repeated.
    private struct Generator {
        var state: UInt64
        mutating func draw(_ bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((value ^ (value >> 31)) % UInt64(bound))
        }
    }

    private func damage(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var result = bytes
        for _ in 0..<(1 + generator.draw(4)) where !result.isEmpty {
            let place = generator.draw(result.count)
            switch generator.draw(4) {
            case 0: result[place] = UInt8(generator.draw(256))
            case 1: result.remove(at: place)
            case 2: result.insert(contentsOf: result[place...].prefix(8), at: place)
            default: result.removeSubrange(place..<min(result.count, place + generator.draw(16)))
            }
        }
        return result
    }

    @Test(arguments: UInt64(1)...4)
    func damagedCommandsAreRefusedOrRead(seed: UInt64) {
        var generator = Generator(state: seed)
        for action in ControlModelTests.actions {
            let command = InternalCommand(actor: "a", requestID: "r", action: action)
            let bytes = ControlJSON.encode(command)
            for _ in 0..<40 {
                let damaged = damage(bytes, &generator)
                guard let read = try? ControlJSON.decode(InternalCommand.self, from: damaged)
                else { continue }
                // What was understood is written and read again as the same.
                let again = try? ControlJSON.decode(
                    InternalCommand.self, from: ControlJSON.encode(read))
                #expect(again == read, "seed \(seed)")
            }
        }
    }

    @Test func damagedTextsAreRefusedOrReadBack() {
        var generator = Generator(state: 9)
        let texts = ["250ms", "1.5s", "2026-11-23T11:20:00.123Z", "[::1]:7001", "10.0.0.1:6379"]
        for text in texts {
            for _ in 0..<2000 {
                let damaged = String(
                    decoding: damage(Array(text.utf8), &generator), as: UTF8.self)
                if let span = DurationText(damaged) { #expect(DurationText(span.text) == span) }
                if let time = Timestamp(damaged) { #expect(Timestamp(time.text) == time) }
                if let place = Endpoint(damaged) { #expect(Endpoint(place.text) == place) }
            }
        }
    }
}
