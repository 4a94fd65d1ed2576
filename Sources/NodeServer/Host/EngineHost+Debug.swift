// DEBUG subcommands that need the node.

import Bytes
import Commands
import Platform
import RESP

extension EngineHost {
    /// Longest DEBUG SLEEP.
    private static let sleepMicrosecondsMax: Int64 = 3_600_000_000

    func debug(
        subcommand: String, arguments: Arguments, client: ClientState
    ) throws(ReplyError) -> Bool {
        switch subcommand {
        case "sleep":
            guard arguments.count == 3, let seconds = Double(arguments[2].string), seconds >= 0
            else { throw .notFloat }
            sleep(microseconds: Int64(min(seconds * 1e6, Double(EngineHost.sleepMicrosecondsMax))))
        case "pause-cron":
            guard arguments.count == 3, let flag = Numbers.integer(arguments[2]) else {
                throw .syntax
            }
            node.cron.isPaused = flag != 0
        case "config-rewrite-force-all":
            guard arguments.count == 2 else { return false }
            try rewriteConfiguration(writesDefaults: true)
        case "segfault", "assert", "panic", "oom":
            preconditionFailure("DEBUG \(subcommand) was asked for")
        default:
            return false
        }
        client.output.ok()
        return true
    }

    /// Holds the engine thread for so long: that is the purpose of DEBUG SLEEP.
    private func sleep(microseconds: Int64) {
        let end = Clock.monotonicMicroseconds().addingClamped(microseconds)
        while true {
            let left = end - Clock.monotonicMicroseconds()
            if left <= 0 { return }
            Clock.sleep(microseconds: left)
        }
    }
}
