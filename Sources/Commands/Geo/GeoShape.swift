// The area of a search, and the cells of the grid that cover it.
//
//   1. The bounding box of the shape, in degrees.
//   2. The step at which a cell is about as large as the shape; one less when the shape reaches
//      beyond the cells around that of its centre.
//   3. The cell of the centre and its eight neighbours; without those that lie outside of the box.
//
// Order and choice of the cells are those of Redis: they decide the order of unsorted results.
internal import Bytes

/// A circle or a rectangle around a position.
struct GeoShape {
    /// The kinds of shapes; lengths are in the unit of the request.
    enum Form {
        case circle(radius: Double)
        case rectangle(width: Double, height: Double)
    }

    var center = GeoPosition(longitude: 0, latitude: 0)
    var form = Form.circle(radius: 0)
    /// Metres in the unit of the request.
    var metersPerUnit = 1.0

    /// Metres from the centre to a position in the shape; nil for one outside.
    func distance(to position: GeoPosition) -> Double? {
        switch form {
        case .circle(let radius):
            let distance = center.meters(to: position)
            return distance > radius * metersPerUnit ? nil : distance
        case .rectangle(let width, let height):
            let up = GeoPosition.meters(latitude: position.latitude, latitude: center.latitude)
            if up > height * metersPerUnit / 2 { return nil }
            let beside = GeoPosition(longitude: center.longitude, latitude: position.latitude)
            if position.meters(to: beside) > width * metersPerUnit / 2 { return nil }
            return center.meters(to: position)
        }
    }

    // MARK: Cells

    private static let mercatorMax = 20037726.37

    /// The step at which a cell is at least as large as the range.
    private static func step(rangeMeters: Double, latitude: Double) -> Int {
        if rangeMeters == 0 { return GeoHash.stepMax }
        var range = rangeMeters
        var step = 1
        while range < mercatorMax {
            range *= 2
            step += 1
        }
        step -= 2
        // Towards the poles cells are narrower.
        if latitude.magnitude > 66 {
            step -= 1
            if latitude.magnitude > 80 { step -= 1 }
        }
        return min(max(step, 1), GeoHash.stepMax)
    }

    /// Metres from the centre to the farthest point.
    private var rangeMeters: Double {
        switch form {
        case .circle(let radius): radius * metersPerUnit
        case .rectangle(let width, let height):
            ((width / 2) * (width / 2) + (height / 2) * (height / 2)).squareRoot() * metersPerUnit
        }
    }

    /// The bounding box; its width is that of the edge farther from the equator's side that Redis
    /// takes.
    private var box: GeoHash.Area {
        let (width, height) =
            switch form {
            case .circle(let radius): (radius, radius)
            case .rectangle(let width, let height): (width / 2, height / 2)
            }
        let up = metersPerUnit * height
        let side = metersPerUnit * width
        let radius = GeoPosition.earthRadiusMeters
        let latitudes = GeoPosition.degrees(up / radius)
        func longitudes(at latitude: Double) -> Double {
            GeoPosition.degrees(
                side / radius / Trigonometry.cosine(GeoPosition.radians(latitude)))
        }
        let isSouthern = center.latitude < 0
        let reach = longitudes(
            at: isSouthern ? center.latitude - latitudes : center.latitude + latitudes)
        return GeoHash.Area(
            west: center.longitude - reach, east: center.longitude + reach,
            south: center.latitude - latitudes, north: center.latitude + latitudes)
    }

    /// Calls `body` with the cells that cover the shape, until it returns false.
    func forEachCell(_ body: (GeoHash) -> Bool) {
        let box = box
        var step = GeoShape.step(rangeMeters: rangeMeters, latitude: center.latitude)
        var middle = GeoHash(center, step: step)
        let isTooSmall =
            middle.neighbour(east: 0, north: 1).area.north < box.north
            || middle.neighbour(east: 0, north: -1).area.south > box.south
            || middle.neighbour(east: 1, north: 0).area.east < box.east
            || middle.neighbour(east: -1, north: 0).area.west > box.west
        if step > 1 && isTooSmall {
            step -= 1
            middle = GeoHash(center, step: step)
        }
        let area = middle.area
        let canExclude = step >= 2
        let order: [(east: Int, north: Int)] = [
            (0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1),
        ]
        var previous: GeoHash?
        for place in order {
            let isOutside =
                (place.north < 0 && area.south < box.south)
                || (place.north > 0 && area.north > box.north)
                || (place.east < 0 && area.west < box.west)
                || (place.east > 0 && area.east > box.east)
            if canExclude && isOutside { continue }
            let cell = middle.neighbour(east: place.east, north: place.north)
            // With huge shapes neighbours are the same cell. The one in the middle does not count
            // as the previous: Redis takes its number, 0, for "none".
            if cell == previous { continue }
            if !body(cell) { return }
            previous = place == (0, 0) ? nil : cell
        }
    }
}
