// Sessions of commands that are drawn from the syntax lines of the command table, in process: see
// CommandDraw and CommandSession, which the unit tests share. A trap, a step of more than a second
// of processor time, or a broken reply is a fault; the history of the session is printed first.
import CFuzz
import Glibc

/// Processor time of a step, in clock ticks. Other programs on the machine do not count.
nonisolated(unsafe) private var stepStart = clock()
nonisolated(unsafe) private var session = CommandSession(observe: observe)

private func observe(_ history: [String], _ isOver: Bool) {
    if !isOver {
        unsafe stepStart = clock()
        return
    }
    let spent = unsafe clock() - stepStart
    if spent > CLOCKS_PER_SEC {
        report("a step took \(spent / (CLOCKS_PER_SEC / 1_000)) ms", history)
    }
}

private func report(_ text: String, _ history: [String]) -> Never {
    print(history.joined(separator: "\n"))
    print("FAULT: \(text)")
    fflush(nil)
    fatalError(text)
}

private func check(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 0 else { return 0 }
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    do throws(SessionFault) {
        try unsafe session.run(bytes)
    } catch {
        report(error.text, error.history)
    }
    return 0
}

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, check))
