// Boundaries of commands and units in log bytes.
import Bytes
import Log
import Testing

@Suite struct ScannerTests {
    private func command(_ words: String...) -> [UInt8] {
        var text = "*\(words.count)\r\n"
        for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
        return [UInt8](text.utf8)
    }

    /// Lengths of the units in `bytes`, with the bytes left over.
    private func units(
        _ bytes: [UInt8]
    ) throws(LogFormatError) -> (lengths: [Int], names: [[String]], rest: Int, database: Int) {
        var scanner = UnitScanner()
        var commands: [UnitScanner.Command] = []
        var arguments = ByteSliceList()
        var lengths: [Int] = []
        var names: [[String]] = []
        var rest = 0
        try bytes.withByteSlice { (slice) throws(LogFormatError) in
            var slice = slice
            while case .unit(let length) = try scanner.next(
                slice, commands: &commands, arguments: &arguments)
            {
                lengths.append(length)
                names.append(
                    commands.map {
                        arguments.view(from: $0.firstArgument, count: $0.argumentCount)[0].string
                    })
                slice = slice.dropFirst(length)
            }
            rest = slice.count
        }
        return (lengths, names, rest, scanner.database)
    }

    @Test func transactionsAreOneUnitAndSelectIsFollowed() throws {
        let set = command("SET", "k", "v")
        let select = command("select", "3")
        let transaction =
            command("MULTI") + command("SELECT", "5") + set + command("EXEC")
        let bytes = select + set + transaction + [UInt8]("#TS:1700000000\r\n".utf8) + set
        let found = try units(bytes)
        #expect(
            found.lengths == [select.count, set.count, transaction.count, 16, set.count])
        #expect(found.names[2] == ["MULTI", "SELECT", "SET", "EXEC"])
        #expect(found.rest == 0 && found.database == 5)
    }

    @Test func emptyLinesBetweenAndInsideUnitsAreSkipped() throws {
        let set = command("SET", "k", "v")
        let transaction = command("MULTI") + [0x0A] + set + [0x0D, 0x0A] + command("EXEC")
        let found = try units([0x0A] + set + [0x0D, 0x0A] + transaction + [0x0D])
        #expect(found.lengths == [1, set.count, 2, transaction.count])
        #expect(found.names[3] == ["MULTI", "SET", "EXEC"])
        #expect(found.rest == 1)
        #expect(throws: LogFormatError(position: 0)) { try units([0x0D, 0x2A]) }
    }

    @Test func everyCutStopsAtTheLastWholeUnit() throws {
        let set = command("SET", "key", "value\r\nwith line")
        let transaction = command("MULTI") + set + command("SELECT", "2") + command("EXEC")
        let bytes = set + transaction + set
        let ends = [0, set.count, set.count + transaction.count, bytes.count]
        for cut in 0...bytes.count {
            let found = try units([UInt8](bytes[..<cut]))
            let end = found.lengths.reduce(0, +)
            #expect(end == ends.last { $0 <= cut })
            #expect(found.rest == cut - end)
            #expect(found.database == (end >= ends[2] ? 2 : 0))
        }
    }

    @Test(arguments: [
        "PING\r\n", "*0\r\n", "*-1\r\n", "*x\r\n", "*1\n", "*1\r\n+OK\r\n", "*1\r\n$-1\r\n",
        "*1\r\n$3\r\nabcde", "*1\r\n$\r\n", "*99999999999999999999\r\n", "*1\r\n$1x\r\n",
        "*2000000\r\n",
    ])
    func whatNoServerWritesIsAnError(text: String) {
        #expect(throws: LogFormatError.self) { try units([UInt8](text.utf8)) }
    }

    @Test func missingBytesAreAskedForExactly() throws {
        var arguments = ByteSliceList()
        try [UInt8]("*1\r\n$10\r\nabc".utf8).withByteSlice { slice in
            let item = try CommandScanner.next(slice, arguments: &arguments)
            #expect(item == .needMore(total: 4 + 5 + 12))
            #expect(arguments.count == 0)
        }
    }

    @Test func mutatedBytesNeverStopTheProcess() {
        let bytes = command("MULTI") + command("SET", "a", "1") + command("EXEC")
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                if let found = try? units(damaged) {
                    #expect(found.lengths.reduce(0, +) + found.rest == bytes.count)
                }
            }
        }
    }
}
