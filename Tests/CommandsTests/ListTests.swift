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
}
