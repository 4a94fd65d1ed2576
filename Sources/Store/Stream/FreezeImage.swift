// What a group or a consumer was when its stream was frozen.

/// The image of an object whose stream may be frozen: made before the first change behind the
/// freeze, or when it is asked for, whichever comes first.
struct FreezeImage<Image> {
    /// The image, while somebody may still ask for it.
    private(set) var value: Image?
    /// The freeze that has the image, or began before the object was made.
    private var freeze: Int

    /// Of an object that was made while `freeze` was in force, which therefore has none of it.
    init(madeIn freeze: Int) { self.freeze = freeze }

    /// Whether `freeze`, which is in force (0: none is), lacks the image.
    @inline(__always)
    func isMissing(in freeze: Int) -> Bool { freeze != 0 && freeze != self.freeze }

    /// The image; `make` makes it if there is none.
    mutating func take(in freeze: Int, _ make: () -> Image) -> Image {
        if let value { return value }
        let made = make()
        self.freeze = freeze
        value = made
        return made
    }

    /// Nobody reads the image any more; false when there is none.
    mutating func drop() -> Bool { value.take() != nil }
}
