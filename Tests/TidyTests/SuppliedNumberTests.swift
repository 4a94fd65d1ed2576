// Numbers that others supply are not computed with plainly: an extreme one would end the process.
//
//   let number = try engine.integer(…)      read: any value
//   guard number <= limit else { throw … }  checked, by comparison only
//   let count = Int(number)                 a new name says that it is in range
//
// Sums of unchecked numbers go through `…ReportingOverflow` (to refuse) or `…Clamped` (to stop at
// the end of the range), sums of times through `Deadline`.
import Foundation
import Testing

@Suite struct SuppliedNumberTests {
    /// Where a number gets its name.
    private static let reader =
        #"\b(?:let|var)\s+(\w+)(?:\s*:\s*\w+\??)?\s*=\s*(?:try\s+)?[\w.]*\b(?:integer|timeout)\("#

    /// The operators that trap, beside a name that holds a number as it was read.
    private static func computes(with name: String, in line: String) -> Bool {
        let operand = #"(?:U?Int\d*\()?"# + name + #"\b"#
        let patterns = [
            #"(?<![&\w.])"# + name + #"\)? [-+*] "#, #"(?<!&)[-+*] "# + operand,
            #"(?<!&)[-+*]= "# + operand, #"\b"# + name + #" [-+*]= "#, #"[(\[,=:?] ?-"# + name,
            #"\babs\("# + name,
        ]
        return patterns.contains { line.range(of: $0, options: .regularExpression) != nil }
    }

    @Test(arguments: Repository.sources.filter { $0.module == "Commands" })
    func suppliedNumbersAreNotComputedWithPlainly(file: SourceFile) throws {
        let reader = try Regex(Self.reader, as: (Substring, Substring).self)
        var names = Set<String>()
        for (number, line) in file.code.enumerated() {
            if line.contains(#/^ {0,8}(?:[\w@() ]*\b)?(?:func |init[(<?])/#) { names = [] }
            for match in line.matches(of: reader) { names.insert(String(match.1)) }
            for name in names where Self.computes(with: name, in: line) {
                Issue.record(
                    """
                    \(file.path):\(number + 1): \(name) may be any number: use Deadline, \
                    …Clamped or …ReportingOverflow
                    """)
            }
        }
    }

    @Test(arguments: Repository.sources)
    func endsOfTimesAreDeadlines(file: SourceFile) {
        let now = #/(?:\b[Nn]ow\w*|\b[Mm]onotonic\w+\(\)) \+ /#
        let length = #/\w*(?:[Tt]imeout|[Dd]elay|[Mm]illi|[Ll]ength|[Ss]econds)/#
        for (number, line) in file.code.enumerated() {
            for sum in line.matches(of: now)
            where line[sum.range.upperBound...].prefixMatch(of: length) != nil {
                Issue.record("\(file.path):\(number + 1): the end of a time is a Deadline")
            }
        }
    }

    @Test(arguments: [
        ("x = count + number", true), ("x = number + 1", true), ("f(-number)", true),
        ("number += 1", true), ("x -= Int(number)", true), ("x = Int(number) - 1", true),
        ("abs(number)", true), ("x = number &+ 1", false), ("x = y &- number", false),
        ("number <= Int64(count - 1)", false), ("number.addingClamped(1)", false),
        ("f(numbers + 1)", false),
    ])
    func theRuleSeesOperators(line: String, isPlain: Bool) {
        #expect(Self.computes(with: "number", in: line) == isPlain)
    }
}
