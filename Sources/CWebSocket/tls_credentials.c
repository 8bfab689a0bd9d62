/* Trust anchors, and the own certificate with its key. */
#include "tls_internal.h"

#include <openssl/err.h>

int cws_tls_say_openssl(int error, const char *what, struct cws_tls_text *problem)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    cws_tls_append(problem, "%s%s", what, reason ? reason : "OpenSSL doesn't say why");
    return error;
}

int cws_tls_add_anchors(SSL_CTX *ssl, struct cws_tls_pem pem, bool name_them_to_clients, struct cws_tls_text *problem)
{
    STACK_OF(X509) *list = NULL;
    int result = cws_tls_pem_certificates(pem, CWS_TLS_ERR_ANCHORS, &list, problem);
    for (int i = 0; result == 0 && i < sk_X509_num(list); i++) {
        X509 *anchor = sk_X509_value(list, i);
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), anchor) != 1 ||
            (name_them_to_clients && SSL_CTX_add_client_CA(ssl, anchor) != 1))
            result = CWS_TLS_ERR_MEMORY;
    }
    sk_X509_pop_free(list, X509_free);
    return result;
}

static int use_pair(SSL_CTX *ssl, STACK_OF(X509) * list, EVP_PKEY *key, struct cws_tls_text *problem)
{
    X509 *own = sk_X509_value(list, 0);
    if (X509_check_private_key(own, key) != 1) {
        cws_tls_append(problem, "the private key doesn't belong to the first certificate");
        return CWS_TLS_ERR_KEY_MISMATCH;
    }
    if (SSL_CTX_use_certificate(ssl, own) != 1 || SSL_CTX_use_PrivateKey(ssl, key) != 1)
        return cws_tls_say_openssl(CWS_TLS_ERR_CHAIN, "its first certificate can't be used: ", problem);
    for (int i = 1; i < sk_X509_num(list); i++)
        if (SSL_CTX_add1_chain_cert(ssl, sk_X509_value(list, i)) != 1)
            return cws_tls_say_openssl(CWS_TLS_ERR_CHAIN, "one of its certificates can't be used: ", problem);
    return 0;
}

int cws_tls_use_pair(SSL_CTX *ssl, struct cws_tls_pem certificate, struct cws_tls_pem key_pem,
                     struct cws_tls_text *problem)
{
    STACK_OF(X509) *list = NULL;
    EVP_PKEY *key = NULL;
    int result = cws_tls_pem_certificates(certificate, CWS_TLS_ERR_CHAIN, &list, problem);
    if (result == 0)
        result = cws_tls_pem_key(key_pem, &key, problem);
    if (result == 0)
        result = use_pair(ssl, list, key, problem);
    EVP_PKEY_free(key);
    sk_X509_pop_free(list, X509_free);
    return result;
}
