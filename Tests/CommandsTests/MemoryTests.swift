import Testing

@testable import Commands

@Suite struct MemoryTests {
    private func target(extra: Int64, program: Int64) throws -> EngineTarget {
        let target = EngineTarget(settings: EngineSettings())
        _ = try target.run("SETRANGE", "large", "\(6 << 20)", "x")
        target.host.residentExtraBytes = extra
        target.host.programBytes = program
        return target
    }

    @Test func theProgramItselfIsNoFragmentation() throws {
        let target = try target(extra: 20 << 20, program: 20 << 20)
        #expect(try target.run("MEMORY", "DOCTOR").contains("No memory problem was found."))
        let stats = try target.run("MEMORY", "STATS")
        #expect(stats.contains("$\"rss-overhead.bytes\" :\(20 << 20)"))
        #expect(stats.contains("$\"allocator-rss.bytes\" :0"))
    }

    @Test func theBacklogIsNoPartOfWhatIsAllocated() throws {
        let target = try target(extra: 0, program: 0)
        func dataBytes() throws -> Int? {
            let stats = try target.run("MEMORY", "STATS")
            return stats.firstMatch(of: #/"dataset.bytes" :(\d+)/#).flatMap { Int($0.1) }
        }
        let before = try #require(try dataBytes())
        target.host.backlogBytes = 10 << 20
        #expect(try dataBytes() == before && before > 5 << 20)
    }

    @Test func gapsBetweenTheDataAre() throws {
        let target = try target(extra: 20 << 20, program: 1 << 20)
        #expect(try target.run("MEMORY", "DOCTOR").contains("Fragmentation: "))
        let stats = try target.run("MEMORY", "STATS")
        #expect(stats.contains("$\"rss-overhead.bytes\" :\(1 << 20)"))
        #expect(stats.contains("$\"allocator-rss.bytes\" :\(19 << 20)"))
    }
}
