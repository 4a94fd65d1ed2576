import Bytes
import Commands
import Directives
import Platform
import Testing

@testable import NodeServer

@Suite struct DurableIdentityTests {
    private var identity: DurableIdentity {
        var identity = DurableIdentity()
        identity.clusterID = "demo"
        identity.nodeID = "n 1"
        identity.epoch = 12
        identity.upstream = FollowedUpstream(
            address: UpstreamAddress(host: "10.0.0.2", port: 7001), nodeID: "n2")
        return identity
    }

    @Test func theFileComesBackAsItWas() {
        #expect(DurableIdentity(decoding: identity.encoded()) == identity)
        #expect(DurableIdentity(decoding: DurableIdentity().encoded()) == DurableIdentity())
        var anonymous = identity
        anonymous.upstream?.nodeID = nil
        #expect(DurableIdentity(decoding: anonymous.encoded()) == anonymous)
    }

    @Test func aFileThatWasCutOrChangedIsRefused() {
        let text = identity.encoded()
        for length in 0..<(text.count - 1) {
            #expect(DurableIdentity(decoding: String(text.prefix(length))) == nil, "\(length)")
        }
        for (from, to) in [
            ("state 1", "state 2"), ("epoch 12", "epoch -1"), ("epoch 12", "epoch x"),
            ("node-id", "nodeid"), ("7001", "port"),
        ] {
            let range = text.firstRange(of: from)
            #expect(range != nil)
            guard let range else { continue }
            #expect(DurableIdentity(decoding: text.replacingCharacters(range, to)) == nil)
        }
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<Index>, _ text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}

@Suite struct InfoTextTests {
    @Test func sectionsAndFieldsHaveTheirForm() {
        var text = InfoText()
        text.section("One")
        text.field("a", "x")
        text.field("b", 5)
        text.section("Two")
        text.field("c", flag: true)
        text.field("d", 1.006, decimals: 2)
        #expect(text.bytes.string == "# One\r\na:x\r\nb:5\r\n\r\n# Two\r\nc:1\r\nd:1.01\r\n")
    }

    @Test(arguments: [
        (0.0, 2, "0.00"), (1.5, 0, "2"), (-0.001, 2, "0.00"), (-1.25, 1, "-1.3"),
        (12.3456789, 6, "12.345679"), (.infinity, 2, "0"),
    ])
    func numbersHaveFixedDecimals(value: Double, decimals: Int, text: String) {
        #expect(InfoText.fixed(value, decimals: decimals) == text)
    }

    @Test(arguments: [
        (0, "0B"), (1023, "1023B"), (1536, "1.50K"), (10 << 20, "10.00M"), (3 << 30, "3.00G"),
    ])
    func sizesAreReadable(bytes: Int64, text: String) {
        #expect(InfoText.human(bytes) == text)
    }
}

@Suite struct PausesTests {
    @Test func theStrictestPauseHolds() {
        var pauses = Pauses()
        #expect(pauses.mode == .none)
        pauses.set(.order, mode: .writes, until: 100)
        #expect(pauses.mode == .writes)
        pauses.pauseClients(.all, until: 50)
        #expect(pauses.mode == .all)
        #expect(pauses.nextEnd == 50)
        let early = pauses.expire(nowMilliseconds: 49)
        let due = pauses.expire(nowMilliseconds: 50)
        #expect(!early && due)
        #expect(pauses.mode == .writes)
        pauses.end(.order)
        #expect(pauses.mode == .none)
        #expect(pauses.nextEnd == nil)
    }

    @Test func aShorterPauseDoesNotShortenALongerOne() {
        var pauses = Pauses()
        pauses.pauseClients(.all, until: 100)
        pauses.pauseClients(.writes, until: 50)
        #expect(pauses.mode == .all)
        #expect(pauses.nextEnd == 100)
        pauses.pauseClients(.writes, until: 200)
        #expect(pauses.nextEnd == 200)
        pauses.resumeClients()
        #expect(pauses.mode == .none)
    }
}

@Suite struct RateSamplesTests {
    @Test func theRateIsTheMeanOfTheSamples() {
        var samples = RateSamples()
        for tick in 0...16 {
            samples.sample(Int64(tick) * 50, nowMilliseconds: Int64(tick + 1) * 100)
        }
        #expect(samples.perSecond == 500)
    }
}

@Suite struct StartupTests {
    @Test func theCommandLineOverridesNothingButItself() throws {
        let configuration = try Startup.load([
            "--port", "7001", "--save", "", "--appendonly", "yes",
        ])
        #expect(configuration.settings.port == 7001)
        #expect(configuration.settings.appendOnly)
        #expect(configuration.settings.savePoints.isEmpty)
        #expect(configuration.file == nil)
    }

    @Test(arguments: [
        (["--invalid"], ">>> 'invalid'"), (["--port"], ">>> 'port'"),
        (["--replicaof", "127.0.0.1", "abc"], "Invalid master port"),
        (["/does/not/exist.conf"], "can't open config file"),
    ])
    func errorsNameTheLine(arguments: [String], text: String) {
        let error = #expect(throws: ConfigFileError.self) { try Startup.load(arguments) }
        let message = error?.message(server: "x") ?? ""
        #expect(message.contains("FATAL CONFIG FILE ERROR"))
        #expect(message.contains(text), "\(message)")
    }

    /// CONFIG REWRITE keeps the name of the file and never its contents.
    @Test func theSecretOfAFileStaysOutOfTheConfiguration() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/secret"
        try FileSystem.replace(path, with: Array("0123456789abcdef\n".utf8))
        var settings = NodeSettings()
        settings.clusterSecretFile = path
        try Startup.readClusterSecret(&settings)
        #expect(settings.clusterSecretOfFile == "0123456789abcdef")
        let text = String(
            decoding: NodeDirectives.table.rewritten(
                Array("cluster-secret-file \(path)\n".utf8), settings: settings,
                defaults: NodeSettings()), as: UTF8.self)
        #expect(text.contains("cluster-secret-file \"\(path)\""))
        #expect(!text.contains("0123456789abcdef"))
        #expect(NodeDirectives.table.value(of: "cluster-secret", in: settings) == "")
        // A secret that the configuration gives itself is kept, and then no file is read.
        settings = NodeSettings()
        settings.clusterSecret = "given"
        settings.clusterSecretFile = folder.path + "/none"
        try Startup.readClusterSecret(&settings)
        #expect(settings.clusterSecretOfFile.isEmpty)
    }
}
