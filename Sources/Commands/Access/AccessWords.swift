// The words of access rules, as commands, configuration lines and access files carry them.
internal import Bytes

/// Words of rules.
enum AccessWords {
    /// A selector that is never closed.
    struct Unclosed: Error, Equatable {
        /// The word that opens it.
        let index: Int
    }

    /// The words between blanks.
    static func split(_ text: ArraySlice<UInt8>) -> [[UInt8]] {
        text.split { $0 == 0x20 || (0x09...0x0D).contains($0) }.map(Array.init)
    }

    /// Joins the words of each selector `( … )` to one, as people leave out the quotes.
    static func merge(_ words: [[UInt8]]) throws(Unclosed) -> [[UInt8]] {
        var merged: [[UInt8]] = []
        var open: (index: Int, text: [UInt8])?
        for (index, word) in words.enumerated() {
            let isClosed = word.last == UInt8(ascii: ")")
            if let selector = open {
                let text = selector.text + [0x20] + word
                open = isClosed ? nil : (selector.index, text)
                if isClosed { merged.append(text) }
            } else if word.first == UInt8(ascii: "("), !isClosed {
                open = (index, word)
            } else {
                merged.append(word)
            }
        }
        if let open { throw Unclosed(index: open.index) }
        return merged
    }
}
