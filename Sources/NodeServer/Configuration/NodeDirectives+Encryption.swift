// Directives on TLS.

import Directives
import TLS

extension NodeDirectives {
    static let encryption: [Directive<NodeSettings>] = identityRows + trustRows + ruleRows

    private static let identityRows: [Directive<NodeSettings>] = [
        .integer("tls-port", \.tlsPort, in: 0...65535, "TCP port for TLS; 0 for none."),
        .string(
            "tls-cert-file", \.tls.identity.certificateFile,
            why: "CONFIG SET with the same name reads the file again.",
            "Certificate chain of the node in PEM."),
        .string("tls-key-file", \.tls.identity.keyFile, "Private key of the node in PEM."),
        .string(
            "tls-key-file-pass", \.tls.identity.keyPassword, "Password of the private key."),
        .string(
            "tls-client-cert-file", \.tls.clientIdentity.certificateFile,
            "Certificate for the upstream; empty: that of tls-cert-file."),
        .string(
            "tls-client-key-file", \.tls.clientIdentity.keyFile,
            "Private key of tls-client-cert-file."),
        .string(
            "tls-client-key-file-pass", \.tls.clientIdentity.keyPassword,
            "Password of tls-client-key-file."),
    ]

    private static let trustRows: [Directive<NodeSettings>] = [
        .string(
            "tls-ca-cert-file", \.tls.authorityFile,
            "Authorities whose certificates are trusted, in PEM."),
        .string(
            "tls-ca-cert-dir", \.tls.authorityDirectory,
            "Directory of such authorities, named by their hash."),
        .enumeration(
            "tls-auth-clients", \.tls.clientAuthentication,
            "Whether clients must show a certificate; optional: one that is shown must be valid."),
        .bool(
            "tls-replication", \.encryptsReplication,
            "The connection to the upstream is encrypted."),
        .accepted(
            "tls-cluster", \.accepted, default: "no", as: .bool, why: "There is no cluster bus."),
    ]

    private static let ruleRows: [Directive<NodeSettings>] = [
        .string(
            "tls-protocols", \.tls.protocols,
            "Versions among TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; empty for the last two."),
        .string(
            "tls-ciphers", \.tls.ciphers,
            "Ciphers up to TLS 1.2 as OpenSSL lists them; empty for its default."),
        .string(
            "tls-ciphersuites", \.tls.ciphersuites,
            "Ciphers of TLS 1.3 as OpenSSL lists them; empty for its default."),
        .bool(
            "tls-prefer-server-ciphers", \.tls.prefersOwnCiphers,
            "The node's order of ciphers counts instead of the client's."),
        .bool("tls-session-caching", \.tls.cachesSessions, "Sessions may be resumed."),
        .integer(
            "tls-session-cache-size", \.tls.cachedSessionsMax, in: 0...Int(Int32.max),
            "Most sessions that may be resumed."),
        .integer(
            "tls-session-cache-timeout", \.tls.sessionSeconds, in: 0...Int(Int32.max),
            "Seconds for which a session may be resumed."),
        .string(
            "tls-dh-params-file", \.tls.dhParametersFile,
            "Parameters for Diffie-Hellman in PEM; empty for those of OpenSSL."),
    ]
}
