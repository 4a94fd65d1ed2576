// The compiled scripts and their texts.
//
//   text ──SipHash──► bodies ──► record ◄── digests ◄── digits of SHA-1
//                                  │ text, digest, reference into Lua, flags
//                                  └ older ◄──► newer        scripts that EVAL has brought, by use
//
// Invariants
//   a record in use owns the memory of its text, with the digits of its digest behind it; a free
//   one has none and is in `free`;
//   `bodies` and `digests` hold exactly the records in use;
//   the chain holds those that EVAL brought: at most `evaluatedMax`, the oldest is dropped for a
//   new one. Those of SCRIPT LOAD stay until SCRIPT FLUSH.

internal import Bytes
internal import Commands

/// A compiled script.
struct CachedScript: BitwiseCopyable {
    var digest: ScriptDigest
    var bodyHash: UInt64
    /// Where Lua keeps the function.
    var reference: Int32
    var flags: ScriptFlags
    /// Neighbours in the chain; -1: none. Meaningless when it `stays`.
    fileprivate(set) var older: Int32 = -1
    fileprivate(set) var newer: Int32 = -1
    /// SCRIPT LOAD has asked for it.
    fileprivate(set) var stays = false
    fileprivate(set) var isUsed = true

    init(digest: ScriptDigest, bodyHash: UInt64, reference: Int32, flags: ScriptFlags) {
        self.digest = digest
        self.bodyHash = bodyHash
        self.reference = reference
        self.flags = flags
    }
}

/// All compiled scripts.
@safe
struct ScriptCache: ~Copyable {
    /// Most scripts that EVAL alone has brought.
    static let evaluatedMax = 500

    private var records = TrivialList<CachedScript>()
    private var texts: [UnsafeMutableBufferPointer<UInt8>] = unsafe []
    private var free: [Int32] = []
    private var bodies = NameTable()
    private var digests = NameTable()
    private var oldest: Int32 = -1
    private var newest: Int32 = -1
    private var evaluatedCount = 0
    /// Bytes of all texts.
    private(set) var textBytes = 0

    deinit { freeTexts() }

    private func freeTexts() {
        for index in unsafe 0..<texts.count { unsafe texts[index].deallocate() }
    }

    /// Number of scripts.
    var count: Int { bodies.count }

    /// The script at `number`.
    subscript(number: Int32) -> CachedScript {
        @inline(__always) get { records[Int(number)] }
    }

    /// The text of a script; valid as long as it stays in the cache.
    @inline(__always)
    func text(_ number: Int32) -> ByteSlice {
        let memory = memory(number)
        return memory.prefix(memory.count - ScriptDigest.digitCount)
    }

    /// The digits of a script's digest; valid as long as it stays in the cache.
    @inline(__always)
    func name(_ number: Int32) -> ByteSlice {
        let memory = memory(number)
        return memory.dropFirst(memory.count - ScriptDigest.digitCount)
    }

    /// Text and digits.
    @inline(__always)
    private func memory(_ number: Int32) -> ByteSlice {
        let text = unsafe texts[Int(number)]
        return unsafe ByteSlice(base: UnsafePointer(text.baseAddress), count: text.count)
    }

    /// The number of the script with this text; -1 if there is none.
    @inline(__always)
    func find(_ hash: UInt64, _ body: ByteSlice) -> Int32 {
        bodies.find(hash) { text($0) == body }
    }

    /// The number of the script with this digest; -1 if there is none.
    @inline(__always)
    func find(_ digest: ScriptDigest) -> Int32 {
        digests.find(digest.hash) { records[Int($0)].digest == digest }
    }

    /// Adds a script that is not in the cache; returns its number.
    mutating func insert(_ script: CachedScript, _ body: ByteSlice, staying: Bool) -> Int32 {
        let stored = UnsafeMutableBufferPointer<UInt8>.allocate(
            capacity: body.count + ScriptDigest.digitCount)
        unsafe body.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(stored).copyMemory(from: source)
        }
        for index in 0..<ScriptDigest.digitCount {
            unsafe stored.initializeElement(at: body.count + index, to: script.digest[index])
        }
        let number: Int32
        if let place = free.popLast() {
            number = place
            records[Int(place)] = script
            unsafe texts[Int(place)] = stored
        } else {
            number = Int32(records.count)
            records.append(script)
            unsafe texts.append(stored)
        }
        bodies.insert(script.bodyHash, number)
        digests.insert(script.digest.hash, number)
        textBytes += body.count
        if staying {
            records[Int(number)].stays = true
        } else {
            link(number)
            evaluatedCount += 1
        }
        return number
    }

    /// The script that must go before EVAL brings another one; -1: there is room.
    var surplus: Int32 { evaluatedCount > ScriptCache.evaluatedMax ? oldest : -1 }

    /// Removes a script; the caller releases its function.
    mutating func remove(_ number: Int32) {
        let script = records[Int(number)]
        bodies.remove(script.bodyHash, number)
        digests.remove(script.digest.hash, number)
        if !script.stays {
            unlink(number)
            evaluatedCount -= 1
        }
        records[Int(number)].isUsed = false
        let text = unsafe texts[Int(number)]
        textBytes -= text.count - ScriptDigest.digitCount
        unsafe text.deallocate()
        unsafe texts[Int(number)] = UnsafeMutableBufferPointer(start: nil, count: 0)
        free.append(number)
    }

    /// Removes all scripts, with the state that held their functions.
    mutating func removeAll() {
        freeTexts()
        unsafe texts = []
        records.removeAll()
        free = []
        bodies.removeAll()
        digests.removeAll()
        oldest = -1
        newest = -1
        evaluatedCount = 0
        textBytes = 0
    }

    /// EVAL has used a script: it is the last to go.
    @inline(__always)
    mutating func use(_ number: Int32) {
        if number == newest || records[Int(number)].stays { return }
        unlink(number)
        link(number)
    }

    /// SCRIPT LOAD has asked for a script: it stays.
    mutating func keep(_ number: Int32) {
        if records[Int(number)].stays { return }
        unlink(number)
        evaluatedCount -= 1
        records[Int(number)].stays = true
    }

    private mutating func link(_ number: Int32) {
        records[Int(number)].older = newest
        records[Int(number)].newer = -1
        if newest >= 0 { records[Int(newest)].newer = number } else { oldest = number }
        newest = number
    }

    private mutating func unlink(_ number: Int32) {
        let script = records[Int(number)]
        if script.older >= 0 {
            records[Int(script.older)].newer = script.newer
        } else {
            oldest = script.newer
        }
        if script.newer >= 0 {
            records[Int(script.newer)].older = script.older
        } else {
            newest = script.older
        }
    }
}
