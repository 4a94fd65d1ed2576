// What the node counts about itself. Engine thread only.
//
// Per turn, not per command: the end of a turn adds what its sessions did. Rates are averages over
// the last 16 samples of the cron, as in Redis.

/// A rate per second from samples of a growing total.
struct RateSamples {
    private static let sampleCount = 16

    private var rates = [Int64](repeating: 0, count: RateSamples.sampleCount)
    private var next = 0
    private var totalLast: Int64 = 0
    private var timeLastMilliseconds: Int64 = 0

    /// Takes a sample of `total` at a monotonic time.
    mutating func sample(_ total: Int64, nowMilliseconds now: Int64) {
        let elapsed = now - timeLastMilliseconds
        if timeLastMilliseconds > 0 && elapsed > 0 {
            rates[next] = (total - totalLast) * 1_000 / elapsed
            next = (next + 1) % RateSamples.sampleCount
        }
        totalLast = total
        timeLastMilliseconds = now
    }

    /// The mean of the samples.
    var perSecond: Int64 { rates.reduce(0, +) / Int64(RateSamples.sampleCount) }
}

/// Counters of one node since its start or CONFIG RESETSTAT.
struct Statistics {
    /// Connections that were accepted.
    var connectionsReceived: Int64 = 0
    /// Connections that were refused because of `maxclients` or protected mode.
    var connectionsRejected: Int64 = 0
    /// Reads from clients' sockets that brought something, and flushes of their output.
    var reads: Int64 = 0
    var writes: Int64 = 0
    /// Keys that the last load of a file brought.
    var keysLoaded: Int64 = 0
    /// Data sets received from an upstream.
    var fullSyncsReceived: Int64 = 0
    /// Bytes received from the upstream, snapshots included.
    var replicationInputBytes: Int64 = 0
    /// Bytes sent to replicas, snapshots included.
    var replicationOutputBytes: Int64 = 0
    /// Bytes received from clients.
    var inputBytes: Int64 = 0
    /// Bytes sent to clients that are no replicas.
    var outputBytes: Int64 = 0
    /// Clients closed because their input grew too large.
    var queryLimitDisconnections: Int64 = 0
    /// Clients closed because their output grew too large.
    var outputLimitDisconnections: Int64 = 0
    /// Turns of the loop, and the microseconds they took without waiting.
    var turns: Int64 = 0
    var turnMicroseconds: Int64 = 0
    /// Longest turn without waiting.
    var turnMicrosecondsMax: Int64 = 0
    /// Largest memory use that a sample has seen.
    var memoryPeakBytes: Int64 = 0

    var commandRate = RateSamples()
    var inputRate = RateSamples()
    var outputRate = RateSamples()
    var replicationInputRate = RateSamples()
    var replicationOutputRate = RateSamples()
    var turnRate = RateSamples()
    /// Microseconds in turns per second, divided by the turn rate: the mean length of a turn.
    var turnTimeRate = RateSamples()

    /// A turn took this long without its wait.
    @inline(__always)
    mutating func addTurn(microseconds: Int64) {
        turns &+= 1
        turnMicroseconds &+= microseconds
        if microseconds > turnMicrosecondsMax { turnMicrosecondsMax = microseconds }
    }

    /// Samples all rates; `commands` is the engine's total.
    mutating func sample(commands: Int64, nowMilliseconds now: Int64) {
        commandRate.sample(commands, nowMilliseconds: now)
        inputRate.sample(inputBytes, nowMilliseconds: now)
        outputRate.sample(outputBytes, nowMilliseconds: now)
        replicationInputRate.sample(replicationInputBytes, nowMilliseconds: now)
        replicationOutputRate.sample(replicationOutputBytes, nowMilliseconds: now)
        turnRate.sample(turns, nowMilliseconds: now)
        turnTimeRate.sample(turnMicroseconds, nowMilliseconds: now)
    }
}
