// The coordinator's state as of a moment ago, kept current by one long-poll. Tokens are checked
// against it; whoever reads a resource asks the coordinator anew, so that offsets and ages are
// those of now and a caller reads what it has written.

import ControlModel
import EventLoop

final class StateCache {
    /// How long the coordinator holds an unchanged state.
    static let waitMilliseconds: Int64 = 20_000
    /// Pause after a failure, and the least distance of two polls.
    static let retryMilliseconds: Int64 = 250

    private(set) var snapshot: StateSnapshot?
    /// Why the last poll failed; nil while they succeed.
    private(set) var failure: Problem?
    /// Runs after each new snapshot.
    var onChange: ((StateSnapshot) -> Void)?

    private let client: CoordinatorClient
    private let loop: EventLoop
    private var tokensByHash: [String: TokenRecord] = [:]
    private var isStopped = false

    init(client: CoordinatorClient, loop: EventLoop) {
        self.client = client
        self.loop = loop
    }

    /// Whether the coordinator answered the last poll.
    var isLive: Bool { snapshot != nil && failure == nil }

    /// The token of a digest.
    func token(hash: String) -> TokenRecord? { tokensByHash[hash] }

    /// Polls until `stop`.
    func start() { poll() }

    func stop() { isStopped = true }

    /// Reads the state now.
    func fetch(_ completion: @escaping (Result<StateSnapshot, Problem>) -> Void) {
        client.get(StateSnapshot.self, "/internal/v1/state") { [weak self] result in
            if case .success(let snapshot) = result { self?.accept(snapshot) }
            completion(result)
        }
    }

    /// Takes a snapshot unless a newer one is here: answers may overtake each other.
    private func accept(_ new: StateSnapshot) {
        if let old = snapshot, old.instance == new.instance, old.generation > new.generation {
            return
        }
        snapshot = new
        tokensByHash = Dictionary(new.tokens.map { ($0.secretHash, $0) }) { first, _ in first }
        onChange?(new)
    }

    private func poll() {
        guard !isStopped else { return }
        // The first poll, and the first after a failure, do not wait: they say whether it lives.
        let known = failure == nil ? snapshot?.generation : nil
        let wait = known == nil ? 0 : Self.waitMilliseconds
        let path =
            known.map { "/internal/v1/state?after=\($0)&waitMilliseconds=\(wait)" }
            ?? "/internal/v1/state"
        client.get(StateSnapshot.self, path, wait: wait) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let snapshot):
                failure = nil
                let isNew = snapshot.generation != known
                accept(snapshot)
                isNew ? poll() : pollLater()
            case .failure(let problem):
                failure = problem
                pollLater()
            }
        }
    }

    private func pollLater() {
        loop.schedule(afterMilliseconds: Self.retryMilliseconds) { [weak self] in self?.poll() }
    }
}
