// The replies of COMMAND INFO and COMMAND DOCS, from the rows.
//
//   INFO   [name arity {flags} first last step {@categories} {tips} [key specs] [subcommands]]
//   DOCS   {summary since group complexity [doc_flags deprecated_since replaced_by] arguments
//           subcommands}
internal import Bytes
internal import RESP

/// Writers of what the table knows about a command.
enum CommandReplies {
    // MARK: INFO

    static func describe(_ number: Int, _ table: CommandTable, _ writer: inout ReplyWriter) {
        let spec = table.specs[number]
        writer.arrayHeader(10)
        writer.bulk(text: table.fullName(number))
        writer.integer(spec.arity)
        let flags = CommandFlags.names.filter { spec.flags.contains($0.flag) }
        writer.setHeader(flags.count)
        for row in flags { writer.simpleString(row.name) }
        let range = legacyRange(spec)
        writer.integer(range.first)
        writer.integer(range.last)
        writer.integer(range.step)
        let categories = ACLCategory.names.filter { spec.categories.contains($0.category) }
        writer.setHeader(categories.count)
        for row in categories { writer.simpleString(composed: "@\(row.name)") }
        writer.setHeader(spec.tips.count)
        for tip in spec.tips { writer.bulk(tip) }
        writer.setHeader(spec.keys.count)
        for keys in spec.keys { describe(keys, &writer) }
        let children = table.children(of: number)
        writer.setHeader(children.count)
        for child in children { describe(child, table, &writer) }
    }

    /// One range for clients that know nothing else: specifications that follow each other are
    /// joined, others are left out, as in Redis.
    private static func legacyRange(_ spec: CommandSpec) -> (first: Int, last: Int, step: Int) {
        if spec.keys.count == 1, case .range(let first, let last, let step) = spec.keys[0].search {
            return (first, last, step)
        }
        var range = (first: 0, last: 0, step: 0)
        for keys in spec.keys {
            guard case .range(let first, let last, 1) = keys.search,
                range.first == 0 || range.last == first - 1
            else { continue }
            if range.first == 0 { range.first = first }
            range.last = last
            range.step = 1
        }
        return range
    }

    private static func describe(_ keys: KeySpec, _ writer: inout ReplyWriter) {
        let hasNotes = keys.notes.utf8CodeUnitCount > 0
        writer.mapHeader(hasNotes ? 4 : 3)
        if hasNotes {
            writer.bulk("notes")
            writer.bulk(keys.notes)
        }
        writer.bulk("flags")
        writeAccess(keys.access, &writer)
        writer.bulk("begin_search")
        writer.mapHeader(2)
        writer.bulk("type")
        switch keys.search {
        case .none:
            preconditionFailure("a row without keys has no specification")
        case .range(let first, let last, let step):
            writeIndex(first, &writer)
            writeRange(last: last >= 0 ? last - first : last, step: step, limit: 0, &writer)
        case .count(let at, let first):
            writeIndex(at, &writer)
            writer.bulk("find_keys")
            writer.mapHeader(2)
            writer.bulk("type")
            writer.bulk("keynum")
            writer.bulk("spec")
            writer.mapHeader(3)
            writer.bulk("keynumidx")
            writer.integer(0)
            writer.bulk("firstkey")
            writer.integer(first - at)
            writer.bulk("keystep")
            writer.integer(1)
        case .keyword(let word, let from, let last, let step, let limit):
            writer.bulk("keyword")
            writer.bulk("spec")
            writer.mapHeader(2)
            writer.bulk("keyword")
            writer.bulk(word)
            writer.bulk("startfrom")
            writer.integer(from)
            writeRange(last: last, step: step, limit: limit, &writer)
        case .unknown:
            writer.bulk("unknown")
            writer.bulk("spec")
            writer.mapHeader(0)
            writer.bulk("find_keys")
            writer.mapHeader(2)
            writer.bulk("type")
            writer.bulk("unknown")
            writer.bulk("spec")
            writer.mapHeader(0)
        }
    }

