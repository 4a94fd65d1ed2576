// /v1/events and /v1/audit: what happened, and who asked for it.

import APIContract
import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire

enum RecordRoutes {
    /// Distance of comments on a silent stream, so that proxies and readers see that it lives.
    static let heartbeatMilliseconds: Int64 = 10_000
    /// How long a reader should wait before it connects again.
    static let retryMilliseconds = 1_000

    static let table: [Route<AdminHandler>] = [
        Route(
            method: .get, path: "/v1/events", operation: "listEvents", scope: .view,
            tag: "records",
            parameters: [
                .query("after", .count, "Only events behind this sequence."), Parameters.limit,
                .query(
                    "wait", Schemas.duration,
                    "Hold an empty answer until there is an event, at most this long."),
                .query("cluster", Schemas.name, "Only events of this cluster."),
                .query("kind", .string(lengthMax: 64), "Only kinds that begin with this text."),
                .header("Last-Event-ID", .string(lengthMax: 32), "Resumes a stream."),
            ],
            replies: [
                .json(
                    .ok, "A page; as text/event-stream, events as they happen.",
                    .reference("EventList"), fields: [Parameters.link]
                ).also("text/event-stream")
            ], summary: "Reads events as pages, by long-poll, or as a stream.", handler: events),
        Route(
            method: .get, path: "/v1/audit", operation: "listAudit", scope: .administer,
            tag: "records",
            parameters: [
                .query("after", .count, "Only records behind this sequence."), Parameters.limit,
            ],
            replies: [
                .json(.ok, "A page.", .reference("AuditList"), fields: [Parameters.link])
            ], summary: "Reads who did what, when, from where, with which result.",
            handler: audit),
    ]

    @Sendable private static func events(_ exchange: Exchange) {
        if exchange.mediaType == "text/event-stream" { return stream(exchange) }
        let after = exchange.request.queryValue("after").flatMap { Int64($0) } ?? 0
        let filter = EventFilter(exchange.request)
        exchange.service.hub.page(after: after, limit: exchange.limit) { result in
            switch result {
            case .failure(let problem): exchange.fail(problem)
            case .success(let page):
                if after > 0, page.oldestSequence > after + 1 {
                    return exchange.fail(Problems.eventsGone(oldest: page.oldestSequence))
                }
                let matching = page.events.filter(filter.matches)
                if matching.isEmpty, exchange.waitMilliseconds > 0 {
                    return waitForEvent(exchange, filter, page, after: after)
                }
                reply(exchange, matching, page)
            }
        }
    }

    private static func reply(_ exchange: Exchange, _ events: [Event], _ page: EventPage) {
        // Beyond the last event that was looked at, matching or not.
        let seen = page.events.last?.sequence
        let next = seen.flatMap { $0 < page.latestSequence ? String($0) : nil }
        exchange.reply(
            EventView(
                items: events, oldestSequence: page.oldestSequence,
                latestSequence: page.latestSequence, nextCursor: next),
            fields: next.map { [("Link", exchange.link(cursor: $0, name: "after"))] } ?? [])
    }

    private static func waitForEvent(
        _ exchange: Exchange, _ filter: EventFilter, _ page: EventPage, after: Int64
    ) {
        let service = exchange.service
        var timer: TimerID?
        var reader: EventHub.Reader?
        let end = {
            if let timer { service.loop.cancel(timer) }
            if let reader { service.hub.remove(reader) }
            // The reader holds this closure: without this they would keep each other for ever.
            timer = nil
            reader = nil
        }
        let start = page.events.last?.sequence ?? max(after, 0)
        let waiting = EventHub.Reader(after: start) { events in
            let matching = Array(events.filter(filter.matches).prefix(exchange.limit))
            guard let last = events.last else { return true }
            if matching.isEmpty { return true }
            end()
            let sequence = max(page.latestSequence, last.sequence)
            exchange.reply(
                EventView(
                    items: matching, oldestSequence: page.oldestSequence,
                    latestSequence: sequence, nextCursor: nil))
            return false
        } fail: { problem in
            end()
            exchange.fail(problem)
        }
        reader = waiting
        let empty = {
            end()
            reply(exchange, [], page)
        }
        timer = service.loop.schedule(
            afterMilliseconds: exchange.waitMilliseconds, empty)
        exchange.wait(closed: end, drained: empty)
        service.hub.add(waiting)
    }

