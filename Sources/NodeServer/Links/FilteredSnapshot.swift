// The snapshot of a peer that wants no keys (`rdb-filter-only`): the function libraries, or
// nothing. Small enough to be made at once and kept in memory; nobody else is given it.

import Bytes
import EventLoop
import Log
import Persistence

/// A whole RDB file without keys.
final class FilteredSnapshot: LinkSnapshot {
    let position: ReplicationPosition
    private let bytes: [UInt8]
    private let loop: EventLoop

    /// Of what `snapshots` covers now; everything the engine has produced must be in the log.
    init(of snapshots: Snapshots, functions: Bool) {
        loop = snapshots.loop
        position = snapshots.log.position
        var formatter = SnapshotFormatter(
            compresses: snapshots.settings.compresses, checksums: snapshots.settings.checksums)
        var output = ByteBuffer()
        let encoder = SnapshotEncoder { formatter.append($0, to: &output) }
        // Without a position: whoever loads it has not the data that belong to one.
        var head = snapshots.head(nil, isLogBase: false)
        head.moduleAuxiliaries = []
        if !functions { head.functions = [] }
        encoder.begin(head, counts: [])
        encoder.finish()
        formatter.appendChecksum(to: &output)
        bytes = output.readable.array
    }

    var length: Int64? { Int64(bytes.count) }

    func read(at offset: Int64, maximum: Int, completion: @escaping ([UInt8]?) -> Void) {
        let start = min(Int(offset), bytes.count)
        let piece = Array(bytes[start..<min(start + maximum, bytes.count)])
        loop.runNextTurn { completion(piece) }
    }

    func release() {}
}
