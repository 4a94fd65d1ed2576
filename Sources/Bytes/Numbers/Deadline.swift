// When something ends. How long it lasts is what a client, a peer or a directive said, so every sum
// with it is formed here: a time that no clock reaches is the end of the range, never a trap.

/// A point of a clock in milliseconds. Which clock is the owner's choice: only times of one clock
/// are compared.
public struct Deadline: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
    /// Milliseconds of the clock.
    public let milliseconds: Int64

    /// No clock reaches it.
    public static let never = Deadline(milliseconds: .max)

    /// The time `milliseconds` of the clock.
    @inlinable
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// `length` milliseconds after `now`.
    @inlinable
    public init(_ length: Int64, after now: Int64) {
        milliseconds = now.addingClamped(length)
    }

    /// `length` seconds after `now`, which is in milliseconds.
    @inlinable
    public init(seconds length: Int64, after now: Int64) {
        self.init(length.multipliedClamped(by: 1_000), after: now)
    }

    /// The time `value` of the clock in milliseconds.
    @inlinable
    public init(integerLiteral value: Int64) { milliseconds = value }

    /// Whether it has come.
    @inlinable
    public func isOver(at now: Int64) -> Bool { now >= milliseconds }

    /// Milliseconds until it comes; 0 when it has.
    @inlinable
    public func left(at now: Int64) -> Int64 { max(0, milliseconds.subtractingClamped(now)) }

    /// Whether `left` comes first.
    @inlinable
    public static func < (left: Deadline, right: Deadline) -> Bool {
        left.milliseconds < right.milliseconds
    }
}
