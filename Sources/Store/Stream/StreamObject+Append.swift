// Appending an entry.
//
//   1. The last node takes it unless it is full or would exceed its bytes; else a new node begins,
//      whose fields are this entry's.
//   2. Room for the whole entry is reserved once.
//   3. flags │ ID differences │ [number of fields, fields with] values │ number of elements.

public import Bytes

extension StreamObject {
    /// Whether an entry with these fields and values can be stored at all.
    public static func fits(_ fields: ByteSliceView) -> Bool {
        textBytes(fields) <= StreamNodeLimits.nodeBytesMax
    }

    @inline(__always)
    private static func textBytes(_ fields: ByteSliceView) -> Int {
        var total = 0
        var index = 0
        while index < fields.count {
            total &+= fields[index].count
            index &+= 1
        }
        return total
    }

    /// Adds an entry behind all others. `id` is larger than `lastID`; `fields` holds names and
    /// values in turn, at least one pair, and passes `fits`.
    public func append(_ id: StreamID, _ fields: ByteSliceView, limits: StreamNodeLimits) {
        precondition(id > lastID && fields.count >= 2 && fields.count % 2 == 0)
        let textBytes = StreamObject.textBytes(fields)
        let bytesMax = limits.effectiveBytesMax
        let room = textBytes + Listpack.overheadMax * (fields.count + 6)
        if let place = openNode(textBytes, bytesMax: bytesMax, limits) {
            let old = ownNode(at: place)
            let bytes = old.memoryBytes
            let node = old.reserving(room, limit: bytesMax)
            write(id, fields, into: node, base: nodes[place].id)
            if node.memoryBytes != bytes { replaceNode(at: place, by: node, was: bytes) }
        } else {
            let node = StreamNode(capacity: room + textBytes / 2)
            begin(node, fields)
            write(id, fields, into: node, base: id)
            add(node, at: id)
        }
        entriesAdded &+= 1
        length &+= 1
        lastID = id
        if length == 1 { firstID = id }
    }

    /// The last node's place if it takes an entry of so many bytes; a full one is closed.
    @inline(__always)
    private func openNode(
        _ textBytes: Int, bytesMax: Int, _ limits: StreamNodeLimits
    ) -> StreamOrder<PlacedNode>.Place? {
        guard let place = nodes.place(before: nodes.end) else { return nil }
        let node = nodes[place].node
        let isFull =
            node.listpackBytes + textBytes >= bytesMax
            || (limits.entriesMax > 0 && node.count + node.deleted >= limits.entriesMax)
        if !isFull { return place }
        if isShared(node) { return nil }
        let bytes = node.memoryBytes
        let closed = node.closed()
        if closed.memoryBytes != bytes { replaceNode(at: place, by: closed, was: bytes) }
        return nil
    }

    /// Writes the fields that a new node's entries are compared with.
    private func begin(_ node: StreamNode, _ fields: ByteSliceView) {
        node.append(integer: Int64(fields.count / 2))
        for index in stride(from: 0, to: fields.count, by: 2) {
            node.append(string: fields[index])
        }
        node.append(integer: 0)
        node.fieldCount = fields.count / 2
        node.entriesStart = node.used
        node.liveStart = node.used
    }

    @inline(__always)
    private func write(
        _ id: StreamID, _ fields: ByteSliceView, into node: StreamNode, base: StreamID
    ) {
        let isAlike = hasSameFields(node, fields)
        node.append(integer: isAlike ? StreamEntries.sameFieldsFlag : 0)
        node.append(
            integer: Int64(bitPattern: id.milliseconds &- base.milliseconds))
        node.append(integer: Int64(bitPattern: id.sequence &- base.sequence))
        if isAlike {
            var index = 1
            while index < fields.count {
                node.append(string: fields[index])
                index &+= 2
            }
            node.append(integer: Int64(fields.count / 2 + 3))
        } else {
            node.append(integer: Int64(fields.count / 2))
            for index in 0..<fields.count { node.append(string: fields[index]) }
            node.append(integer: Int64(fields.count + 4))
        }
        node.count &+= 1
    }

    @inline(__always)
    private func hasSameFields(_ node: StreamNode, _ fields: ByteSliceView) -> Bool {
        guard node.fieldCount == fields.count / 2 else { return false }
        let body = node.body
        var place = Listpack.next(body, after: 0)
        var index = 0
        while index < fields.count {
            guard Listpack.element(body, at: &place).equals(fields[index]) else { return false }
            index &+= 2
        }
        return true
    }
}
