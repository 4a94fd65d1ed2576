// Where a command's keys are and what it does to them.
//
//   .range(first: 1, last: 1, step: 1)      SET key value            last -1 = last argument
//   .range(first: 1, last: -1, step: 2)     MSET key value …
//   .none                                   PING
//   .count(at: 1, first: 2)                 LCS-like: number of keys at 1, keys from 2
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
    }

    /// What the command does to the keys, as COMMAND INFO says it.
    public struct Access: OptionSet, Sendable {
        /// The bits.
        public let rawValue: UInt16
        /// From bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
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

        /// Flags with the names that COMMAND INFO prints.
        static let names: [(flag: Access, name: StaticString)] = [
            (.readOnly, "RO"), (.readWrite, "RW"), (.overwrite, "OW"), (.remove, "RM"),
            (.access, "access"), (.update, "update"), (.insert, "insert"), (.delete, "delete"),
            (.notKey, "not_key"), (.variable, "variable_flags"),
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
    public static func range(first: Int, last: Int, step: Int, _ access: Access) -> KeySpec {
        KeySpec(search: .range(first: first, last: last, step: step), access: access)
    }

    /// One key at position 1.
    public static func one(_ access: Access, notes: StaticString = "") -> KeySpec {
        KeySpec(
            search: .range(first: 1, last: 1, step: 1), access: access, notes: notes)
    }

    /// Position of the first key, 0 if there is none or it depends on the arguments.
    var firstPosition: Int {
        switch search {
        case .none: 0
        case .range(let first, _, _): first
        case .count: 0
        }
    }

    /// Calls `body` with the position of each key among `count` arguments; false when the
    /// arguments do not fit the specification.
    func forEachKey(_ arguments: Arguments, _ body: (Int) -> Void) -> Bool {
        switch search {
        case .none:
            return true
        case .range(let first, let last, let step):
            let end = last >= 0 ? last : arguments.count + last
            guard end < arguments.count, first <= end else { return false }
            for position in stride(from: first, through: end, by: step) { body(position) }
            return true
        case .count(let at, let first):
            guard at < arguments.count, let number = Numbers.integer(arguments[at]),
                number > 0, number <= Int64(arguments.count - first)
            else { return false }
            for position in first..<(first + Int(number)) { body(position) }
            return true
        }
    }
}
