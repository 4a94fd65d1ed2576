// The coordinator's internal API as this service uses it. Requests run on the HTTP client's thread;
// their results come back through the loop's mailbox, so callers live on the loop's thread alone.
//
//   caller ── get/send ──► HTTPClient (libcurl thread)
//      ▲                        │ completion: bytes only
//      └── completions[id] ◄────┘ LoopBound.post

import ControlModel
import EventLoop
import HTTPClient
import Platform

/// What reaches the coordinator.
final class CoordinatorClient {
    typealias Completion<Value> = (Result<Value, Problem>) -> Void
    private typealias Outcome = Result<HTTPClient.Response, HTTPClientError>

    /// How long a plain request may take.
    static let requestMilliseconds = 10_000
    /// How much longer than its wait a long-poll may take.
    static let reserveMilliseconds = 5_000

    private let origin: String
    private let secret: String
    private let client: HTTPClient
    private let loop: EventLoop
    private var completions: [UInt64: (Outcome) -> Void] = [:]
    private var nextID: UInt64 = 0
    private lazy var bound = LoopBound(WeakClient(self), loop: loop)

    private struct WeakClient {
        weak var client: CoordinatorClient?
        init(_ client: CoordinatorClient) { self.client = client }
    }

    /// A client of the coordinator at `origin`, such as `http://127.0.0.1:7200`.
    init(origin: String, secret: String, loop: EventLoop) throws(SystemError) {
        var trimmed = origin
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.origin = trimmed
        self.secret = secret
        self.loop = loop
        client = try HTTPClient(name: "coordinator")
    }

    /// Reads `path` below the internal API. `wait` is how long the coordinator may hold the answer.
    func get<Value: Decodable & Sendable>(
        _ type: Value.Type, _ path: String, wait: Int64 = 0, completion: @escaping Completion<Value>
    ) {
        start(method: "GET", path, body: nil, wait: wait) { outcome in
            completion(Self.decode(type, outcome, isCommand: false))
        }
    }

    /// Sends a command.
    func send(_ command: InternalCommand, completion: @escaping Completion<CommandAnswer>) {
        start(
            method: "POST", "/internal/v1/commands", body: ControlJSON.encode(command), wait: 0
        ) { outcome in
            completion(Self.decode(CommandAnswer.self, outcome, isCommand: true))
        }
    }

    /// Ends the client's thread; what is under way is dropped.
    func close() {
        completions.removeAll()
        client.close()
    }

    private func start(
        method: String, _ path: String, body: [UInt8]?, wait: Int64,
        completion: @escaping (Outcome) -> Void
    ) {
        var headers = [
            HTTPClient.Header("Authorization", "Bearer \(secret)"),
            HTTPClient.Header("Accept", "application/json"),
        ]
        if body != nil { headers.append(HTTPClient.Header("Content-Type", "application/json")) }
        nextID += 1
        let id = nextID
        completions[id] = completion
        let limit =
            wait > 0 ? Int(wait) + Self.reserveMilliseconds : Self.requestMilliseconds
        let request = HTTPClient.Request(
            method: method, url: origin + path, headers: headers, body: body,
            timeoutMilliseconds: limit, responseBytesMax: 64 << 20, allowsNames: true)
        let bound = bound
        client.submit(request) { outcome in
            bound.post { $0.client?.finish(id, outcome) }
        }
    }

    private func finish(_ id: UInt64, _ outcome: Outcome) {
        completions.removeValue(forKey: id)?(outcome)
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ outcome: Outcome, isCommand: Bool
    ) -> Result<Value, Problem> {
        switch outcome {
        case .failure(let error):
            if isCommand && !error.isBeforeConnection { return .failure(Problems.unknownOutcome) }
            return .failure(Problems.unavailable("\(error)"))
        case .success(let response) where (200..<300).contains(response.status):
            do {
                return .success(try ControlJSON.decode(type, from: response.body))
            } catch {
                return .failure(
                    Problems.unavailable("its answer is unreadable at \(error.pointer)"))
            }
        case .success(let response):
            return .failure(problem(response))
        }
    }

    /// Passes a problem on; a refusal of our own secret is no refusal of the caller's token.
    private static func problem(_ response: HTTPClient.Response) -> Problem {
        if response.status == 401 || response.status == 403 {
            return Problems.unavailable("it refuses the cluster secret of this service")
        }
        if let problem = try? ControlJSON.decode(Problem.self, from: response.body),
            (400...599).contains(problem.status)
        {
            return problem
        }
        return Problems.unavailable("it answered \(response.status)")
    }
}
