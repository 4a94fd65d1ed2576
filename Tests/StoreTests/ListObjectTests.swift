import Bytes
import Testing

@testable import Store

/// A long list beside an array.
private final class ListModel {
    let list = ListObject()
    var array: [[UInt8]] = []
    let limits: ListLimits
    var random: SeededRandom
    private(set) var raw = ByteBuffer()

    init(size: Int, seed: UInt64) {
        limits = ListLimits(size)
        random = SeededRandom(seed: seed)
    }

    /// Numbers, short texts, a few long ones, some longer than a page.
    func element() -> [UInt8] {
        switch random.below(40) {
        case 0: return Array(repeating: UInt8(ascii: "x"), count: random.below(300))
        case 1: return Array(repeating: UInt8(ascii: "y"), count: 8_000 + random.below(9_000))
        case 2: return Array(repeating: UInt8(ascii: "z"), count: 4_000 + random.below(300))
        case 3..<20: return Array(String(random.below(1 << random.below(40))).utf8)
        default: return Array("element:\(random.below(12))".utf8)
        }
    }

    func pack(_ element: [UInt8]) {
        raw.removeAll()
        element.withByteSlice { PackedEncoder.append($0, to: &raw) }
    }

    func step() {
        let value = element()
        pack(value)
        let count = array.count
        switch random.below(12) {
        case 0...2:
            list.append(raw.readable, limits: limits)
            array.append(value)
        case 3...5:
            list.prepend(raw.readable, limits: limits)
            array.insert(value, at: 0)
        case 6 where count > 0:
            list.removeFirst(limits: limits)
            array.removeFirst()
        case 7 where count > 0:
            list.removeLast(limits: limits)
            array.removeLast()
        case 8 where count > 0:
            let index = random.below(count)
            list.replace(index, by: raw.readable, limits: limits)
            array[index] = value
        case 9 where count > 0:
            let index = random.below(count)
            let isBehind = random.below(2) == 1
            let position = ListCursor(list, at: index).position
            list.insert(raw.readable, at: position, behind: isBehind, limits: limits)
            array.insert(value, at: index + (isBehind ? 1 : 0))
        case 10 where count > 0 && random.below(6) == 0:
            let index = random.below(count)
            let length = random.below(min(60, count - index) + 1)
            list.removeElements(from: index, count: length, limits: limits)
            array.removeSubrange(index..<index + length)
        case 11 where count > 0 && random.below(6) == 0: removeEqual()
        default: break
        }
    }

    private func removeEqual() {
        let value = array[random.below(array.count)]
        pack(value)
        let limit = random.below(4) == 0 ? Int.max : 1 + random.below(3)
        let fromBack = random.below(2) == 1
        let places = array.indices.filter { array[$0] == value }
        let chosen = fromBack ? places.suffix(limit) : places.prefix(limit)
        let removed = list.removeElements(
            equal: raw.readable, limit: limit, fromBack: fromBack, limits: limits)
        #expect(removed == chosen.count)
        for place in chosen.reversed() { array.remove(at: place) }
    }

    func check() {
        list.checkInvariants()
        #expect(list.count == array.count)
        #expect(texts(of: list) == array)
        guard !array.isEmpty else { return }
        #expect(text(list.first) == array.first)
        #expect(text(list.last) == array.last)
        var backward = ListReverseCursor(list, at: array.count - 1)
        var index = array.count
        while let element = backward.next() {
            index -= 1
            #expect(text(element) == array[index])
        }
        #expect(index == 0)
        for index in stride(from: 0, to: array.count, by: 7) {
            var cursor = ListCursor(list, at: index)
            #expect(cursor.next().map(text) == array[index])
        }
    }

    func texts(of list: ListObject) -> [[UInt8]] {
        if list.count == 0 { return [] }
        var texts: [[UInt8]] = []
        var cursor = ListCursor(list, at: 0)
        while let element = cursor.next() { texts.append(text(element)) }
        return texts
    }

    private func text(_ element: PackedElement) -> [UInt8] {
        var buffer = ByteBuffer()
        element.append(to: &buffer)
        return buffer.readable.array
    }
}

@Suite struct ListObjectTests {
    @Test(arguments: [-2, -1, 3, 1, 100], [1, 2, 3] as [UInt64])
    func randomChangesAreThoseOfAnArray(size: Int, seed: UInt64) {
        let model = ListModel(size: size, seed: seed)
        for round in 0..<3_000 {
            model.step()
            if round % 50 == 0 { model.check() }
        }
        model.check()
    }

    @Test func copiesDoNotSeeEachOthersChanges() throws {
        let model = ListModel(size: -2, seed: 9)
        for _ in 0..<2_000 { model.step() }
        let before = model.array
        let copy = try #require(model.list.copy() as? ListObject)
        let second = try #require(copy.copy() as? ListObject)
        for _ in 0..<2_000 { model.step() }
        model.check()
        copy.checkInvariants()
        #expect(model.texts(of: copy) == before)
        while copy.count > 0 { copy.removeLast(limits: model.limits) }
        #expect(model.texts(of: second) == before)
    }

    @Test func endsTakeTenThousandElementsIntoFewPages() {
        let model = ListModel(size: -2, seed: 1)
        for number in 0..<10_000 {
            model.pack(Array("element:\(number)".utf8))
            model.list.append(model.raw.readable, limits: model.limits)
            model.list.prepend(model.raw.readable, limits: model.limits)
        }
        // 15 bytes an element: 40 pages of 8 KB, a little more where numbers are long.
        #expect(model.list.pageCount < 45)
        #expect(model.list.memoryUsage < 360_000)
        model.list.removeElements(from: 1, count: 19_998, limits: model.limits)
        #expect(model.list.pageCount <= 2)
        model.list.checkInvariants()
    }

    @Test func insertingInFrontOfAPageFillsTheOneBefore() {
        let model = ListModel(size: -2, seed: 1)
        model.pack(Array("0123456789".utf8))
        for _ in 0..<5_000 { model.list.append(model.raw.readable, limits: model.limits) }
        let pages = model.list.pageCount
        for _ in 0..<1_000 {
            let position = ListCursor(model.list, at: 2_500).position
            model.list.insert(
                model.raw.readable, at: position, behind: false, limits: model.limits)
        }
        model.list.checkInvariants()
        #expect(model.list.pageCount < pages + 8)
    }

    @Test func namesFollowTheDirective() {
        let model = ListModel(size: 4, seed: 1)
        model.pack([0x61])
        var names: [String] = []
        for _ in 0..<6 {
            model.list.append(model.raw.readable, limits: model.limits)
            names.append(model.list.encodingName.description)
        }
        #expect(names.suffix(3) == ["listpack", "quicklist", "quicklist"])
        for _ in 0..<3 { model.list.removeFirst(limits: model.limits) }
        #expect(model.list.encodingName.description == "quicklist")
        model.list.removeFirst(limits: model.limits)
        #expect(model.list.encodingName.description == "listpack")
    }
}
