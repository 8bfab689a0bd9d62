/* Certificates and keys from PEM (RFC 7468), strict enough to say what is wrong. */
#include "tls_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* One block: its label, its decoded content, and where in the text it is. */
struct block {
    char *label;
    char *headers;
    unsigned char *bytes;
    long len;
    int number; /* from 1; 0 before the first */
};

static void block_clear(struct block *block)
{
    OPENSSL_free(block->label);
    OPENSSL_free(block->headers);
    /* It may be a key. */
    OPENSSL_clear_free(block->bytes, (size_t)block->len);
    *block = (struct block){.number = block->number};
}

/* Moves on to the next block. 1, 0 at the end, or negative when what follows is no whole block. */
static int block_next(BIO *text, struct block *block)
{
    block_clear(block);
    block->number++;
    ERR_clear_error();
    if (PEM_read_bio(text, &block->label, &block->headers, &block->bytes, &block->len))
        return 1;
    const unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE ? 0 : -1;
}

static BIO *open_text(struct cws_tls_pem pem)
{
    return BIO_new_mem_buf(pem.text ? pem.text : "", pem.len < INT_MAX ? (int)pem.len : INT_MAX);
}

static void say_damaged(const struct block *block, struct cws_tls_text *problem)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    cws_tls_append(problem, "block %d in it is damaged (%s)", block->number, reason ? reason : "nothing inside");
}

static void say_none(const char *what, const struct block *block, const char *other, struct cws_tls_text *problem)
{
    cws_tls_append(problem, "no %s in it", what);
    if (block->number > 1)
        cws_tls_append(problem, ", only %s", other);
}

/* A block's certificate; NULL when it is none. */
static X509 *decode_certificate(const struct block *block)
{
    const unsigned char *at = block->bytes;
    X509 *certificate = d2i_X509(NULL, &at, block->len);
    if (certificate && at == block->bytes + block->len)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static int read_certificates(BIO *text, int error, STACK_OF(X509) * list, struct block *block,
                             struct cws_tls_text *problem)
{
    char other[64] = "other blocks";
    int found;
    while ((found = block_next(text, block)) > 0) {
        if (strcmp(block->label, PEM_STRING_X509) != 0 && strcmp(block->label, PEM_STRING_X509_OLD) != 0) {
            struct cws_tls_text label = CWS_TLS_TEXT(other);
            cws_tls_append_bytes(&label, (const uint8_t *)block->label, strlen(block->label));
            continue;
        }
        X509 *certificate = decode_certificate(block);
        if (!certificate) {
            cws_tls_append(problem, "block %d in it is no certificate inside", block->number);
            return error;
        }
        if (!sk_X509_push(list, certificate)) {
            X509_free(certificate);
            return CWS_TLS_ERR_MEMORY;
        }
    }
    if (found < 0) {
        say_damaged(block, problem);
        return error;
    }
    if (sk_X509_num(list) == 0) {
        say_none("certificate", block, other, problem);
        return error;
    }
    return 0;
}

int cws_tls_pem_certificates(struct cws_tls_pem pem, int error, STACK_OF(X509) * *out, struct cws_tls_text *problem)
{
    BIO *text = open_text(pem);
    STACK_OF(X509) *list = sk_X509_new_null();
    struct block block = {0};
    int result = CWS_TLS_ERR_MEMORY;
    if (text && list)
        result = read_certificates(text, error, list, &block, problem);
    block_clear(&block);
    BIO_free(text);
    if (result == 0)
        *out = list;
    else
        sk_X509_pop_free(list, X509_free);
    return result;
}

static bool is_encrypted(const struct block *block)
{
    return strcmp(block->label, PEM_STRING_PKCS8) == 0 || strstr(block->headers, "ENCRYPTED");
}

/* A block's key; NULL when it is damaged, or of a kind that OpenSSL doesn't know. */
static EVP_PKEY *decode_key(const struct block *block)
{
    const unsigned char *at = block->bytes;
    EVP_PKEY *key;
    if (strcmp(block->label, PEM_STRING_RSA) == 0)
        key = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, block->len);
    else if (strcmp(block->label, PEM_STRING_ECPRIVATEKEY) == 0)
        key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, block->len);
    else
        key = d2i_AutoPrivateKey(NULL, &at, block->len);
    return key;
}

static int read_key(BIO *text, EVP_PKEY **out, struct block *block, struct cws_tls_text *problem)
{
    int found;
    while ((found = block_next(text, block)) > 0) {
        if (!strstr(block->label, "PRIVATE KEY"))
            continue;
        if (is_encrypted(block)) {
            cws_tls_append(problem, "the private key in it is encrypted; `openssl pkey` writes it without pass phrase");
            return CWS_TLS_ERR_KEY;
        }
        *out = decode_key(block);
        if (*out)
            return 0;
        cws_tls_append(problem, "block %d in it is no private key inside", block->number);
        return CWS_TLS_ERR_KEY;
    }
    if (found < 0)
        say_damaged(block, problem);
    else
        say_none("private key", block, "other blocks", problem);
    return CWS_TLS_ERR_KEY;
}

int cws_tls_pem_key(struct cws_tls_pem pem, EVP_PKEY **out, struct cws_tls_text *problem)
{
    BIO *text = open_text(pem);
    if (!text)
        return CWS_TLS_ERR_MEMORY;
    struct block block = {0};
    const int result = read_key(text, out, &block, problem);
    block_clear(&block);
    BIO_free(text);
    return result;
}
