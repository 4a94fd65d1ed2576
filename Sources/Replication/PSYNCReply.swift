// What a master may answer to PSYNC, as a replica reads it.
//
//   (empty line)                      keepalive
//   +FULLRESYNC <id> <offset>         a snapshot follows; `offset` is its last byte
//   +CONTINUE [<id>]                  the stream goes on with the byte that was asked for
//   -NOMASTERLINK …  -LOADING …       not now
//   -…                                no

public import Bytes
public import Log

/// A status line that answers PSYNC.
public enum PSYNCReply: Equatable, Sendable {
    /// An empty line: the master is alive and busy.
    case keepalive
    /// A snapshot follows. The id is nil when the master's was malformed.
    case fullResync(id: ReplicationID?, offset: Int64)
    /// The stream goes on; the id is nil when the master did not name one.
    case resume(id: ReplicationID?)
    /// The master cannot serve now; the position stays good.
    case notNow(String)
    /// The master refuses, or said something unknown.
    case refused(String)

    /// The meaning of `line`, without its line end.
    public init(line: ByteSlice) {
        if line.isEmpty {
            self = .keepalive
            return
        }
        let words = WireText.words(line)
        if words.count >= 3, words[0].equalsIgnoringCase("+fullresync"),
            let offset = WireText.integer(words[2]),
            (0...LogLimits.positionMax).contains(offset)
        {
            self = .fullResync(id: ReplicationID(words[1]), offset: offset)
        } else if let first = words.first, first.equalsIgnoringCase("+continue") {
            self = .resume(id: words.count > 1 ? ReplicationID(words[1]) : nil)
        } else if let first = words.first, first == "-NOMASTERLINK" || first == "-LOADING" {
            self = .notNow(line.string)
        } else {
            self = .refused(line.string)
        }
    }
}
