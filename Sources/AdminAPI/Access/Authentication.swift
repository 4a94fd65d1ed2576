// Who asks: the bearer token of a request (RFC 6750 §2.1), found by its SHA-256 in the
// coordinator's state. A token that is not known yet may have been made a moment ago through
// another process of this service, so the state is read anew before it is refused.

import APIContract
import Bytes
import ControlModel
import HTTPWire
import Platform

/// Who asks.
struct Actor {
    var name: String
    var role: AccessRole

    /// Whether the role includes the scope.
    func may(_ scope: Scope) -> Bool {
        switch scope {
        case .open: true
        case .view: role >= .viewer
        case .operate: role >= .operator
        case .administer: role >= .admin
        }
    }
}

final class Authentication {
    private let cache: StateCache
    private var limiter = FailureLimiter()
    /// Requests refused for want of a valid token.
    private(set) var failureCount: Int64 = 0

    init(cache: StateCache) { self.cache = cache }

    /// Finds who asks, and says so at once or after a look at the coordinator.
    func identify(
        _ request: HTTPRequest, address: String, now: Int64,
        _ completion: @escaping (Result<Actor, Problem>) -> Void
    ) {
        guard let secret = Self.bearer(request.fields["authorization"]) else {
            failureCount += 1
            return completion(.failure(Problems.unauthorized("the request carries no token")))
        }
        let hash = SHA256.hexadecimal(Array(secret.utf8))
        if let record = cache.token(hash: hash) { return completion(check(record)) }
        if limiter.failed(address, now: now) {
            failureCount += 1
            return completion(.failure(Problems.tooManyFailures))
        }
        cache.fetch { [self] result in
            switch result {
            case .failure(let problem): completion(.failure(problem))
            case .success:
                guard let record = cache.token(hash: hash) else {
                    failureCount += 1
                    return completion(.failure(Problems.unauthorized("the token is not known")))
                }
                completion(check(record))
            }
        }
    }

    private func check(_ record: TokenRecord) -> Result<Actor, Problem> {
        if let end = record.expiresAt, end.milliseconds <= Clock.wallMilliseconds() {
            return .failure(Problems.unauthorized("the token has expired"))
        }
        return .success(Actor(name: record.name, role: record.role))
    }

    /// The credentials of the scheme `Bearer`, whose name is compared without case.
    static func bearer(_ field: String?) -> String? {
        guard let field, let space = field.firstIndex(of: " "),
            field[..<space].lowercased() == "bearer"
        else { return nil }
        let token = field[field.index(after: space)...].drop { $0 == " " }
        return token.isEmpty || token.contains(" ") ? nil : String(token)
    }
}
