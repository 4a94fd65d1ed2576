// Which log file holds which part of the stream, and which files may go.
//
//   first offset of a segment = last offset of the one before it + 1; a gap (a full sync, a foreign
//   file) starts the map anew, since nobody can be served across it.
//
//   │ unlisted: kept for the backlog … │ listed in the manifest: needed by the base │ open │

/// One log file of the stream.
public struct LogSegment: Equatable, Sendable {
    /// Sequence number of the file.
    public var sequence: Int64
    /// Last stream byte before the file.
    public var offsetBefore: Int64
    /// Last stream byte in the file.
    public var offsetLast: Int64
    /// Bytes at the start of the file that are not part of the stream.
    public var localPrefixBytes: Int64
    /// Wall clock in milliseconds of the file's last byte.
    public var wallMilliseconds: Int64
    /// Whether the manifest lists the file.
    public var isListed: Bool

    /// A segment.
    public init(
        sequence: Int64, offsetBefore: Int64, offsetLast: Int64, localPrefixBytes: Int64,
        wallMilliseconds: Int64, isListed: Bool
    ) {
        self.sequence = sequence
        self.offsetBefore = offsetBefore
        self.offsetLast = offsetLast
        self.localPrefixBytes = localPrefixBytes
        self.wallMilliseconds = wallMilliseconds
        self.isListed = isListed
    }

    /// Stream bytes in the file.
    public var streamBytes: Int64 { offsetLast - offsetBefore }
    /// Bytes of the file.
    public var fileBytes: Int64 { streamBytes + localPrefixBytes }
}

/// The segments of one unbroken stretch of the stream, oldest first; the last one is open.
public struct SegmentMap: Equatable, Sendable {
    /// The segments, oldest first.
    public private(set) var segments: [LogSegment] = []

    /// An empty map.
    public init() {}

    /// Number of the first byte that a file holds; nil without a file.
    public var firstOffset: Int64? { segments.first.map { $0.offsetBefore + 1 } }
    /// Bytes of all files.
    public var fileBytes: Int64 { segments.reduce(0) { $0 + $1.fileBytes } }

    /// Adds a segment at the new end. Returns the segments it cuts off because it does not go on
    /// where the last one ended.
    public mutating func append(_ segment: LogSegment) -> [LogSegment] {
        var orphans: [LogSegment] = []
        if let last = segments.last, last.offsetLast != segment.offsetBefore {
            orphans = segments
            segments = []
        }
        segments.append(segment)
        return orphans
    }

    /// Adds a segment at the old end, if the stream goes on from it to the oldest; says whether it
    /// does.
    public mutating func prepend(_ segment: LogSegment) -> Bool {
        guard let first = segments.first, segment.offsetLast == first.offsetBefore else {
            return false
        }
        segments.insert(segment, at: 0)
        return true
    }

    /// Moves the end of the open segment.
    public mutating func extend(to offsetLast: Int64, wallMilliseconds: Int64) {
        guard let last = segments.indices.last else { return }
        segments[last].offsetLast = offsetLast
        segments[last].wallMilliseconds = wallMilliseconds
    }

    /// The file that holds the byte `offset` and the byte's position in it; nil when none does.
    public func locate(_ offset: Int64) -> (segment: LogSegment, filePosition: Int64)? {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].offsetLast < offset { low = middle + 1 } else { high = middle }
        }
        guard low < segments.count, segments[low].offsetBefore < offset else { return nil }
        let segment = segments[low]
        return (segment, segment.localPrefixBytes + offset - segment.offsetBefore - 1)
    }

    /// Marks the segments with a sequence below `sequence` as no longer listed.
    public mutating func unlist(below sequence: Int64) {
        for index in segments.indices where segments[index].sequence < sequence {
            segments[index].isListed = false
        }
    }

    /// Marks the segments with a sequence from `sequence` on as listed.
    public mutating func list(from sequence: Int64) {
        for index in segments.indices where segments[index].sequence >= sequence {
            segments[index].isListed = true
        }
    }

    /// Takes out the segments that `retention` no longer allows, oldest first. A listed segment,
    /// the open one, and one that holds a byte from `pinnedOffset` on always stay.
    public mutating func retire(
        _ retention: LogRetention, nowMilliseconds: Int64, pinnedOffset: Int64 = .max
    ) -> [LogSegment] {
        var retired: [LogSegment] = []
        while segments.count > 1, let oldest = segments.first, !oldest.isListed,
            oldest.offsetLast < pinnedOffset,
            fileBytes > retention.bytesMax
                || nowMilliseconds - oldest.wallMilliseconds > retention.millisecondsMax
        {
            retired.append(oldest)
            segments.removeFirst()
        }
        return retired
    }
}

/// How much log is kept beyond what the base needs: by age and by size, whichever is less.
public struct LogRetention: Equatable, Sendable {
    /// Largest age in milliseconds of the newest byte of a kept file.
    public var millisecondsMax: Int64
    /// Largest sum of bytes of all log files.
    public var bytesMax: Int64

    /// A retention; the defaults are one hour and 4 GB.
    public init(
        millisecondsMax: Int64 = LogLimits.retentionMilliseconds,
        bytesMax: Int64 = LogLimits.retentionBytes
    ) {
        self.millisecondsMax = millisecondsMax
        self.bytesMax = bytesMax
    }
}
