// Lists as handlers change them, whatever their form.
//
//   packed   a run of bytes in the entry, up to 128 elements and 1 KB
//   long     `ListObject`; a list that has become one stays one
//
// New elements come in packed form, gathered in `engine.packing`. Each function tells nobody: the
// handler does when its reply is written.
internal import Bytes
internal import RESP
internal import Store

extension CommandEngine {
    /// The end of a list.
    enum ListEnd {
        case first, last
    }

    /// Longest element: what Redis takes.
    static var listElementBytesMax: Int { (1 << 32) - 1024 }

    func checkElement(_ element: ByteSlice) throws(ReplyError) {
        if element.count > CommandEngine.listElementBytesMax {
            throw ReplyError("ERR Element too large")
        }
    }

    /// Gathers one element, in the form that the list of `entry` stores it in.
    @inline(__always)
    func pack(_ element: ByteSlice, for entry: Entry?) {
        packing.removeAll()
        PackedEncoder.append(element, to: &packing, as: entry?.texts ?? .compact)
    }

    /// Writes the element in `packing`, which came from a list of the form `source`, anew if that
    /// of `target` stores it differently.
    @inline(__always)
    func repack(from source: PackedEncoder.Texts, for target: Entry?) {
        let texts = target?.texts ?? .compact
        if texts == source { return }
        scratch.removeAll()
        PackedEncoder.begin(&scratch, count: 1)
        scratch.append(packing.readable)
        packing.removeAll()
        let element = PackedView(scratch.readable).element(at: PackedView.start)
        PackedEncoder.append(element, to: &packing, as: texts)
    }

    // MARK: Adding

    /// Adds the arguments from `first` on, one after the other; returns the new length.
    func pushAll(
        _ arguments: Arguments, from first: Int, to end: ListEnd, _ entry: Entry?,
        _ key: ByteSlice, _ hash: KeyHash, _ client: ClientState
    ) -> Int {
        if arguments.count == first + 1 {
            pack(arguments[first], for: entry)
            return push(end, entry, key, hash, client)
        }
        let added = arguments.count - first
        let packed = entry.map(\.packed) ?? PackedView.empty
        if let packed {
            packing.removeAll()
            for index in 0..<added {
                let place = end == .first ? arguments.count - 1 - index : first + index
                PackedEncoder.append(arguments[place], to: &packing)
            }
            let bytes = packed.end + packing.count
            if listLimits.fitsPacked(count: packed.count + added, bytes: bytes) {
                return insertPacked(end, entry, packed, added, key, hash, client)
            }
        }
        var length = 0
        var current = entry
        for index in first..<arguments.count {
            pack(arguments[index], for: current)
            length = push(end, current, key, hash, client)
            current = database(client).find(key, hash)
        }
        return length
    }

    /// Adds the element in `packing`; returns the new length.
    @inline(__always)
    func push(
        _ end: ListEnd, _ entry: Entry?, _ key: ByteSlice, _ hash: KeyHash,
        _ client: ClientState
    ) -> Int {
        if let entry, let list = entry.object(as: ListObject.self) {
            return push(end, list, entry, hash, client)
        }
        let packed = entry?.packed ?? PackedView.empty
        guard
            listLimits.fitsPacked(count: packed.count + 1, bytes: packed.end + packing.count)
        else {
            return pushBeyondPacked(end, entry, packed, key, hash, client)
        }
        return insertPacked(end, entry, packed, 1, key, hash, client)
    }

    @inline(__always)
    private func push(
        _ end: ListEnd, _ list: ListObject, _ entry: Entry, _ hash: KeyHash,
        _ client: ClientState
    ) -> Int {
        change(list, entry, hash, client) {
            switch end {
            case .first: list.prepend(packing.readable, limits: listLimits)
            case .last: list.append(packing.readable, limits: listLimits)
            }
        }
        return list.count
    }

    /// Inserts the elements in `packing` into a list that stays packed.
    @inline(__always)
    private func insertPacked(
        _ end: ListEnd, _ entry: Entry?, _ packed: PackedView, _ added: Int, _ key: ByteSlice,
        _ hash: KeyHash, _ client: ClientState
    ) -> Int {
        let length = packed.count + added
        if let entry {
            _ = database(client).splice(
                entry, hash, at: end == .first ? PackedView.start : packed.end, removing: 0,
                inserting: packing.readable, countChange: added)
        } else {
            scratch.removeAll()
            PackedEncoder.begin(&scratch, count: added)
            scratch.append(packing.readable)
            store(key, hash, packed: scratch.readable, .list, client)
        }
        return length
    }

