// Whole databases: emptying and exchanging them, and what INFO tells about them.
public import Bytes
internal import RESP
internal import Store

extension CommandEngine {
    /// Removes all keys of a database. Its memory goes to `disposeOf`, or is freed `atOnce`, unless
    /// a running snapshot still needs it.
    func empty(database index: Int, atOnce: Bool = false) {
        let database = keyspace.database(index)
        if !watches.isEmpty {
            watches.touchAll(database: index) { watched in
                let isThere = watched.key.withByteSlice {
                    database.find($0, keyspace.hash($0)) != nil
                }
                return (isThere, false)
            }
        }
        noteChanges(database: index)
        guard let table = keyspace.takeAll(index) else { return }
        if atOnce { table.free() } else { disposeOf(table) }
    }

    /// Exchanges two databases; watched keys that exist on either side count as changed.
    func swap(_ first: Int, _ second: Int) {
        guard first != second else { return }
        if !watches.isEmpty {
            for index in [first, second] {
                watches.touchAll(database: index) { watched in
                    let found = [first, second].map { number in
                        watched.key.withByteSlice {
                            keyspace.database(number).find($0, keyspace.hash($0)) != nil
                        }
                    }
                    // After the exchange the key exists if the other side has it.
                    return (found[0] || found[1], index == first ? found[1] : found[0])
                }
            }
        }
        keyspace.swap(first, second)
        for index in [first, second] { noteChanges(database: index) }
    }

    /// All data were replaced (a full sync, a reload): breaks the transactions that watch a key and
    /// wakes the clients that wait for one.
    public func dataWereReplaced() {
        changeCount += 1
        noteTrackedFlush()
        for index in 0..<keyspace.databaseCount where observesChanges {
            noteChanges(database: index)
            watches.touchAll(database: index) { _ in (true, true) }
        }
    }

    /// Appends the INFO text of `commandstats`, `errorstats` or `keyspace`, heading included; false
    /// for other sections.
    public func appendInformation(section: String, to text: inout ByteBuffer) -> Bool {
        switch section {
        case "commandstats": appendCommandStatistics(to: &text)
        case "latencystats": appendLatencyStatistics(to: &text)
        case "errorstats":
            text.append("# Errorstats\r\n")
            for (code, count) in errorCounts.sorted(by: { $0.key < $1.key }) {
                text.append(text: "errorstat_\(code):count=\(count)\r\n")
            }
        case "keyspace":
            text.append("# Keyspace\r\n")
            for index in 0..<keyspace.databaseCount {
                let database = keyspace.database(index)
                if database.count == 0 { continue }
                text.append(
                    text: "db\(index):keys=\(database.count),"
                        + "expires=\(database.expiringCount),avg_ttl=0\r\n")
            }
        default: return false
        }
        return true
    }

    private func appendCommandStatistics(to text: inout ByteBuffer) {
        text.append("# Commandstats\r\n")
        for number in 0..<statistics.count {
            let row = statistics[number]
            if row.calls == 0 && row.rejectedCalls == 0 && row.failedCalls == 0 { continue }
            let microseconds = row.nanoseconds / 1_000
            let hundredths = row.calls == 0 ? 0 : row.nanoseconds / 10 / row.calls
            let fraction = hundredths % 100
            text.append(
                text: "cmdstat_\(table.fullName(number)):calls=\(row.calls),"
                    + "usec=\(microseconds),usec_per_call=\(hundredths / 100)."
                    + "\(fraction < 10 ? "0" : "")\(fraction),"
                    + "rejected_calls=\(row.rejectedCalls),failed_calls=\(row.failedCalls)\r\n")
        }
    }
}
