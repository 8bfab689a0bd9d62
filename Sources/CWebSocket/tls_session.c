/* The beginning and the end of a session. */
#include "tls_internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { DNS_NAME_MAX = 253, DNS_LABEL_MAX = 63 };

/* Letters, digits, hyphens and underscores in labels of 1 to 63 bytes. */
static bool is_dns_name(const char *name, size_t len)
{
    if (len == 0 || len > DNS_NAME_MAX)
        return false;
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        const char c = name[i];
        const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == '.' ? label == 0 : !is_alphanumeric && c != '-' && c != '_')
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > DNS_LABEL_MAX)
            return false;
    }
    return label > 0;
}

static bool is_address(const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* The length of `host` without the dot that a name may end with; 0 when it can't be a host. */
static size_t host_length(const char *host)
{
    if (is_address(host))
        return strlen(host);
    size_t len = strlen(host);
    if (len > 1 && host[len - 1] == '.')
        len--;
    return is_dns_name(host, len) ? len : 0;
}

static int expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(expected, host);
    X509_VERIFY_PARAM_set_hostflags(expected,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int begin(cws_tls *tls)
{
    BIO *transport = BIO_new(tls->context->transport);
    if (!transport)
        return CWS_TLS_ERR_MEMORY;
    BIO_set_data(transport, tls);
    BIO_set_init(transport, 1);
    SSL_set_bio(tls->ssl, transport, transport);
    if (SSL_set_app_data(tls->ssl, tls) != 1)
        return CWS_TLS_ERR_MEMORY;
    if (tls->context->is_server) {
        SSL_set_accept_state(tls->ssl);
        return 0;
    }
    SSL_set_connect_state(tls->ssl);
    if (expect_host(tls->ssl, tls->host) != 1)
        return CWS_TLS_ERR_MEMORY;
    const int result = SSL_do_handshake(tls->ssl);
    return SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_READ ? 0 : CWS_TLS_ERR_CONFIG;
}

int cws_tls_new(cws_tls_context *context, const char *host, cws_tls **out)
{
    *out = NULL;
    if (context->is_server != (host == NULL))
        return CWS_TLS_ERR_HOST_NAME;
    const size_t host_len = host ? host_length(host) : 0;
    if (host && host_len == 0)
        return CWS_TLS_ERR_HOST_NAME;

    ERR_clear_error();
    cws_tls *tls = calloc(1, sizeof *tls + host_len + 1);
    SSL *ssl = SSL_new(context->ssl);
    int error = CWS_TLS_ERR_MEMORY;
    if (tls && ssl) {
        tls->ssl = ssl;
        tls->context = cws_tls_context_retain(context);
        memcpy(tls->host, host ? host : "", host_len);
        error = begin(tls);
        if (error == 0)
            *out = tls;
        else
            cws_tls_free(tls);
    } else {
        SSL_free(ssl);
        free(tls);
    }
    ERR_clear_error();
    return error;
}

void cws_tls_free(cws_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    cws_tls_context_free(tls->context);
    cws_tls_ring_clear(&tls->output);
    free(tls);
    ERR_clear_error();
}
