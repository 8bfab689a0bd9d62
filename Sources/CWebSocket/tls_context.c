/* A configuration, turned into an SSL_CTX. */
#include "tls_internal.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Ephemeral keys and authenticated encryption; all of TLS 1.3 is like that. */
#define CIPHERS_OF_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"
/* 112 bits of security: no SHA-1 signatures, no RSA below 2048 bits. Debian's default, but not everyone's. */
enum { SECURITY_LEVEL = 2 };

static const unsigned char http11[] = "\x08http/1.1";
enum { HTTP11_LEN = sizeof http11 - 1 };

/* Never called when a client has no application protocols. RFC 7301, section 3.2. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *offered,
                       unsigned int offered_len, void *unused)
{
    (void)ssl;
    (void)unused;
    unsigned char *selected = NULL;
    if (SSL_select_next_proto(&selected, out_len, http11, HTTP11_LEN, offered, offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* A client gets here when the server asks for a certificate. */
static int note_certificate_wanted(SSL *ssl, void *unused)
{
    (void)unused;
    cws_tls *tls = SSL_get_app_data(ssl);
    tls->certificate_wanted = true;
    return 1;
}

static int set_common(SSL_CTX *ssl, bool no_tls13, struct cws_tls_text *problem)
{
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ssl, no_tls13 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(ssl, 0) != 1 || SSL_CTX_set_cipher_list(ssl, CIPHERS_OF_TLS12) != 1)
        return cws_tls_say_openssl(CWS_TLS_ERR_CONFIG, "this OpenSSL can't be set up: ", problem);
    return 0;
}

static int set_client(SSL_CTX *ssl, const struct cws_tls_client_config *config, struct cws_tls_text *problem)
{
    int result = set_common(ssl, config->no_tls13, problem);
    if (result != 0)
        return result;
    if (!config->system_roots && !config->anchors.text) {
        cws_tls_append(problem, "neither the system's roots nor any other anchor to trust");
        return CWS_TLS_ERR_CONFIG;
    }
    if (config->system_roots && SSL_CTX_set_default_verify_paths(ssl) != 1)
        return cws_tls_say_openssl(CWS_TLS_ERR_CONFIG, "the system's roots can't be read: ", problem);
    if (config->anchors.text && (result = cws_tls_add_anchors(ssl, config->anchors, false, problem)) != 0)
        return result;
    if ((config->certificate.text || config->key.text) &&
        (result = cws_tls_use_pair(ssl, config->certificate, config->key, problem)) != 0)
        return result;
    if (config->alpn && SSL_CTX_set_alpn_protos(ssl, http11, HTTP11_LEN) != 0)
        return CWS_TLS_ERR_MEMORY;
    SSL_CTX_set_cert_cb(ssl, note_certificate_wanted, NULL);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, cws_tls_verify);
    return 0;
}

static int set_server(SSL_CTX *ssl, const struct cws_tls_server_config *config, struct cws_tls_text *problem)
{
    int result = set_common(ssl, config->no_tls13, problem);
    if (result != 0)
        return result;
    const bool asks = config->client_certificates != CWS_TLS_CLIENTS_NOT_ASKED;
    if (asks != (config->client_anchors.text != NULL)) {
        cws_tls_append(problem, asks ? "client certificates are asked for, without anchors to trust"
                                     : "anchors for client certificates, which aren't asked for");
        return CWS_TLS_ERR_CONFIG;
    }
    if (asks && (result = cws_tls_add_anchors(ssl, config->client_anchors, true, problem)) != 0)
        return result;
    if ((result = cws_tls_use_pair(ssl, config->certificate, config->key, problem)) != 0)
        return result;
    SSL_CTX_set_alpn_select_cb(ssl, select_alpn, NULL);
    if (asks) {
        const bool required = config->client_certificates == CWS_TLS_CLIENTS_REQUIRED;
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), cws_tls_verify);
    }
    return 0;
}

/* A context with nothing set; NULL when out of memory. */
static cws_tls_context *make_blank(const SSL_METHOD *method, bool is_server)
{
    /* Before anything else of OpenSSL: nothing shall be read from openssl.cnf, and nothing be torn down by exit while
     * other threads go on. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    cws_tls_context *context = malloc(sizeof *context);
    SSL_CTX *ssl = SSL_CTX_new(method);
    BIO_METHOD *transport = cws_tls_transport_new();
    if (!context || !ssl || !transport) {
        BIO_meth_free(transport);
        SSL_CTX_free(ssl);
        free(context);
        return NULL;
    }
    *context = (cws_tls_context){.ssl = ssl, .transport = transport, .is_server = is_server};
    atomic_init(&context->references, 1);
    return context;
}

/* Hands the context over, or frees it and sees to it that something is said. */
static int finish(cws_tls_context *context, int result, cws_tls_context **out, struct cws_tls_text *problem)
{
    ERR_clear_error();
    if (result == 0) {
        context->has_certificate = SSL_CTX_get0_certificate(context->ssl) != NULL;
        *out = context;
        return 0;
    }
    cws_tls_context_free(context);
    if (problem->len == 0)
        cws_tls_append(problem, "%s", cws_tls_error_reason(result));
    return result;
}

int cws_tls_client_context_new(const struct cws_tls_client_config *config, cws_tls_context **out,
                               char problem[CWS_TLS_PROBLEM_MAX])
{
    struct cws_tls_text text = {.buf = problem, .size = CWS_TLS_PROBLEM_MAX};
    problem[0] = '\0';
    *out = NULL;
    cws_tls_context *context = make_blank(TLS_client_method(), false);
    return finish(context, context ? set_client(context->ssl, config, &text) : CWS_TLS_ERR_MEMORY, out, &text);
}

int cws_tls_server_context_new(const struct cws_tls_server_config *config, cws_tls_context **out,
                               char problem[CWS_TLS_PROBLEM_MAX])
{
    struct cws_tls_text text = {.buf = problem, .size = CWS_TLS_PROBLEM_MAX};
    problem[0] = '\0';
    *out = NULL;
    cws_tls_context *context = make_blank(TLS_server_method(), true);
    return finish(context, context ? set_server(context->ssl, config, &text) : CWS_TLS_ERR_MEMORY, out, &text);
}

cws_tls_context *cws_tls_context_retain(cws_tls_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void cws_tls_context_free(cws_tls_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->transport);
    free(context);
    ERR_clear_error();
}
