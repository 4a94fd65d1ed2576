// Requests are found alike whether their bytes arrive whole or in two parts, and replies parse or
// fail without a trap. The first byte chooses where the input is cut.
import Bytes
import CFuzz
import Glibc
import RESP

/// Reads all commands of the input as a session does: the first `cut` bytes, then all.
private func commands(_ input: ByteSlice, cuts: [Int]) -> [[UInt8]] {
    var parser = RequestParser()
    var list = ByteSliceList()
    var found: [[UInt8]] = []
    var position = 0
    for cut in cuts {
        let visible = input.prefix(cut)
        while position < visible.count {
            list.removeAll()
            parser.releaseDecodedLines()
            do {
                guard
                    case .command(let consumed, let arguments) = try parser.parse(
                        visible, from: position, into: &list)
                else { break }
                precondition(consumed > 0 && arguments == list.count)
                position += consumed
                for index in 0..<arguments {
                    found.append(list.view(from: 0, count: arguments)[index].array)
                }
                found.append(Array("|".utf8))
            } catch {
                found.append(Array("\(error)".utf8))
                return found
            }
        }
    }
    return found
}

private func check(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 1 else { return 0 }
    let whole = unsafe ByteSlice(base: data, count: size)
    let input = whole.dropFirst(1)
    let cut = Int(whole[0]) * input.count / 256
    let atOnce = commands(input, cuts: [input.count])
    let inParts = commands(input, cuts: [cut, input.count])
    precondition(atOnce == inParts, "the cut changes what is found")

    var parser = ReplyParser()
    _ = try? parser.parse(input, from: 0)
    return 0
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, check))
