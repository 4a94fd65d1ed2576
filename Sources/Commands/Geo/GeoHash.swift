// Positions on the earth as integers that sort by place.
//
//   longitude, latitude ──► two fractions of their ranges ──► `step` bits each ──► interleaved
//
//   bit  … 5  4  3  2  1  0        odd bits: longitude, even bits: latitude
//
// Latitudes end at ±85.05112878°, as in EPSG:900913. With 26 steps the 52 bits are exact in a
// double: they are the scores of geographic sets. Computation follows Redis step by step, because
// clients compare the digits of results.
internal import Bytes

/// A position in degrees.
struct GeoPosition: Equatable {
    var longitude: Double
    var latitude: Double

    static let longitudeMax = 180.0
    static let latitudeMax = 85.05112878

    /// Whether the position can be encoded.
    var isValid: Bool {
        longitude.magnitude <= GeoPosition.longitudeMax
            && latitude.magnitude <= GeoPosition.latitudeMax
    }

    // MARK: Distances

    /// The quadratic mean radius of the earth in metres.
    static let earthRadiusMeters = 6372797.560856

    static func radians(_ degrees: Double) -> Double { degrees * (Double.pi / 180) }
    static func degrees(_ radians: Double) -> Double { radians / (Double.pi / 180) }

    /// Metres between two latitudes on one meridian.
    static func meters(latitude first: Double, latitude second: Double) -> Double {
        earthRadiusMeters * (radians(second) - radians(first)).magnitude
    }

    /// Metres to another position on the great circle, by the haversine formula.
    func meters(to other: GeoPosition) -> Double {
        let longitude1 = GeoPosition.radians(longitude)
        let longitude2 = GeoPosition.radians(other.longitude)
        let v = Trigonometry.sine((longitude2 - longitude1) / 2)
        if v == 0 {
            return GeoPosition.meters(latitude: latitude, latitude: other.latitude)
        }
        let latitude1 = GeoPosition.radians(latitude)
        let latitude2 = GeoPosition.radians(other.latitude)
        let u = Trigonometry.sine((latitude2 - latitude1) / 2)
        let a =
            u * u + Trigonometry.cosine(latitude1) * Trigonometry.cosine(latitude2) * v * v
        return 2.0 * GeoPosition.earthRadiusMeters * Trigonometry.arcSine(a.squareRoot())
    }
}

/// A rectangle of the grid: the bits of its position and how many there are of each kind.
struct GeoHash: Equatable {
    /// Bits of longitude and of latitude in a score.
    static let stepMax = 26

    var bits: UInt64
    var step: Int

    /// The cell of a valid position.
    init(_ position: GeoPosition, step: Int, latitudeMax: Double = GeoPosition.latitudeMax) {
        let scale = Double(UInt64(1) << UInt64(step))
        let latitude = (position.latitude + latitudeMax) / (latitudeMax + latitudeMax) * scale
        let longitude =
            (position.longitude + GeoPosition.longitudeMax) / (GeoPosition.longitudeMax * 2)
            * scale
        bits =
            GeoHash.spread(UInt32(latitude)) | GeoHash.spread(UInt32(longitude)) << 1
        self.step = step
    }

    /// The cell that a score stands for.
    init(score: Double) {
        // Scores that were not made of positions must not trap: anything outside is cut off.
        let whole = score.isFinite ? score.rounded(.towardZero) : 0
        bits = Int64(exactly: whole).map { UInt64(bitPattern: $0) } ?? 0
        step = GeoHash.stepMax
    }

    /// The bits as those of a score: the first one of the cell.
    var score: UInt64 { bits << UInt64(2 * (GeoHash.stepMax - step)) }

    /// The scores in the cell: from the first up to the one that is not in it any more.
    var scores: (first: Double, end: Double) {
        var next = self
        next.bits += 1
        return (Double(score), Double(next.score))
    }

