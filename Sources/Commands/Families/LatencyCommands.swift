// LATENCY: spikes by kind of event, and histograms of commands.
internal import Bytes
internal import RESP

/// The subcommands of LATENCY.
enum LatencyCommands {
    static let table: [CommandSpec] = [
        .container(
            name: "latency", since: "2.8.13", group: .server,
            summary: "A container for latency diagnostics commands.",
            subcommands: [
                row("doctor", 2, "", "Returns a human-readable latency analysis report.", doctor),
                row("graph", 3, "event", "Returns a latency graph for an event.", graph),
                row(
                    "histogram", -2, "[command [command ...]]",
                    """
                    Returns the cumulative distribution of latencies of a subset or all commands.
                    """, since: "7.0.0",
                    complexity: """
                        O(N) where N is the number of commands with latency information being \
                        retrieved.
                        """, histogram),
                row(
                    "history", 3, "event", "Returns timestamp-latency samples for an event.",
                    history),
                row("latest", 2, "", "Returns the latest latency samples for all events.", latest),
                row(
                    "reset", -2, "[event [event ...]]",
                    "Resets the latency data for one or more events.",
                    tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], reset),
                Server.helpRow("latency", "2.8.13") { _, client, _ in
                    client.writeHelp("LATENCY", helpLines)
                },
            ])
    ]

    private static func row(
        _ name: StaticString, _ arity: Int, _ syntax: StaticString, _ summary: StaticString,
        since: StaticString = "2.8.13", complexity: StaticString = "O(1)",
        tips: [StaticString] = [
            "nondeterministic_output", "request_policy:all_nodes", "response_policy:special",
        ],
        _ handler: @escaping CommandHandler
    ) -> CommandSpec {
        CommandSpec(
            name: name, since: since, group: .server, complexity: complexity, arity: arity,
            flags: [.admin, .noScript, .loading, .stale], syntax: syntax, summary: summary,
            tips: tips, handler: handler)
    }

    // MARK: Spikes

    private static func latest(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let series = engine.latencyMonitor.series.sorted { $0.key < $1.key }
        client.writer.arrayHeader(series.count)
        for (event, kind) in series {
            client.writer.arrayHeader(4)
            client.writer.bulk(text: event)
            client.writer.integer(kind.samples.last?.seconds ?? 0)
            client.writer.integer(kind.samples.last?.milliseconds ?? 0)
            client.writer.integer(kind.millisecondsMax)
        }
    }

    private static func history(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let samples = engine.latencyMonitor.series[arguments[2].string]?.samples ?? []
        client.writer.arrayHeader(samples.count)
        for sample in samples {
            client.writer.arrayHeader(2)
            client.writer.integer(sample.seconds)
            client.writer.integer(sample.milliseconds)
        }
    }

    private static func reset(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        let events = (2..<max(2, arguments.count)).map { arguments[$0].string }
        client.writer.integer(engine.latencyMonitor.reset(events))
    }

    private static func graph(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) throws(ReplyError) {
        let event = arguments[2].string
        guard let series = engine.latencyMonitor.series[event] else {
            throw ReplyError(composed: "ERR No samples available for event '\(event)'")
        }
        client.writer.verbatim(text: LatencyGraph.draw(event, series, now: engine.now / 1_000))
    }

    private static func doctor(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        client.writer.verbatim(text: report(engine))
    }

    /// What was seen, in sentences.
    private static func report(_ engine: CommandEngine) -> String {
        if engine.latencyMonitor.series.isEmpty {
            guard engine.monitorsLatency else {
                return """
                    Latency monitoring is disabled. Use "CONFIG SET latency-monitor-threshold \
                    <milliseconds>" to enable it.

                    """
            }
            return """
                No latency spike was observed since the start or the last LATENCY RESET.

                """
        }
        var text = "Latency spikes were observed:\n\n"
        for (event, kind) in engine.latencyMonitor.series.sorted(by: { $0.key < $1.key }) {
            let values = kind.samples.map(\.milliseconds)
            let average = values.reduce(0, +) / Int64(max(1, values.count))
            text += """
                \(event): \(values.count) seconds with a spike, average \(average) ms, worst all \
                time event \(kind.millisecondsMax) ms.

                """
        }
        if engine.latencyMonitor.series["command"] != nil {
            text += """

                Commands that are slow by their nature are listed by SLOWLOG GET and LATENCY \
                HISTOGRAM.

                """
        }
        if engine.latencyMonitor.series["aof-write"] != nil {
            text += "\nThe disk of the append-only file is slow or shared with others.\n"
        }
        return text
    }

    // MARK: Histograms

    private static func histogram(
        _ engine: CommandEngine, _ client: ClientState, _ arguments: Arguments
    ) {
        var numbers = Array(0..<engine.table.topLevelCount)
        if arguments.count > 2 {
            numbers = (2..<arguments.count)
                .map { engine.table.number(ofFullName: arguments[$0]) }.filter { $0 >= 0 }
        }
        let shown = numbers.flatMap { [$0] + Array(engine.table.children(of: $0)) }
            .filter { engine.latencies.hasCalls($0) }
        client.writer.mapHeader(shown.count)
        for number in shown {
            client.writer.bulk(text: engine.table.fullName(number))
            client.writer.mapHeader(2)
            client.writer.bulk("calls")
            client.writer.integer(Int64(engine.latencies.callCount(number)))
            client.writer.bulk("histogram_usec")
            let rows = engine.latencies.distribution(number)
            client.writer.mapHeader(rows.count)
            for row in rows {
                client.writer.integer(row.microseconds)
                client.writer.integer(Int64(row.count))
            }
        }
    }

    private static let helpLines: [StaticString] = [
        "DOCTOR", "    Return a human readable latency analysis report.", "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.", "HISTORY <event>",
        "    Return time-latency samples for the <event> class.", "LATEST",
        "    Return the latest latency samples for all events.", "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)", "HISTOGRAM [COMMAND ...]",
        """
        \u{20}   Return a cumulative distribution of latencies in the format of a histogram for \
        the specified command names.
        """, "    If no commands are specified then all histograms are replied.",
    ]
}

extension CommandEngine {
    /// INFO latencystats: percentiles of each command, in microseconds.
    func appendLatencyStatistics(to text: inout ByteBuffer) {
        text.append("# Latencystats\r\n")
        guard tracksLatency else { return }
        for number in 0..<statistics.count where latencies.hasCalls(number) {
            text.append(text: "latency_percentiles_usec_\(table.fullName(number)):")
            for (index, percentile) in settings.latencyPercentiles.enumerated() {
                text.append(index == 0 ? "p" : ",p")
                Numbers.append(percentile, to: &text)
                let nanoseconds = latencies.nanoseconds(number, percentile: percentile)
                let fraction = String(nanoseconds % 1_000)
                let zeros = String(repeating: "0", count: 3 - fraction.utf8.count)
                text.append(text: "=\(nanoseconds / 1_000).\(zeros)\(fraction)")
            }
            text.append("\r\n")
        }
    }
}
