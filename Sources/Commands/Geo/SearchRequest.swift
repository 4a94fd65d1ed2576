// What a search for positions asks for.
internal import Bytes
internal import RESP
internal import Store

extension Geo {
    /// How matches are sorted.
    enum Order { case none, ascending, descending }

    /// The arguments of a search.
    struct SearchRequest {
        private(set) var shape = GeoShape()
        private(set) var withDistance = false
        private(set) var withHash = false
        private(set) var withPosition = false
        private(set) var order = Order.none
        /// Most matches; 0 for all.
        private(set) var count = 0
        /// The first matches that are found are as good as the nearest.
        private(set) var takesAny = false
        /// Where the result goes; nil for the client.
        private(set) var target: ByteSlice?
        private(set) var storesDistance = false
        /// GEOSEARCH or GEOSEARCHSTORE, which have options for centre and shape.
        let isSearch: Bool

        private let mayStoreByOption: Bool
        private let isSearchStore: Bool
        private var hasMember = false
        private var hasPosition = false
        private var hasRadius = false
        private var hasBox = false

        /// Reads the arguments; `view` is the set that is searched, nil if there is none.
        init(
            _ engine: CommandEngine, _ arguments: Arguments, _ kind: SearchKind,
            _ view: SortedSetView?
        ) throws(ReplyError) {
            var start: Int
            switch kind {
            case .radius(let mayStore):
                (isSearch, isSearchStore, mayStoreByOption) = (false, false, mayStore)
                start = 6
                shape.center = try Geo.position(arguments[2], arguments[3])
                try readRadius(arguments[4], arguments[5])
            case .radiusByMember(let mayStore):
                (isSearch, isSearchStore, mayStoreByOption) = (false, false, mayStore)
                start = 5
                if let view {
                    shape.center = try SearchRequest.position(of: arguments[2], view)
                    try readRadius(arguments[3], arguments[4])
                }
            case .search:
                (isSearch, isSearchStore, mayStoreByOption) = (true, false, false)
                start = 2
            case .searchStore:
                (isSearch, isSearchStore, mayStoreByOption) = (true, true, false)
                start = 3
                target = arguments[1]
            }
            while start < arguments.count {
                let isKnown = try readFlag(arguments[start])
                start += 1
                if isKnown { continue }
                start = try readOption(engine, arguments, at: start - 1, view)
            }
            try check(arguments[0])
            if count != 0 && order == .none && !takesAny { order = .ascending }
        }

        private static func position(
            of member: ByteSlice, _ view: SortedSetView
        ) throws(ReplyError) -> GeoPosition {
            guard let score = view.score(of: member) else {
                throw ReplyError("ERR could not decode requested zset member")
            }
            return GeoHash(score: score).position
        }

        private mutating func readRadius(
            _ number: ByteSlice, _ unit: ByteSlice
        ) throws(ReplyError) {
            guard let radius = Numbers.double(number) else {
                throw ReplyError("ERR need numeric radius")
            }
            if radius < 0 { throw ReplyError("ERR radius cannot be negative") }
            shape.metersPerUnit = try Geo.unit(unit)
            shape.form = .circle(radius: radius)
        }

        private mutating func readBox(
            _ width: ByteSlice, _ height: ByteSlice, _ unit: ByteSlice
        ) throws(ReplyError) {
            guard let wide = Numbers.double(width) else {
                throw ReplyError("ERR need numeric width")
            }
            guard let high = Numbers.double(height) else {
                throw ReplyError("ERR need numeric height")
            }
            if high < 0 || wide < 0 {
                throw ReplyError("ERR height or width cannot be negative")
            }
            shape.metersPerUnit = try Geo.unit(unit)
            shape.form = .rectangle(width: wide, height: high)
        }

        /// Reads an option without arguments; false when the word is none.
        private mutating func readFlag(_ option: ByteSlice) throws(ReplyError) -> Bool {
            if option.equalsIgnoringCase("withdist") {
                withDistance = true
            } else if option.equalsIgnoringCase("withhash") {
                withHash = true
            } else if option.equalsIgnoringCase("withcoord") {
                withPosition = true
            } else if option.equalsIgnoringCase("any") {
                takesAny = true
            } else if option.equalsIgnoringCase("asc") {
                order = .ascending
            } else if option.equalsIgnoringCase("desc") {
                order = .descending
            } else if isSearchStore && option.equalsIgnoringCase("storedist") {
                storesDistance = true
            } else {
                return false
            }
            return true
        }

        /// Reads an option with arguments; returns the place behind them.
        private mutating func readOption(
            _ engine: CommandEngine, _ arguments: Arguments, at place: Int,
            _ view: SortedSetView?
        ) throws(ReplyError) -> Int {
            let option = arguments[place]
            let rest = arguments.count - place - 1
            if rest >= 1 && option.equalsIgnoringCase("count") {
                count = Int(try engine.integer(arguments[place + 1]))
                if count <= 0 { throw ReplyError("ERR COUNT must be > 0") }
                return place + 2
            }
            if rest >= 1 && mayStoreByOption && Geo.isTarget(option) {
                target = arguments[place + 1]
                storesDistance = option.equalsIgnoringCase("storedist")
                return place + 2
            }
            guard isSearch else { throw .syntax }
            if rest >= 1 && !hasPosition && option.equalsIgnoringCase("frommember") {
                // Without a set, the arguments behind are still checked.
                if let view {
                    shape.center = try SearchRequest.position(of: arguments[place + 1], view)
                }
                hasMember = true
                return place + 2
            }
            if rest >= 2 && !hasMember && option.equalsIgnoringCase("fromlonlat") {
                shape.center = try Geo.position(arguments[place + 1], arguments[place + 2])
                hasPosition = true
                return place + 3
            }
            if rest >= 2 && !hasBox && option.equalsIgnoringCase("byradius") {
                try readRadius(arguments[place + 1], arguments[place + 2])
                hasRadius = true
                return place + 3
            }
            if rest >= 3 && !hasRadius && option.equalsIgnoringCase("bybox") {
                try readBox(arguments[place + 1], arguments[place + 2], arguments[place + 3])
                hasBox = true
                return place + 4
            }
            throw .syntax
        }

        private func check(_ name: ByteSlice) throws(ReplyError) {
            if target != nil && (withDistance || withHash || withPosition) {
                throw isSearchStore
                    ? ReplyError(
                        """
                        ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and \
                        WITHCOORD options
                        """)
                    : ReplyError(
                        """
                        ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH \
                        and WITHCOORD options
                        """)
            }
            if isSearch && !hasMember && !hasPosition {
                throw ReplyError(
                    composed: "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for "
                        + name.string)
            }
            if isSearch && !hasRadius && !hasBox {
                throw ReplyError(
                    composed: "ERR exactly one of BYRADIUS and BYBOX can be specified for "
                        + name.string)
            }
            if takesAny && count == 0 {
                throw ReplyError("ERR the ANY argument requires COUNT argument")
            }
        }
    }
}
