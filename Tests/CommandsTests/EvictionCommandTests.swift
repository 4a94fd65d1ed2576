import Bytes
import Commands
import Store
import Testing

@Suite struct EvictionCommandTests {
    private func target(
        _ policy: EvictionPolicy, room: Int = 20_000,
        change: (inout EvictionSettings) -> Void = { _ in }
    ) -> EngineTarget {
        let target = EngineTarget()
        var eviction = EvictionSettings()
        eviction.policy = policy
        eviction.memoryBytesMax = target.engine.usedMemoryBytes + room
        change(&eviction)
        target.engine.settings.eviction = eviction
        return target
    }

    private let refusal = "-OOM command not allowed when used memory > 'maxmemory'."

    @Test func withoutEvictionCommandsThatNeedMemoryAreRefused() throws {
        let target = target(.noEviction)
        var number = 0
        while try target.run("SET", "k\(number)", "value of some length") == "+OK" { number += 1 }
        #expect(number > 100)
        #expect(try target.run("SET", "x", "y") == refusal)
        #expect(try target.run("GET", "k1") == "$\"value of some length\"")
        #expect(try target.run("MULTI") == "+OK")
        #expect(try target.run("SET", "x", "y") == refusal)
        #expect(
            try target.run("EXEC")
                == "-EXECABORT Transaction discarded because of previous errors.")
        for index in 0..<10 { #expect(try target.run("DEL", "k\(index)") == ":1") }
        #expect(try target.run("SET", "x", "y") == "+OK")
        #expect(!target.engine.isOutOfMemory)
        #expect(target.engine.counters.evictedKeys == 0)
    }

