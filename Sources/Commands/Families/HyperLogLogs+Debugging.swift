// Looking into HyperLogLogs, and testing the arithmetic.
internal import Bytes
internal import RESP
internal import Store

extension HyperLogLogs {
    static let debugging: [CommandSpec] = [
        CommandSpec(
            name: "pfdebug", since: "2.8.9", group: .hyperLogLog, complexity: "N/A", arity: 3,
            flags: [.write, .denyOutOfMemory, .admin], categories: [.hyperLogLog],
            keys: [.range(first: 2, last: 2, step: 1, [.readWrite, .access])],
            syntax: "subcommand key",
            summary: "Internal commands for debugging HyperLogLog values.", handler: debug),
        CommandSpec(
            name: "pfselftest", since: "2.8.9", group: .hyperLogLog, complexity: "N/A",
            arity: 1, flags: [.admin], categories: [.hyperLogLog],
            summary: "An internal command for testing HyperLogLog values.",
            handler: testItself),
    ]

    private static func debug(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let key = arguments[2]
        let hash = engine.keyspace.hash(key)
        guard let entry = try engine.stringForWrite(key, hash, client) else {
            throw ReplyError("ERR The specified key does not exist")
        }
        var bytes = engine.text(of: entry)
        let encoding = try HyperLogLog.encoding(of: bytes)
        switch arguments[1].string.lowercased() {
        case "getreg":
            if encoding == .sparse {
                try makeDense(engine, client, arguments, bytes)
                guard let changed = engine.lookUp(key, hash, client) else { break }
                bytes = engine.text(of: changed)
            }
            client.writer.arrayHeader(HyperLogLog.registerCount)
            for index in 0..<HyperLogLog.registerCount {
                client.writer.integer(Int(HyperLogLog.denseRegister(bytes, index)))
            }
        case "decode":
            guard encoding == .sparse else { throw ReplyError("ERR HLL encoding is not sparse") }
            client.writer.bulk(text: decoded(bytes))
        case "encoding":
            client.writer.simpleString(encoding == .dense ? "dense" : "sparse")
        case "todense":
            if encoding == .sparse { try makeDense(engine, client, arguments, bytes) }
            client.writer.integer(encoding == .sparse ? 1 : 0)
        default:
            throw ReplyError(
                composed: "ERR Unknown PFDEBUG subcommand '\(arguments[1].string)'")
        }
    }

    /// A change of form is an effect, so that replicas hold the same bytes.
    private static func makeDense(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments,
        _ bytes: ByteSlice
    ) throws(ReplyError) {
        let key = arguments[2]
        try convertToDense(engine, client, key, engine.keyspace.hash(key), bytes)
        engine.changed(key, client)
        engine.propagate(arguments, client)
    }

    /// The runs as text: `z:n` and `Z:n` for zeros in one and two bytes, `v:value,n`.
    private static func decoded(_ bytes: ByteSlice) -> String {
        var parts: [String] = []
        var offset = HyperLogLog.headerBytes
        while offset < bytes.count, let (run, length) = SparseRuns.run(bytes, at: offset) {
            switch run {
            case .zeros(let count): parts.append("\(length == 1 ? "z" : "Z"):\(count)")
            case .values(let value, let count): parts.append("v:\(value),\(count)")
            }
            offset += length
        }
        return parts.joined(separator: " ")
    }

    // MARK: PFSELFTEST

    /// Elements of the accuracy test: enough for every part of the estimate's formula.
    private static let elementsMax = 100_000
    private static let roundsOfRegisters = 100

    private static func testItself(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        try testRegisters(&engine.random)
        try testAccuracy(&engine.random)
        client.writer.ok()
    }

    /// What is written to packed registers is read from them.
    private static func testRegisters(_ random: inout SeededRandom) throws(ReplyError) {
        var registers = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
        var dense = ByteBuffer()
        var pair = ByteBuffer()
        HyperLogLog.appendEmpty(to: &dense)
        let header = dense.readable.prefix(HyperLogLog.headerBytes).array
        dense.removeAll()
        header.withByteSlice { HyperLogLog.appendDense(header: $0, registers, to: &dense) }
        for _ in 0..<roundsOfRegisters {
            for _ in 0..<100 {
                let index = Int(random.next() % UInt64(HyperLogLog.registerCount))
                registers[index] = UInt8(random.next() % 64)
                let offset = HyperLogLog.encodeRegister(
                    dense.readable, index, registers[index], into: &pair)
                dense.splice(at: offset, removing: pair.count, inserting: pair.readable)
            }
            for index in registers.indices
            where HyperLogLog.denseRegister(dense.readable, index) != registers[index] {
                throw ReplyError(
                    composed: "TESTFAILED Register \(index) should be \(registers[index])")
            }
        }
    }

    /// The estimate stays within six standard errors at every power of ten.
    private static func testAccuracy(_ random: inout SeededRandom) throws(ReplyError) {
        var registers = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
        var element = ByteBuffer()
        let seed = random.next()
        // 1.04 / sqrt(16384)
        let standardError = 1.04 / 128
        var checkpoint = 1
        for number in 1...elementsMax {
            element.removeAll()
            element.append(littleEndian: UInt64(number) ^ seed)
            let (index, count) = HyperLogLog.place(of: element.readable)
            registers[index] = max(registers[index], count)
            guard number == checkpoint else { continue }
            checkpoint *= 10
            let estimate = HyperLogLog.cardinality(HyperLogLog.histogram(registers))
            let error = (Double(estimate) - Double(number)).magnitude
            // Two elements may share a register when there are few.
            guard error <= max(6 * standardError * Double(number), 2) else {
                throw ReplyError(
                    composed: "TESTFAILED Too big error. card:\(number) estimate:\(estimate)")
            }
        }
    }
}