    // MARK: Stream

    private static func stream(_ exchange: Exchange) {
        let given = exchange.request.fields["last-event-id"] ?? exchange.request.queryValue("after")
        if let given {
            guard let position = Int64(given), position >= 0 else {
                return exchange.fail(
                    Problems.invalidParameter("Last-Event-ID", "must be the id of an event"))
            }
            return resume(exchange, after: position)
        }
        exchange.withState { resume(exchange, after: $0.latestEventSequence) }
    }

    /// Looks at the first page before the stream is opened: a cursor that is too old is 410.
    private static func resume(_ exchange: Exchange, after position: Int64) {
        exchange.service.hub.page(after: position, limit: 1) { result in
            switch result {
            case .failure(let problem): exchange.fail(problem)
            case .success(let page):
                if position > 0, page.oldestSequence > position + 1 {
                    return exchange.fail(Problems.eventsGone(oldest: page.oldestSequence))
                }
                // From the beginning means from the first event that is kept.
                open(exchange, after: max(position, page.oldestSequence - 1))
            }
        }
    }

    private static func open(_ exchange: Exchange, after position: Int64) {
        let service = exchange.service
        let filter = EventFilter(exchange.request)
        guard let stream = exchange.openStream(type: "text/event-stream") else { return }
        stream.send(Array("retry: \(retryMilliseconds)\n\n".utf8))
        let reader = EventHub.Reader(after: position) { events in
            for event in events where filter.matches(event) {
                guard stream.send(text(of: event)) else { return false }
            }
            return true
        } fail: { _ in
            // The reader connects again and learns the reason as an ordinary answer.
            stream.finish()
        }
        let heartbeat = service.loop.schedule(
            afterMilliseconds: heartbeatMilliseconds, repeatingMilliseconds: heartbeatMilliseconds
        ) { stream.send(Array(":\n\n".utf8)) }
        stream.onClose = {
            service.loop.cancel(heartbeat)
            service.hub.remove(reader)
        }
        service.hub.add(reader)
    }

    /// One event in the format of the HTML standard §9.2.6; JSON holds no line end.
    static func text(of event: Event) -> [UInt8] {
        Array("id: \(event.sequence)\nevent: \(event.kind)\ndata: ".utf8)
            + ControlJSON.encode(event) + [0x0A, 0x0A]
    }

    // MARK: Audit

    @Sendable private static func audit(_ exchange: Exchange) {
        let after = exchange.request.queryValue("after").flatMap { Int64($0) } ?? 0
        let path = "/internal/v1/audit?after=\(after)&limit=\(exchange.limit)"
        exchange.service.client.get(AuditPage.self, path) { result in
            switch result {
            case .failure(let problem): exchange.fail(problem)
            case .success(let page):
                let next = page.records.last.flatMap { last in
                    last.sequence < page.latestSequence ? String(last.sequence) : nil
                }
                exchange.reply(
                    Page(items: page.records, nextCursor: next),
                    fields: next.map { [("Link", exchange.link(cursor: $0, name: "after"))] } ?? []
                )
            }
        }
    }
}

/// Which events a reader wants.
struct EventFilter {
    let cluster: String?
    let kind: String?

    init(_ request: HTTPRequest) {
        cluster = request.queryValue("cluster")
        kind = request.queryValue("kind")
    }

    func matches(_ event: Event) -> Bool {
        (cluster == nil || event.cluster == cluster) && (kind.map(event.kind.hasPrefix) ?? true)
    }
}
