import Bytes
import Commands
import ControlModel
import ControlPort
import EventLoop
import Platform
import RESP
import Store
import Synchronization
import Testing

@testable import NodeServer

@Suite struct NodeTests {
    @Test func settingsChangeWhileTheNodeRuns() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        #expect(
            try world.call(client, "CONFIG", "SET", "maxclients", "77", "hz", "20")
                == .simpleString("OK"))
        #expect(world.node.settings.clientsMax == 77)
        #expect(world.node.settings.hz == 20)
        let refused = try world.call(client, "CONFIG", "SET", "hz", "30", "maxclients", "x")
        #expect(refused.text?.contains("couldn't be parsed into an integer") == true)
        #expect(world.node.settings.hz == 20)
        let immutable = try world.call(client, "CONFIG", "SET", "databases", "3")
        #expect(immutable.text?.contains("can't set immutable config") == true)
        let protected = try world.call(client, "CONFIG", "SET", "dir", "/tmp")
        #expect(protected.text?.contains("can't set protected config") == true)
        #expect(
            try world.call(client, "CONFIG", "GET", "maxclients")
                == .array([.bulk(Array("maxclients".utf8)), .bulk(Array("77".utf8))]))
    }

    @Test func slowCommandsAreListedAsTheSettingsSay() throws {
        let world = try NodeWorld {
            $0.debugCommand = .yes
            $0.slowLogMicroseconds = 5_000
        }
        let client = try world.connect()
        /// The commands of the slow log, newest first.
        func listed() throws -> [[String]] {
            guard case .array(let entries) = try world.call(client, "SLOWLOG", "GET", "-1") else {
                Issue.record("no list")
                return []
            }
            return entries.map { entry in
                guard case .array(let fields) = entry, fields.count == 6,
                    case .array(let words) = fields[3]
                else { return [] }
                return words.map { $0.text ?? "" }
            }
        }
        _ = try world.call(client, "DEBUG", "SLEEP", "0.02")
        #expect(try listed() == [["DEBUG", "SLEEP", "0.02"]])
        // Slower than the sleep, then never, then each command.
        _ = try world.call(client, "CONFIG", "SET", "slowlog-log-slower-than", "60000000")
        _ = try world.call(client, "DEBUG", "SLEEP", "0.01")
        #expect(try listed().count == 1)
        _ = try world.call(client, "CONFIG", "SET", "slowlog-log-slower-than", "-1")
        _ = try world.call(client, "DEBUG", "SLEEP", "0.01")
        #expect(try listed().count == 1)
        _ = try world.call(
            client, "CONFIG", "SET", "slowlog-log-slower-than", "5000", "slowlog-max-len", "2")
        for length in ["0.01", "0.02", "0.03"] {
            _ = try world.call(client, "DEBUG", "SLEEP", length)
        }
        #expect(try listed().prefix(2).map(\.last) == ["0.03", "0.02"])
        #expect(try world.call(client, "SLOWLOG", "LEN") == .integer(2))
        #expect(
            try world.call(client, "CONFIG", "GET", "slowlog-max-len")
                == .array([.bulk(Array("slowlog-max-len".utf8)), .bulk(Array("2".utf8))]))
    }

    @Test func flushedKeysAreFreedElsewhereWhenToldSo() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        /// A count of INFO memory.
        func count(_ field: String) throws -> Int? {
            let text = try world.call(client, "INFO", "memory").text ?? ""
            let line = text.split(separator: "\r\n").first { $0.hasPrefix("\(field):") }
            return line.flatMap { Int($0.dropFirst(field.count + 1)) }
        }
        func fill() throws {
            for index in 0..<100 { _ = try world.call(client, "SET", "key:\(index)", "value") }
        }
        try fill()
        #expect(try world.call(client, "FLUSHALL") == .simpleString("OK"))
        #expect(try world.call(client, "DBSIZE") == .integer(0))
        #expect(try count("lazyfreed_objects") == 0)
        try fill()
        _ = try world.call(client, "CONFIG", "SET", "lazyfree-lazy-user-flush", "yes")
        #expect(try world.call(client, "FLUSHALL") == .simpleString("OK"))
        try world.until("the freeing") { world.node.lazyFree.pendingCount == 0 }
        #expect(try count("lazyfreed_objects") == 100)
        #expect(try count("lazyfree_pending_objects") == 0)
        try fill()
        #expect(try world.call(client, "FLUSHDB", "SYNC") == .simpleString("OK"))
        #expect(try world.call(client, "DBSIZE") == .integer(0))
        #expect(world.node.lazyFree.freedCount == 100 && world.node.lazyFree.pendingCount == 0)
        try fill()
        #expect(try world.call(client, "FLUSHALL", "ASYNC") == .simpleString("OK"))
        try world.until("the freeing") { world.node.lazyFree.freedCount == 200 }
        _ = try world.call(client, "CONFIG", "RESETSTAT")
        #expect(try count("lazyfreed_objects") == 0)
    }

    @Test func bigValuesAreFreedElsewhereWhenToldSo() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        func fill() throws {
            for index in 0..<600 { _ = try world.call(client, "HSET", "h", "f\(index)", "v") }
        }
        try fill()
        #expect(try world.call(client, "DEL", "h") == .integer(1))
        #expect(world.node.lazyFree.freedCount == 0 && world.node.lazyFree.pendingCount == 0)
        try fill()
        #expect(try world.call(client, "UNLINK", "h") == .integer(1))
        try world.until("the freeing") { world.node.lazyFree.freedCount == 1 }
        _ = try world.call(client, "CONFIG", "SET", "lazyfree-lazy-server-del", "yes")
        try fill()
        _ = try world.call(client, "SET", "h", "small")
        try world.until("the freeing") { world.node.lazyFree.freedCount == 2 }
        try world.until("the count") { world.node.lazyFree.pendingCount == 0 }
    }

    @Test func thePortMovesAndOldConnectionsStay() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        let holder = try Listener(
            loop: world.node.loop, address: .version4(address: [127, 0, 0, 1], port: 0)
        ) { _ in }
        defer { holder.close() }
        let taken = String(holder.address.port)
        let refused = try world.call(client, "CONFIG", "SET", "port", taken)
        #expect(refused.text?.contains("Unable to listen on this port") == true)
        let port = try freePort(world.node.loop)
        #expect(try world.call(client, "CONFIG", "SET", "port", "\(port)") == .simpleString("OK"))
        #expect(world.node.listeners.port == Int(port))
        #expect(try world.call(client, "PING") == .simpleString("PONG"))
        #expect(try world.call(try world.connect(), "PING") == .simpleString("PONG"))
    }

    @Test func theAddressesMoveWhileThePortStays() throws {
        let world = try NodeWorld { $0.port = 1 }
        let port = world.node.listeners.port
        world.node.settings.port = port
        let client = try world.connect()
        let set = try world.call(client, "CONFIG", "SET", "bind", "127.0.0.1 -::1")
        #expect(set == .simpleString("OK"))
        #expect(world.node.listeners.port == port)
        #expect(try world.call(try world.connect(), "PING") == .simpleString("PONG"))
        let refused = try world.call(client, "CONFIG", "SET", "bind", "127.0.0.1 203.0.113.1")
        #expect(refused.text?.contains("Failed to bind to specified addresses") == true)
        #expect(try world.call(try world.connect(), "PING") == .simpleString("PONG"))
    }

    /// A port that was free a moment ago.
    private func freePort(_ loop: EventLoop) throws -> UInt16 {
        let listener = try Listener(
            loop: loop, address: .version4(address: [127, 0, 0, 1], port: 0)
        ) { _ in }
        defer { listener.close() }
        return listener.address.port
    }

    @Test func theConfigurationFileIsRewrittenInPlace() throws {
        let folder = try NodeWorld.makeFolder()
        let file = "\(folder)/node.conf"
        try FileSystem.replace(file, with: Array("# mine\nmaxclients 5\n".utf8))
        let world = try NodeWorld(folder: folder, file: file) { $0.clientsMax = 5 }
        let client = try world.connect()
        _ = try world.call(client, "CONFIG", "SET", "maxclients", "50")
        #expect(try world.call(client, "CONFIG", "REWRITE") == .simpleString("OK"))
        let text = String(decoding: try FileSystem.read(file, bytesMax: 1 << 20), as: UTF8.self)
        #expect(text.hasPrefix("# mine\nmaxclients 50\n"))
    }

    /// Every field that tools and suites read.
    @Test func informationHasTheFieldsThatToolsRead() throws {
        let world = try NodeWorld { $0.appendOnly = true }
        let client = try world.connect()
        _ = try world.call(client, "SET", "k", "v")
        let text = try #require(try world.call(client, "INFO", "everything").text)
        let names = Set(text.split(separator: "\r\n").compactMap { $0.split(separator: ":").first })
        for name in """
        redis_version redis_git_sha1 process_id config_file hz connected_clients maxclients \
        blocked_clients tracking_clients pubsub_clients watching_clients total_watched_keys \
        total_blocking_keys total_blocking_keys_on_nokey used_memory used_memory_lua \
        number_of_cached_scripts maxmemory mem_allocator mem_not_counted_for_evict \
        mem_clients_normal mem_clients_slaves mem_total_replication_buffers \
        replicas_replication_buffer_size mem_overhead_db_hashtable_rehashing \
        lazyfree_pending_objects lazyfreed_objects loading async_loading \
        rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_cow_size \
        rdb_last_load_keys_loaded rdb_last_load_keys_expired current_cow_size \
        current_fork_perc current_save_keys_processed current_save_keys_total aof_enabled \
        aof_rewrite_in_progress aof_rewrite_scheduled aof_current_size \
        total_commands_processed total_error_replies unexpected_error_replies expired_keys \
        expired_time_cap_reached_count evicted_keys evicted_clients evicted_scripts \
        total_forks sync_full sync_partial_ok sync_partial_err tracking_total_keys \
        acl_access_denied_auth acl_access_denied_cmd acl_access_denied_key \
        acl_access_denied_channel client_output_buffer_limit_disconnections \
        client_query_buffer_limit_disconnections eventloop_cycles \
        instantaneous_eventloop_cycles_per_sec migrate_cached_sockets role connected_slaves \
        master_failover_state master_replid master_replid2 master_repl_offset \
        second_repl_offset repl_backlog_active repl_backlog_first_byte_offset \
        repl_backlog_histlen replicas_waiting_psync cmdstat_set used_cpu_user db0
        """.split(separator: " ") { #expect(names.contains(name), "\(name)") }
        let plain = try #require(try world.call(client, "INFO").text)
        #expect(!plain.contains("# Commandstats"))
        let some = try #require(try world.call(client, "INFO", "keyspace", "cpu").text)
        #expect(some.hasPrefix("# CPU\r\n"))
        #expect(some.contains("# Keyspace\r\ndb0:keys=1,"))
    }

    @Test func aShutdownEndsTheLoopAndSavesWhenAsked() throws {
        let world = try NodeWorld()
        let client = try world.connect()
        _ = try world.call(client, "SET", "k", "v")
        client.send("SHUTDOWN", "SAVE")
        client.flush()
        world.node.loop.run()
        #expect(world.node.shutdown.exitStatus == 0)
        #expect(FileSystem.exists("\(world.folder)/dump.rdb"))
        #expect(world.log.contains("bye bye"))
    }

    @Test func aShutdownThatCannotSaveIsRefusedUnlessForced() throws {
        let world = try NodeWorld { $0.dumpFile = "none/dump.rdb" }
        let client = try world.connect()
        #expect(
            try world.call(client, "SHUTDOWN", "SAVE")
                == .error("ERR Errors trying to SHUTDOWN. Check logs."))
        #expect(try world.call(client, "PING") == .simpleString("PONG"))
        client.send("SHUTDOWN", "SAVE", "FORCE")
        client.flush()
        world.node.loop.run()
        #expect(world.node.shutdown.exitStatus == 0)
    }

    @Test func dataAreThereAfterARestart() throws {
        for usesLog in [false, true] {
            let folder = try NodeWorld.makeFolder()
            do {
                let world = try NodeWorld(folder: folder) { $0.appendOnly = usesLog }
                let client = try world.connect()
                for index in 0..<100 { _ = try world.call(client, "SET", "k\(index)", "v") }
                if !usesLog { #expect(try world.call(client, "SAVE") == .simpleString("OK")) }
                world.keepsFolder = true
            }
            let world = try NodeWorld(folder: folder) { $0.appendOnly = usesLog }
            #expect(try world.call(try world.connect(), "DBSIZE") == .integer(100))
        }
    }

    @Test func theLogCanBeSwitchedOnWhileTheNodeRuns() throws {
        let folder = try NodeWorld.makeFolder()
        do {
            let world = try NodeWorld(folder: folder)
            let client = try world.connect()
            _ = try world.call(client, "SET", "before", "1")
            #expect(
                try world.call(client, "CONFIG", "SET", "appendonly", "yes")
                    == .simpleString("OK"))
            try world.until("base") { world.node.snapshots.statistics.rewriteCount == 1 }
            _ = try world.call(client, "SET", "after", "1")
            world.keepsFolder = true
        }
        let world = try NodeWorld(folder: folder) { $0.appendOnly = true }
        #expect(try world.call(try world.connect(), "DBSIZE") == .integer(2))
    }

    @Test func keysWhoseTimeIsOverGoByThemselves() throws {
        let world = try NodeWorld { $0.hz = 100 }
        let client = try world.connect()
        for index in 0..<500 { client.send("SET", "k\(index)", "v", "PX", "1") }
        try world.until("replies") { client.replies.count == 500 }
        try world.until("expiry") { world.node.keyspace.count == 0 }
        #expect(world.node.engine.counters.expiredKeys == 500)
    }
}
