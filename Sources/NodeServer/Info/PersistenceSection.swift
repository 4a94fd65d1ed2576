// INFO persistence: what is on disk, and what is on its way there.

import Commands
import EventLoop
import Replication

extension Node {
    func writePersistenceSection(to text: inout InfoText) {
        let saves = snapshots.statistics
        let running = snapshots.runningPurpose
        let progress = snapshots.progress
        let rewrites = running?.isRewrite ?? false
        let rewriteWaits = snapshots.isPending(.base) || snapshots.isPending(.archive)
        let seconds = { (milliseconds: Int64) in milliseconds < 0 ? -1 : milliseconds / 1_000 }
        let elapsed = seconds(snapshots.runningMilliseconds)
        text.section("Persistence")
        text.field("loading", flag: engine.isLoading)
        text.field("async_loading", flag: snapshots.loading != nil)
        text.field("current_cow_peak", 0)
        text.field("current_cow_size", 0)
        text.field("current_cow_size_age", 0)
        text.field(
            "current_fork_perc",
            progress.total > 0 ? Double(progress.saved) * 100 / Double(progress.total) : 0,
            decimals: 2)
        text.field("current_save_keys_processed", progress.saved)
        text.field("current_save_keys_total", progress.total)
        text.field("rdb_changes_since_last_save", snapshots.changesSinceSave)
        text.field("rdb_bgsave_in_progress", flag: running == .dump || running == .sync)
        text.field("rdb_last_save_time", saves.lastSaveSeconds)
        text.field("rdb_last_bgsave_status", saves.lastSaveSucceeded ? "ok" : "err")
        text.field("rdb_last_bgsave_time_sec", seconds(saves.lastSaveMilliseconds))
        text.field("rdb_current_bgsave_time_sec", running == .dump ? elapsed : -1)
        text.field("rdb_saves", saves.saveCount)
        text.field("rdb_last_cow_size", 0)
        text.field("rdb_last_load_keys_expired", 0)
        text.field("rdb_last_load_keys_loaded", statistics.keysLoaded)
        text.field("snapshot_longest_slice_usec", saves.longestSliceMicroseconds)
        text.field(
            "snapshot_longest_slice_cpu_usec", saves.longestSliceProcessorMicroseconds)
        text.field("aof_enabled", flag: settings.appendOnly)
        text.field("aof_rewrite_in_progress", flag: rewrites)
        text.field("aof_rewrite_scheduled", flag: !rewrites && rewriteWaits)
        text.field("aof_last_rewrite_time_sec", seconds(saves.lastRewriteMilliseconds))
        text.field("aof_current_rewrite_time_sec", rewrites ? elapsed : -1)
        text.field("aof_last_bgrewrite_status", saves.lastRewriteSucceeded ? "ok" : "err")
        text.field("aof_rewrites", saves.rewriteCount)
        text.field("aof_rewrites_consecutive_failures", saves.lastRewriteSucceeded ? 0 : 1)
        text.field("aof_last_write_status", stream.failure == nil ? "ok" : "err")
        text.field("aof_last_cow_size", 0)
        text.field("module_fork_in_progress", 0)
        text.field("module_fork_last_cow_size", 0)
        guard settings.appendOnly else { return }
        text.field("aof_current_size", stream.currentBytes)
        text.field("aof_base_size", saves.sizeAfterRewrite)
        text.field("aof_pending_rewrite", 0)
        text.field("aof_buffer_length", 0)
        text.field("aof_pending_bio_fsync", 0)
        text.field("aof_delayed_fsync", 0)
        text.field("log_first_offset", stream.firstOffset)
        text.field("log_durable_offset", stream.syncedOffset)
    }
}
