// What a group and a consumer were when their stream was frozen.
//
// Groups and consumers are not touched when their stream is frozen. One that changes before it was
// read keeps an image first; one that is read keeps it then. An image shares the pending entries
// with what it is of (see StreamOrder), so it costs a word for every 256 of them. It goes as soon
// as it has been read.

/// A group at one moment.
final class FrozenGroup {
    let lastID: StreamID
    let entriesRead: Int64
    let consumers: [StreamConsumer]
    let pending: FrozenOrder<PendingEntry>
    /// How many consumers the reader has begun with.
    var consumersRead = 0

    init(
        lastID: StreamID, entriesRead: Int64, consumers: [StreamConsumer],
        pending: FrozenOrder<PendingEntry>
    ) {
        self.lastID = lastID
        self.entriesRead = entriesRead
        self.consumers = consumers
        self.pending = pending
    }
}

/// A consumer at one moment.
final class FrozenConsumer {
    let seenAt: Int64
    let activeAt: Int64
    let pending: FrozenOrder<PendingID>

    init(seenAt: Int64, activeAt: Int64, pending: FrozenOrder<PendingID>) {
        self.seenAt = seenAt
        self.activeAt = activeAt
        self.pending = pending
    }
}

/// What the groups and consumers of one stream share.
final class StreamCommons {
    /// Bytes of memory, which they account for together.
    var bytes = 0
    /// The epoch of the stream while it is frozen; else 0.
    var freeze = 0
}
