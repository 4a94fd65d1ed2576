// Holds a value that must be released on one thread, so that holding it elsewhere is harmless.
//
// A plain reference would not do: copies of it live for a moment wherever it passes, and the last
// of them to go decides on which thread the value dies. So the parcel is a bare address, copied
// without counting, and `release` is called exactly once, on the right thread.
//
// Invariant: the address is that of a retained Box until `release`.

private final class Box<Value> {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// An uncounted reference to a value.
@safe
struct ThreadParcel: Hashable, @unchecked Sendable {
    private let address: UnsafeMutableRawPointer

    init<Value>(_ value: Value) {
        unsafe address = Unmanaged.passRetained(Box(value)).toOpaque()
    }

    /// The value, of the type that the parcel was made with; only on its thread and before
    /// `release`.
    func value<Value>(as type: Value.Type) -> Value {
        unsafe Unmanaged<Box<Value>>.fromOpaque(address).takeUnretainedValue().value
    }

    static func == (left: Self, right: Self) -> Bool { unsafe left.address == right.address }

    func hash(into hasher: inout Hasher) { unsafe hasher.combine(address) }

    /// Lets go of the value; once, on its thread.
    func release() { unsafe Unmanaged<AnyObject>.fromOpaque(address).release() }
}