    private static func writeRange(
        last: Int, step: Int, limit: Int, _ writer: inout ReplyWriter
    ) {
        writer.bulk("find_keys")
        writer.mapHeader(2)
        writer.bulk("type")
        writer.bulk("range")
        writer.bulk("spec")
        writer.mapHeader(3)
        writer.bulk("lastkey")
        writer.integer(last)
        writer.bulk("keystep")
        writer.integer(step)
        writer.bulk("limit")
        writer.integer(limit)
    }

    private static func writeIndex(_ index: Int, _ writer: inout ReplyWriter) {
        writer.bulk("index")
        writer.bulk("spec")
        writer.mapHeader(1)
        writer.bulk("index")
        writer.integer(index)
    }

    static func writeAccess(_ access: KeySpec.Access, _ writer: inout ReplyWriter) {
        let rows = KeySpec.Access.names.filter { access.contains($0.flag) }
        writer.setHeader(rows.count)
        for row in rows { writer.simpleString(row.name) }
    }

    // MARK: DOCS

    static func document(_ number: Int, _ table: CommandTable, _ writer: inout ReplyWriter) {
        let spec = table.specs[number]
        let children = table.children(of: number)
        let arguments = (try? Syntax.parse(spec.syntax.description)) ?? []
        var count = 4
        if spec.replacedBy != nil { count += 3 }
        if !arguments.isEmpty { count += 1 }
        if !children.isEmpty { count += 1 }
        writer.mapHeader(count)
        writer.bulk("summary")
        writer.bulk(spec.summary)
        writer.bulk("since")
        writer.bulk(spec.since)
        writer.bulk("group")
        writer.bulk(spec.group.name)
        writer.bulk("complexity")
        writer.bulk(spec.complexity)
        if let replacement = spec.replacedBy {
            writer.bulk("doc_flags")
            writer.setHeader(1)
            writer.simpleString("deprecated")
            writer.bulk("deprecated_since")
            writer.bulk(replacement.since)
            writer.bulk("replaced_by")
            writer.bulk(replacement.command)
        }
        if !arguments.isEmpty {
            writer.bulk("arguments")
            writer.arrayHeader(arguments.count)
            for argument in arguments { document(argument, spec, &writer) }
        }
        if !children.isEmpty {
            writer.bulk("subcommands")
            writer.mapHeader(children.count)
            for child in children {
                writer.bulk(text: table.fullName(child))
                document(child, table, &writer)
            }
        }
    }

    private static func document(
        _ node: SyntaxNode, _ spec: CommandSpec, _ writer: inout ReplyWriter
    ) {
        var type = ""
        var inner: [SyntaxNode] = []
        var isKey = false
        switch node.kind {
        case .value(let name):
            isKey = name == "key" && !spec.keys.isEmpty
            type = name == "key" && !isKey ? "string" : name
        case .token: type = "pure-token"
        case .oneOf(let nodes): (type, inner) = ("oneof", nodes)
        case .block(let nodes): (type, inner) = ("block", nodes)
        }
        var flags: [StaticString] = []
        if node.isOptional { flags.append("optional") }
        if node.isMultiple { flags.append("multiple") }
        let showsText = inner.isEmpty
        var count = 2
        for isThere in [showsText, isKey, node.token != nil, !flags.isEmpty, !inner.isEmpty]
        where isThere { count += 1 }
        writer.mapHeader(count)
        writer.bulk("name")
        writer.bulk(text: node.name)
        writer.bulk("type")
        writer.bulk(text: type)
        if showsText {
            writer.bulk("display_text")
            writer.bulk(text: node.name)
        }
        if isKey {
            writer.bulk("key_spec_index")
            let isSecond = spec.keys.count > 1 && ["newkey", "destination"].contains(node.name)
            writer.integer(isSecond ? 1 : 0)
        }
        if let token = node.token {
            writer.bulk("token")
            writer.bulk(text: token)
        }
        if !flags.isEmpty {
            writer.bulk("flags")
            writer.setHeader(flags.count)
            for flag in flags { writer.simpleString(flag) }
        }
        if !inner.isEmpty {
            writer.bulk("arguments")
            writer.arrayHeader(inner.count)
            for child in inner { document(child, spec, &writer) }
        }
    }
}
