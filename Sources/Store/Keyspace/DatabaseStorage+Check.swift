// The invariants of a database, for tests.

internal import Bytes

extension DatabaseStorage {
    /// Stops the process when an invariant is broken.
    func checkInvariants() {
        table.checkInvariants()
        slab.checkInvariants()
        var expiring = 0
        var blocks = 0
        var external = 0
        table.forEachSlot { slot in
            let entry = slot.entry
            expiring += entry.hasExpiry ? 1 : 0
            blocks += Slab.roundedSize(entry.blockBytes)
            external += entry.externalBytes
            precondition(slot.isHeavy == entry.isHeavy, "a slot's flag is wrong")
            precondition(table.find(entry.key, table.hasher.hash(entry.key).value) == entry)
            if snapshot == nil { return }
        }
        precondition(expiring == expiringCount, "the count of expiring keys is wrong")
        precondition(blocks == slab.usedBytes, "a block leaked or was freed twice")
        precondition(external == externalBytes, "external memory is counted wrongly")
    }
}
