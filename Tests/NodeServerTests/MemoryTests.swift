import RESP
import Store
import Testing

@testable import NodeServer

@Suite struct MemoryTests {
    @Test func dataStayWithinTheLimitAndInfoSaysSo() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        let limit = Int(world.node.usedMemoryBytes) + 200_000
        #expect(
            try world.call(
                client, "CONFIG", "SET", "maxmemory", "\(limit)", "maxmemory-policy",
                "allkeys-lru") == .simpleString("OK"))
        for number in 0..<2_000 {
            let reply = try world.call(
                client, "SET", "key:\(number)", String(repeating: "x", count: 500))
            #expect(reply == .simpleString("OK"))
        }
        let stats = try world.call(client, "INFO", "stats").text ?? ""
        #expect(!stats.contains("evicted_keys:0\r\n"))
        #expect(world.node.keyspace.usedBytes < limit + 10_000)
        let memory = try world.call(client, "INFO", "memory").text ?? ""
        #expect(memory.contains("maxmemory_policy:allkeys-lru\r\n"))
        #expect(memory.contains("maxmemory:\(limit)\r\n"))
        #expect(
            try world.call(client, "CONFIG", "SET", "maxmemory", "0") == .simpleString("OK"))
    }

    /// The figures add up as those of Redis do: used = startup + data + overhead, then the steps
    /// to what the process occupies.
    @Test func theFiguresOfMemoryAddUp() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        func figures() throws -> [String: Double] {
            let text = try world.call(client, "INFO", "memory").text ?? ""
            return Dictionary(
                uniqueKeysWithValues: text.split(separator: "\r\n").compactMap { line in
                    let parts = line.split(separator: ":")
                    return parts.count == 2 ? Double(parts[1]).map { (String(parts[0]), $0) } : nil
                })
        }
        let empty = try figures()
        let startup = try #require(empty["used_memory_startup"])
        #expect(startup > 0 && startup <= empty["used_memory"] ?? 0)
        #expect(empty["used_memory_dataset"] == 0)
        for number in 0..<4_000 {
            _ = try world.call(client, "SET", "key:\(number)", String(repeating: "x", count: 1_000))
        }
        let full = try figures()
        func value(_ name: String) throws -> Double { try #require(full[name], "\(name)") }
        #expect(try value("used_memory_startup") == startup)
        #expect(try value("used_memory_dataset") > 4_000_000)
        #expect(
            try value("used_memory") == value("used_memory_dataset")
                + value("used_memory_overhead"))
        #expect(try value("used_memory_overhead") >= startup)
        #expect(
            try value("used_memory_rss") == value("used_memory") + value("allocator_frag_bytes")
                + value("allocator_rss_bytes") + value("rss_overhead_bytes"))
        // Reserved memory that nothing has touched makes the next step less than nothing.
        #expect(try value("allocator_frag_bytes") >= 0)
        #expect(try value("rss_overhead_bytes") > 0, "the program itself")
        let ratio = try value("used_memory_rss") / value("used_memory")
        #expect(try abs(value("mem_fragmentation_ratio") - ratio) < 0.01)
    }

    @Test func aLowerLimitIsReachedWithoutACommand() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        for number in 0..<500 { _ = try world.call(client, "SET", "key:\(number)", "value") }
        _ = try world.call(
            client, "CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", "1")
        try world.until("eviction") { world.node.keyspace.count == 0 }
        #expect(
            try world.call(client, "SET", "a", "b").text
                == "OOM command not allowed when used memory > 'maxmemory'.")
        _ = try world.call(client, "CONFIG", "SET", "maxmemory", "0")
        #expect(try world.call(client, "SET", "a", "b") == .simpleString("OK"))
    }

    @Test func theLargestClientIsClosed() throws {
        let world = try NodeWorld()
        let small = try world.connect()
        let large = try world.connect()
        _ = try world.call(small, "CONFIG", "SET", "maxmemory-clients", "300kb")
        #expect(world.node.memory.clientBytesMax == 300 << 10)
        // The rest of a large command waits in memory.
        large.send(
            raw: "*2\r\n$4\r\nECHO\r\n$900000\r\n" + String(repeating: "x", count: 600_000))
        try world.until("closing") { world.node.clients.count == 1 }
        #expect(try world.call(small, "PING") == .simpleString("PONG"))
        let stats = try world.call(small, "INFO", "stats").text ?? ""
        #expect(stats.contains("evicted_clients:1\r\n"))
    }

    @Test func aClientMayBeExempt() throws {
        let world = try NodeWorld()
        let small = try world.connect()
        let large = try world.connect()
        _ = try world.call(large, "CLIENT", "NO-EVICT", "ON")
        _ = try world.call(small, "CONFIG", "SET", "maxmemory-clients", "300kb")
        large.send(
            raw: "*2\r\n$4\r\nECHO\r\n$600000\r\n" + String(repeating: "x", count: 600_000)
                + "\r\n")
        try world.until("reply") { large.replies.count == 2 }
        #expect(world.node.clients.count == 2 && world.node.memory.evictedClients == 0)
    }

    @Test func theLimitForClientsMayBeAShare() {
        var limit = ClientMemoryLimit()
        #expect(limit.effectiveBytes(memoryBytesMax: 1 << 30) == 0)
        limit.bytes = 1
        #expect(limit.effectiveBytes(memoryBytesMax: 0) == 128 << 10)
        limit = ClientMemoryLimit(bytes: 0, percent: 5)
        #expect(limit.effectiveBytes(memoryBytesMax: 100_000_000) == 5_000_000)
        #expect(limit.effectiveBytes(memoryBytesMax: 0) == 0)
    }

    @Test func memoryStatsAddUp() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        _ = try world.call(client, "SET", "a", "b")
        let reply = try world.call(client, "MEMORY", "STATS")
        #expect(reply.elements?.count == 56)
        #expect(try world.call(client, "MEMORY", "PURGE") == .simpleString("OK"))
        #expect(try world.call(client, "MEMORY", "DOCTOR").text?.isEmpty == false)
    }
}
