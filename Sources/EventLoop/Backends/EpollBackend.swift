// The table of registered channels over epoll.
//
//   slots[descriptor] = channel and generation     epoll token = generation │ descriptor
//
// Invariants
//   a slot holds a channel exactly while epoll watches its descriptor;
//   generations grow by one with each registration, over all descriptors (2^32 of them would have
//   to pass between the fetch of an event and its delivery before a stale one could be mistaken).
import Platform

/// Descriptors watched with epoll, level-triggered, and whom each belongs to.
struct EpollBackend: ~Copyable {
    /// Most events taken in one turn; the rest is reported in the next.
    static let eventsPerTurnMax = 1_024

    private struct Slot {
        var channel: Channel?
        var generation: UInt32 = 0
    }

    private let epoll: Epoll
    private var slots: [Slot] = []
    private var generationLast: UInt32 = 0
    /// Number of registered channels.
    private(set) var count = 0

    init() throws(SystemError) {
        epoll = try Epoll(batchMax: EpollBackend.eventsPerTurnMax)
    }

    mutating func register(
        _ channel: Channel, descriptor: Int32, interest: Readiness
    ) throws(SystemError) {
        precondition(channel.registration == nil, "the channel is registered already")
        let index = Int(descriptor)
        while slots.count <= index { slots.append(Slot()) }
        precondition(slots[index].channel == nil, "the descriptor belongs to another channel")
        generationLast &+= 1
        let registration = Registration(
            descriptor: descriptor, generation: generationLast, interest: interest)
        try epoll.add(descriptor, interest, token: registration.token)
        slots[index] = Slot(channel: channel, generation: generationLast)
        channel.registration = registration
        count += 1
    }

    mutating func modify(_ channel: Channel, interest: Readiness) {
        guard var registration = channel.registration else {
            preconditionFailure("the channel is not registered")
        }
        if registration.interest == interest { return }
        registration.interest = interest
        do {
            try epoll.modify(registration.descriptor, interest, token: registration.token)
        } catch {
            // A watched descriptor cannot be refused: only a closed one is.
            preconditionFailure("the descriptor was closed while registered: \(error)")
        }
        channel.registration = registration
    }

    mutating func deregister(_ channel: Channel) {
        guard let registration = channel.registration else { return }
        do {
            try epoll.remove(registration.descriptor)
        } catch {
            preconditionFailure("the descriptor was closed while registered: \(error)")
        }
        slots[Int(registration.descriptor)].channel = nil
        channel.registration = nil
        count -= 1
    }

    /// All registered channels.
    var channels: [Channel] { slots.compactMap(\.channel) }

    func wait(timeoutMilliseconds: Int32) -> Int {
        epoll.wait(timeoutMilliseconds: timeoutMilliseconds)
    }

    func readiness(at index: Int) -> Readiness { epoll.readiness(at: index) }

    /// The channel of event `index`; nil if it was deregistered after the event was fetched, even
    /// if its descriptor number has a new owner.
    func channel(at index: Int) -> Channel? {
        let token = epoll.token(at: index)
        let slot = slots[Int(token & 0xFFFF_FFFF)]
        return slot.generation == UInt32(token >> 32) ? slot.channel : nil
    }
}
