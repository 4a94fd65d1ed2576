// Removing equal elements from a long list: LREM.
//
//   each page   1. gather the offsets of the elements that go, as far as the limit allows
//               2. copy what stays into a new page
//
// so that removing every second of ten million elements copies each byte once.

public import Bytes

extension ListObject {
    /// Removes up to `limit` elements that equal `raw` (in packed form), from the front or from the
    /// back; returns how many.
    public func removeElements(
        equal raw: ByteSlice, limit: Int, fromBack: Bool, limits: ListLimits
    ) -> Int {
        if ListObject.isCompact(raw) {
            return ListObject.withPlain(raw) {
                removeElements(equal: $0, limit: limit, fromBack: fromBack, limits: limits)
            }
        }
        var rest = limit
        var offsets = TrivialList<Int32>(capacity: 64)
        var place = fromBack ? directory.count - 1 : 0
        while rest > 0, place >= 0, place < directory.count {
            offsets.removeAll()
            gather(raw, in: place, rest, fromBack: fromBack, into: &offsets)
            rest -= offsets.count
            let isGone = offsets.count > 0 && removeElements(at: offsets, in: place)
            if fromBack {
                place -= 1
            } else if !isGone {
                place += 1
            }
        }
        if rest < limit {
            joinSmallPages(limits)
            noteRemoved(limits)
        }
        return limit - rest
    }

    /// The offsets of the elements of a page that equal `raw`: the first `most` of them, or the
    /// last.
    private func gather(
        _ raw: ByteSlice, in place: Int, _ most: Int, fromBack: Bool,
        into offsets: inout TrivialList<Int32>
    ) {
        let page = directory.page(place)
        let view = page.view
        var offset = 0
        while offset < view.end, fromBack || offsets.count < most {
            let end = view.next(after: offset)
            if end - offset == raw.count, view.bytes.slice(from: offset, count: raw.count) == raw {
                offsets.append(Int32(offset))
            }
            offset = end + ListPage.backCount(end - offset)
        }
        let excess = offsets.count - most
        guard fromBack, excess > 0 else { return }
        for index in 0..<most { offsets[index] = offsets[index + excess] }
        offsets.truncate(to: most)
    }
}
