// Which keys make room when memory is short.

/// The policies of `maxmemory-policy`, by their names.
public enum EvictionPolicy: String, CaseIterable, Sendable {
    /// Of the keys that expire, those not used for the longest time.
    case volatileLRU = "volatile-lru"
    /// Of the keys that expire, those used least often.
    case volatileLFU = "volatile-lfu"
    /// Of the keys that expire, any.
    case volatileRandom = "volatile-random"
    /// Of the keys that expire, those with the least time left.
    case volatileTTL = "volatile-ttl"
    /// Those not used for the longest time.
    case allKeysLRU = "allkeys-lru"
    /// Those used least often.
    case allKeysLFU = "allkeys-lfu"
    /// Any.
    case allKeysRandom = "allkeys-random"
    /// None: commands that need memory are refused.
    case noEviction = "noeviction"

    /// Only keys with an expiry time may go.
    public var isVolatile: Bool {
        switch self {
        case .volatileLRU, .volatileLFU, .volatileRandom, .volatileTTL: true
        case .allKeysLRU, .allKeysLFU, .allKeysRandom, .noEviction: false
        }
    }

    /// Accesses are counted.
    public var countsAccesses: Bool { self == .volatileLFU || self == .allKeysLFU }

    /// The time of the last access decides.
    public var usesRecency: Bool { self == .volatileLRU || self == .allKeysLRU }

    /// Any key is as good as another.
    public var isRandom: Bool { self == .volatileRandom || self == .allKeysRandom }
}