    @Test func aTransactionThatNeedsMemoryIsRefusedWhenItRuns() throws {
        let target = target(.noEviction)
        #expect(try target.run("MULTI") == "+OK")
        #expect(try target.run("SET", "a", "b") == "+QUEUED")
        target.engine.settings.eviction.memoryBytesMax = 1
        #expect(
            try target.run("EXEC").hasPrefix("-EXECABORT Transaction discarded because of: OOM"))
    }

    @Test(arguments: [
        EvictionPolicy.allKeysLRU, .allKeysLFU, .allKeysRandom, .volatileLRU, .volatileLFU,
        .volatileRandom, .volatileTTL,
    ])
    func keysGoSoThatTheDataStayWithinTheLimit(policy: EvictionPolicy) throws {
        let target = target(policy)
        for number in 0..<2_000 {
            let reply = try target.run("SET", "k\(number)", "value of some length", "EX", "1000")
            #expect(reply == "+OK")
            #expect(
                target.engine.usedMemoryBytes <= target.engine.settings.eviction.memoryBytesMax
                    + 4_096)
        }
        let effects = try target.takeEffects() ?? []
        let deleted = effects.filter { $0[0] == "DEL" }
        #expect(Int64(deleted.count) == target.engine.counters.evictedKeys)
        #expect(deleted.count > 1_000 && deleted.allSatisfy { $0.count == 2 })
        #expect(!effects.contains(["MULTI"]))
        #expect(target.keyspace.database(0).count == 2_000 - deleted.count)
        target.keyspace.checkInvariants()
    }

    @Test func volatilePoliciesRefuseWhenNothingExpires() throws {
        let target = target(.volatileLRU)
        var number = 0
        while try target.run("SET", "k\(number)", "value of some length") == "+OK" { number += 1 }
        #expect(target.engine.counters.evictedKeys == 0)
        #expect(try target.run("EXPIRE", "k1", "100") == ":1")
        #expect(try target.run("SET", "k0", "new") == "+OK")
        #expect(try target.run("EXISTS", "k1") == ":0")
    }

    @Test func usedKeysStay() throws {
        let target = target(.allKeysLRU) { $0.samples = 20 }
        for number in 0..<1_000 {
            target.advance(milliseconds: 1_000)
            _ = try target.run("SET", "k\(number)", "value of some length")
            _ = try target.run("GET", "k0")
        }
        #expect(target.engine.counters.evictedKeys > 100)
        #expect(try target.run("GET", "k0") == "$\"value of some length\"")
    }

    @Test func watchersAndListenersAreTold() throws {
        let target = target(.allKeysRandom)
        target.engine.settings.events = [.keyEvent, .evicted]
        _ = try target.run("SUBSCRIBE", "__keyevent@0__:evicted", connection: 2)
        _ = try target.run("SET", "mine", "value", connection: 3)
        _ = try target.run("WATCH", "mine", connection: 3)
        var number = 0
        while try target.run("EXISTS", "mine", connection: 3) == ":1" {
            _ = try target.run("SET", "k\(number)", "value of some length")
            number += 1
        }
        #expect(try target.run("MULTI", connection: 3) == "+OK")
        #expect(try target.run("PING", connection: 3) == "+QUEUED")
        #expect(try target.run("EXEC", connection: 3) == "*_")
        var told = 0
        while try target.receive(connection: 2) != nil { told += 1 }
        #expect(Int64(told) == target.engine.counters.evictedKeys)
    }

    @Test func aReplicaLeavesItToItsMaster() throws {
        for ignores in [true, false] {
            let target = target(.allKeysLRU, room: 1) { $0.replicaIgnoresLimit = ignores }
            for number in 0..<100 { _ = try target.run("SET", "k\(number)", "v") }
            target.engine.isReplica = true
            target.engine.settings.eviction.memoryBytesMax = 1
            #expect(target.engine.evictSlice() == (ignores ? .enough : .failed))
            #expect((target.keyspace.count > 0) == ignores)
            #expect(target.engine.isOutOfMemory == !ignores)
        }
    }

    @Test func aSliceEndsAfterItsTime() throws {
        // The test's clock moves a microsecond each time it is read.
        let target = target(.allKeysRandom, room: 10_000_000) { $0.tenacity = 0 }
        for number in 0..<1_000 { _ = try target.run("SET", "k\(number)", "v") }
        target.engine.settings.eviction.memoryBytesMax = 1
        #expect(target.engine.evictSlice() == .unfinished)
        let first = target.engine.counters.evictedKeys
        #expect(first == 16)
        #expect(target.engine.exceededMilliseconds.total == 0)
        // A command that needs memory runs all the same.
        #expect(try target.run("SET", "x", "y") == "+OK")
        target.engine.settings.eviction.tenacity = 100
        #expect(target.engine.evictSlice() == .failed)
        #expect(target.keyspace.count == 0)
        target.host.nanoseconds += 5_000_000
        #expect(target.engine.exceededMilliseconds.current >= 5)
        target.engine.settings.eviction.memoryBytesMax = 0
        #expect(target.engine.evictSlice() == .enough)
        #expect(target.engine.exceededMilliseconds.total >= 5)
        #expect(target.engine.exceededMilliseconds.current == 0)
    }

    @Test func lateSlicesOfATurnAreSmall() throws {
        let target = target(.allKeysRandom, room: 10_000_000)
        for number in 0..<5_000 { _ = try target.run("SET", "k\(number)", "v") }
        target.engine.settings.eviction.memoryBytesMax = 1
        target.engine.settings.eviction.tenacity = 11
        // Each look at the clock takes 100 microseconds: six to a slice.
        target.host.nanosecondsPerReading = 100_000
        #expect(target.engine.evictSlice() == .unfinished)
        #expect(target.engine.evictSlice() == .unfinished)
        let before = target.engine.counters.evictedKeys
        #expect(target.engine.evictSlice() == .unfinished)
        #expect(target.engine.counters.evictedKeys == before + 4)
        target.engine.nowMilliseconds += 1
        #expect(target.engine.evictSlice() == .unfinished)
        #expect(target.engine.counters.evictedKeys > before + 20)
    }

    @Test func bigValuesLeaveLazilyWhenAsked() throws {
        let target = target(.allKeysLRU, room: 10_000_000)
        target.engine.settings.evictsLazily = true
        _ = try target.run("SET", "k", "v")
        _ = try target.takeEffects()
        target.engine.settings.eviction.memoryBytesMax = 1
        #expect(target.engine.evictSlice() == .failed)
        #expect(try target.takeEffects() == [["UNLINK", "k"]])
    }
}
