// The latency monitor: what took longer than `latency-monitor-threshold`, by kind of event.
//
//   command, fast-command    commands
//   expire-cycle, aof-write  what the node does itself
//
// Each kind keeps the worst case of each second, for the last 160 seconds that had one.

internal import Bytes

/// Spikes by kind of event.
struct LatencyMonitor {
    /// The worst case of one second.
    struct Sample: Equatable {
        var seconds: Int64
        var milliseconds: Int64
    }

    /// The spikes of one kind.
    struct Series {
        var samples: [Sample] = []
        /// The worst case since the start or the last reset.
        var millisecondsMax: Int64 = 0
    }

    /// Most samples of one kind.
    static let samplesMax = 160

    private(set) var series: [String: Series] = [:]

    mutating func add(_ event: String, milliseconds: Int64, seconds: Int64) {
        var kind = series[event] ?? Series()
        kind.millisecondsMax = max(kind.millisecondsMax, milliseconds)
        if let last = kind.samples.last, last.seconds == seconds {
            kind.samples[kind.samples.count - 1].milliseconds = max(
                last.milliseconds, milliseconds)
        } else {
            kind.samples.append(Sample(seconds: seconds, milliseconds: milliseconds))
            if kind.samples.count > LatencyMonitor.samplesMax { kind.samples.removeFirst() }
        }
        series[event] = kind
    }

    /// Forgets the kinds, or all; returns how many there were.
    mutating func reset(_ events: [String]) -> Int {
        if events.isEmpty {
            defer { series = [:] }
            return series.count
        }
        return events.filter { series.removeValue(forKey: $0) != nil }.count
    }
}

extension CommandEngine {
    /// Something took so long: kept if it is at least the threshold. Cheap when nobody monitors.
    public func noteLatency(_ event: StaticString, microseconds: Int64) {
        guard microseconds &* 1_000 >= latencyThresholdNanoseconds else { return }
        latencyMonitor.add(
            event.description, milliseconds: microseconds / 1_000, seconds: now / 1_000)
    }

    /// Whether durations are worth measuring.
    public var monitorsLatency: Bool { latencyThresholdNanoseconds < .max }

    /// A command took so long.
    @inline(never)
    func noteSlow(_ number: Int, nanoseconds: Int64) {
        let isFast = table.facts[number].flags.contains(.fast)
        noteLatency(isFast ? "fast-command" : "command", microseconds: nanoseconds / 1_000)
    }
}
