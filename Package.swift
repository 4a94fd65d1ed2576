// swift-tools-version: 6.2
// The module graph of Headwater. The table below *is* the architecture: a module may use only
// modules listed above it. `TidyTests` reads this table and checks imports and the word `unsafe`
// against the kind of each module.
import Foundation
import PackageDescription

/// What a module is allowed to do.
enum Kind {
    /// C shims: headers and inline wrappers for what Swift cannot import.
    case c
    /// No input or output, no `unsafe`, neither Glibc nor Foundation.
    case pure
    /// As `pure`, but may use `unsafe` in its `Layout/` folders.
    case memory
    /// Talks to the operating system.
    case io
    /// Wires modules together into a service.
    case app
}

struct Module {
    let name: String
    let kind: Kind
    var uses: [String] = []
    var packages: [String] = []
    var links: [String] = []
    /// Further modules that only its tests use.
    var tests: [String] = []
}

// Lowest layer first.
let modules = [
    Module(name: "CLinux", kind: .c),
    Module(name: "CCurl", kind: .c, links: ["curl"]),
    Module(name: "CLua", kind: .c, links: ["lua5.1"]),
    Module(name: "COpenSSL", kind: .c, links: ["ssl", "crypto"]),
    Module(name: "Bytes", kind: .memory, uses: ["CLinux"]),
    Module(name: "RESP", kind: .pure, uses: ["Bytes"]),
    Module(name: "HTTPWire", kind: .pure, uses: ["Bytes"]),
    Module(name: "Directives", kind: .pure, uses: ["Bytes"]),
    Module(name: "Log", kind: .pure, uses: ["Bytes"]),
    Module(name: "Store", kind: .memory, uses: ["Bytes", "CLinux"]),
    Module(name: "Persistence", kind: .pure, uses: ["Bytes", "RESP", "Store", "Log"]),
    Module(
        name: "Commands", kind: .pure, uses: ["Bytes", "RESP", "Store", "Log", "Persistence"],
        tests: ["Scripting"]),
    Module(name: "Scripting", kind: .memory, uses: ["Bytes", "RESP", "Commands", "CLua"]),
    Module(name: "Replication", kind: .pure, uses: ["Bytes", "RESP", "Log"]),
    Module(name: "ControlModel", kind: .pure),
    Module(name: "APIContract", kind: .pure, uses: ["HTTPWire", "ControlModel"]),
    Module(name: "Topology", kind: .pure, uses: ["ControlModel"]),
    Module(name: "Platform", kind: .io, uses: ["CLinux", "Bytes"]),
    Module(name: "Diagnostics", kind: .io, uses: ["Platform", "Bytes"], packages: ["Logging"]),
    Module(
        name: "ServiceOptions", kind: .io, uses: ["Diagnostics", "Platform"],
        packages: ["Logging", "ArgumentParser"]),
    Module(name: "TLS", kind: .io, uses: ["COpenSSL", "Platform", "Bytes"]),
    Module(name: "EventLoop", kind: .io, uses: ["TLS", "Platform", "CLinux", "Bytes"]),
    Module(
        name: "HTTPClient", kind: .io, uses: ["CCurl", "Platform"], tests: ["EventLoop", "Bytes"]),
    Module(name: "HTTPTransport", kind: .io, uses: ["HTTPWire", "EventLoop", "Platform", "Bytes"]),
    Module(
        name: "ControlPort", kind: .io,
        uses: [
            "HTTPTransport", "HTTPWire", "APIContract", "ControlModel", "Diagnostics", "EventLoop",
            "Platform", "Bytes",
        ]),
    Module(
        name: "NodeServer", kind: .app,
        uses: [
            "Commands", "Scripting", "Store", "Log", "Persistence", "Replication", "RESP",
            "ControlPort", "ControlModel", "EventLoop", "TLS", "Platform", "Directives",
            "Diagnostics", "Bytes", "CLinux",
        ], packages: ["Logging"]),
    Module(
        name: "CoordinatorServer", kind: .app,
        uses: [
            "Topology", "ControlModel", "APIContract", "HTTPClient", "HTTPTransport", "HTTPWire",
            "EventLoop", "Platform", "Diagnostics", "ServiceOptions", "Bytes",
        ], packages: ["Logging", "ArgumentParser", "GRDB"]),
    Module(
        name: "AdminAPI", kind: .app,
        uses: [
            "APIContract", "ControlModel", "HTTPTransport", "HTTPWire", "HTTPClient", "EventLoop",
            "Platform", "Diagnostics", "ServiceOptions", "Bytes",
        ], packages: ["Logging", "ArgumentParser"]),
]

/// Executables: folder under `services/`, product name and the one assembly each may import.
let services = [
    (folder: "node", product: "headwater-node", assembly: "NodeServer"),
    (folder: "coordinator", product: "headwater-coordinator", assembly: "CoordinatorServer"),
    (folder: "admin", product: "headwater-admin", assembly: "AdminAPI"),
]

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(), .treatAllWarnings(as: .error),
    // Debug builds check exclusivity at run time; in release the checks of class properties cost
    // about 4 % of a request's processor time (docs/benchmarks.md).
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

