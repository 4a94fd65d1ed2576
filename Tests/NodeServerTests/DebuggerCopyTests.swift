// What a node tells the process in which a script is debugged on a copy of the data set.

import Testing

@testable import NodeServer

@Suite struct DebuggerCopyTests {
    @Test(arguments: [(3, false, "default"), (2, true, "an *odd* name")])
    func anOrderIsReadAsItWasWritten(version: Int, isReadOnly: Bool, user: String) {
        let order = DebuggerCopyOrder(
            socket: 11, dump: 12, databaseIndex: 7, isRESP3: version == 3, isReadOnly: isReadOnly,
            userName: user)
        #expect(DebuggerCopyOrder(order.words) == order)
    }

    @Test(arguments: [
        "", "11 12 0 2 master", "11 12 0 2 master default more", "1 12 0 2 master default",
        "11 11 0 2 master default", "11 x 0 2 master default", "11 12 x 2 master default",
        "11 12 0 4 master default", "11 12 0 2 slave default",
    ])
    func otherArgumentsAreRefused(text: String) {
        #expect(DebuggerCopyOrder(text.split(separator: " ").map(String.init)) == nil)
        #expect(DebuggerCopyProgram.run(text.split(separator: " ").map(String.init)) == 1)
    }
}
