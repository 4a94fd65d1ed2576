// What of a log file can be trusted after a crash: a machine over the file's bytes.
//
//   file   │ prefix │ … checked … │ … checked … │ … described by the tail … │ more
//   index           ^ place       ^ place       ^ place                     ^ tail
//
// 1. The bytes up to each place must have the place's checksum. The first that does not, or that
//    the file is too short for, ends the good part at the place before it. It is cut there where
//    a checksum contradicts; of a short file a master may keep the whole commands that follow.
// 2. Damage in front of a position that was known to be on disk is not a torn write but a broken
//    disk or a foreign hand: it is reported as corruption and never cut away silently.
// 3. Bytes behind the last place (the process was killed between the write and the slot, or another
//    server has appended) are data without a position.

public import Bytes

/// Checks the bytes of a log file, fed in order, against its index.
public struct SegmentRecovery: Sendable {
    /// What was found.
    public enum Verdict: Equatable, Sendable {
        /// All described bytes are right; `unpositionedBytes` more follow them.
        case whole(unpositionedBytes: Int64)
        /// The file is good up to `filePosition`; what follows was torn: no record vouches for it.
        case torn(filePosition: Int64)
        /// Bytes that had reached the disk have changed behind `filePosition`.
        case corrupt(filePosition: Int64)
    }

    private let index: SegmentIndex
    private let syncedPosition: Int64
    private var nextPlace = 0
    private var check = CRC32C()
    private var position: Int64 = 0
    /// A place was reached, and its checksum contradicts the bytes in front of it.
    public private(set) var isDamaged = false
    /// The end of the good part so far.
    public private(set) var end: ReplicationPosition
    /// Number of file bytes of the good part so far.
    public private(set) var goodBytes: Int64 = 0

    /// A check against `index`.
    public init(index: SegmentIndex) {
        self.index = index
        end = index.start
        syncedPosition = index.places.reduce(0) { max($0, $1.syncedPosition) }
    }

    /// Takes the next bytes of the file.
    public mutating func receive(_ bytes: ByteSlice) {
        var rest = bytes
        while nextPlace < index.places.count, !isDamaged {
            let place = index.places[nextPlace]
            let length = min(Int64(rest.count), place.filePosition - position)
            check.update(rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
            position += length
            guard position == place.filePosition else { return }
            guard check.value == place.contentCheck else {
                isDamaged = true
                break
            }
            goodBytes = position
            end = place.position
            check = CRC32C()
            nextPlace += 1
        }
        position += Int64(rest.count)
    }

    /// The verdict, once the whole file was fed.
    public mutating func finish() -> Verdict {
        // Places at the very start of an empty file are reached without any byte.
        receive(ByteSlice())
        if nextPlace == index.places.count {
            // A file without any place holds at most its prefix.
            return .whole(
                unpositionedBytes: position - max(goodBytes, min(position, index.localPrefixBytes)))
        }
        // A file that is merely short was cut, by a crash or by a repair tool.
        return isDamaged && goodBytes < syncedPosition
            ? .corrupt(filePosition: goodBytes) : .torn(filePosition: goodBytes)
    }
}
