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
        page.histogram(histogram, bounds: [1, 63], scale: 0.5, [("a", "b")])
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
}
