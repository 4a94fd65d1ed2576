// LATENCY GRAPH: a sparkline in characters.
//
//   command - high 500 ms, low 100 ms (all time high 500 ms)
//   ------------------------------------------------------------
//      _#_                four rows of three heights each: _ o #, | below a higher mark
//   _#||||
//
//   4321s                 how long ago, from top to bottom under each column

/// Draws the samples of one kind of event.
enum LatencyGraph {
    private static let columnsMax = 80
    private static let rows = 4
    /// The heights within a row.
    private static let marks: [Character] = ["_", "o", "#"]

    static func draw(_ event: String, _ series: LatencyMonitor.Series, now: Int64) -> String {
        let values = series.samples.map(\.milliseconds)
        let low = values.min() ?? 0
        let high = values.max() ?? 0
        var text = """
            \(event) - high \(high) ms, low \(low) ms (all time high \(series.millisecondsMax) ms)

            """
        text += String(repeating: "-", count: columnsMax) + "\n"
        for start in stride(from: 0, to: series.samples.count, by: columnsMax) {
            if start > 0 { text += "\n" }
            let end = min(start + columnsMax, series.samples.count)
            text += drawRange(series.samples[start..<end], low: low, high: high, now: now)
        }
        return text
    }

    private static func drawRange(
        _ samples: ArraySlice<LatencyMonitor.Sample>, low: Int64, high: Int64, now: Int64
    ) -> String {
        let steps = rows * marks.count
        let range = Double(max(1, high - low))
        let heights = samples.map { sample in
            min(steps - 1, Int(Double(sample.milliseconds - low) * Double(steps) / range))
        }
        var text = ""
        for row in 0..<rows {
            let base = (rows - row - 1) * marks.count
            text +=
                heights.map { height in
                    let mark = height - base
                    if mark < 0 { return " " }
                    return mark < marks.count ? String(marks[mark]) : "|"
                }.joined() + "\n"
        }
        text += String(repeating: " ", count: samples.count) + "\n"
        let labels = samples.map { Array(label(secondsAgo: max(0, now - $0.seconds))) }
        for line in 0..<(labels.map(\.count).max() ?? 0) {
            text += String(labels.map { line < $0.count ? $0[line] : " " }) + "\n"
        }
        return text
    }

    private static func label(secondsAgo: Int64) -> String {
        switch secondsAgo {
        case ..<60: "\(secondsAgo)s"
        case ..<3_600: "\(secondsAgo / 60)m"
        case ..<86_400: "\(secondsAgo / 3_600)h"
        default: "\(secondsAgo / 86_400)d"
        }
    }
}
