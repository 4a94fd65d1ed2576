// Carries settings to the parts that act on them: at start and after CONFIG SET.
//
// Steps that can fail (folder, listeners) come first and are undone when a later one fails; the
// rest cannot fail. So a CONFIG SET changes everything or nothing.

import Scripting
import Diagnostics
import Commands
import Directives
import EventLoop
import Logging
import Platform
import RESP

extension Node {
    /// What the command core needs of the settings.
    static func engineSettings(_ settings: NodeSettings) -> EngineSettings {
        var engine = EngineSettings()
        engine.bulkBytesMax = settings.bulkBytesMax
        let password = settings.requiredPassword
        engine.password = password.isEmpty ? nil : Array(password.utf8)
        engine.allowsChannelsByDefault = settings.channelDefault == .allchannels
        engine.tracksLatency = settings.tracksLatency
        engine.latencyPercentiles = settings.latencyPercentiles
        engine.latencyThresholdMilliseconds = Int64(settings.latencyThresholdMilliseconds)
        engine.trackedKeysMax = settings.trackedKeysMax
        engine.accessLogCountMax = settings.accessLogCountMax
        engine.events = KeyspaceEvents(letters: settings.keyspaceEvents) ?? []
        engine.outputBytesMax = settings.outputLimits.normal.hardBytes
        engine.slowLogMicroseconds = Int64(settings.slowLogMicroseconds)
        engine.slowLogCountMax = settings.slowLogCountMax
        engine.allowsDebug = settings.debugCommand != .no
        engine.encoding = settings.encoding
        engine.eviction = settings.eviction
        engine.evictsLazily = settings.evictsLazily
        engine.expiresLazily = settings.expiresLazily
        engine.overwritesLazily = settings.overwritesLazily
        engine.deletesLazily = settings.deletesLazily
        engine.flushesLazily = settings.flushesLazily
        engine.debugNeedsLocalClient = settings.debugCommand == .local
        return engine
    }

    /// Replaces the settings and carries every difference to where it acts.
    /// Certificates are also read again when `reloadsCertificates`.
    func apply(
        _ new: NodeSettings, reloadsCertificates: Bool = false
    ) throws(ConfigSetError) {
        let old = settings
        var new = new
        let security =
            reloadsCertificates || new.tls != old.tls ? try security(for: new) : nil
        if engine.isLoading && new.appendOnly != old.appendOnly {
            throw .refused(name: "appendonly", reason: "the data set is being loaded")
        }
        if new.directory != old.directory { new.directory = try enter(new.directory) }
        do throws(ConfigSetError) {
            if new.killScore != old.killScore { try applyKillScore(new) }
            if new.port != old.port || new.bind != old.bind {
                try listen(as: new, portChanged: new.port != old.port)
            }
            if new.tlsPort != old.tlsPort || new.bind != old.bind {
                try listenEncrypted(as: new, portChanged: new.tlsPort != old.tlsPort)
            }
        } catch {
            _ = try? enter(old.directory)
            killScoreFollowsRole()
            throw error
        }
        if let security { (serverSecurity, clientSecurity) = security }
        settings = new
        engine.settings = Node.engineSettings(new)
        scripts.busyMilliseconds = Int64(new.busyMilliseconds)
        if new.scriptBytesMax != old.scriptBytesMax { scripts.stateBytesMax = new.scriptBytesMax }
        if new.clientsMax != old.clientsMax { raiseDescriptorLimit() }
        if new.bulkBytesMax != old.bulkBytesMax {
            for session in clients.all { session.parser.limits.bulkBytesMax = new.bulkBytesMax }
        }
        if new.logLevel != old.logLevel { logOutput.level = new.logLevel.level }
        if new.hz != old.hz { startCron() }
        loop.pollMicrosecondsMax = Int64(new.pollMicroseconds)
        signalWatch?.adopt(signalRules)
        memorySettingsChanged()
        applyToLog(new, old)
        updateGates()
        factsChanged()
    }

    /// What log and snapshots keep of the settings.
    private func applyToLog(_ new: NodeSettings, _ old: NodeSettings) {
        if new.backlogBytes != old.backlogBytes { stream.resizeBacklog(to: new.backlogBytes) }
        stream.settings = LogSettings(new)
        snapshots.settings = SnapshotSettings(new)
        if new.appendOnly != old.appendOnly { switchLog(on: new.appendOnly) }
    }

    /// Makes `path` the working directory and locks it; returns its absolute form.
    private func enter(_ path: String) throws(ConfigSetError) -> String {
        let absolute: String
        do throws(SystemError) {
            try FileSystem.changeDirectory(path)
            absolute = try FileSystem.workingDirectory()
        } catch {
            throw .refused(name: "dir", reason: error.reason)
        }
        do throws(ConfigSetError) {
            try lockFolder(absolute)
        } catch {
            try? FileSystem.changeDirectory(settings.directory)
            throw error
        }
        return absolute
    }

    /// Locks the folder at `path` in place of the one that is locked now.
    private func lockFolder(_ path: String) throws(ConfigSetError) {
        do throws(FolderLock.Failure) {
            folderLock = try FolderLock(path, name: Node.lockName)
        } catch {
            switch error {
            case .held(let holder):
                // The same folder by another name.
                if holder == "\(ProcessFacts.processID)" { return }
                throw .refused(
                    name: "dir",
                    reason: "the folder is in use by the node with process id \(holder)")
            case .system:
                // Nothing can be written to it: nothing can be destroyed either.
                folderLock = nil
            }
        }
    }

    private func listen(as new: NodeSettings, portChanged: Bool) throws(ConfigSetError) {
        guard new.port > 0 else { return listeners.replaceNetwork([]) }
        // The old listeners hold the addresses that both settings share.
        let wasListening = !listeners.network.isEmpty
        if !portChanged { listeners.replaceNetwork([]) }
        do throws(ListenFailure) {
            let opened = try Listeners.open(
                new.bind, port: new.port, backlog: new.listenBacklog, node: self)
            listeners.replaceNetwork(opened)
        } catch {
            log.warning("\(error)")
            if !portChanged, wasListening {
                let restored = try? Listeners.open(
                    settings.bind, port: settings.port, backlog: settings.listenBacklog,
                    node: self)
                listeners.replaceNetwork(restored ?? [])
            }
            throw portChanged
                ? .refused(
                    name: "port", reason: "Unable to listen on this port, check server logs")
                : .refused(name: "bind", reason: "Failed to bind to specified addresses.")
        }
    }

    /// Asks the kernel for as many descriptors as `maxclients` may need.
    func raiseDescriptorLimit() {
        let wanted = settings.clientsMax + Node.ownDescriptorsMax
        let granted = ProcessFacts.raiseDescriptorLimit(to: wanted)
        guard granted > 0 && granted < wanted else { return }
        settings.clientsMax = max(1, granted - Node.ownDescriptorsMax)
        log.warning(
            """
            The limit of open files is \(granted): maxclients has been reduced to \
            \(settings.clientsMax).
            """)
    }

    /// Descriptors kept for files, links and the control port.
    static let ownDescriptorsMax = 32
}

extension LogLevelName {
    /// The level of the logging library; nil for nothing.
    var level: Logger.Level? {
        switch self {
        case .debug: .debug
        case .verbose: .info
        case .notice: .notice
        case .warning: .warning
        case .nothing: nil
        }
    }
}
