// One chunk in reserve, backed by the kernel before it is needed.
//
//   table's thread ── take() ──► │ prepared │ ◄── refill() ── another thread
//                       └── asks for the next ──────────►┘
//
// A table that finds the place empty takes a plain chunk instead: it never waits.

internal import Synchronization

/// Hands out prepared chunks. Any number of tables of any thread share it.
public final class ChunkSupply: Sendable {
    /// Address of the chunk in reserve; 0 when there is none.
    private let prepared = Atomic<UInt>(0)
    private let isRefillRequested = Atomic<Bool>(false)
    private let requestRefill: @Sendable (ChunkSupply) -> Void

    /// A supply without a chunk yet. `requestRefill` has `refill` called soon, best on a thread for
    /// which milliseconds do not matter.
    public init(requestRefill: @escaping @Sendable (ChunkSupply) -> Void) {
        self.requestRefill = requestRefill
    }

    /// The prepared chunk, if there is one; asks for the next.
    func take() -> Chunk? {
        let chunk = Chunk(address: prepared.exchange(0, ordering: .acquiring))
        if !isRefillRequested.exchange(true, ordering: .relaxed) { requestRefill(self) }
        return chunk
    }

    /// Prepares a chunk; takes up to milliseconds. A kernel that has no memory to spare leaves the
    /// place empty.
    public func refill() {
        let chunk = Chunk.reserve()
        if chunk.prepare() {
            let earlier = prepared.exchange(chunk.address, ordering: .releasing)
            Chunk(address: earlier)?.release()
        } else {
            chunk.release()
        }
        isRefillRequested.store(false, ordering: .relaxed)
    }

    deinit { Chunk(address: prepared.load(ordering: .relaxed))?.release() }
}
