// The angle functions of the C library: positions on the earth are compared digit by digit with
// what these give.

internal import CLinux

/// Functions of angles in radians.
public enum Trigonometry {
    /// The sine of an angle.
    public static func sine(_ angle: Double) -> Double { hw_sine(angle) }
    /// The cosine of an angle.
    public static func cosine(_ angle: Double) -> Double { hw_cosine(angle) }
    /// The angle whose sine is `value`.
    public static func arcSine(_ value: Double) -> Double { hw_arc_sine(value) }
}
