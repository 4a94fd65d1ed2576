// Lookup of commands by name without allocation.
//
//   name ──► two words (first and last eight bytes, lower case) ──► hash ──► slot ──► number
//
//   numbers   0 … topLevelCount-1    commands in table order
//             topLevelCount …        subcommands, those of one container next to each other
//
// The slots are an open-addressed table with linear probing, at most half full. Words and length
// together identify names of up to 16 bytes; longer ones are compared byte by byte.
public import Bytes

/// What the straight path needs of a row, without reference counts.
struct CommandFacts: BitwiseCopyable {
    var arity: Int32
    var flags: CommandFlags
    /// Position of the first key; 0 if there is none.
    var firstKey: Int32
    /// Number of the container for subcommands; -1 otherwise.
    var parent: Int32
    /// First subcommand and how many there are.
    var firstChild: Int32
    var childCount: Int32

    /// Whether the engine's straight path may run it: short, and no container.
    var takesStraightPath: Bool { flags.contains(.measuredInBatch) && childCount == 0 }

    /// Whether `count` arguments, the name included, satisfy the arity.
    @inline(__always)
    func accepts(_ count: Int) -> Bool {
        arity >= 0 ? count == Int(arity) : count >= -Int(arity)
    }
}

/// All commands of the server. Immutable.
public final class CommandTable {
    private struct Slot: BitwiseCopyable {
        var first: UInt64 = 0
        var last: UInt64 = 0
        var length: Int32 = 0
        var number: Int32 = -1
    }

    /// All rows by number.
    public let specs: [CommandSpec]
    /// How many of them are no subcommands.
    public let topLevelCount: Int
    let facts: TrivialList<CommandFacts>
    let get: Int
    private let slots: TrivialList<Slot>
    private let mask: Int
    private let lengthMax: Int

    /// A table of all families' rows. A name that occurs twice is a bug.
    public init(families: [[CommandSpec]] = CommandTable.allFamilies) {
        let top = families.flatMap { $0 }
        var all = top
        var facts = TrivialList<CommandFacts>(capacity: 512)
        for row in top {
            facts.append(CommandTable.facts(row, parent: -1, firstChild: all.count))
            all += row.subcommands
        }
        for (number, row) in top.enumerated() {
            for child in row.subcommands {
                facts.append(CommandTable.facts(child, parent: number, firstChild: 0))
            }
        }
        specs = all
        topLevelCount = top.count
        self.facts = facts
        var size = 64
        while size < top.count * 2 { size *= 2 }
        var slots = TrivialList<Slot>(repeating: Slot(), count: size)
        mask = size - 1
        lengthMax = top.map(\.name.utf8CodeUnitCount).max() ?? 0
        for (number, row) in top.enumerated() {
            let name = ByteSlice(row.name)
            let (first, last) = CommandTable.words(name)
            var place = CommandTable.hash(first, last) & mask
            while slots[place].number >= 0 {
                precondition(
                    ByteSlice(top[Int(slots[place].number)].name) != name,
                    "a command stands twice in the table")
                place = (place + 1) & mask
            }
            slots[place] = Slot(
                first: first, last: last, length: Int32(name.count), number: Int32(number))
        }
        self.slots = slots
        get = CommandTable.number(of: "get", in: top)
    }

    private static func number(of name: StaticString, in rows: [CommandSpec]) -> Int {
        rows.firstIndex { ByteSlice($0.name) == name } ?? -1
    }

    private static func facts(
        _ row: CommandSpec, parent: Int, firstChild: Int
    ) -> CommandFacts {
        var flags = row.flags
        // Long-running commands get a clock reading of their own; the others share the batch's.
        let isSingleString =
            row.group == .string && row.keys.count == 1 && row.keys[0].firstPosition > 0
        let isBitChange = row.group == .bitmap && row.keys.count == 1 && flags.contains(.write)
        if flags.contains(.fast) || isSingleString || isBitChange {
            flags.insert(.measuredInBatch)
        }
        return CommandFacts(
            arity: Int32(row.arity), flags: flags,
            firstKey: Int32(row.keys.first?.firstPosition ?? 0), parent: Int32(parent),
            firstChild: Int32(firstChild), childCount: Int32(row.subcommands.count))
    }

    @inline(__always)
    static func words(_ name: ByteSlice) -> (first: UInt64, last: UInt64) {
        let first = ByteSlice.lowercased(word: name.leadingWord)
        guard name.count > 8 else { return (first, 0) }
        return (first, ByteSlice.lowercased(word: name.trailingWord))
    }

    @inline(__always)
    private static func hash(_ first: UInt64, _ last: UInt64) -> Int {
        let mixed = (first ^ (last &* 0x9E37_79B9_7F4A_7C15)) &* 0xFF51_AFD7_ED55_8CCD
        return Int(truncatingIfNeeded: mixed &>> 40)
    }

    /// Whether there is a command `name`, in any case.
    public func contains(_ name: ByteSlice) -> Bool { number(of: name) >= 0 }

    /// The number of the command `name`, in any case; -1 if there is none.
    func number(of name: ByteSlice) -> Int {
        guard name.count > 0 && name.count <= lengthMax else { return -1 }
        let (first, last) = CommandTable.words(name)
        var place = CommandTable.hash(first, last) & mask
        while true {
            let slot = slots[place]
            if slot.number < 0 { return -1 }
            if slot.first == first && slot.last == last && Int(slot.length) == name.count
                && (name.count <= 16
                    || name.equalsIgnoringCase(specs[Int(slot.number)].name))
            {
                return Int(slot.number)
            }
            place = (place &+ 1) & mask
        }
    }

    /// The number of the subcommand `name` of the container `parent`; -1 if there is none.
    func number(of name: ByteSlice, in parent: Int) -> Int {
        let container = facts[parent]
        for offset in 0..<Int(container.childCount) {
            let number = Int(container.firstChild) + offset
            if name.equalsIgnoringCase(specs[number].name) { return number }
        }
        return -1
    }

    /// The number of `get` or `config|get`; -1 if there is none.
    func number(ofFullName name: ByteSlice) -> Int {
        guard let bar = name.firstIndex(of: UInt8(ascii: "|")) else { return number(of: name) }
        let parent = number(of: name.prefix(bar))
        return parent < 0 ? -1 : number(of: name.dropFirst(bar + 1), in: parent)
    }

    /// The full name in lower case: `get`, `client|kill`.
    public func fullName(_ number: Int) -> String {
        let parent = Int(facts[number].parent)
        let own = specs[number].name.description
        return parent < 0 ? own : specs[parent].name.description + "|" + own
    }

    /// Numbers of the subcommands of `number`.
    func children(of number: Int) -> Range<Int> {
        let first = Int(facts[number].firstChild)
        return first..<(first + Int(facts[number].childCount))
    }

    /// The rows of all families.
    public static var allFamilies: [[CommandSpec]] {
        [
            AccessCommands.table,
            LatencyCommands.table,
            Connection.table,
            Clients.table,
            Strings.table,
            Lists.table,
            Hashes.table,
            Keys.table,
            Expiry.table,
            Transactions.table,
            PubSub.table,
            Server.table,
            Introspection.table,
            Debugging.table,
            ReplicationCommands.table,
            Serialization.table,
            Bitmaps.table,
            Sets.table,
            SortedSets.table,
            Geo.table,
            Streams.table,
            HyperLogLogs.table,
            Cluster.table,
            Modules.table,
            Scripting.table,
            Migration.table,
            MemoryCommands.table,
            Sorting.table,
        ]
    }
}
