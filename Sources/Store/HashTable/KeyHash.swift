// The hash of a key, computed once per command and passed along.

public import Bytes

/// The keyed hash of a key; equal in every database of a keyspace.
public struct KeyHash: Equatable, Sendable, BitwiseCopyable {
    /// The 64 bits: the top ones choose the segment, the next the bucket, the low byte the tag.
    public let value: UInt64

    @inlinable
    init(value: UInt64) { self.value = value }
}

/// Computes the hash of keys under the secret of the process.
public struct KeyHasher: Sendable {
    @usableFromInline let key: SipKey
    @usableFromInline let mask: UInt64

    /// A hasher with a secret `key`. Tests pass a `mask` of the bits that are kept, to make keys
    /// collide.
    public init(key: SipKey, mask: UInt64 = .max) {
        self.key = key
        self.mask = mask
    }

    /// The hash of `bytes`.
    @inlinable
    public func hash(_ bytes: ByteSlice) -> KeyHash {
        KeyHash(value: SipHash13.hash(bytes, key: key) & mask)
    }
}
