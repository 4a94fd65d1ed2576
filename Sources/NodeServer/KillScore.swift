// How likely the kernel ends this process when the machine runs out of memory: `oom-score-adj`.

import Bytes
import Directives
import Logging
import Platform

/// How the values of `oom-score-adj-values` are meant.
public enum KillScoreMode: String, CaseIterable, Sendable {
    /// The score stays that of the start.
    case no
    /// As `relative`.
    case yes
    /// Added to the score of the start.
    case relative
    /// As they stand.
    case absolute
}

/// The directives `oom-score-adj` and `oom-score-adj-values`.
struct KillScoreSettings: Equatable, Sendable {
    var mode = KillScoreMode.no
    /// For a master, for a replica, and for a copy that a script is debugged on.
    var values = [0, 200, 800]
    /// What a value may be.
    static let range = -2_000...2_000
}

/// Sets the score in `/proc/self/oom_score_adj`.
struct KillScore {
    /// What the kernel takes.
    private static let kernelRange = -1_000...1_000
    private static let path = "/proc/self/oom_score_adj"

    /// The score before the first change; nil when it was never changed.
    private var initial: Int?

    /// Brings the score in line with settings and role.
    mutating func apply(_ settings: KillScoreSettings, isReplica: Bool) throws(SystemError) {
        let value = settings.values[isReplica ? 1 : 0]
        switch settings.mode {
        case .no:
            guard let initial else { return }
            try KillScore.write(initial)
            self.initial = nil
        case .yes, .relative:
            let initial = try remember()
            try KillScore.write(initial + value)
        case .absolute:
            _ = try remember()
            try KillScore.write(value)
        }
    }

    private mutating func remember() throws(SystemError) -> Int {
        if let initial { return initial }
        let text = try FileSystem.read(KillScore.path, bytesMax: 64).withByteSlice { $0.string }
        let value = Int(text.filter { !$0.isWhitespace }) ?? 0
        initial = value
        return value
    }

    private static func write(_ score: Int) throws(SystemError) {
        let bounded = min(max(score, kernelRange.lowerBound), kernelRange.upperBound)
        let file = try File.open(path, .write)
        do throws(ShortWrite) {
            try Array(String(bounded).utf8).withByteSlice { (text) throws(ShortWrite) in
                try file.write(text)
            }
        } catch { throw error.cause.about(path) }
    }
}

extension Node {
    /// Carries the score of `new` to the kernel; the caller undoes it when it is refused.
    func applyKillScore(_ new: NodeSettings) throws(ConfigSetError) {
        do throws(SystemError) {
            try killScore.apply(new.killScore, isReplica: isReplica)
        } catch {
            log.warning("Failed to set oom-score-adj: \(error)")
            throw .refused(
                name: "oom-score-adj",
                reason: "Failed to set current oom_score_adj. Check server logs.")
        }
    }

    /// At start, after a change of the role, and when new settings were refused. A failure is in
    /// the log.
    func killScoreFollowsRole() { try? applyKillScore(settings) }
}
