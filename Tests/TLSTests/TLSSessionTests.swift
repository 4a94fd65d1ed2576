import Bytes
import Platform
import Testing

@testable import TLS

/// Two ends of a connection within one thread.
private final class Ends {
    var server: TLSSession
    var client: TLSSession

    init(_ serverSettings: TLSSettings, _ clientSettings: TLSSettings) throws {
        let serverContext = try TLSContext(serverSettings, role: .server)
        let clientContext = try TLSContext(clientSettings, role: .client)
        var made: (TLSSession, TLSSession)?
        var failure: (any Error)?
        var kept: (Int32, Int32) = (-1, -1)
        try Socket.pair { left, right in
            do {
                made = (
                    try TLSSession(serverContext, on: left),
                    try TLSSession(clientContext, on: right)
                )
            } catch {
                failure = error
            }
            kept = (left.release(), right.release())
        }
        descriptors = kept
        if let failure { throw failure }
        (server, client) = try #require(made)
    }

    private let descriptors: (Int32, Int32)

    deinit {
        _ = Descriptor(owning: descriptors.0)
        _ = Descriptor(owning: descriptors.1)
    }

    /// Shakes hands on both ends by turns.
    func shakeHands() throws {
        var isDone = (false, false)
        for _ in 0..<20 where !(isDone.0 && isDone.1) {
            isDone.1 = try client.handshake()
            isDone.0 = try server.handshake()
        }
        try #require(isDone == (true, true))
    }
}

@Suite struct TLSSessionTests {
    private let certificates: Certificates

    init() throws { certificates = try #require(Certificates.shared) }

    private func settings(_ name: String = "node", authority: String = "ca") -> TLSSettings {
        var settings = TLSSettings()
        settings.identity.certificateFile = certificates.path("\(name).crt")
        settings.identity.keyFile = certificates.path("\(name).key")
        settings.authorityFile = certificates.path("\(authority).crt")
        return settings
    }

    @Test(arguments: ["TLSv1.2", "TLSv1.3"])
    func bytesPassBothWays(version: String) throws {
        var server = settings()
        server.protocols = version
        let ends = try Ends(server, settings("client"))
        try ends.shakeHands()
        #expect(ends.server.version == version)
        var random = SeededRandom(seed: 3)
        let message = (0..<300_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        var received = ByteBuffer()
        var sent = 0
        var turns = 0
        while received.count < message.count {
            turns += 1
            try #require(turns < 10_000)
            if sent < message.count {
                sent += try message.withByteSlice { try ends.client.send($0.dropFirst(sent)) }
            }
            _ = try ends.server.receive(into: &received, minimum: 1_000)
        }
        #expect(received.readable.array == message)
        var answer = ByteBuffer()
        #expect(try ends.server.send(ByteSlice("+OK\r\n")) == 5)
        #expect(try ends.client.receive(into: &answer, minimum: 64) == .bytes(5))
        #expect(try ends.client.receive(into: &answer, minimum: 64) == .wouldBlock)
        ends.server.finish()
        #expect(try ends.client.receive(into: &answer, minimum: 64) == .end)
    }

    @Test func clientsWithoutAcceptedCertificateAreRefused() throws {
        let ends = try Ends(settings(), settings("stranger"))
        #expect(throws: SystemError.self) { try ends.shakeHands() }
        var lenient = settings()
        lenient.clientAuthentication = .no
        try Ends(lenient, settings("stranger")).shakeHands()
        lenient.clientAuthentication = .optional
        let optional = try Ends(lenient, settings("stranger"))
        #expect(throws: SystemError.self) { try optional.shakeHands() }
    }

    @Test func serversOfAnotherAuthorityAreRefused() throws {
        let ends = try Ends(
            settings("stranger", authority: "ca"), settings("client", authority: "ca"))
        #expect(throws: SystemError.self) { try ends.shakeHands() }
    }

    @Test func endsWithoutACommonVersionPart() throws {
        var old = settings()
        old.protocols = "TLSv1.2"
        var new = settings("client")
        new.protocols = "TLSv1.3"
        let ends = try Ends(old, new)
        #expect(throws: SystemError.self) { try ends.shakeHands() }
    }

    @Test func lockedKeysNeedTheirPassword() throws {
        var locked = settings()
        locked.identity.keyFile = certificates.path("locked.key")
        #expect(throws: TLSProblem.self) { try TLSContext(locked, role: .server) }
        locked.identity.keyPassword = "wrong"
        #expect(throws: TLSProblem.self) { try TLSContext(locked, role: .server) }
        locked.identity.keyPassword = "secret"
        _ = try TLSContext(locked, role: .server)
    }

    @Test func whatIsWrongIsSaid() throws {
        let changes: [(String, (inout TLSSettings) -> Void)] = [
            ("No tls-cert-file configured!", { $0.identity.certificateFile = "" }),
            ("No tls-key-file configured!", { $0.identity.keyFile = "" }),
            ("Either tls-ca-cert-file or tls-ca-cert-dir", { $0.authorityFile = "" }),
            ("Failed to load certificate: /none: ", { $0.identity.certificateFile = "/none" }),
            ("Failed to load private key: /none: ", { $0.identity.keyFile = "/none" }),
            ("Failed to load private key: ", { $0.identity.keyFile = $0.authorityFile }),
            ("Failed to configure CA certificate(s)", { $0.authorityFile = "/none" }),
            ("Failed to configure ciphers: nonsense", { $0.ciphers = "nonsense" }),
            ("Failed to configure ciphersuites: none", { $0.ciphersuites = "none" }),
            ("Invalid tls-protocols specified.", { $0.protocols = "SSLv3" }),
            ("/none: failed to read DH params", { $0.dhParametersFile = "/none" }),
        ]
        for (text, change) in changes {
            var wrong = settings()
            change(&wrong)
            do {
                _ = try TLSContext(wrong, role: .server)
                Issue.record("accepted: \(text)")
            } catch {
                #expect(error.message.hasPrefix(text), "\(error.message)")
            }
        }
        var foreign = settings()
        foreign.identity.keyFile = certificates.path("client.key")
        #expect(throws: TLSProblem.self) { try TLSContext(foreign, role: .server) }
    }

    @Test func hostileBytesEndTheSessionAndNothingElse() throws {
        var random = SeededRandom(seed: 9)
        let context = try TLSContext(settings(), role: .server)
        for round in 0..<200 {
            try Socket.pair { left, right in
                do {
                    let session = try TLSSession(context, on: left)
                    var bytes = (0..<random.below(400)).map { _ in
                        UInt8(truncatingIfNeeded: random.next())
                    }
                    // Most begin as a handshake does.
                    if round % 4 != 0 {
                        bytes = [0x16, 0x03, 0x01, 0x01, UInt8(round), 0x01] + bytes
                    }
                    _ = try bytes.withByteSlice { try Socket.send($0, to: right) }
                    var input = ByteBuffer()
                    let outcome = try session.receive(into: &input, minimum: 100)
                    #expect(outcome == .wouldBlock || outcome == .end)
                    #expect(input.readable.array == [])
                } catch let error as SystemError {
                    #expect(error.call.description == "TLS")
                } catch {
                    Issue.record(error)
                }
            }
        }
    }
}
