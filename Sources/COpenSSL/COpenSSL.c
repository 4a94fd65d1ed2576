// Bodies of the calls declared in COpenSSL.h.
#include "COpenSSL.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

hw_tls_context *hw_tls_context_new(void) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (context == NULL) return NULL;
    SSL_CTX_set_options(
        context, SSL_OP_NO_SSLv2 | SSL_OP_NO_SSLv3 | SSL_OP_NO_COMPRESSION |
                     SSL_OP_SINGLE_DH_USE | SSL_OP_NO_RENEGOTIATION);
    // A peer that closes without a goodbye has closed, as with plain connections.
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                     SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_dh_auto(context, 1);
    static const unsigned char name[] = "headwater";
    SSL_CTX_set_session_id_context(context, name, sizeof(name) - 1);
    return context;
}

void hw_tls_context_free(hw_tls_context *context) { SSL_CTX_free(context); }

void hw_tls_set_versions(hw_tls_context *context, uint32_t versions) {
    if (!(versions & HW_TLS_1_0)) SSL_CTX_set_options(context, SSL_OP_NO_TLSv1);
    if (!(versions & HW_TLS_1_1)) SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_1);
    if (!(versions & HW_TLS_1_2)) SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_2);
    if (!(versions & HW_TLS_1_3)) SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_3);
}

int hw_tls_use_certificate(hw_tls_context *context, const char *file) {
    ERR_clear_error();
    return SSL_CTX_use_certificate_chain_file(context, file) == 1;
}

static int answer_password(char *buffer, int size, int writing, void *password) {
    (void)writing;
    if (password == NULL) return -1;
    size_t length = strlen(password);
    if (size < 0 || length > (size_t)size) return -1;
    memcpy(buffer, password, length);
    return (int)length;
}

int hw_tls_use_key(hw_tls_context *context, const char *file, const char *password) {
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, answer_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)password);
    int result = SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    return result == 1;
}

int hw_tls_check_key(hw_tls_context *context) {
    ERR_clear_error();
    return SSL_CTX_check_private_key(context) == 1;
}

int hw_tls_trust(hw_tls_context *context, const char *file, const char *directory) {
    ERR_clear_error();
    if (SSL_CTX_load_verify_locations(context, file, directory) != 1) return 0;
    if (file != NULL) {
        // What clients are told to choose their certificate by.
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
        if (names != NULL) SSL_CTX_set_client_CA_list(context, names);
        ERR_clear_error();
    }
    return 1;
}

int hw_tls_set_ciphers(hw_tls_context *context, const char *list) {
    ERR_clear_error();
    return SSL_CTX_set_cipher_list(context, list) == 1;
}

int hw_tls_set_ciphersuites(hw_tls_context *context, const char *list) {
    ERR_clear_error();
    return SSL_CTX_set_ciphersuites(context, list) == 1;
}

int hw_tls_use_dh_parameters(hw_tls_context *context, const char *file) {
    ERR_clear_error();
    BIO *stream = BIO_new_file(file, "r");
    if (stream == NULL) return 0;
    EVP_PKEY *parameters = PEM_read_bio_Parameters(stream, NULL);
    BIO_free(stream);
    if (parameters == NULL) return 0;
    if (SSL_CTX_set0_tmp_dh_pkey(context, parameters) == 1) {
        // While OpenSSL may choose by itself, it does, whatever was set.
        SSL_CTX_set_dh_auto(context, 0);
        return 1;
    }
    EVP_PKEY_free(parameters);
    return 0;
}

void hw_tls_prefer_own_ciphers(hw_tls_context *context) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
}

void hw_tls_set_session_cache(hw_tls_context *context, long sessions, long timeout_seconds) {
    if (sessions <= 0) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
        return;
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(context, sessions);
    SSL_CTX_set_timeout(context, timeout_seconds);
}

hw_tls_session *hw_tls_session_new(
    hw_tls_context *context, int descriptor, int is_server, int verify) {
    ERR_clear_error();
    SSL *session = SSL_new(context);
    if (session == NULL) return NULL;
    int mode = verify == HW_TLS_VERIFY_NONE       ? SSL_VERIFY_NONE
               : verify == HW_TLS_VERIFY_OPTIONAL ? SSL_VERIFY_PEER
                                                  : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_set_verify(session, mode, NULL);
    if (SSL_set_fd(session, descriptor) != 1) {
        SSL_free(session);
        return NULL;
    }
    if (is_server) {
        SSL_set_accept_state(session);
    } else {
        SSL_set_connect_state(session);
    }
    return session;
}

void hw_tls_session_free(hw_tls_session *session) { SSL_free(session); }

static long outcome(SSL *session, int result) {
    if (result > 0) return result;
    int system_error = errno;
    switch (SSL_get_error(session, result)) {
        case SSL_ERROR_WANT_READ: return HW_TLS_WANTS_READ;
        case SSL_ERROR_WANT_WRITE: return HW_TLS_WANTS_WRITE;
        case SSL_ERROR_ZERO_RETURN: return HW_TLS_END;
        case SSL_ERROR_SYSCALL:
            if (system_error == 0 || system_error == ECONNRESET || system_error == EPIPE)
                return HW_TLS_END;
            if (ERR_peek_error() == 0) ERR_raise(ERR_LIB_SYS, system_error);
            return HW_TLS_FAILED;
        default: return HW_TLS_FAILED;
    }
}

long hw_tls_handshake(hw_tls_session *session) {
    ERR_clear_error();
    errno = 0;
    return outcome(session, SSL_do_handshake(session));
}

long hw_tls_read(hw_tls_session *session, void *bytes, size_t length) {
    ERR_clear_error();
    errno = 0;
    return outcome(session, SSL_read(session, bytes, length > INT32_MAX ? INT32_MAX : (int)length));
}

long hw_tls_write(hw_tls_session *session, const void *bytes, size_t length) {
    ERR_clear_error();
    errno = 0;
    return outcome(session, SSL_write(session, bytes, length > INT32_MAX ? INT32_MAX : (int)length));
}

int hw_tls_pending(hw_tls_session *session) { return SSL_pending(session); }

void hw_tls_finish(hw_tls_session *session) {
    ERR_clear_error();
    if (SSL_is_init_finished(session)) SSL_shutdown(session);
    ERR_clear_error();
}

const char *hw_tls_version(hw_tls_session *session) { return SSL_get_version(session); }

void hw_tls_error(char *text, size_t length) {
    unsigned long code = ERR_get_error();
    if (code == 0) {
        snprintf(text, length, "unknown error");
        return;
    }
    const char *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
                                                : ERR_reason_error_string(code);
    if (reason != NULL) {
        snprintf(text, length, "%s", reason);
    } else {
        ERR_error_string_n(code, text, length);
    }
    ERR_clear_error();
}
