import Commands
import Directives
import Foundation
import Store
import Testing

@testable import NodeServer

@Suite struct NodeDirectivesTests {
    private func load(_ text: String) throws -> NodeSettings {
        var settings = NodeSettings()
        try NodeDirectives.table.load(Array(text.utf8), into: &settings) { _ in [] }
        return settings
    }

    /// The launch file of the field's test suites.
    @Test func theLaunchFileOfTheSuitesLoads() throws {
        let settings = try load(
            """
            always-show-logo yes
            notify-keyspace-events KEA
            daemonize no
            pidfile /var/run/redis.pid
            port 21079
            timeout 0
            bind 127.0.0.1
            loglevel verbose
            logfile ''
            databases 16
            latency-monitor-threshold 1
            repl-diskless-sync-delay 0
            save ''
            rdbcompression yes
            dbfilename dump.rdb
            dir ./
            slave-serve-stale-data yes
            appendonly no
            appendfsync everysec
            no-appendfsync-on-rewrite no
            activerehashing yes
            enable-protected-configs yes
            enable-debug-command yes
            enable-module-command yes
            propagation-error-behavior panic
            shutdown-on-sigterm force
            enable-debug-assert yes
            hide-user-data-from-log yes
            unixsocket /tmp/socket
            client-output-buffer-limit replica 1mb 512kb 10
            """)
        #expect(settings.port == 21079)
        #expect(settings.bind == ["127.0.0.1"])
        #expect(settings.savePoints.isEmpty)
        #expect(settings.logLevel == .verbose)
        #expect(settings.shutdownOnSIGTERM == .force)
        #expect(settings.debugCommand == .yes)
        #expect(settings.outputLimits.replica.hardBytes == 1 << 20)
        #expect(settings.outputLimits.subscriber == OutputBufferLimits().subscriber)
    }

    @Test(arguments: [
        "list-max-ziplist-entries 512", "list-max-ziplist-value 64",
        "cluster-announce-human-nodename \"\"", "cluster-enabled no",
    ])
    func linesOfOlderAndNewerServersLoad(_ line: String) throws {
        var settings = try load(line)
        settings.accepted = [:]
        #expect(settings == NodeSettings())
    }

    @Test func aClusterIsRefusedWithWhatToUseInstead() throws {
        let error = #expect(throws: (any Error).self) { try load("cluster-enabled yes") }
        #expect("\(try #require(error))".contains("let headwater-coordinator manage"))
    }

    @Test func theReferenceOfTheDefaultsLoadsAsTheDefaults() throws {
        var settings = try load(NodeDirectives.table.reference(NodeSettings()))
        settings.accepted = [:]
        #expect(settings == NodeSettings())
    }

    @Test func everyValueOfConfigGetCanBeSetAgain() throws {
        let defaults = NodeSettings()
        for row in NodeDirectives.table.rows
        where row.flags.contains(.mutable) && !row.flags.contains(.repeated) {
            let value = try #require(NodeDirectives.table.value(of: row.name, in: defaults))
            var settings = NodeSettings()
            let changed = try NodeDirectives.table.set(
                [(row.name, value)], in: &settings, allowingProtected: true)
            #expect(changed == [row.name])
            settings.accepted = [:]
            #expect(settings == defaults, "\(row.name)")
        }
    }

    /// Names that suites set at run time.
    @Test(arguments: [
        "rdb-key-save-delay", "key-load-delay", "loading-process-events-interval-bytes",
        "repl-diskless-sync-delay", "repl-ping-replica-period", "repl-timeout",
        "repl-backlog-size", "repl-backlog-ttl", "repl-diskless-sync", "repl-diskless-load",
        "repl-diskless-sync-max-replicas", "min-slaves-to-write", "min-slaves-max-lag",
        "replica-serve-stale-data", "replica-read-only", "primaryauth", "masterauth",
        "primaryuser", "masteruser", "client-output-buffer-limit", "save", "appendonly",
        "appendfsync", "aof-use-rdb-preamble", "aof-timestamp-enabled", "aof-load-truncated",
        "aof-disable-auto-gc", "auto-aof-rewrite-percentage", "auto-aof-rewrite-min-size",
        "rdbcompression", "sanitize-dump-payload", "dbfilename", "dir", "shutdown-timeout",
        "shutdown-on-sigint", "shutdown-on-sigterm", "maxmemory", "maxmemory-policy",
        "maxmemory-clients", "maxmemory-samples", "maxmemory-eviction-tenacity",
        "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lua-time-limit",
        "busy-reply-threshold", "hz", "dynamic-hz", "maxclients", "latency-tracking",
        "latency-tracking-info-percentiles", "latency-monitor-threshold",
        "slowlog-log-slower-than", "slowlog-max-len", "acllog-max-len", "acl-pubsub-default",
        "tracking-table-max-keys", "proto-max-bulk-len", "client-query-buffer-limit",
        "stream-node-max-bytes", "stream-node-max-entries", "hash-max-listpack-entries",
        "hash-max-ziplist-value", "zset-max-listpack-value", "zset-max-ziplist-entries",
        "set-max-intset-entries", "set-max-listpack-entries", "set-max-listpack-value",
        "list-max-listpack-size", "list-max-ziplist-size", "list-compress-depth",
        "hll-sparse-max-bytes", "notify-keyspace-events", "requirepass", "port", "bind",
        "bind-source-addr", "protected-mode", "proc-title-template", "use-exit-on-panic",
        "crash-memcheck-enabled", "watchdog-period", "activedefrag",
        "active-defrag-ignore-bytes", "oom-score-adj", "oom-score-adj-values",
        "dual-channel-replication-enabled", "extended-redis-compatibility",
        "hide-user-data-from-log",
    ])
    func aNameThatSuitesSetIsMutable(name: String) throws {
        #expect(try #require(NodeDirectives.table.row(name)).flags.contains(.mutable))
    }

