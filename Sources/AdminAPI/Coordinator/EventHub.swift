// Fans the coordinator's events out to any number of readers with one long-poll.
//
//   coordinator ──one long-poll──► hub ──► readers whose position is the hub's
//        └───────pages without wait──────► readers that are behind, until they have caught up
//
// A reader keeps its own position; the hub keeps no history, so a reader that resumes costs one or
// more pages of the coordinator and nothing here.

import ControlModel
import EventLoop

final class EventHub {
    /// Events of one page.
    static let pageEventsMax = 500
    /// How long the coordinator holds the poll.
    static let waitMilliseconds: Int64 = 20_000
    /// Pause after a failed poll.
    static let retryMilliseconds: Int64 = 500

    /// Somebody who reads events from a position on.
    final class Reader {
        /// Sequence of the last event it has.
        fileprivate(set) var position: Int64
        /// Receives events in order; false ends the reader.
        fileprivate let deliver: ([Event]) -> Bool
        /// Receives the reason why it ends.
        fileprivate let fail: (Problem) -> Void
        fileprivate var isCatchingUp = false

        init(
            after position: Int64, deliver: @escaping ([Event]) -> Bool,
            fail: @escaping (Problem) -> Void
        ) {
            self.position = position
            self.deliver = deliver
            self.fail = fail
        }
    }

    private let client: CoordinatorClient
    private let loop: EventLoop
    private var readers: [ObjectIdentifier: Reader] = [:]
    private var position: Int64?
    private var isPolling = false

    init(client: CoordinatorClient, loop: EventLoop) {
        self.client = client
        self.loop = loop
    }

    /// Readers now.
    var readerCount: Int { readers.count }

    /// Serves a reader until it ends or is removed.
    func add(_ reader: Reader) {
        readers[ObjectIdentifier(reader)] = reader
        catchUp(reader)
    }

    func remove(_ reader: Reader) { readers[ObjectIdentifier(reader)] = nil }

    /// Reads one page without waiting.
    func page(
        after: Int64, limit: Int, _ completion: @escaping (Result<EventPage, Problem>) -> Void
    ) {
        client.get(
            EventPage.self, "/internal/v1/events?after=\(after)&waitMilliseconds=0&limit=\(limit)",
            completion: completion)
    }

    private func catchUp(_ reader: Reader) {
        guard !reader.isCatchingUp else { return }
        reader.isCatchingUp = true
        page(after: reader.position, limit: Self.pageEventsMax) { [weak self] result in
            guard let self, readers[ObjectIdentifier(reader)] != nil else { return }
            reader.isCatchingUp = false
            switch result {
            case .failure(let problem): end(reader, problem)
            case .success(let page):
                if page.oldestSequence > reader.position + 1 {
                    return end(reader, Problems.eventsGone(oldest: page.oldestSequence))
                }
                guard give(page.events, to: reader) else { return }
                if reader.position < max(page.latestSequence, position ?? 0) {
                    return page.events.isEmpty ? catchUpLater(reader) : catchUp(reader)
                }
                position = max(position ?? 0, reader.position)
                pollIfNeeded()
            }
        }
    }

    /// A page was empty although there should be more: looks again after a pause.
    private func catchUpLater(_ reader: Reader) {
        loop.schedule(afterMilliseconds: Self.retryMilliseconds) { [weak self] in
            guard let self, readers[ObjectIdentifier(reader)] != nil else { return }
            catchUp(reader)
        }
    }

    /// Whether the reader goes on.
    private func give(_ events: [Event], to reader: Reader) -> Bool {
        let new = events.filter { $0.sequence > reader.position }
        guard let last = new.last else { return true }
        reader.position = last.sequence
        if reader.deliver(new) { return true }
        remove(reader)
        return false
    }

    private func end(_ reader: Reader, _ problem: Problem) {
        remove(reader)
        reader.fail(problem)
    }

    private func pollIfNeeded() {
        guard !isPolling, !readers.isEmpty, let start = position else { return }
        isPolling = true
        let path =
            "/internal/v1/events?after=\(start)&waitMilliseconds=\(Self.waitMilliseconds)"
            + "&limit=\(Self.pageEventsMax)"
        client.get(EventPage.self, path, wait: Self.waitMilliseconds) { [weak self] result in
            guard let self else { return }
            isPolling = false
            switch result {
            case .success(let page): spread(page, from: start)
            case .failure:
                // Readers keep their positions and go on when the coordinator is back.
                loop.schedule(afterMilliseconds: Self.retryMilliseconds) { [weak self] in
                    self?.pollIfNeeded()
                }
            }
        }
    }

    private func spread(_ page: EventPage, from start: Int64) {
        if let last = page.events.last { position = max(position ?? 0, last.sequence) }
        for reader in Array(readers.values) where !reader.isCatchingUp {
            if reader.position >= start {
                _ = give(page.events, to: reader)
            } else {
                catchUp(reader)
            }
        }
        pollIfNeeded()
    }
}
