// Facts about this process and its machine, for INFO, metrics and limits.
import CLinux
import Glibc

/// Processor time that was used, in microseconds.
public struct ProcessorTime: Sendable {
    /// In the program.
    public let userMicroseconds: Int64
    /// In the kernel on the program's behalf.
    public let systemMicroseconds: Int64
}

/// Facts about this process and the machine it runs on.
public enum ProcessFacts {
    /// Id of this process.
    public static var processID: Int32 { getpid() }

    /// Resident memory in bytes (/proc/self/statm); 0 where it cannot be read.
    public static func residentBytes() -> Int64 {
        guard let text = try? FileSystem.read("/proc/self/statm", bytesMax: 4_096) else { return 0 }
        let fields = text.split(separator: UInt8(ascii: " "))
        guard fields.count > 1 else { return 0 }
        let pages = Int64(String(decoding: fields[1], as: UTF8.self)) ?? 0
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Memory of the machine in bytes.
    public static func machineBytes() -> Int64 {
        Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Whether the kernel gives huge pages to those that ask for them.
    public static var hasHugePages: Bool {
        let path = "/sys/kernel/mm/transparent_hugepage/enabled"
        guard let text = try? FileSystem.read(path, bytesMax: 256) else { return false }
        return !String(decoding: text, as: UTF8.self).contains("[never]")
    }

    /// Processors that are online.
    public static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Processor time of the whole process.
    public static func processorTime() -> ProcessorTime { usage(RUSAGE_SELF.rawValue) }

    /// Processor time of the calling thread. (RUSAGE_THREAD is a GNU constant, 1.)
    public static func threadProcessorTime() -> ProcessorTime { usage(1) }

    /// Processor time of ended children.
    public static func childrenProcessorTime() -> ProcessorTime { usage(RUSAGE_CHILDREN.rawValue) }

    private static func usage(_ who: Int32) -> ProcessorTime {
        var facts = rusage()
        let result = unsafe getrusage(who, &facts)
        precondition(result == 0, "getrusage failed")
        return ProcessorTime(
            userMicroseconds: Int64(facts.ru_utime.tv_sec) * 1_000_000
                + Int64(facts.ru_utime.tv_usec),
            systemMicroseconds: Int64(facts.ru_stime.tv_sec) * 1_000_000
                + Int64(facts.ru_stime.tv_usec))
    }

    /// Kernel name, release and machine, as `uname -srm` prints them.
    public static func systemName() -> String {
        var facts = utsname()
        guard unsafe uname(&facts) == 0 else { return "unknown" }
        return "\(text(facts.sysname)) \(text(facts.release)) \(text(facts.machine))"
    }

    /// Name of the machine.
    public static func hostName() -> String {
        var facts = utsname()
        return unsafe uname(&facts) == 0 ? text(facts.nodename) : "unknown"
    }

    private static func text<Field>(_ field: Field) -> String {
        unsafe withUnsafeBytes(of: field) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Path of the running executable; empty where it cannot be read.
    public static func executablePath() -> String {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(PATH_MAX)) { buffer in
            let room = unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let base = characters.baseAddress else { return 0 }
                return unsafe readlink("/proc/self/exe", base, characters.count)
            }
            return unsafe String(decoding: buffer.prefix(max(0, room)), as: UTF8.self)
        }
    }

    /// Raises the limit of open descriptors towards `wanted` and gives the limit now in force. The
    /// hard limit is raised too where the process may.
    public static func raiseDescriptorLimit(to wanted: Int) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        if limit.rlim_cur >= UInt(wanted) { return Int(clamping: limit.rlim_cur) }
        var raised = rlimit(rlim_cur: UInt(wanted), rlim_max: max(limit.rlim_max, UInt(wanted)))
        if unsafe setrlimit(Int32(RLIMIT_NOFILE.rawValue), &raised) == 0 { return wanted }
        raised = rlimit(rlim_cur: min(UInt(wanted), limit.rlim_max), rlim_max: limit.rlim_max)
        if unsafe setrlimit(Int32(RLIMIT_NOFILE.rawValue), &raised) == 0 {
            return Int(clamping: raised.rlim_cur)
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Value of an environment variable.
    public static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// Arguments of the process, the executable's name first.
    public static var arguments: [String] { CommandLine.arguments }

    /// Gives freed heap pages back to the kernel.
    public static func trimHeap() { hw_trim_heap() }

    /// Ends the process at once, without cleaning up.
    public static func exit(code: Int32) -> Never { Glibc._exit(code) }
}
