// INFO: which sections, in which order.

import Commands
import Bytes

extension Node {
    /// Sections of a plain INFO, in their order.
    static let sectionsDefault = [
        "server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules",
        "errorstats", "cluster", "keyspace",
    ]
    /// Sections that only `everything` or their name shows.
    static let sectionsFurther = ["commandstats", "latencystats"]

    /// Writes the sections that `names` ask for, each once, in the fixed order.
    func writeInformation(sections names: [String], to text: inout InfoText) {
        var wanted = Set<String>()
        for name in names.isEmpty ? ["default"] : names {
            switch name {
            case "default": wanted.formUnion(Node.sectionsDefault)
            case "all": wanted.formUnion(Node.sectionsDefault + Node.sectionsFurther)
            case "everything": wanted.formUnion(Node.sectionsDefault + Node.sectionsFurther)
            default: wanted.insert(name)
            }
        }
        let order =
            Node.sectionsDefault.dropLast(3) + Node.sectionsFurther
            + Node.sectionsDefault.suffix(3)
        for name in order where wanted.contains(name) { writeSection(name, to: &text) }
    }

    private func writeSection(_ name: String, to text: inout InfoText) {
        switch name {
        case "server": writeServerSection(to: &text)
        case "clients": writeClientsSection(to: &text)
        case "memory": writeMemorySection(to: &text)
        case "persistence": writePersistenceSection(to: &text)
        case "stats": writeStatisticsSection(to: &text)
        case "replication": writeReplicationSection(to: &text)
        case "cpu": writeProcessorSection(to: &text)
        case "modules": text.section("Modules")
        case "cluster":
            text.section("Cluster")
            text.field("cluster_enabled", flag: false)
        default: text.section(named: name, from: engine)
        }
    }
}
