// What the service is told at its start.

import HTTPTransport

/// Settings of one process of the admin API.
struct AdminSettings {
    /// Where the coordinator's internal API is.
    var coordinator: String
    /// The cluster secret, shared with the coordinator.
    var secret: String
    /// The bootstrap token; nil if there is none.
    var bootstrapToken: String?
    /// Limits of the HTTP server.
    var limits = HTTPServerLimits()
    /// How long answers under way may take at the end.
    var drainMilliseconds: Int64 = 10_000
}