    @inline(never)
    private func pushBeyondPacked(
        _ end: ListEnd, _ entry: Entry?, _ packed: PackedView, _ key: ByteSlice,
        _ hash: KeyHash, _ client: ClientState
    ) -> Int {
        if let entry {
            let long = makeLong(entry, hash, client)
            return push(end, long.list, long.entry, hash, client)
        }
        let list = ListObject()
        list.append(packing.readable, limits: listLimits)
        store(key, hash, object: list, .list, client)
        return 1
    }

    /// Gives a list the long form, in which elements of any size fit.
    func makeLong(
        _ entry: Entry, _ hash: KeyHash, _ client: ClientState
    ) -> (list: ListObject, entry: Entry) {
        if let list = entry.object(as: ListObject.self) { return (list, entry) }
        guard let packed = entry.packed else { preconditionFailure("the entry holds no list") }
        let list = ListObject(packed, limits: listLimits)
        return (list, database(client).replace(entry, hash, object: list))
    }

    /// Changes a long list in place.
    @inline(__always)
    func change<Result>(
        _ list: ListObject, _ entry: Entry, _ hash: KeyHash, _ client: ClientState,
        _ body: () -> Result
    ) -> Result {
        let database = database(client)
        database.willModify(entry, hash)
        let before = list.memoryUsage
        let result = body()
        let after = list.memoryUsage
        if after != before { database.noteMemoryChange(after &- before) }
        return result
    }

    // MARK: Removing

    /// Where the first or the last element of a packed list begins.
    @inline(__always)
    private func offset(of end: ListEnd, in packed: PackedView) -> Int {
        end == .first ? PackedView.start : packed.offset(ofElement: packed.count &- 1)
    }

    /// The first or the last element of a list, which has one.
    @inline(__always)
    func element(_ end: ListEnd, of entry: Entry) -> PackedElement {
        if let packed = entry.packed { return packed.element(at: offset(of: end, in: packed)) }
        guard let list = entry.object(as: ListObject.self) else {
            preconditionFailure("the entry holds no list")
        }
        return end == .first ? list.first : list.last
    }

    /// Removes the first or the last element; with the last one goes the key. True when it did.
    @inline(__always)
    func pop(
        _ end: ListEnd, from entry: Entry, _ hash: KeyHash, _ client: ClientState
    ) -> Bool {
        if let packed = entry.packed {
            if packed.count == 1 {
                database(client).remove(entry, hash, .overwrite)
                return true
            }
            let start = offset(of: end, in: packed)
            _ = database(client).splice(
                entry, hash, at: start, removing: packed.next(after: start) &- start,
                inserting: ByteSlice(), countChange: -1)
            return false
        }
        guard let list = entry.object(as: ListObject.self) else {
            preconditionFailure("the entry holds no list")
        }
        change(list, entry, hash, client) {
            switch end {
            case .first: list.removeFirst(limits: listLimits)
            case .last: list.removeLast(limits: listLimits)
            }
        }
        return removeIfEmpty(entry, hash, client)
    }

    /// Removes `length` elements from `index` on, which exist; with the last one goes the key. True
    /// when it did.
    func removeElements(
        _ entry: Entry, _ hash: KeyHash, from index: Int, count length: Int,
        _ client: ClientState
    ) -> Bool {
        if length == 0 { return false }
        if let packed = entry.packed {
            if length == packed.count {
                database(client).remove(entry, hash, .overwrite)
                return true
            }
            let start = packed.offset(ofElement: index)
            var end = start
            for _ in 0..<length { end = packed.next(after: end) }
            _ = database(client).splice(
                entry, hash, at: start, removing: end - start, inserting: ByteSlice(),
                countChange: -length)
            return false
        }
        guard let list = entry.object(as: ListObject.self) else {
            preconditionFailure("the entry holds no list")
        }
        if length == list.count {
            database(client).remove(entry, hash, .overwrite)
            return true
        }
        change(list, entry, hash, client) {
            list.removeElements(from: index, count: length, limits: listLimits)
        }
        return false
    }
}