    /// Bit i goes to bit 2i.
    private static func spread(_ value: UInt32) -> UInt64 {
        var x = UInt64(value)
        x = (x | x << 16) & 0x0000_FFFF_0000_FFFF
        x = (x | x << 8) & 0x00FF_00FF_00FF_00FF
        x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F
        x = (x | x << 2) & 0x3333_3333_3333_3333
        return (x | x << 1) & 0x5555_5555_5555_5555
    }

    /// Bit 2i goes to bit i.
    private static func gather(_ value: UInt64) -> UInt32 {
        var x = value & 0x5555_5555_5555_5555
        x = (x | x >> 1) & 0x3333_3333_3333_3333
        x = (x | x >> 2) & 0x0F0F_0F0F_0F0F_0F0F
        x = (x | x >> 4) & 0x00FF_00FF_00FF_00FF
        x = (x | x >> 8) & 0x0000_FFFF_0000_FFFF
        return UInt32(truncatingIfNeeded: x | x >> 16)
    }

    // MARK: Areas

    /// The edges of a cell in degrees.
    struct Area {
        var west: Double
        var east: Double
        var south: Double
        var north: Double

        var center: GeoPosition {
            let longitude = (west + east) / 2
            let latitude = (south + north) / 2
            return GeoPosition(
                longitude: min(max(longitude, -GeoPosition.longitudeMax), GeoPosition.longitudeMax),
                latitude: min(max(latitude, -GeoPosition.latitudeMax), GeoPosition.latitudeMax))
        }
    }

    /// The cell's edges.
    var area: Area {
        let scale = Double(UInt64(1) << UInt64(step))
        let latitude = GeoHash.gather(bits)
        let longitude = GeoHash.gather(bits >> 1)
        let width = GeoPosition.longitudeMax + GeoPosition.longitudeMax
        let height = GeoPosition.latitudeMax + GeoPosition.latitudeMax
        return Area(
            west: -GeoPosition.longitudeMax + (Double(longitude) / scale) * width,
            east: -GeoPosition.longitudeMax + (Double(longitude &+ 1) / scale) * width,
            south: -GeoPosition.latitudeMax + (Double(latitude) / scale) * height,
            north: -GeoPosition.latitudeMax + (Double(latitude &+ 1) / scale) * height)
    }

    /// The position in the middle of the cell.
    var position: GeoPosition { area.center }

    // MARK: Neighbours

    private static let longitudeBits: UInt64 = 0xAAAA_AAAA_AAAA_AAAA
    private static let latitudeBits: UInt64 = 0x5555_5555_5555_5555

    /// The cell so many steps (-1, 0 or 1) to the east and to the north; it wraps around.
    func neighbour(east: Int, north: Int) -> GeoHash {
        var result = self
        let unused = UInt64(64 - step * 2)
        let longitudes = GeoHash.longitudeBits >> unused
        let latitudes = GeoHash.latitudeBits >> unused
        var x = bits & GeoHash.longitudeBits
        var y = bits & GeoHash.latitudeBits
        // The bits between those that count are set (to carry) or clear (to borrow) for the sum.
        if east > 0 { x = (x &+ (latitudes &+ 1)) & longitudes }
        if east < 0 { x = ((x | latitudes) &- (latitudes &+ 1)) & longitudes }
        if north > 0 { y = (y &+ (longitudes &+ 1)) & latitudes }
        if north < 0 { y = ((y | longitudes) &- (longitudes &+ 1)) & latitudes }
        result.bits = x | y
        return result
    }

    // MARK: Text

    private static let alphabet: StaticString = "0123456789bcdefghjkmnpqrstuvwxyz"

    /// Appends the eleven letters of the public geohash of a position, whose latitudes end at ±90°.
    static func appendText(_ position: GeoPosition, to buffer: inout ByteBuffer) {
        let bits = GeoHash(position, step: stepMax, latitudeMax: 90).bits
        let letters = ByteSlice(alphabet)
        for place in 0..<10 {
            buffer.append(letters[Int(bits >> UInt64(52 - (place + 1) * 5)) & 31])
        }
        // 52 bits are ten letters and a rest that the public form leaves out.
        buffer.append(letters[0])
    }
}
