// Certificates, keys and rules, loaded and checked: what all sessions of one kind share.
//
// Certificates are changed by making a new context; sessions keep the one they began with.
import COpenSSL
import Glibc

/// One role's certificates and rules. Confined to one thread.
@safe
public final class TLSContext {
    /// Which end of connections it is for.
    public enum Role: Sendable {
        /// Accepts.
        case server
        /// Connects.
        case client
    }

    let pointer: OpaquePointer
    let role: Role
    let verification: Int32

    /// Loads everything that `settings` name.
    public init(_ settings: TLSSettings, role: Role) throws(TLSProblem) {
        self.role = role
        // A client always asks who answers; a server does as it is told.
        verification =
            switch (role, settings.clientAuthentication) {
            case (.client, _), (.server, .yes): Int32(HW_TLS_VERIFY_REQUIRED)
            case (.server, .optional): Int32(HW_TLS_VERIFY_OPTIONAL)
            case (.server, .no): Int32(HW_TLS_VERIFY_NONE)
            }
        guard let made = unsafe hw_tls_context_new() else {
            throw TLSProblem("OpenSSL cannot be set up: \(TLSContext.lastError())")
        }
        unsafe pointer = made
        // Writes to a connection that is gone must be errors and not end the process.
        signal(SIGPIPE, SIG_IGN)
        unsafe hw_tls_set_versions(pointer, try TLSContext.versions(settings.protocols))
        try load(settings)
        try restrict(settings)
    }

    deinit { unsafe hw_tls_context_free(pointer) }

    // MARK: Loading

    private func load(_ settings: TLSSettings) throws(TLSProblem) {
        var identity = settings.identity
        if role == .client && !settings.clientIdentity.certificateFile.isEmpty {
            identity = settings.clientIdentity
        }
        guard !identity.certificateFile.isEmpty else {
            throw TLSProblem("No tls-cert-file configured!")
        }
        guard !identity.keyFile.isEmpty else { throw TLSProblem("No tls-key-file configured!") }
        let trusts = !settings.authorityFile.isEmpty || !settings.authorityDirectory.isEmpty
        if verification != Int32(HW_TLS_VERIFY_NONE) && !trusts {
            throw TLSProblem(
                """
                Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, \
                tls-replication or tls-auth-clients are enabled!
                """)
        }
        try check(
            unsafe hw_tls_use_certificate(pointer, identity.certificateFile),
            "Failed to load certificate: \(identity.certificateFile)")
        let key = "Failed to load private key: \(identity.keyFile)"
        if identity.keyPassword.isEmpty {
            try check(unsafe hw_tls_use_key(pointer, identity.keyFile, nil), key)
        } else {
            try check(
                unsafe hw_tls_use_key(pointer, identity.keyFile, identity.keyPassword), key)
        }
        try check(unsafe hw_tls_check_key(pointer), key)
        if trusts { try trust(settings) }
    }

    private func trust(_ settings: TLSSettings) throws(TLSProblem) {
        let text = "Failed to configure CA certificate(s) file/directory"
        let file = settings.authorityFile
        let directory = settings.authorityDirectory
        if directory.isEmpty {
            try check(unsafe hw_tls_trust(pointer, file, nil), text)
        } else if file.isEmpty {
            try check(unsafe hw_tls_trust(pointer, nil, directory), text)
        } else {
            try check(unsafe hw_tls_trust(pointer, file, directory), text)
        }
    }

    private func restrict(_ settings: TLSSettings) throws(TLSProblem) {
        if !settings.ciphers.isEmpty {
            try check(
                unsafe hw_tls_set_ciphers(pointer, settings.ciphers),
                "Failed to configure ciphers: \(settings.ciphers)")
        }
        if !settings.ciphersuites.isEmpty {
            try check(
                unsafe hw_tls_set_ciphersuites(pointer, settings.ciphersuites),
                "Failed to configure ciphersuites: \(settings.ciphersuites)")
        }
        guard role == .server else { return }
        if settings.prefersOwnCiphers { unsafe hw_tls_prefer_own_ciphers(pointer) }
        let sessions = settings.cachesSessions ? max(1, settings.cachedSessionsMax) : 0
        unsafe hw_tls_set_session_cache(pointer, sessions, settings.sessionSeconds)
        if !settings.dhParametersFile.isEmpty {
            try check(
                unsafe hw_tls_use_dh_parameters(pointer, settings.dhParametersFile),
                "\(settings.dhParametersFile): failed to read DH params")
        }
    }

    private func check(_ result: Int32, _ text: String) throws(TLSProblem) {
        if result != 1 { throw TLSProblem("\(text): \(TLSContext.lastError())") }
    }

    /// The oldest error of OpenSSL on this thread.
    static func lastError() -> String {
        var text = [CChar](repeating: 0, count: 256)
        unsafe hw_tls_error(&text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The versions that `words` name.
    static func versions(_ words: String) throws(TLSProblem) -> UInt32 {
        var versions: UInt32 = 0
        for word in words.split(separator: " ") {
            switch word.lowercased() {
            case "tlsv1": versions |= UInt32(HW_TLS_1_0)
            case "tlsv1.1": versions |= UInt32(HW_TLS_1_1)
            case "tlsv1.2": versions |= UInt32(HW_TLS_1_2)
            case "tlsv1.3": versions |= UInt32(HW_TLS_1_3)
            default:
                throw TLSProblem(
                    "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', "
                        + "'TLSv1.2' and 'TLSv1.3'.")
            }
        }
        return versions == 0 ? UInt32(HW_TLS_1_2 | HW_TLS_1_3) : versions
    }
}
