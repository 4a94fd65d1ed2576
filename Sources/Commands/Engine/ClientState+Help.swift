// The HELP of containers: the lines of each subcommand, framed as Redis frames them.
internal import Bytes
internal import RESP

extension ClientState {
    /// Writes the help of `command`.
    func writeHelp(_ command: String, _ lines: [StaticString]) {
        writer.arrayHeader(lines.count + 3)
        writer.simpleString(
            composed: command + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
        for line in lines { writer.simpleString(line) }
        writer.simpleString("HELP")
        writer.simpleString("    Prints this help.")
    }
}

extension ReplyWriter {
    /// Plain text as RESP3 marks it.
    mutating func verbatim(text: String) {
        Array(text.utf8).withByteSlice { verbatim($0, format: "txt") }
    }
}
