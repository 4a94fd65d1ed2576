// Requests to the control ports of nodes: health probes, orders, waits for offsets. All of them
// go through one libcurl client with kept-alive connections; bodies are read on its thread and
// the values posted to the loop.

import ControlModel
import EventLoop
import HTTPClient
import Platform
import Topology

/// Reaches nodes. Lives on the loop's thread.
final class NodeGateway {
    /// Largest answer of a node that is read.
    static let answerBytesMax = 1 << 20

    private final class Callbacks {
        var probes: [UInt64: (ProbeResult.Outcome) -> Void] = [:]
        var requests: [UInt64: (RequestOutcome) -> Void] = [:]
    }

    private let client: HTTPClient
    private let secret: String
    private let addresses: AddressBook
    private let callbacks = Callbacks()
    private let bound: LoopBound<Callbacks>
    private var lastID: UInt64 = 0

    init(secret: String, loop: EventLoop) throws(SystemError) {
        self.secret = secret
        client = try HTTPClient(name: "nodes")
        addresses = try AddressBook(loop: loop)
        bound = LoopBound(callbacks, loop: loop)
    }

    /// Asks a node for its health. `completion` runs later on the loop's thread, exactly once.
    func probe(
        _ control: Endpoint, deadlineMilliseconds: Int64,
        completion: @escaping (ProbeResult.Outcome) -> Void
    ) {
        lastID += 1
        let id = lastID
        callbacks.probes[id] = completion
        guard let origin = addresses.origin(of: control) else {
            return finishProbe(id, .failed(.unreachable))
        }
        let request = HTTPClient.Request(
            url: origin + "/health", timeoutMilliseconds: Int(deadlineMilliseconds),
            connectTimeoutMilliseconds: Int(deadlineMilliseconds),
            responseBytesMax: Self.answerBytesMax)
        let bound = bound
        client.submit(request) { result in
            let outcome = Self.probeOutcome(result)
            bound.post { $0.probes.removeValue(forKey: id)?(outcome) }
        }
    }

    private func finishProbe(_ id: UInt64, _ outcome: ProbeResult.Outcome) {
        bound.post { $0.probes.removeValue(forKey: id)?(outcome) }
    }

    /// A node that does not answer may have moved: its name is asked for again.
    func noteSilence(_ control: Endpoint) { addresses.refresh(control) }

    /// Sends what an effect asked for. `completion` runs later on the loop's thread, once.
    func send(_ request: NodeRequest, completion: @escaping (RequestOutcome) -> Void) {
        lastID += 1
        let id = lastID
        callbacks.requests[id] = completion
        let bound = bound
        guard let origin = addresses.origin(of: request.control) else {
            bound.post { $0.requests.removeValue(forKey: id)?(.failed(.unreachable)) }
            return
        }
        let isOrder: Bool
        if case .order = request.message { isOrder = true } else { isOrder = false }
        client.submit(exchange(request, origin: origin)) { result in
            let outcome = isOrder ? Self.orderOutcome(result) : Self.offsetOutcome(result)
            bound.post { $0.requests.removeValue(forKey: id)?(outcome) }
        }
    }

    private func exchange(_ request: NodeRequest, origin: String) -> HTTPClient.Request {
        let authorization = HTTPClient.Header("Authorization", "Bearer \(secret)")
        let limit = Int(max(1, request.deadlineMilliseconds))
        switch request.message {
        case .order(let order):
            return HTTPClient.Request(
                method: "POST", url: origin + "/orders",
                headers: [authorization, .init("Content-Type", "application/json")],
                body: ControlJSON.encode(order), timeoutMilliseconds: limit,
                connectTimeoutMilliseconds: limit, responseBytesMax: Self.answerBytesMax)
        case .waitOffset(let replicationID, let offset, let timeout):
            let query =
                "replicationID=\(replicationID)&offset=\(offset)&timeoutMilliseconds=\(timeout)"
            return HTTPClient.Request(
                url: origin + "/wait-offset?" + query, headers: [authorization],
                timeoutMilliseconds: limit, connectTimeoutMilliseconds: limit,
                responseBytesMax: Self.answerBytesMax)
        }
    }

    /// Ends the client and the resolver; what is under way is dropped.
    func close() {
        callbacks.probes = [:]
        callbacks.requests = [:]
        client.close()
        addresses.close()
    }

    // MARK: - Answers, on the client's thread

    private typealias Outcome = Result<HTTPClient.Response, HTTPClientError>

    private static func probeOutcome(_ result: Outcome) -> ProbeResult.Outcome {
        switch result {
        case .failure(let error): return .failed(failure(error))
        case .success(let response):
            if let refusal = refusal(response) { return .failed(refusal) }
            guard let report = try? ControlJSON.decode(HealthReport.self, from: response.body)
            else { return .failed(.malformed) }
            return .report(report)
        }
    }

    private static func orderOutcome(_ result: Outcome) -> RequestOutcome {
        switch result {
        case .failure(let error): return .failed(failure(error))
        case .success(let response):
            if let answer = try? ControlJSON.decode(OrderAnswer.self, from: response.body) {
                return .order(answer)
            }
            if let refusal = refusal(response) { return .failed(refusal) }
            guard let problem = try? ControlJSON.decode(Problem.self, from: response.body) else {
                return .failed(.malformed)
            }
            return .order(
                OrderAnswer(
                    accepted: false, epoch: -1, replicationID: "", offset: -1, problem: problem))
        }
    }

    private static func offsetOutcome(_ result: Outcome) -> RequestOutcome {
        switch result {
        case .failure(let error): return .failed(failure(error))
        case .success(let response):
            if let refusal = refusal(response) { return .failed(refusal) }
            guard let answer = try? ControlJSON.decode(OffsetAnswer.self, from: response.body)
            else { return .failed(.malformed) }
            return .offset(answer)
        }
    }

    private static func refusal(_ response: HTTPClient.Response) -> ProbeFailure? {
        response.status == 401 || response.status == 403 ? .unauthorized : nil
    }

    static func failure(_ error: HTTPClientError) -> ProbeFailure {
        switch error {
        case .refused: .refused
        case .reset, .closed: .reset
        case .timeout, .connectTimeout: .timeout
        case .malformedResponse, .responseTooLarge: .malformed
        case .invalidURL, .nameNotAllowed, .unresolved, .unreachable, .insecure, .cancelled,
            .clientClosed, .tooManyRequests, .other:
            .unreachable
        }
    }
}
