// Wall-clock time as date and time of day, for log lines and names of files.
import Glibc

/// A moment split into calendar fields.
public struct CalendarTime: Sendable {
    /// Year, such as 2026.
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int
    /// 0 to 23.
    public let hour: Int
    /// 0 to 59.
    public let minute: Int
    /// 0 to 60.
    public let second: Int
    /// 0 to 999.
    public let millisecond: Int

    /// The fields of a moment given in milliseconds since 1970, in the machine's time zone.
    public init(localFrom wallMilliseconds: Int64) {
        self.init(wallMilliseconds, isLocal: true)
    }

    /// The fields of a moment given in milliseconds since 1970, in UTC.
    public init(utcFrom wallMilliseconds: Int64) {
        self.init(wallMilliseconds, isLocal: false)
    }

    private init(_ wallMilliseconds: Int64, isLocal: Bool) {
        let part = ((wallMilliseconds % 1_000) + 1_000) % 1_000
        var seconds = time_t((wallMilliseconds - part) / 1_000)
        var fields = unsafe tm()
        if isLocal {
            unsafe localtime_r(&seconds, &fields)
        } else {
            unsafe gmtime_r(&seconds, &fields)
        }
        year = unsafe Int(fields.tm_year) + 1_900
        month = unsafe Int(fields.tm_mon) + 1
        day = unsafe Int(fields.tm_mday)
        hour = unsafe Int(fields.tm_hour)
        minute = unsafe Int(fields.tm_min)
        second = unsafe Int(fields.tm_sec)
        millisecond = Int(part)
    }
}
