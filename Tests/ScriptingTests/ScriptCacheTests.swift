import Bytes
import Commands
import Testing

@testable import Scripting

/// The texts and names of scripts, without Lua.
@Suite struct ScriptCacheTests {
    private func script(_ text: String, reference: Int32) -> CachedScript {
        Array(text.utf8).withByteSlice { body in
            CachedScript(
                digest: ScriptDigest(of: body), bodyHash: UInt64(text.count), reference: reference,
                flags: [])
        }
    }

    private func insert(
        _ text: String, _ reference: Int32, into cache: inout ScriptCache, staying: Bool = false
    ) -> Int32 {
        let made = script(text, reference: reference)
        let body = Array(text.utf8)
        var number: Int32 = -1
        body.withByteSlice { number = cache.insert(made, $0, staying: staying) }
        return number
    }

    private func find(_ text: String, in cache: borrowing ScriptCache) -> Int32 {
        let body = Array(text.utf8)
        return body.withByteSlice { cache.find(UInt64(text.count), $0) }
    }

    @Test func digestsAreThoseOfSHA1InEitherCase() throws {
        let lower = Array("e0e1f9fabfc9d4800c877a703b823ac0578ff8db".utf8)
        let upper = Array("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB".utf8)
        let made = Array("return 1".utf8).withByteSlice { ScriptDigest(of: $0) }
        #expect(made.text == lower)
        for digits in [lower, upper] {
            let read = try #require(digits.withByteSlice { ScriptDigest(digits: $0) })
            #expect(read == made)
        }
        for wrong in ["", "e0", String(repeating: "g", count: 40)] {
            #expect(Array(wrong.utf8).withByteSlice { ScriptDigest(digits: $0) == nil })
        }
    }

    @Test func scriptsOfOneHashAreToldApartByTheirText() {
        var cache = ScriptCache()
        let first = insert("aa", 1, into: &cache)
        let second = insert("bb", 2, into: &cache)
        #expect(find("aa", in: cache) == first)
        #expect(find("bb", in: cache) == second)
        #expect(find("cc", in: cache) == -1)
        cache.remove(first)
        #expect(find("aa", in: cache) == -1)
        #expect(find("bb", in: cache) == second)
        #expect(insert("cc", 3, into: &cache) == first, "the place is used again")
        #expect(cache.textBytes == 4)
        cache.removeAll()
        #expect(cache.count == 0 && find("bb", in: cache) == -1 && cache.textBytes == 0)
    }

    @Test func theLeastRecentlyUsedOfEvalGoesFirst() {
        var cache = ScriptCache()
        let kept = insert("stays", 0, into: &cache, staying: true)
        var numbers: [Int32] = []
        for index in 0...ScriptCache.evaluatedMax {
            numbers.append(insert("\(index)", Int32(index), into: &cache))
        }
        #expect(cache.surplus == numbers[0])
        cache.use(numbers[0])
        #expect(cache.surplus == numbers[1])
        cache.keep(numbers[1])
        #expect(cache.surplus == -1, "what SCRIPT LOAD keeps does not count")
        cache.remove(kept)
        #expect(cache.count == ScriptCache.evaluatedMax + 1)
    }

    @Test func namesAreFoundAsInADictionary() {
        var random = SeededRandom(seed: 7)
        var table = NameTable()
        var model: [Int32: UInt64] = [:]
        for _ in 0..<20_000 {
            let number = Int32(random.next() % 400)
            // Few hashes, so that chains are long.
            let hash = UInt64(number) % 37
            if model[number] != nil {
                table.remove(hash, number)
                model[number] = nil
            } else {
                table.insert(hash, number)
                model[number] = hash
            }
            let wanted = Int32(random.next() % 400)
            let found = table.find(UInt64(wanted) % 37) { $0 == wanted }
            #expect(found == (model[wanted] == nil ? -1 : wanted))
            #expect(table.count == model.count)
        }
    }
}
