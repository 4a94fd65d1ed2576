// What TLS needs to know: certificates, authorities, versions, ciphers.

/// Whether clients must show a certificate (`tls-auth-clients`).
public enum TLSClientAuthentication: String, CaseIterable, Sendable {
    /// They are not asked.
    case no
    /// They must.
    case yes
    /// One that is shown must be valid.
    case optional
}

/// A certificate with its key.
public struct TLSIdentity: Equatable, Sendable {
    /// Certificate chain in PEM.
    public var certificateFile = ""
    /// Private key in PEM.
    public var keyFile = ""
    /// Password of the key; empty: it has none.
    public var keyPassword = ""

    /// No certificate.
    public init() {}
}

/// The settings of one end.
public struct TLSSettings: Equatable, Sendable {
    /// Own certificate as a server, and as a client unless `clientIdentity` has one.
    public var identity = TLSIdentity()
    /// Own certificate as a client.
    public var clientIdentity = TLSIdentity()
    /// Trusted authorities in PEM; empty: none from a file.
    public var authorityFile = ""
    /// Directory of trusted authorities by hash; empty: none.
    public var authorityDirectory = ""
    /// Whether clients must show a certificate.
    public var clientAuthentication = TLSClientAuthentication.yes
    /// Words like `TLSv1.2 TLSv1.3`; empty: these two.
    public var protocols = ""
    /// OpenSSL's list of ciphers up to TLS 1.2; empty: its default.
    public var ciphers = ""
    /// OpenSSL's list of ciphers of TLS 1.3; empty: its default.
    public var ciphersuites = ""
    /// The server's order of ciphers counts.
    public var prefersOwnCiphers = false
    /// Sessions may be resumed.
    public var cachesSessions = true
    /// Most sessions that may be resumed.
    public var cachedSessionsMax = 20_480
    /// How long a session may be resumed, in seconds.
    public var sessionSeconds = 300
    /// Parameters for Diffie-Hellman in PEM; empty: OpenSSL's own.
    public var dhParametersFile = ""

    /// The defaults, which lack a certificate.
    public init() {}
}

/// Why TLS cannot be set up, in words for the log.
public struct TLSProblem: Error, Equatable, Sendable {
    /// What is wrong.
    public let message: String

    /// A problem.
    public init(_ message: String) { self.message = message }
}
