// TLS over OpenSSL 3 as a few typed calls: most of OpenSSL's own are macros, which Swift cannot
// import. Sockets stay the caller's; all calls are for nonblocking ones.
#ifndef HEADWATER_COPENSSL_H
#define HEADWATER_COPENSSL_H

#include <stddef.h>
#include <stdint.h>

/// Certificates, keys and rules that sessions share.
typedef struct ssl_ctx_st hw_tls_context;
/// One connection.
typedef struct ssl_st hw_tls_session;

/// Outcomes of reads, writes and handshakes below 1; a positive one counts bytes.
enum {
    /// Go on when the socket is readable.
    HW_TLS_WANTS_READ = 0,
    /// Go on when the socket is writable.
    HW_TLS_WANTS_WRITE = -1,
    /// The peer has closed the session or the connection.
    HW_TLS_END = -2,
    /// Failed: see hw_tls_error.
    HW_TLS_FAILED = -3,
};

/// Whether the peer must show a certificate.
enum { HW_TLS_VERIFY_NONE = 0, HW_TLS_VERIFY_OPTIONAL = 1, HW_TLS_VERIFY_REQUIRED = 2 };

/// Protocol versions, as a set of bits.
enum { HW_TLS_1_0 = 1, HW_TLS_1_1 = 2, HW_TLS_1_2 = 4, HW_TLS_1_3 = 8 };

/// A context without certificate; NULL when there is no memory.
hw_tls_context *_Nullable hw_tls_context_new(void);
/// Gives the context up; sessions keep what they need of it.
void hw_tls_context_free(hw_tls_context *_Nonnull context);
/// Forbids all versions that are not among `versions`.
void hw_tls_set_versions(hw_tls_context *_Nonnull context, uint32_t versions);
/// Certificate chain in PEM; 1 on success.
int hw_tls_use_certificate(hw_tls_context *_Nonnull context, const char *_Nonnull file);
/// Private key in PEM; `password` may be NULL; 1 on success. Never asks a terminal.
int hw_tls_use_key(
    hw_tls_context *_Nonnull context, const char *_Nonnull file, const char *_Nullable password);
/// Whether the key fits the certificate; 1 if so.
int hw_tls_check_key(hw_tls_context *_Nonnull context);
/// Authorities whose certificates are trusted: a PEM file, a directory, or both; 1 on success.
int hw_tls_trust(
    hw_tls_context *_Nonnull context, const char *_Nullable file,
    const char *_Nullable directory);
/// Ciphers up to TLS 1.2; 1 on success.
int hw_tls_set_ciphers(hw_tls_context *_Nonnull context, const char *_Nonnull list);
/// Ciphers of TLS 1.3; 1 on success.
int hw_tls_set_ciphersuites(hw_tls_context *_Nonnull context, const char *_Nonnull list);
/// Parameters for Diffie-Hellman in PEM; 1 on success.
int hw_tls_use_dh_parameters(hw_tls_context *_Nonnull context, const char *_Nonnull file);
/// The server's order of ciphers counts, not the client's.
void hw_tls_prefer_own_ciphers(hw_tls_context *_Nonnull context);
/// Sessions may be resumed: so many, for so many seconds; 0 sessions: none may.
void hw_tls_set_session_cache(
    hw_tls_context *_Nonnull context, long sessions, long timeout_seconds);

/// A session on a connected socket; NULL when there is no memory.
hw_tls_session *_Nullable hw_tls_session_new(
    hw_tls_context *_Nonnull context, int descriptor, int is_server, int verify);
void hw_tls_session_free(hw_tls_session *_Nonnull session);
/// Goes on with the handshake; 1 when it is done.
long hw_tls_handshake(hw_tls_session *_Nonnull session);
/// Reads at most `length` bytes; makes the handshake first if it is not done.
long hw_tls_read(hw_tls_session *_Nonnull session, void *_Nonnull bytes, size_t length);
/// Writes a beginning of the bytes; they may lie elsewhere when the call is repeated.
long hw_tls_write(hw_tls_session *_Nonnull session, const void *_Nonnull bytes, size_t length);
/// Bytes that were decrypted and not read yet.
int hw_tls_pending(hw_tls_session *_Nonnull session);
/// Tells the peer, without waiting, that no more will come.
void hw_tls_finish(hw_tls_session *_Nonnull session);
/// Name of the protocol version: `TLSv1.3`.
const char *_Nonnull hw_tls_version(hw_tls_session *_Nonnull session);

/// Writes the oldest error of this thread as text and forgets all.
void hw_tls_error(char *_Nonnull text, size_t length);

#endif
