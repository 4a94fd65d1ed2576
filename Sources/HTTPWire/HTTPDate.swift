// Writes the Date field: IMF-fixdate of RFC 9110 §5.6.7, "Sun, 06 Nov 1994 08:49:37 GMT".
//
// Civil date from days since 1970-01-01:
// 1. Shift to days since 0000-03-01, so that the leap day ends the year.
// 2. An era is 400 years of 146,097 days; `dayOfEra` gives the year within it.
// 3. Months from March have 153 days each five months: (5 × day + 2) / 153.

/// Dates as HTTP writes them.
public enum HTTPDate {
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The text of the moment `seconds` after 1970-01-01T00:00:00Z; not before it.
    public static func text(unixSeconds seconds: Int64) -> String {
        precondition(seconds >= 0, "before 1970")
        let days = seconds / 86_400
        let second = Int(seconds % 86_400)
        let (year, month, day) = civil(days: days)
        let weekday = weekdays[Int((days + 4) % 7)]  // 1970-01-01 was a Thursday.
        let date = "\(padded(day)) \(months[month - 1]) \(padded(year, 4))"
        let time = "\(padded(second / 3_600)):\(padded(second / 60 % 60)):\(padded(second % 60))"
        return "\(weekday), \(date) \(time) GMT"
    }

    static func civil(days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468  // days from 0000-03-01 to 1970-01-01
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5) + 1
        let month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        let year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        return (year, month, day)
    }

    private static func padded(_ value: Int, _ width: Int = 2) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
