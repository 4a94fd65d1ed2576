import Bytes
import Commands
import RESP
import Store
import TestKit
import Testing

/// Lists of an engine beside arrays.
private struct ListsModel {
    let target: EngineTarget
    var lists: [String: [String]] = [:]
    var random: SeededRandom

    init(size: Int, seed: UInt64) {
        var settings = EngineSettings()
        settings.listPackedSize = size
        target = EngineTarget(settings: settings)
        random = SeededRandom(seed: seed)
    }

    mutating func key() -> String { ["a", "b", "c"][random.below(3)] }

    mutating func element() -> String {
        switch random.below(30) {
        case 0: String(repeating: "l", count: random.below(2_000))
        case 1: String(repeating: "m", count: 9_000)
        case 2..<15: "\(random.below(100_000) - 50_000)"
        // As long lists store it, and not as packed ones do.
        case 15..<22: "element:\(random.below(9))"
        default: "e\(random.below(9))"
        }
    }

    func run(_ words: [String]) throws -> String {
        var request = ByteBuffer()
        RequestWriter.command(words, into: &request)
        target.send(request.readable.array, connection: 1)
        return try target.receive(connection: 1)?.rendered ?? "(none)"
    }

    func rendered(_ elements: some Collection<String>) -> String {
        "[" + elements.map { "$\"\($0)\"" }.joined(separator: " ") + "]"
    }

    mutating func store(_ key: String, _ list: [String]) {
        lists[key] = list.isEmpty ? nil : list
    }

    mutating func step() throws {
        let key = key()
        var list = lists[key] ?? []
        let count = list.count
        switch random.below(11) {
        case 0, 1:
            let added = (0...random.below(4)).map { _ in element() }
            #expect(try run(["RPUSH", key] + added) == ":\(count + added.count)")
            store(key, list + added)
        case 2, 3:
            let added = (0...random.below(4)).map { _ in element() }
            #expect(try run(["LPUSH", key] + added) == ":\(count + added.count)")
            store(key, added.reversed() + list)
        case 4:
            let isFirst = random.below(2) == 0
            let reply = try run([isFirst ? "LPOP" : "RPOP", key])
            let gone = list.isEmpty ? nil : isFirst ? list.removeFirst() : list.removeLast()
            #expect(reply == (gone.map { "$\"\($0)\"" } ?? "_"))
            store(key, list)
        case 5: try popMany(key)
        case 6: try move()
        case 7: try change(key)
        case 8: try remove(key)
        case 9: try trim(key)
        default: try look(key)
        }
    }

    private mutating func popMany(_ key: String) throws {
        var list = lists[key] ?? []
        let length = 1 + random.below(5)
        let isFirst = random.below(2) == 0
        let gone = isFirst ? Array(list.prefix(length)) : list.suffix(length).reversed()
        let reply = try run([isFirst ? "LPOP" : "RPOP", key, "\(length)"])
        #expect(reply == (list.isEmpty ? "*_" : rendered(gone)))
        if isFirst { list.removeFirst(gone.count) } else { list.removeLast(gone.count) }
        store(key, list)
    }

    private mutating func move() throws {
        let (source, target) = (key(), key())
        let ends = [random.below(2) == 0, random.below(2) == 0]
        let reply = try run(["LMOVE", source, target] + ends.map { $0 ? "LEFT" : "RIGHT" })
        guard var list = lists[source] else {
            #expect(reply == "_")
            return
        }
        let element = ends[0] ? list.removeFirst() : list.removeLast()
        #expect(reply == "$\"\(element)\"")
        store(source, list)
        var other = lists[target] ?? []
        other.insert(element, at: ends[1] ? 0 : other.count)
        store(target, other)
    }

    private mutating func change(_ key: String) throws {
        guard var list = lists[key] else { return }
        let element = element()
        let index = random.below(list.count)
        if random.below(2) == 0 {
            let isNegative = random.below(2) == 0
            let place = isNegative ? index - list.count : index
            #expect(try run(["LSET", key, "\(place)", element]) == "+OK")
            list[index] = element
        } else {
            let isBehind = random.below(2) == 0
            let pivot = list[index]
            let reply = try run(["LINSERT", key, isBehind ? "AFTER" : "BEFORE", pivot, element])
            #expect(reply == ":\(list.count + 1)")
            let place = list.firstIndex(of: pivot) ?? 0
            list.insert(element, at: place + (isBehind ? 1 : 0))
        }
        store(key, list)
    }

    private mutating func remove(_ key: String) throws {
        guard var list = lists[key] else { return }
        let element = list[random.below(list.count)]
        let count = random.below(5) - 2
        let places = list.indices.filter { list[$0] == element }
        let chosen =
            count == 0 ? places[...] : count > 0 ? places.prefix(count) : places.suffix(-count)
        #expect(try run(["LREM", key, "\(count)", element]) == ":\(chosen.count)")
        for place in chosen.reversed() { list.remove(at: place) }
        store(key, list)
    }

    private mutating func trim(_ key: String) throws {
        guard random.below(4) == 0 else { return }
        let list = lists[key] ?? []
        let first = random.below(8)
        let last = list.count - 1 - random.below(8)
        #expect(try run(["LTRIM", key, "\(first)", "\(last)"]) == "+OK")
        store(key, first <= last && first < list.count ? Array(list[first...last]) : [])
    }