// `ONLY=Store,RESP swift test` builds just these modules, what they use, and their tests.
let chosen: Set<String> = {
    guard let only = Context.environment["ONLY"], !only.isEmpty else {
        return Set(modules.map(\.name))
    }
    var closure = Set<String>()
    var pending = only.split(separator: ",").map(String.init)
    while let name = pending.popLast() {
        guard closure.insert(name).inserted else { continue }
        guard let module = modules.first(where: { $0.name == name }) else {
            fatalError("ONLY names \(name), which is no module of Package.swift")
        }
        pending += module.uses + module.tests
    }
    return closure
}()
func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(path)")
}
let present = modules.filter { chosen.contains($0.name) && exists("Sources/\($0.name)") }
let presentNames = Set(present.map(\.name))

let external: [String: (dependency: Package.Dependency, product: Target.Dependency)] = [
    "Logging": (
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .product(name: "Logging", package: "swift-log")
    ),
    "ArgumentParser": (
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .product(name: "ArgumentParser", package: "swift-argument-parser")
    ),
    "GRDB": (
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .product(name: "GRDB", package: "GRDB.swift")
    ),
]

@MainActor func outside(_ name: String) -> (
    dependency: Package.Dependency, product: Target.Dependency
) {
    guard let entry = external[name] else { fatalError("no package is known for \(name)") }
    return entry
}

let libraries: [Target] = present.map { module in
    let dependencies =
        module.uses.filter(presentNames.contains).map { Target.Dependency.byName(name: $0) }
        + module.packages.map { outside($0).product }
    return .target(
        name: module.name, dependencies: dependencies,
        swiftSettings: module.kind == .c ? [] : strict,
        linkerSettings: module.links.map { .linkedLibrary($0) })
}

let testKit: [Target] =
    presentNames.isSuperset(of: ["Bytes", "RESP"]) && exists("Tests/Support/TestKit")
    ? [
        .target(
            name: "TestKit", dependencies: ["Bytes", "RESP"], path: "Tests/Support/TestKit",
            swiftSettings: strict)
    ] : []

let tests: [Target] = present.filter { exists("Tests/\($0.name)Tests") }.map { module in
    .testTarget(
        name: "\(module.name)Tests",
        dependencies: [.byName(name: module.name)]
            + (module.uses + module.tests).filter(presentNames.contains).map { .byName(name: $0) }
            + testKit.map { .byName(name: $0.name) },
        path: "Tests/\(module.name)Tests", swiftSettings: strict)
}

let tidy: [Target] =
    exists("Tests/TidyTests")
    ? [.testTarget(name: "TidyTests", path: "Tests/TidyTests", swiftSettings: strict)] : []

let executables: [Target] = services.filter {
    presentNames.contains($0.assembly) && exists("services/\($0.folder)")
}.map { service in
    .executableTarget(
        name: service.product, dependencies: [.byName(name: service.assembly)],
        path: "services/\(service.folder)", exclude: [], sources: ["main.swift"],
        swiftSettings: strict)
}

// Coverage-guided fuzzers, built only for `make fuzz` (`FUZZ=1`): libFuzzer's flags must not reach
// a normal build.
let fuzzTargets = [
    (name: "LZFFuzz", uses: ["Bytes"]),
    (name: "RESPFuzz", uses: ["Bytes", "RESP"]),
    (name: "StoreFuzz", uses: ["Bytes", "CLinux", "Store"]),
    (name: "HTTPFuzz", uses: ["Bytes", "HTTPWire"]),
    (name: "RDBFuzz", uses: ["Bytes", "Store", "Persistence"]),
    (name: "LogFuzz", uses: ["Bytes", "Log", "Persistence"]),
    (name: "CommandFuzz", uses: ["Bytes", "RESP", "Store", "Commands", "Scripting", "TestKit"]),
]
let fuzzers: [Target] =
    Context.environment["FUZZ"] == nil
    ? []
    : [.target(name: "CFuzz", path: "Tests/Fuzz/CFuzz")]
        + fuzzTargets.filter {
            presentNames.union(testKit.map(\.name)).isSuperset(of: $0.uses)
        }.map { fuzzer in
            .executableTarget(
                name: fuzzer.name,
                dependencies: (fuzzer.uses + ["CFuzz"]).map { .byName(name: $0) },
                path: "Tests/Fuzz/\(fuzzer.name)", swiftSettings: strict,
                linkerSettings: [.unsafeFlags(["-use-ld=lld", "-sanitize=fuzzer,address"])])
        }

// Micro-benchmarks of the data path, built only for `BENCH=1`.
let benchmarks: [Target] =
    Context.environment["BENCH"] == nil
    ? []
    : [
        .executableTarget(
            name: "EngineBenchmark", dependencies: ["Bytes", "Store"],
            path: "Tests/Benchmarks/EngineBenchmark", swiftSettings: strict)
    ]
        + (presentNames.contains("Commands")
            ? [
                .executableTarget(
                    name: "CommandBenchmark", dependencies: ["Bytes", "RESP", "Store", "Commands"],
                    path: "Tests/Benchmarks/CommandBenchmark", swiftSettings: strict)
            ] : [])

let package = Package(
    name: "headwater",
    dependencies: Set(present.flatMap(\.packages)).sorted().map { outside($0).dependency },
    targets: libraries + testKit + tests + tidy + executables + fuzzers + benchmarks)
