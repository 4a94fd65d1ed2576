// INFO stats: what the node has done since its start.

import Scripting
import Commands

extension Node {
    func writeStatisticsSection(to text: inout InfoText) {
        let counters = engine.counters
        let channels = engine.subscribedCounts
        let turnRate = statistics.turnRate.perSecond
        text.section("Stats")
        text.field("total_connections_received", statistics.connectionsReceived)
        text.field("total_commands_processed", counters.commands)
        text.field("instantaneous_ops_per_sec", statistics.commandRate.perSecond)
        writeNetworkFields(to: &text)
        text.field("rejected_connections", statistics.connectionsRejected)
        writeSynchronizationFields(to: &text)
        text.field("expired_keys", counters.expiredKeys)
        text.field("expired_stale_perc", "0.00")
        text.field("expired_time_cap_reached_count", counters.expiryBudgetExhausted)
        text.field("expire_cycle_cpu_milliseconds", cron.expiryMicroseconds / 1_000)
        text.field("evicted_keys", counters.evictedKeys)
        text.field("evicted_clients", memory.evictedClients)
        text.field("evicted_scripts", scripts.figures.evictedScriptCount)
        let exceeded = engine.exceededMilliseconds
        text.field("total_eviction_exceeded_time", exceeded.total)
        text.field("current_eviction_exceeded_time", exceeded.current)
        text.field("keyspace_hits", counters.hits)
        text.field("keyspace_misses", counters.misses)
        text.field("pubsub_channels", channels.channels)
        text.field("pubsub_patterns", channels.patterns)
        text.field("pubsubshard_channels", channels.shardChannels)
        text.field("latest_fork_usec", 0)
        text.field("total_forks", 0)
        text.field("migrate_cached_sockets", 0)
        text.field("slave_expires_tracked_keys", 0)
        for name in ["hits", "misses", "key_hits", "key_misses"] {
            text.field(named: "active_defrag_\(name)", "0")
        }
        let tracking = engine.trackingCounts
        text.field("tracking_total_keys", tracking.keys)
        text.field("tracking_total_items", tracking.items)
        text.field("tracking_total_prefixes", tracking.prefixes)
        text.field("unexpected_error_replies", 0)
        text.field("total_error_replies", counters.errors)
        text.field("dump_payload_sanitizations", 0)
        text.field("total_reads_processed", statistics.reads)
        text.field("total_writes_processed", statistics.writes)
        text.field("io_threaded_reads_processed", 0)
        text.field("io_threaded_writes_processed", 0)
        text.field("client_query_buffer_limit_disconnections", statistics.queryLimitDisconnections)
        text.field(
            "client_output_buffer_limit_disconnections", statistics.outputLimitDisconnections)
        text.field("reply_buffer_shrinks", 0)
        text.field("reply_buffer_expands", 0)
        text.field("eventloop_cycles", statistics.turns)
        text.field("eventloop_duration_sum", statistics.turnMicroseconds)
        text.field("eventloop_duration_max", statistics.turnMicrosecondsMax)
        text.field("instantaneous_eventloop_cycles_per_sec", turnRate)
        text.field(
            "instantaneous_eventloop_duration_usec",
            turnRate > 0 ? statistics.turnTimeRate.perSecond / turnRate : 0)
        let denials = engine.accessDenials
        text.field("acl_access_denied_auth", denials.authentication)
        text.field("acl_access_denied_cmd", denials.command)
        text.field("acl_access_denied_key", denials.key)
        text.field("acl_access_denied_channel", denials.channel)
    }

    private func writeNetworkFields(to text: inout InfoText) {
        text.field("total_net_input_bytes", statistics.inputBytes)
        text.field("total_net_output_bytes", statistics.outputBytes)
        text.field("total_net_repl_input_bytes", statistics.replicationInputBytes)
        text.field("total_net_repl_output_bytes", statistics.replicationOutputBytes)
        for (name, rate) in [
            ("input", statistics.inputRate), ("output", statistics.outputRate),
            ("input_repl", statistics.replicationInputRate),
            ("output_repl", statistics.replicationOutputRate),
        ] {
            text.field(
                named: "instantaneous_\(name)_kbps",
                InfoText.fixed(Double(rate.perSecond) / 1024, decimals: 2))
        }
    }
}
