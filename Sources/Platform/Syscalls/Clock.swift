// The clocks of the system, as integers with the unit in the name.
import CLinux
import Glibc

/// Reads the system's clocks; each call costs about 20 ns (vDSO).
public enum Clock {
    /// Time since an unspecified start, not moved by changes of the wall clock; stands still while
    /// the machine is suspended.
    public static func monotonicMicroseconds() -> Int64 { read(CLOCK_MONOTONIC) / 1_000 }

    /// As `monotonicMicroseconds`, in milliseconds.
    public static func monotonicMilliseconds() -> Int64 { read(CLOCK_MONOTONIC) / 1_000_000 }

    /// As `monotonicMicroseconds`, in nanoseconds.
    public static func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }

    /// Time since the system's start *including* suspended time: the clock for leases.
    public static func bootMicroseconds() -> Int64 { read(CLOCK_BOOTTIME) / 1_000 }

    /// As `bootMicroseconds`, in milliseconds.
    public static func bootMilliseconds() -> Int64 { read(CLOCK_BOOTTIME) / 1_000_000 }

    /// Milliseconds since 1970-01-01 UTC; may jump.
    public static func wallMilliseconds() -> Int64 { read(CLOCK_REALTIME) / 1_000_000 }

    /// Microseconds since 1970-01-01 UTC; may jump.
    public static func wallMicroseconds() -> Int64 { read(CLOCK_REALTIME) / 1_000 }

    /// Processor time of the calling thread in microseconds.
    public static func threadProcessorMicroseconds() -> Int64 {
        read(CLOCK_THREAD_CPUTIME_ID) / 1_000
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let result = unsafe clock_gettime(clock, &time)
        precondition(result == 0, "the clock is missing")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension Clock {
    /// Lets the calling thread sleep; a signal may end it early.
    public static func sleep(microseconds: Int64) {
        var time = timespec(
            tv_sec: Int(microseconds / 1_000_000), tv_nsec: Int(microseconds % 1_000_000) * 1_000)
        _ = unsafe nanosleep(&time, nil)
    }
}
