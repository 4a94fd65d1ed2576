import Bytes
import RESP
import TestKit
import Testing

@testable import Commands

@Suite struct LatencyTests {
    @Test func bucketsCoverAllDurations() {
        var last = -1
        for exponent in 2..<30 {
            for offset in [-1, 0, 1] {
                let value = max(1, Int64(1) << exponent + Int64(offset))
                let bucket = LatencyHistograms.bucket(ofNanoseconds: value)
                #expect(bucket >= last)
                last = bucket
                #expect(LatencyHistograms.lowerBound(of: bucket) <= value)
                #expect(LatencyHistograms.upperBound(of: bucket) >= value)
                let width =
                    LatencyHistograms.upperBound(of: bucket)
                    - LatencyHistograms.lowerBound(of: bucket)
                #expect(width * 64 <= value)
            }
        }
        let beyond = LatencyHistograms.bucket(ofNanoseconds: .max)
        #expect(beyond == LatencyHistograms.bucketCount - 1)
        #expect(LatencyHistograms.bucket(ofNanoseconds: -5) == 1)
    }

    @Test func percentilesAreWithinABucket() {
        var histograms = LatencyHistograms(commandCount: 3)
        var values: [Int64] = []
        var random = SeededRandom(seed: 7)
        for _ in 0..<10_000 {
            let value = Int64(random.below(1 << 20) + 1)
            values.append(value)
            histograms.record(
                1, bucket: LatencyHistograms.bucket(ofNanoseconds: value))
        }
        values.sort()
        for percentile in [0.01, 50, 99, 99.9, 100] {
            let exact = values[min(9_999, Int(percentile * 100))]
            let found = histograms.nanoseconds(1, percentile: percentile)
            #expect(abs(found - exact) * 32 <= exact + 4_096)
        }
        let called = (0..<3).map { histograms.callCount($0) }
        #expect(called == [0, 10_000, 0])
        let rows = histograms.distribution(1)
        #expect(rows.last?.count == 10_000)
        #expect(rows.map(\.microseconds).prefix(7) == [1, 2, 4, 8, 16, 33, 66])
        for row in rows {
            let exact = values.count { $0 <= row.microseconds * 1_016 }
            #expect(abs(Int(row.count) - exact) <= exact / 16 + 8)
        }
        histograms.reset()
        let remaining = histograms.callCount(1)
        #expect(remaining == 0)
    }

    @Test func spikesAreKeptBySecond() throws {
        var settings = EngineSettings()
        settings.latencyThresholdMilliseconds = 100
        let target = EngineTarget(settings: settings)
        let second = target.host.milliseconds / 1_000
        target.engine.noteLatency("expire-cycle", microseconds: 99_999)
        target.engine.noteLatency("command", microseconds: 300_000)
        target.engine.noteLatency("command", microseconds: 200_000)
        target.advance(milliseconds: 1_000)
        target.engine.noteLatency("command", microseconds: 150_000)
        #expect(
            try target.run("LATENCY", "LATEST")
                == "[[$\"command\" :\(second + 1) :150 :300]]")
        #expect(
            try target.run("LATENCY", "HISTORY", "command")
                == "[[:\(second) :300] [:\(second + 1) :150]]")
        let graph = try target.run("LATENCY", "GRAPH", "command")
        #expect(graph.contains("command - high 300 ms, low 150 ms (all time high 300 ms)"))
        #expect(graph.contains("# \\n| \\n| \\n|_\\n  \\n10\\nss\\n"))
        #expect(try target.run("LATENCY", "DOCTOR").contains("command: 2 seconds with a spike"))
        #expect(try target.run("LATENCY", "RESET", "command", "other") == ":1")
        #expect(try target.run("LATENCY", "LATEST") == "[]")
        target.engine.settings.latencyThresholdMilliseconds = 0
        target.engine.noteLatency("command", microseconds: 300_000)
        #expect(try target.run("LATENCY", "LATEST") == "[]")
    }

    @Test func slowCommandsAreSpikes() throws {
        var settings = EngineSettings()
        settings.latencyThresholdMilliseconds = 1
        let target = EngineTarget(settings: settings)
        target.host.nanosecondsPerReading = 2_000_000
        _ = try target.run("INFO")
        _ = try target.run("GET", "k")
        let text = try target.run("LATENCY", "LATEST")
        #expect(text.contains("[$\"command\" ") && text.contains("[$\"fast-command\" "))
    }

    @Test func informationShowsPercentiles() throws {
        var settings = EngineSettings()
        settings.latencyPercentiles = [50, 99.9]
        let target = EngineTarget(settings: settings)
        for _ in 0..<100 { _ = try target.run("GET", "k") }
        let text = try target.run("INFO", "latencystats")
        // The host's clock passes a microsecond with each reading.
        #expect(text.contains("latency_percentiles_usec_get:p50=1.007,p99.9=1.007\\r\\n"))
        #expect(
            try target.run("LATENCY", "HISTOGRAM", "get")
                == "[$\"get\" [$\"calls\" :100 $\"histogram_usec\" [:1 :100]]]")
        target.engine.settings.tracksLatency = false
        _ = try target.run("SET", "k", "v")
        #expect(try target.run("LATENCY", "HISTOGRAM", "set") == "[]")
        _ = try target.run("CONFIG", "RESETSTAT")
        #expect(try target.run("INFO", "latencystats") == "$\"# Latencystats\\r\\n\"")
    }
}
