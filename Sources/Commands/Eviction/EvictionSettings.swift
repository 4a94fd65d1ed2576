// The directives about memory, as the command core needs them.
public import Store

/// How much memory data may take, and what goes when it is too much.
public struct EvictionSettings: Equatable, Sendable {
    /// Bytes of data, tables and buffers of clients; 0: no limit (`maxmemory`).
    public var memoryBytesMax = 0
    /// What goes (`maxmemory-policy`).
    public var policy = EvictionPolicy.noEviction
    /// Keys looked at per database before one is chosen (`maxmemory-samples`).
    public var samples = 5
    /// How long one slice may take, 0 … 100 (`maxmemory-eviction-tenacity`).
    public var tenacity = 10
    /// A replica leaves it to its master what is evicted (`replica-ignore-maxmemory`).
    public var replicaIgnoresLimit = true
    /// How slowly counters of accesses rise (`lfu-log-factor`).
    public var frequencyLogFactor = 10
    /// Minutes in which an unused counter falls by one; 0: never (`lfu-decay-time`).
    public var frequencyDecayMinutes = 1

    /// The built-in defaults.
    public init() {}

    /// Longest slice: 50 µs for each step up to 10, then 15 % more for each; 100 knows no limit.
    var sliceNanoseconds: Int64 {
        if tenacity <= 10 { return Int64(tenacity) * 50_000 }
        if tenacity >= 100 { return .max }
        var limit = 500_000.0
        for _ in 10..<tenacity { limit *= 1.15 }
        return Int64(limit)
    }
}

/// What came of an attempt to make room.
public enum MemoryRelief: Sendable {
    /// Memory is within the limit, or there is none to keep now.
    case enough
    /// Keys were evicted for as long as one slice may take; there is more to do.
    case unfinished
    /// Nothing more may go: commands that need memory are refused.
    case failed
}
