// Finds the number of a record by a hash of its name, without allocation.
//
//   hash ──► slot ──► { hash, number } ──► the caller compares the names
//
// Open addressing with linear probing, at most half full. A slot that was emptied keeps its place
// in the chain until the table is built anew.
internal import Bytes

/// One place of a `NameTable`. Not nested in it, since private nested types in a non-copyable one
/// crash the compiler (Swift 6.3.1).
struct NameSlot: BitwiseCopyable {
    var hash: UInt64 = 0
    var number: Int32 = NameTable.free
}

/// Numbers of records by hash.
struct NameTable: ~Copyable {
    static let free: Int32 = -1
    private static let removed: Int32 = -2

    private var slots = TrivialList<NameSlot>(repeating: NameSlot(), count: 64)
    private var mask = 63
    /// Slots that are not free.
    private var used = 0
    /// Number of records.
    private(set) var count = 0

    /// The number of the record with this hash that `matches`; -1 if there is none.
    @inline(__always)
    func find(_ hash: UInt64, _ matches: (Int32) -> Bool) -> Int32 {
        var place = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[place]
            if slot.number == NameTable.free { return -1 }
            if slot.hash == hash && slot.number >= 0 && matches(slot.number) {
                return slot.number
            }
            place = (place &+ 1) & mask
        }
    }

    /// Adds a record that is not in the table.
    mutating func insert(_ hash: UInt64, _ number: Int32) {
        if (used + 1) * 2 > slots.count { rebuild() }
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place].number >= 0 { place = (place &+ 1) & mask }
        if slots[place].number == NameTable.free { used += 1 }
        slots[place] = NameSlot(hash: hash, number: number)
        count += 1
    }

    /// Removes a record.
    mutating func remove(_ hash: UInt64, _ number: Int32) {
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place].number != NameTable.free {
            if slots[place].number == number {
                slots[place].number = NameTable.removed
                count -= 1
                return
            }
            place = (place &+ 1) & mask
        }
    }

    /// Removes all records.
    mutating func removeAll() {
        slots = TrivialList(repeating: NameSlot(), count: 64)
        mask = 63
        used = 0
        count = 0
    }

    private mutating func rebuild() {
        var size = 64
        while size < (count + 1) * 4 { size *= 2 }
        var larger = TrivialList<NameSlot>(repeating: NameSlot(), count: size)
        for index in 0..<slots.count where slots[index].number >= 0 {
            var place = Int(truncatingIfNeeded: slots[index].hash) & (size - 1)
            while larger[place].number >= 0 { place = (place &+ 1) & (size - 1) }
            larger[place] = slots[index]
        }
        slots = larger
        mask = size - 1
        used = count
    }
}
