// The C library's number text behind a safe face.
//
//   text (ByteSlice) ──► hw_parse_* ──► value            value ──► hw_print_* ──► ByteBuffer
//
// Invariants
//   every text handed to C has at most HW_NUMBER_TEXT_MAX bytes;
//   C writes at most HW_EXTENDED_TEXT_MAX or HW_DOUBLE_TEXT_MAX bytes, which are reserved before.

internal import CLinux

enum NumberText {
    /// A long double, carried as bytes.
    struct Extended {
        let value: hw_extended

        static var zero: Extended { Extended(value: hw_extended()) }
    }

    static func double(_ text: ByteSlice) -> Double? {
        var value = 0.0
        guard let base = unsafe text.base,
            unsafe hw_parse_double(base, text.count, &value)
        else { return nil }
        return value
    }

    static func extended(_ text: ByteSlice) -> Extended? {
        var value = hw_extended()
        guard let base = unsafe text.base,
            unsafe hw_parse_extended(base, text.count, &value)
        else { return nil }
        return Extended(value: value)
    }

    static func extended(_ value: Double) -> Extended { Extended(value: hw_extended_from(value)) }

    static func scoreBound(_ text: ByteSlice) -> Double? {
        var value = 0.0
        guard let base = unsafe text.base,
            unsafe hw_parse_bound(base, text.count, &value)
        else { return nil }
        return value
    }

    /// How C lays a double out.
    enum Form {
        /// `%.17g`
        case significant17
        /// `%f`
        case fixed6
    }

    static func append(_ value: Double, _ form: Form, to buffer: inout ByteBuffer) {
        unsafe buffer.write(minimum: Int(HW_DOUBLE_TEXT_MAX)) { free in
            guard let base = free.baseAddress else { return 0 }
            let text = unsafe base.assumingMemoryBound(to: UInt8.self)
            return switch form {
            case .significant17: unsafe hw_print_significant(value, text)
            case .fixed6: unsafe hw_print_fixed(value, text)
            }
        }
    }

    static func sum(_ left: Extended, _ right: Extended) -> Extended? {
        var value = hw_extended()
        guard unsafe hw_add_extended(left.value, right.value, &value) else { return nil }
        return Extended(value: value)
    }

    static func appendExtended(_ number: Extended, to buffer: inout ByteBuffer) {
        unsafe buffer.write(minimum: Int(HW_EXTENDED_TEXT_MAX)) { free in
            guard let base = free.baseAddress else { return 0 }
            return unsafe hw_print_extended(number.value, base.assumingMemoryBound(to: UInt8.self))
        }
    }
}