    private mutating func look(_ key: String) throws {
        let list = lists[key] ?? []
        #expect(try run(["LLEN", key]) == ":\(list.count)")
        let first = random.below(list.count + 2)
        let last = min(list.count, first + random.below(20))
        let range = first < list.count ? list[first..<last] : []
        #expect(try run(["LRANGE", key, "\(first)", "\(last - 1)"]) == rendered(range))
        guard !list.isEmpty else { return }
        let element = list[random.below(list.count)]
        let places = list.indices.filter { list[$0] == element }
        #expect(
            try run(["LPOS", key, element, "COUNT", "0"])
                == "[" + places.map { ":\($0)" }.joined(separator: " ") + "]")
        #expect(try run(["LPOS", key, element, "RANK", "-1"]) == ":\(places.last ?? -1)")
        #expect(try run(["LINDEX", key, "-1"]) == "$\"\(list[list.count - 1])\"")
    }
}

@Suite struct ListTests {
    @Test(arguments: [-2, 5], [1, 2, 3] as [UInt64])
    func randomCommandsDoWhatArraysDo(size: Int, seed: UInt64) throws {
        var model = ListsModel(size: size, seed: seed)
        for round in 0..<3_000 {
            try model.step()
            if round % 100 == 0 {
                for key in ["a", "b", "c"] {
                    let list = model.lists[key] ?? []
                    #expect(try model.run(["LRANGE", key, "0", "-1"]) == model.rendered(list))
                }
                model.target.keyspace.checkInvariants()
                _ = try model.target.takeEffects()
            }
        }
        for key in ["a", "b", "c"] { _ = try model.run(["DEL", key]) }
        #expect(try model.run(["DBSIZE"]) == ":0")
        model.target.keyspace.checkInvariants()
    }

    @Test func listsComeBackFromADump() throws {
        var model = ListsModel(size: -2, seed: 77)
        for _ in 0..<400 { try model.step() }
        for key in ["a", "b", "c"] where model.lists[key] != nil {
            let digest = try model.run(["DEBUG", "DIGEST-VALUE", key])
            _ = try model.run(["COPY", key, "copy", "REPLACE"])
            #expect(try model.run(["DEBUG", "DIGEST-VALUE", "copy"]) == digest)
            let elements = model.lists[key] ?? []
            #expect(try model.run(["LRANGE", "copy", "0", "-1"]) == model.rendered(elements))
        }
    }

    /// Sends a command whose arguments are bytes.
    private func run(_ target: EngineTarget, _ arguments: [[UInt8]]) throws -> String {
        var request = Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments {
            request += Array("$\(argument.count)\r\n".utf8) + argument + [0x0D, 0x0A]
        }
        target.send(request, connection: 1)
        return try target.receive(connection: 1)?.rendered ?? "(none)"
    }

    /// Value types 1, 10, 14 and 18 with what is in them, without footer.
    private static let payloads: [(value: [UInt8], elements: String)] = {
        // "a" and 12, then 300 and "bc".
        let ziplist: [UInt8] = [16, 0, 0, 0, 13, 0, 0, 0, 2, 0, 0, 1, 0x61, 3, 0xFD, 0xFF]
        let listpack: [UInt8] = [14, 0, 0, 0, 2, 0, 0xC1, 0x2C, 2, 0x82, 0x62, 0x63, 3, 0xFF]
        let count = { (bytes: [UInt8]) in [UInt8(bytes.count)] + bytes }
        return [
            ([1, 2, 1, 0x61, 0xC0, 12], "[$\"a\" $\"12\"]"),
            ([10] + count(ziplist), "[$\"a\" $\"12\"]"),
            (
                [14, 2] + count(ziplist) + count(ziplist),
                "[$\"a\" $\"12\" $\"a\" $\"12\"]"
            ),
            (
                [18, 3, 2] + count(listpack) + [1, 1, 0x78, 2] + count(listpack),
                "[$\"300\" $\"bc\" $\"x\" $\"300\" $\"bc\"]"
            ),
        ]
    }()

    private static let footer: [UInt8] = [10, 0] + [UInt8](repeating: 0, count: 8)

    @Test func listsOfAllFormsAreRead() throws {
        let target = EngineTarget()
        _ = try target.run("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1")
        for (value, elements) in ListTests.payloads {
            let words = [Array("RESTORE".utf8), [0x6B], [0x30], value + ListTests.footer]
            #expect(try run(target, words + [Array("REPLACE".utf8)]) == "+OK")
            #expect(try target.run("LRANGE", "k", "0", "-1") == elements)
        }
    }

    @Test func damagedListsAreRefusedOrRead() throws {
        let target = EngineTarget()
        _ = try target.run("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1")
        var random = SeededRandom(seed: 0x1157)
        var taken = 0
        for _ in 0..<4_000 {
            var value = ListTests.payloads[random.below(ListTests.payloads.count)].value
            for _ in 0...random.below(3) {
                switch random.below(4) {
                case 0: value.removeLast(random.below(value.count))
                case 1: value.insert(UInt8(random.below(256)), at: 1 + random.below(value.count))
                default:
                    if value.count > 1 {
                        value[1 + random.below(value.count - 1)] = UInt8(random.below(256))
                    }
                }
                if value.isEmpty { value = [1] }
            }
            let words = [Array("RESTORE".utf8), [0x6B], [0x30], value + ListTests.footer]
            let reply = try run(target, words + [Array("REPLACE".utf8)])
            #expect(reply == "+OK" || reply == "-ERR Bad data format", "\(value)")
            if reply == "+OK" {
                taken += 1
                let length = try target.run("LLEN", "k")
                #expect(length != ":0" && length.hasPrefix(":"))
            }
        }
        #expect(taken > 100)
        target.keyspace.checkInvariants()
    }
}
