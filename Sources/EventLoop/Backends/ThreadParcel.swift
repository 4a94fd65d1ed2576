// Holds a value that must be released on one thread, so that holding it elsewhere is harmless.
//
// A plain reference would not do: copies of it live for a moment wherever it passes, and the last
// of them to go decides on which thread the value dies. So the parcel is a bare address, copied
// without counting, and `release` is called exactly once, on the right thread.
//
// Invariant: the address is that of a retained Box until `release`.

/// An uncounted reference to a value.
@safe
struct ThreadParcel<Value>: @unchecked Sendable {
    private final class Box {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    private let address: UnsafeMutableRawPointer

    init(_ value: Value) {
        unsafe address = Unmanaged.passRetained(Box(value)).toOpaque()
    }

    /// The value; only on its thread and before `release`.
    var value: Value {
        unsafe Unmanaged<Box>.fromOpaque(address).takeUnretainedValue().value
    }

    /// Lets go of the value; once, on its thread.
    func release() { unsafe Unmanaged<Box>.fromOpaque(address).release() }
}
