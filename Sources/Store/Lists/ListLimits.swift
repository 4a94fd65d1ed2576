// The sizes of a list's pages, and the names that Redis gives to lists of a size.
//
//   list-max-listpack-size   n > 0     n elements in a page, and 8 KB at most
//                            -1 … -5   4, 8, 16, 32, 64 KB; our pages never exceed 8 KB
//
// Redis keeps a list in one listpack up to that size, and as a "quicklist" of listpacks beyond it;
// once it has shrunk to half of the size it is a "listpack" again. Clients see these names, so a
// list tells the name that it would have there, whatever its form.

/// What `list-max-listpack-size` says.
public struct ListLimits: Equatable, Sendable {
    /// Most data bytes of a page: 8 KB with the page's header and the allocator's.
    static let pageBytesMax = 8 * 1024 - ListPage.overheadBytes
    /// Most elements of a list in the packed form: its last element is found by walking.
    public static let packedCountMax = 128

    /// Most data bytes of a page.
    let pageBytes: Int
    /// Most elements of a page.
    let pageCount: Int
    /// Most bytes of a list that Redis keeps in one listpack.
    let listpackBytes: Int

    /// What a value of the directive means.
    public init(_ size: Int) {
        if size > 0 {
            pageCount = size
            listpackBytes = 8 * 1024
        } else {
            pageCount = .max
            // 0 is taken as -1, as Redis does.
            listpackBytes = 4 * 1024 << (min(5, max(1, -size)) - 1)
        }
        pageBytes = min(ListLimits.pageBytesMax, listpackBytes)
    }

    /// Whether a list of so many elements stays in the packed form, in a value of `bytes`.
    @inlinable
    public func fitsPacked(count: Int, bytes: Int) -> Bool {
        bytes <= Entry.inlineValueBytesMax && count <= ListLimits.packedCountMax
            && count <= packedElementsMax
    }

    @usableFromInline var packedElementsMax: Int { pageCount }

    /// Whether Redis would call a list of so many elements and bytes a quicklist.
    func exceedsListpack(count: Int, bytes: Int) -> Bool {
        bytes + ListLimits.listpackHeaderBytes > listpackBytes || count > pageCount
    }

    /// Whether a quicklist has become so small that Redis would make one listpack of it.
    func fitsListpackAgain(count: Int, bytes: Int) -> Bool {
        bytes + ListLimits.listpackHeaderBytes <= listpackBytes / 2 && count <= pageCount / 2
    }

    /// Bytes of a listpack beyond its elements.
    private static let listpackHeaderBytes = 7
}
