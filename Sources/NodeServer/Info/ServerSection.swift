// INFO server: what runs here.

import EventLoop
import Platform

extension Node {
    func writeServerSection(to text: inout InfoText) {
        let uptime = (wallMilliseconds - startedAtMilliseconds) / 1_000
        text.section("Server")
        text.field("redis_version", Version.compatible)
        text.field("redis_git_sha1", "00000000")
        text.field("redis_git_dirty", 0)
        text.field("redis_build_id", "0")
        text.field("redis_mode", "standalone")
        text.field("server_name", Version.name)
        text.field("headwater_version", Version.own)
        text.field("os", ProcessFacts.systemName())
        text.field("arch_bits", Int.bitWidth)
        text.field("monotonic_clock", "POSIX clock_gettime")
        text.field("multiplexing_api", "epoll")
        text.field("process_id", ProcessFacts.processID)
        text.field("process_supervised", "no")
        text.field("run_id", runID)
        text.field(
            "tcp_port", listeners.port > 0 ? listeners.port : listeners.encryptedPort)
        text.field("server_time_usec", Clock.wallMicroseconds())
        text.field("uptime_in_seconds", uptime)
        text.field("uptime_in_days", uptime / 86_400)
        text.field("hz", settings.hz)
        text.field("configured_hz", settings.hz)
        text.field("lru_clock", wallMilliseconds / 1_000 & 0xFF_FFFF)
        text.field("executable", ProcessFacts.executablePath())
        text.field("config_file", configurationFile ?? "")
        text.field("io_threads_active", 0)
        if let remaining = shutdown.remainingMilliseconds(now: loop.nowMilliseconds) {
            text.field("shutdown_in_milliseconds", remaining)
        }
        let kinds = [
            ("tcp", listeners.network.map(\.address), listeners.port),
            ("tls", listeners.encrypted.map(\.address), listeners.encryptedPort),
        ].filter { !$0.1.isEmpty }
        for (index, (name, addresses, port)) in kinds.enumerated() {
            let bound = addresses.map { "bind=\($0.host)," }.joined()
            text.field(named: "listener\(index)", "name=\(name),\(bound)port=\(port)")
        }
    }

    func writeProcessorSection(to text: inout InfoText) {
        let process = ProcessFacts.processorTime()
        let children = ProcessFacts.childrenProcessorTime()
        let thread = ProcessFacts.threadProcessorTime()
        text.section("CPU")
        for (name, microseconds) in [
            ("used_cpu_sys", process.systemMicroseconds),
            ("used_cpu_user", process.userMicroseconds),
            ("used_cpu_sys_children", children.systemMicroseconds),
            ("used_cpu_user_children", children.userMicroseconds),
            ("used_cpu_sys_main_thread", thread.systemMicroseconds),
            ("used_cpu_user_main_thread", thread.userMicroseconds),
        ] {
            text.field(
                named: name, InfoText.fixed(Double(microseconds) / 1_000_000, decimals: 6))
        }
    }
}

/// The versions the node reports.
enum Version {
    /// Name of the software.
    static let name = "headwater"
    /// Version of the software.
    static let own = "0.1.0"
    /// The redis-server whose behaviour clients can expect.
    static let compatible = "7.2.4"
}
