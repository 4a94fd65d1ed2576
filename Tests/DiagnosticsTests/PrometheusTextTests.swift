import Bytes
import Diagnostics
import Testing

@Suite struct PrometheusTextTests {
    @Test func pagesHaveTheTextFormat() {
        var page = PrometheusText()
        page.metric("commands_total", .counter, help: "Commands run.")
        page.sample(3, [("command", "get")])
        page.sample(4, [("command", "a\"b\\c\nd"), ("kind", "x")])
        page.single("lag_seconds", .gauge, help: "Back\\slash.", 0.25)
        page.single("infinite", .gauge, help: "Never ends.", Double.infinity)
        #expect(
            page.bytes.string == """
                # HELP commands_total Commands run.
                # TYPE commands_total counter
                commands_total{command="get"} 3
                commands_total{command="a\\"b\\\\c\\nd",kind="x"} 4
                # HELP lag_seconds Back\\\\slash.
                # TYPE lag_seconds gauge
                lag_seconds 0.25
                # HELP infinite Never ends.
                # TYPE infinite gauge
                infinite +Inf

                """)
    }

    @Test func histogramsHaveCumulativeBuckets() {
        var histogram = Histogram()
        for value in [1, 3, 100] as [Int64] { histogram.record(value) }
        var page = PrometheusText()
        page.metric("seconds", .histogram, help: "Durations.")
        page.histogram(histogram, bounds: [1, 63], divisor: 2, [("a", "b")])
        #expect(
            page.bytes.string == """
                # HELP seconds Durations.
                # TYPE seconds histogram
                seconds_bucket{a="b",le="0.5"} 1
                seconds_bucket{a="b",le="31.5"} 2
                seconds_bucket{a="b",le="+Inf"} 3
                seconds_sum{a="b"} 52
                seconds_count{a="b"} 3

                """)
    }

    @Test func boundsReadAsPeopleWriteThem() {
        var page = PrometheusText()
        page.metric("seconds", .histogram, help: "Durations.")
        let bounds: [Int64] = [100, 2_500, 25_000, 50_000, 250_000, 2_500_000, 30_000_000]
        page.histogram(Histogram(), bounds: bounds, divisor: 1e6)
        let texts = page.bytes.string.split(separator: "\n").compactMap { line in
            line.split(separator: "\"").dropFirst().first.map(String.init)
        }
        #expect(texts == ["0.0001", "0.0025", "0.025", "0.05", "0.25", "2.5", "30", "+Inf"])
    }
}
