// INFO clients and INFO memory.

import Scripting
import Store
import Commands
import Platform

extension Node {
    func writeClientsSection(to text: inout InfoText) {
        var inputMax = 0
        var outputMax = 0
        var blocked = 0
        var subscribers = 0
        var watching = 0
        var replicas = 0
        for session in clients.all {
            inputMax = max(inputMax, session.inputCount)
            outputMax = max(outputMax, session.outputCount)
            let client = session.client
            if session.isHeld { blocked += 1 }
            if client.subscriptionCount > 0 { subscribers += 1 }
            if client.watchedCount > 0 { watching += 1 }
            if client.isReplica { replicas += 1 }
        }
        text.section("Clients")
        text.field("connected_clients", clients.count - replicas)
        text.field("cluster_connections", 0)
        text.field("maxclients", settings.clientsMax)
        text.field("client_recent_max_input_buffer", inputMax)
        text.field("client_recent_max_output_buffer", outputMax)
        text.field("blocked_clients", blocked)
        text.field("tracking_clients", engine.trackingCounts.clients)
        text.field("pubsub_clients", subscribers)
        text.field("watching_clients", watching)
        text.field("clients_in_timeout_table", engine.timedWaitCount)
        text.field("total_watched_keys", engine.watchedKeyCount)
        let awaited = engine.awaitedKeyCounts
        text.field("total_blocking_keys", awaited.all)
        text.field("total_blocking_keys_on_nokey", awaited.wakingWithoutKey)
    }

    /// Bytes the node itself accounts for: data, tables, buffers of clients.
    var usedMemoryBytes: Int64 { Int64(keyspace.usedBytes) + Int64(clientMemory.total) }

    var clientMemory: (normal: Int, replicas: Int, total: Int) {
        var normal = 0
        var replicas = 0
        for session in clients.all {
            if session.client.isReplica {
                replicas += session.memoryBytes
            } else {
                normal += session.memoryBytes
            }
        }
        return (normal, replicas, normal + replicas)
    }

    func writeMemorySection(to text: inout InfoText) {
        let facts = host.memoryFacts()
        let used = facts.usedBytes
        let resident = facts.residentBytes
        let machine = ProcessFacts.machineBytes()
        statistics.memoryPeakBytes = facts.peakBytes
        let peak = facts.peakBytes
        let dataset = max(0, Int64(keyspace.usedBytes) - facts.startupBytes)
        let buffers = clientMemory
        text.section("Memory")
        text.field("used_memory", used)
        text.field("used_memory_human", InfoText.human(used))
        text.field("used_memory_rss", resident)
        text.field("used_memory_rss_human", InfoText.human(resident))
        text.field("used_memory_peak", peak)
        text.field("used_memory_peak_human", InfoText.human(peak))
        text.field("used_memory_peak_perc", percent(used, of: peak))
        text.field("used_memory_overhead", used - dataset)
        text.field("used_memory_startup", facts.startupBytes)
        text.field("used_memory_dataset", dataset)
        text.field(
            "used_memory_dataset_perc", percent(dataset, of: used - facts.startupBytes))
        text.field("allocator_allocated", used)
        text.field("allocator_active", facts.activeBytes)
        text.field("allocator_resident", facts.residentDataBytes)
        text.field("total_system_memory", machine)
        text.field("total_system_memory_human", InfoText.human(machine))
        writeScriptFields(to: &text)
        text.field("maxmemory", settings.eviction.memoryBytesMax)
        text.field("maxmemory_human", InfoText.human(Int64(settings.eviction.memoryBytesMax)))
        text.field("maxmemory_policy", settings.eviction.policy.rawValue)
        writeFragmentation(facts, to: &text)
        text.field("mem_not_counted_for_evict", buffers.replicas)
        text.field("mem_replication_backlog", backlogMemoryBytes)
        text.field("mem_total_replication_buffers", backlogMemoryBytes + Int64(buffers.replicas))
        text.field("replicas_replication_buffer_size", buffers.replicas)
        text.field("mem_clients_slaves", buffers.replicas)
        text.field("mem_clients_normal", buffers.normal)
        text.field("mem_cluster_links", 0)
        text.field("mem_aof_buffer", 0)
        text.field("mem_overhead_db_hashtable_rehashing", 0)
        text.field("mem_allocator", "slab")
        text.field("active_defrag_running", 0)
        text.field("lazyfree_pending_objects", lazyFree.pendingCount)
        text.field("lazyfreed_objects", lazyFree.freedCount)
    }

    /// The steps from the used memory to what the process occupies: gaps between blocks, pages that
    /// are kept, the program itself.
    private func writeFragmentation(_ facts: MemoryFacts, to text: inout InfoText) {
        let used = facts.usedBytes
        let active = facts.activeBytes
        let data = facts.residentDataBytes
        let resident = facts.residentBytes
        text.field("allocator_frag_ratio", ratio(active, of: used), decimals: 2)
        text.field("allocator_frag_bytes", active - used)
        text.field("allocator_rss_ratio", ratio(data, of: active), decimals: 2)
        text.field("allocator_rss_bytes", data - active)
        text.field("rss_overhead_ratio", ratio(resident, of: data), decimals: 2)
        text.field("rss_overhead_bytes", resident - data)
        text.field("mem_fragmentation_ratio", ratio(resident, of: used), decimals: 2)
        text.field("mem_fragmentation_bytes", resident - used)
    }

    private func writeScriptFields(to text: inout InfoText) {
        let scripts = scripts.figures
        let total = scripts.scriptBytes + scripts.functionBytes
        text.field("used_memory_lua", scripts.scriptBytes)
        text.field("used_memory_vm_eval", scripts.scriptBytes)
        text.field("used_memory_lua_human", InfoText.human(Int64(scripts.scriptBytes)))
        text.field("used_memory_scripts_eval", scripts.cacheBytes)
        text.field("number_of_cached_scripts", scripts.scriptCount)
        text.field("number_of_functions", scripts.functionCount)
        text.field("number_of_libraries", scripts.libraryCount)
        text.field("used_memory_vm_functions", scripts.functionBytes)
        text.field("used_memory_vm_total", total)
        text.field("used_memory_vm_total_human", InfoText.human(Int64(total)))
        text.field("used_memory_functions", scripts.libraryBytes)
        let bytes = scripts.cacheBytes + scripts.libraryBytes
        text.field("used_memory_scripts", bytes)
        text.field("used_memory_scripts_human", InfoText.human(Int64(bytes)))
    }

    private func ratio(_ part: Int64, of whole: Int64) -> Double {
        whole > 0 ? Double(part) / Double(whole) : 0
    }

    private func percent(_ part: Int64, of whole: Int64) -> String {
        InfoText.fixed(ratio(part, of: whole) * 100, decimals: 2) + "%"
    }
}
