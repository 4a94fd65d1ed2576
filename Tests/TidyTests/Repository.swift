// What the rules read: the source files and the module table of Package.swift.
import Foundation
import Testing

/// One Swift file of the repository.
struct SourceFile: CustomTestStringConvertible, Sendable {
    /// Path below the repository.
    let path: String
    let lines: [String]
    var testDescription: String { path }

    /// The module of a file under `Sources/`; nil elsewhere.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.first == "Sources" ? String(parts[1]) : nil
    }

    /// Lines with strings emptied and comments removed, so that rules see code only.
    var code: [String] {
        var insideText = false
        return lines.map { line in
            if line.contains("\"\"\"") {
                insideText.toggle()
                return ""
            }
            return insideText ? "" : Self.stripped(line)
        }
    }

    private static func stripped(_ line: String) -> String {
        var result = ""
        var inString = false
        var previous: Character = " "
        for character in line {
            if inString {
                if character == "\"" && previous != "\\" { inString = false }
                previous = previous == "\\" && character == "\\" ? " " : character
                continue
            }
            if character == "\"" {
                inString = true
                result += "\"\""
            } else if character == "/" && previous == "/" {
                result.removeLast()
                return result
            } else {
                result.append(character)
            }
            previous = character
        }
        return result
    }
}

/// A row of the module table in Package.swift.
struct ModuleRow: Sendable {
    let name: String
    let kind: String
    let uses: [String]
}

enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static let sources = files(under: ["Sources", "services"])
    static let all = sources + files(under: ["Tests"])

    static let modules: [ModuleRow] = {
        let manifest =
            (try? String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)) ?? ""
        return manifest.components(separatedBy: "Module(").dropFirst().compactMap { text in
            let body = text.prefix { $0 != ")" }
            guard let name = quoted(in: body.components(separatedBy: "kind:")[0]).first,
                let kind = body.firstMatch(of: #/kind: \.(\w+)/#)?.1
            else { return nil }
            let uses = body.firstMatch(of: #/uses:\s*\[([^\]]*)\]/#).map {
                quoted(in: String($0.1))
            }
            return ModuleRow(name: name, kind: String(kind), uses: uses ?? [])
        }
    }()

    static func quoted(in text: String) -> [String] {
        text.matches(of: #/"(\w+)"/#).map { String($0.1) }
    }

    static func files(under folders: [String]) -> [SourceFile] {
        folders.flatMap { folder -> [SourceFile] in
            let base = root.appending(path: folder)
            let paths = FileManager.default.enumerator(atPath: base.path)?.allObjects ?? []
            return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
                .compactMap { path in
                    guard
                        let text = try? String(
                            contentsOf: base.appending(path: path), encoding: .utf8)
                    else { return nil }
                    return SourceFile(
                        path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
                }
        }
    }
}
