import Bytes
import Replication
import Testing

/// The items in `stream`, fed in pieces of `size` bytes.
private func items(
    _ stream: [UInt8], pieces size: Int, acceptsLines: Bool = false
) throws -> (items: [StreamScanner.Item], left: Int, database: Int) {
    var scanner = StreamScanner(database: 0, acceptsLines: acceptsLines)
    var buffer = ByteBuffer()
    var result: [StreamScanner.Item] = []
    var start = 0
    while start < stream.count {
        buffer.append(Array(stream[start..<min(start + size, stream.count)]))
        start += size
        scanning: while true {
            let item = try scanner.next(buffer.readable)
            switch item {
            case .needMore: break scanning
            case .units(let count), .acknowledgementRequest(let count), .line(let count):
                result.append(item)
                buffer.consume(count)
            }
        }
    }
    return (result, buffer.count, scanner.database)
}

private func streamBytes(_ items: [StreamScanner.Item]) -> Int {
    items.reduce(0) { sum, item in
        switch item {
        case .units(let count), .acknowledgementRequest(let count): sum + count
        case .line, .needMore: sum
        }
    }
}

struct StreamScannerTests {
    @Test func theWorkedSampleIsSixtyFourBytes() throws {
        let stream = command("SELECT", "0") + command("SET", "x", "2") + command("PING")
        #expect(stream.count == 23 + 27 + 14)
        let found = try items(stream, pieces: stream.count)
        #expect(found.items == [.units(byteCount: 64)])
    }

    @Test func anAcknowledgementRequestTakesThirtySevenBytes() throws {
        let request = command("REPLCONF", "GETACK", "*")
        #expect(request.count == 37)
        let found = try items(command("PING") + request + command("PING"), pieces: 1000)
        #expect(
            found.items == [
                .units(byteCount: 14), .acknowledgementRequest(byteCount: 37),
                .units(byteCount: 14),
            ])
    }

    @Test func aTransactionIsOneUnitAndItsSelectCountsAtItsEnd() throws {
        let start = command("MULTI") + command("select", "5") + command("SET", "a", "1")
        let early = try items(start, pieces: 3)
        #expect(early.items.isEmpty)
        #expect(early.left == start.count)
        #expect(early.database == 0)
        let whole = start + command("exec")
        for size in 1...whole.count {
            let found = try items(whole, pieces: size)
            #expect(found.items == [.units(byteCount: whole.count)])
            #expect(found.database == 5)
        }
    }

    @Test func emptyLinesCountWithTheNextCommand() throws {
        let found = try items(Array("\n\n\r\n".utf8) + command("PING"), pieces: 1)
        #expect(streamBytes(found.items) == 18)
        #expect(found.left == 0)
    }

    @Test func linesOfOurOwnKindNeverCount() throws {
        let stream =
            command("PING") + Array("+headwater 3 99\r\n".utf8) + command("SELECT", "2")
            + Array("+headwater 3 199\r\n".utf8)
        for size in 1...stream.count {
            let found = try items(stream, pieces: size, acceptsLines: true)
            #expect(streamBytes(found.items) == 14 + 23)
            #expect(found.items.filter { if case .line = $0 { true } else { false } }.count == 2)
            #expect(found.database == 2)
            #expect(found.left == 0)
        }
        #expect(throws: StreamError.unexpectedLine) {
            try items(stream, pieces: 5, acceptsLines: false)
        }
    }

    @Test func linesInsideATransactionAreRefused() {
        #expect(throws: StreamError.unexpectedLine) {
            try items(
                command("MULTI") + Array("+headwater 1 1\r\n".utf8), pieces: 1,
                acceptsLines: true)
        }
    }

    @Test(arguments: ["PING\r\n", "set a 1\r\n", "\rx", "$3\r\nfoo\r\n", "-ERR\r\n"])
    func anythingButArraysPoisonsTheStream(text: String) {
        #expect(throws: StreamError.inlineCommand) {
            try items(command("PING") + Array(text.utf8), pieces: 1)
        }
    }

    @Test(arguments: [
        "*x\r\n", "*1\r\n:1\r\n", "*1\r\n$-1\r\n", "*99999999999\r\n", "*1\r\n$1x\r\n",
        "*1\n$1\r\na\r\n", "*0000000000000000000000000000000000000000000001\r\n",
    ])
    func malformedLengthsAreRefused(text: String) {
        #expect(throws: StreamError.invalidLength) { try items(Array(text.utf8), pieces: 1) }
        #expect(throws: StreamError.invalidLength) { try items(Array(text.utf8), pieces: 99) }
    }

    @Test func anArgumentMustEndWithALineEnd() {
        #expect(throws: StreamError.missingLineEnd) {
            try items(Array("*1\r\n$4\r\nPINGxx".utf8), pieces: 2)
        }
    }

    @Test func anySplitFindsTheSameBorders() throws {
        var random = SeededRandom(seed: 20)
        for _ in 0..<60 {
            var stream: [UInt8] = []
            var database = 0
            var counted = 0
            for _ in 0..<random.below(20) {
                var part: [UInt8] = []
                switch random.below(7) {
                case 0: part = Array("+headwater 1 2\r\n".utf8)
                case 1: part = command("REPLCONF", "GETACK", "*")
                case 2:
                    database = random.below(16)
                    part = command("SELECT", "\(database)")
                case 3:
                    database = random.below(16)
                    part =
                        command("MULTI") + command("SELECT", "\(database)")
                        + command("SET", "k", "v") + command("EXEC")
                case 4: part = command("PING")
                default:
                    part = command(
                        "SET", "key", String(repeating: "\r\n*", count: random.below(40)))
                }
                if part[0] != 0x2B { counted += part.count }
                stream += part
            }
            for size in [1, 2, 3, 7, 50, 10000] {
                let found = try items(stream, pieces: size, acceptsLines: true)
                #expect(streamBytes(found.items) == counted)
                #expect(found.left == 0)
                #expect(found.database == database)
            }
        }
    }

    @Test func mutatedStreamsNeverTrapAndNeverTakeMoreThanThereIs() {
        var random = SeededRandom(seed: 21)
        let base =
            command("SELECT", "3") + command("MULTI") + command("SET", "a", "b")
            + command("EXEC") + command("REPLCONF", "GETACK", "*") + command("PING")
        for _ in 0..<4000 {
            var stream = base
            for _ in 0...random.below(3) {
                let index = random.below(stream.count)
                switch random.below(3) {
                case 0: stream[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: stream.remove(at: index)
                default: stream.insert(contentsOf: Array("*$\r\n9".utf8), at: index)
                }
            }
            let size = 1 + random.below(40)
            guard let found = try? items(stream, pieces: size, acceptsLines: true) else {
                continue
            }
            var taken = 0
            for item in found.items {
                switch item {
                case .units(let count), .acknowledgementRequest(let count), .line(let count):
                    taken += count
                case .needMore: Issue.record("needMore takes nothing")
                }
            }
            #expect(taken + found.left == stream.count)
        }
    }
}