    @Test(arguments: [
        ("replicaof 127.0.0.1 abc", "Invalid master port"),
        ("replicaof 127.0.0.1", "wrong number of arguments"),
        ("daemonize yes", "the node does not daemonize; use a supervisor"),
        ("save 1", "Invalid save parameters"), ("save 0 1", "Invalid save parameters"),
        ("dbfilename a/b", "dbfilename can't be a path, just a filename"),
        (
            "client-output-buffer-limit wrong 0 0 0",
            "Invalid client class specified in buffer limit configuration."
        ),
        (
            "client-output-buffer-limit normal 0 x 0",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration."
        ),
        ("shutdown-on-sigterm save nosave", "Conflicting options specified."),
        ("node-id a/b", "an identity has at most 64 letters, digits, '-', '_', '.'"),
        ("invalid", "Bad directive or wrong number of arguments"),
    ])
    func refusedLinesSayWhy(line: String, reason: String) {
        let error = #expect(throws: ConfigFileError.self) { try load(line) }
        #expect(error?.reason == reason)
    }

    @Test func theFileOfTheContainerLoads() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docker/node.conf")
        let settings = try load(String(contentsOf: file, encoding: .utf8))
        #expect(settings.appendOnly && settings.savePoints.isEmpty)
        #expect(settings.encoding == EncodingLimits())
    }

    @Test func sizesOfCollectionsReachTheEngine() throws {
        let names = [
            "hash-max-listpack-entries", "hash-max-ziplist-value", "set-max-listpack-entries",
            "set-max-listpack-value", "set-max-intset-entries", "zset-max-ziplist-entries",
            "zset-max-listpack-value", "list-max-ziplist-size", "list-compress-depth",
            "hll-sparse-max-bytes", "stream-node-max-bytes", "stream-node-max-entries",
        ]
        let lines = names.enumerated().map { "\($0.element) \($0.offset + 101)" }
        let engine = Node.engineSettings(try load(lines.joined(separator: "\n")))
        let values = [
            engine.hashPackedEntriesMax, engine.hashPackedValueBytesMax,
            engine.setPackedEntriesMax, engine.setPackedValueBytesMax,
            engine.setIntegerEntriesMax, engine.sortedSetPackedEntriesMax,
            engine.sortedSetPackedValueBytesMax, engine.listPackedSize,
            engine.listCompressDepth, engine.hyperLogLogSparseBytesMax,
            engine.streamNodeBytesMax, engine.streamNodeEntriesMax,
        ]
        #expect(values == Array(101...112))
        let table = NodeDirectives.table
        #expect(table.value(of: "hash-max-listpack-value", in: NodeSettings()) == "64")
        #expect(table.value(of: "hash-max-ziplist-entries", in: NodeSettings()) == "512")
        #expect(try load("list-max-listpack-size -3").encoding.listPackedSize == -3)
    }

    @Test func lazyFreeingReachesTheEngine() throws {
        let defaults = Node.engineSettings(NodeSettings())
        #expect(!defaults.deletesLazily && !defaults.expiresLazily && !defaults.flushesLazily)
        #expect(!defaults.overwritesLazily && !defaults.evictsLazily)
        let engine = Node.engineSettings(
            try load(
                """
                lazyfree-lazy-user-del yes
                lazyfree-lazy-user-flush yes
                lazyfree-lazy-server-del yes
                lazyfree-lazy-expire yes
                lazyfree-lazy-eviction yes
                """))
        #expect(engine.deletesLazily && engine.expiresLazily && engine.flushesLazily)
        #expect(engine.overwritesLazily && engine.evictsLazily)
    }

    @Test func savePointsOfAFileReplaceTheDefaults() throws {
        #expect(try load("save 900 1\nsave 300 10 60 100").savePoints.count == 3)
        #expect(try load("port 1").savePoints == SavePoint.defaults)
    }
}
