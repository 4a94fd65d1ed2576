// A request is framed alike whether its bytes arrive whole or in two parts: a difference would be
// a way to smuggle a request past a proxy. The first byte chooses where the input is cut.
import Bytes
import CFuzz
import Glibc
import HTTPWire

/// What a server would see: each request's method, target and content, or the refusal.
private func requests(_ input: ByteSlice, cuts: [Int]) -> [String] {
    var parser = HTTPRequestParser()
    var seen: [String] = []
    var position = 0
    for cut in cuts {
        while position < cut {
            do {
                let taken = try parser.parse(input.slice(from: position, count: cut - position))
                position += taken
                if parser.phase == .complete {
                    let request = parser.takeRequest()
                    seen.append("\(request.method) \(request.target) \(request.body)")
                } else if taken == 0 {
                    break
                }
            } catch {
                seen.append("\(error)")
                return seen
            }
        }
    }
    return seen
}

private func check(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 1 else { return 0 }
    let whole = unsafe ByteSlice(base: data, count: size)
    let input = whole.dropFirst(1)
    let cut = Int(whole[0]) * input.count / 256
    let atOnce = requests(input, cuts: [input.count])
    let inParts = requests(input, cuts: [cut, input.count])
    precondition(atOnce == inParts, "the cut changes the framing")
    return 0
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, check))
