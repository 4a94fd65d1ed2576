// The rules of the repository that a reviewer would otherwise have to repeat. One test per rule;
// each shows the offending file and line.
import Foundation
import Testing

@Suite struct TidyTests {
    static let fileLinesMax = 600
    static let functionLinesMax = 70
    static let columnsMax = 100

    @Test func theRepositoryIsSeen() {
        #expect(Repository.sources.count > 20)
        #expect(Repository.modules.contains { $0.name == "Bytes" && $0.kind == "memory" })
    }

    @Test(arguments: Repository.all)
    func filesAreShort(file: SourceFile) {
        #expect(file.lines.count - 1 <= Self.fileLinesMax, "\(file.path): split it by topic")
    }

    @Test(arguments: Repository.all)
    func linesFitTheScreen(file: SourceFile) {
        for (number, line) in file.lines.enumerated() where line.count > Self.columnsMax {
            Issue.record("\(file.path):\(number + 1) has \(line.count) columns")
        }
    }

    @Test(arguments: Repository.sources)
    func functionsAreShort(file: SourceFile) {
        for function in functions(in: file) where function.length > Self.functionLinesMax {
            Issue.record("\(file.path):\(function.line) has \(function.length) lines: split it")
        }
    }

    @Test(arguments: Repository.sources)
    func filesSayWhatTheyAreFor(file: SourceFile) {
        #expect(file.lines.first?.hasPrefix("//") == true, "\(file.path): open with its purpose")
    }

    @Test(arguments: Repository.sources)
    func unsafeStaysInItsRooms(file: SourceFile) {
        let layout = #/^Sources/(Bytes|Store|Scripting)/(.*/)?Layout//#
        let rooms = [
            "Sources/Platform/Syscalls/", "Sources/EventLoop/Backends/", "Sources/HTTPClient/",
            "Sources/TLS/",
        ]
        guard file.path.firstMatch(of: layout) == nil,
            !rooms.contains(where: file.path.hasPrefix)
        else { return }
        for (number, line) in file.code.enumerated() where line.contains(#/\bunsafe\b/#) {
            Issue.record("\(file.path):\(number + 1) uses unsafe outside the layout folders")
        }
    }

    @Test(arguments: Repository.sources.filter { $0.module != nil })
    func importsFollowTheModuleTable(file: SourceFile) throws {
        let row = try #require(
            Repository.modules.first { $0.name == file.module }, "\(file.path): no such module row")
        let system = Self.systemModules(row)
        let packages = ["Logging", "ArgumentParser", "GRDB"]
        for (number, line) in file.code.enumerated() {
            guard
                let match = line.firstMatch(of: #/^\s*(?:public |internal |private )?import (\w+)/#)
            else { continue }
            let name = String(match.1)
            let allowed =
                row.uses.contains(name) || system.contains(name)
                || (["io", "app"].contains(row.kind) && packages.contains(name))
            #expect(allowed, "\(file.path):\(number + 1): \(row.name) may not import \(name)")
        }
    }

    /// What a module may import of the system: nothing for `pure` and `memory` modules but the
    /// few that describe JSON.
    static func systemModules(_ row: ModuleRow) -> [String] {
        switch row.name {
        case "ControlModel", "APIContract": return ["FoundationEssentials"]
        case "ControlPort": return ["Glibc", "Synchronization", "FoundationEssentials"]
        case "CoordinatorServer", "AdminAPI":
            return ["Glibc", "Synchronization", "Foundation", "FoundationEssentials"]
        default:
            return ["io", "app"].contains(row.kind)
                ? ["Glibc", "Synchronization"] : ["Synchronization"]
        }
    }

    @Test(arguments: Repository.sources)
    func nothingIsLeftUnfinished(file: SourceFile) {
        for (number, line) in file.lines.enumerated() {
            let open = line.contains(#/\b(TODO|FIXME|XXX|HACK)\b/#)
            #expect(!open, "\(file.path):\(number + 1): finish it or file a ticket")
        }
    }

    @Test(arguments: Repository.sources)
    func namesSayWhatIsInside(file: SourceFile) {
        let vague = #/(?i)\b(utils?|helpers?|common|misc)\b/#
        #expect(file.path.firstMatch(of: vague) == nil, "\(file.path): name the concept")
    }

    @Test(
        arguments: Repository.sources.filter {
            ["Store", "Commands", "RESP", "Bytes"].contains($0.module)
        })
    func theDataPathKnowsNoTasks(file: SourceFile) {
        for (number, line) in file.code.enumerated()
        where line.contains(#/\b(async|await|actor)\b/#) {
            Issue.record("\(file.path):\(number + 1): the data path is synchronous")
        }
    }

    /// Functions with their first line (from 1) and number of lines, found by indentation, which
    /// the formatter guarantees.
    func functions(in file: SourceFile) -> [(line: Int, length: Int)] {
        let code = file.code
        return code.indices.compactMap { start in
            guard code[start].contains(#/^\s*[\w@() ]*\b(func |init[(<?]|deinit\b)/#) else {
                return nil
            }
            let indent = code[start].prefix { $0 == " " }.count
            let closing = String(repeating: " ", count: indent) + "}"
            guard let end = code[start...].firstIndex(where: { $0.hasPrefix(closing) }) else {
                return nil
            }
            return (start + 1, end - start + 1)
        }
    }
}
