// A thing that an event loop watches: a socket, a signal descriptor, a wake counter.
public import Platform

/// Receives the readiness of one descriptor. Subclasses own their descriptor and deregister before
/// they close it; the loop keeps a registered channel alive.
open class Channel {
    // Both are written by the loop on its thread only.
    final var registration: Registration?

    /// A channel that is not registered.
    public init() {}

    /// Whether the loop watches this channel.
    public final var isRegistered: Bool { registration != nil }

    /// The descriptor is ready. Runs on the loop's thread. Level-triggered: what is left undone is
    /// reported again in the next turn.
    open func ready(_ readiness: Readiness) {}
}

/// The place of a channel in the loop's table.
///
/// The generation tells a registration from an earlier one under the same descriptor number: an
/// event that was fetched before the number was closed and reused is dropped.
struct Registration: Equatable {
    var descriptor: Int32
    var generation: UInt32
    var interest: Readiness

    /// What the kernel hands back with each event: generation in the high half.
    var token: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor)) }
}
