// Where a command's keys are and what it does to them.
//
//   .range(first: 1, last: 1, step: 1)      SET key value            last -1 = last argument
//   .range(first: 1, last: -1, step: 2)     MSET key value …
//   .none                                   PING
//   .count(at: 2, first: 3)                 EVAL script 2 a b: number of keys at 2, keys from 3
//   .keyword("STREAMS", from: 1, …)         XREAD … STREAMS a b 0 0: keys behind a word
//   .unknown                                SORT … STORE key: see `CommandSpec.findKeys`
internal import Bytes

/// The keys among the arguments of a command; positions count the command's name as 0.
public struct KeySpec: Sendable {
    /// How the keys are found.
    public enum Search: Sendable, Equatable {
        /// No keys.
        case none
        /// From `first` to `last` (negative: from the end) each `step` arguments.
        case range(first: Int, last: Int, step: Int)
        /// The number of keys stands at `at`, the keys from `first`.
        case count(at: Int, first: Int)
        /// Keys stand behind the word, which is looked for from position `from` on (negative: from
        /// there backwards). `last` counts from the first key, or from the end when negative;
        /// with a `limit` only the first part of the rest (1 / limit) are keys.
        case keyword(StaticString, from: Int, last: Int, step: Int, limit: Int)
        /// No specification can tell: `CommandSpec.findKeys` does.
        case unknown

        /// Whether both search in the same way.
        public static func == (left: Search, right: Search) -> Bool {
            switch (left, right) {
            case (.none, .none), (.unknown, .unknown): true
            case (.range(let a, let b, let c), .range(let x, let y, let z)):
                a == x && b == y && c == z
            case (.count(let a, let b), .count(let x, let y)): a == x && b == y
            case (
                .keyword(let a, let b, let c, let d, let e),
                .keyword(let v, let w, let x, let y, let z)
            ):
                ByteSlice(a) == ByteSlice(v) && b == w && c == x && d == y && e == z
            default: false
            }
        }
    }

    /// What the command does to the keys, as COMMAND INFO says it.
    public struct Access: OptionSet, Sendable {
        /// The bits.
        public let rawValue: UInt16
        /// From bits.
        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }
        /// Reads the value or its metadata.
        public static let readOnly = Access(rawValue: 1 << 0)
        /// Changes the value.
        public static let readWrite = Access(rawValue: 1 << 1)
        /// Replaces the value without reading it.
        public static let overwrite = Access(rawValue: 1 << 2)
        /// Deletes the key.
        public static let remove = Access(rawValue: 1 << 3)
        /// Returns or copies user data.
        public static let access = Access(rawValue: 1 << 4)
        /// Changes user data depending on it.
        public static let update = Access(rawValue: 1 << 5)
        /// Adds user data.
        public static let insert = Access(rawValue: 1 << 6)
        /// Removes user data.
        public static let delete = Access(rawValue: 1 << 7)
        /// Which of the four above holds depends on the arguments.
        public static let variable = Access(rawValue: 1 << 8)
        /// The argument looks like a key and is none (a shard channel).
        public static let notKey = Access(rawValue: 1 << 9)
        /// The specification may miss keys.
        public static let incomplete = Access(rawValue: 1 << 10)

        /// Flags with the names that COMMAND INFO prints.
        static let names: [(flag: Access, name: StaticString)] = [
            (.readOnly, "RO"), (.readWrite, "RW"), (.overwrite, "OW"), (.remove, "RM"),
            (.access, "access"), (.update, "update"), (.insert, "insert"), (.delete, "delete"),
            (.notKey, "not_key"), (.incomplete, "incomplete"), (.variable, "variable_flags"),
        ]
    }

    /// How the keys are found.
    public let search: Search
    /// What is done to them.
    public let access: Access

    /// What else there is to say, for COMMAND INFO.
    public let notes: StaticString

    private init(search: Search, access: Access, notes: StaticString = "") {
        self.search = search
        self.access = access
        self.notes = notes
    }

    /// No keys.
    public static let none = KeySpec(search: .none, access: [])

    /// Keys in a range of positions.
    public static func range(
        first: Int, last: Int, step: Int, _ access: Access, notes: StaticString = ""
    ) -> KeySpec {
        KeySpec(
            search: .range(first: first, last: last, step: step), access: access, notes: notes)
    }

    /// As many keys from position `first` on as the argument at `at` says.
    public static func count(
        at: Int, first: Int, _ access: Access, notes: StaticString = ""
    ) -> KeySpec {
        KeySpec(search: .count(at: at, first: first), access: access, notes: notes)
    }

    /// Keys behind a word: see `Search.keyword`.
    public static func keyword(
        _ word: StaticString, from: Int, last: Int, step: Int = 1, limit: Int = 0,
        _ access: Access, notes: StaticString = ""
    ) -> KeySpec {
        KeySpec(
            search: .keyword(word, from: from, last: last, step: step, limit: limit),
            access: access, notes: notes)
    }

    /// Keys that only `CommandSpec.findKeys` finds.
    public static func unknown(_ access: Access, notes: StaticString = "") -> KeySpec {
        KeySpec(search: .unknown, access: access, notes: notes)
    }

    /// One key at position 1.
    public static func one(_ access: Access, notes: StaticString = "") -> KeySpec {
        KeySpec(
            search: .range(first: 1, last: 1, step: 1), access: access, notes: notes)
    }

    /// Position of the first key, 0 if there is none or it depends on the arguments.
    var firstPosition: Int {
        if case .range(let first, _, _) = search { return first }
        return 0
    }

    /// Calls `body` with the position of each key among the arguments; false when the arguments do
    /// not fit the specification.
    func forEachKey(_ arguments: Arguments, _ body: (Int) -> Void) -> Bool {
        switch search {
        case .none, .unknown:
            return true
        case .range(let first, let last, let step):
            let end = last >= 0 ? last : arguments.count + last
            guard end < arguments.count, first <= end else { return false }
            for position in stride(from: first, through: end, by: step) { body(position) }
            return true
        case .count(let at, let first):
            guard at < arguments.count, let number = Numbers.integer(arguments[at]),
                number >= 0, number <= Int64(arguments.count - first)
            else { return false }
            let count = Int(number)
            for position in first..<(first + count) { body(position) }
            return true
        case .keyword(let word, let from, let last, let step, let limit):
            guard let first = KeySpec.position(behind: word, from: from, arguments) else {
                return true
            }
            let end =
                if last >= 0 {
                    first + last
                } else if limit > 0 {
                    first + (arguments.count - first) / limit + last
                } else {
                    arguments.count + last
                }
            guard end < arguments.count, first <= end else { return false }
            for position in stride(from: first, through: end, by: step) { body(position) }
            return true
        }
    }

    /// The position behind `word`; nil when it does not occur.
    private static func position(
        behind word: StaticString, from: Int, _ arguments: Arguments
    ) -> Int? {
        let start = from >= 0 ? from : arguments.count + from
        let wanted = ByteSlice(word)
        let places = stride(
            from: start, to: from >= 0 ? arguments.count : 0, by: from >= 0 ? 1 : -1)
        for place in places where place < arguments.count {
            if isSame(arguments[place], wanted) { return place + 1 }
        }
        return nil
    }

    /// Whether the word is `wanted`, which stands in the row as the documentation spells it.
    private static func isSame(_ word: ByteSlice, _ wanted: ByteSlice) -> Bool {
        guard word.count == wanted.count else { return false }
        for index in 0..<word.count where (word[index] | 0x20) != (wanted[index] | 0x20) {
            return false
        }
        return true
    }
}
