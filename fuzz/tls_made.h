/* What TLSFuzz makes by itself: random numbers, keys, certificates, contexts. */
#ifndef FUZZ_TLS_MADE_H
#define FUZZ_TLS_MADE_H

/* RAND_set_rand_method: there is no other way that counts for all of a process. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "cws_tls.h"
#include "input.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

/* ---- random numbers: the same ones for every input, so that it does the same again ---- */

static uint64_t random_state;

/* SplitMix64. */
static int random_bytes(unsigned char *_Nonnull out, int len)
{
    uint64_t number = 0;
    for (int i = 0; i < len; i++) {
        if (i % 8 == 0) {
            random_state += 0x9e3779b97f4a7c15;
            number = (random_state ^ random_state >> 30) * 0xbf58476d1ce4e5b9;
            number = (number ^ number >> 27) * 0x94d049bb133111eb;
            number ^= number >> 31;
        }
        out[i] = (unsigned char)(number >> i % 8 * 8);
    }
    return 1;
}

static int random_status(void)
{
    return 1;
}

static void make_random_the_same(void)
{
    static const RAND_METHOD method = {.bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};
    REQUIRE(RAND_set_rand_method(&method) == 1);
}

/* ---- PEM ---- */

/* Appends what has been written, and frees it. */
static void gather_written(struct gathered *_Nonnull to, BIO *_Nonnull written)
{
    char *bytes = NULL;
    const long len = BIO_get_mem_data(written, &bytes);
    gather(to, bytes, (size_t)len);
    BIO_free(written);
}

static void gather_block(struct gathered *_Nonnull to, const char *_Nonnull label, const uint8_t *_Nonnull bytes,
                         size_t len)
{
    BIO *written = BIO_new(BIO_s_mem());
    REQUIRE(written && PEM_write_bio(written, label, "", bytes, (long)len) >= 0);
    gather_written(to, written);
}

static inline struct cws_tls_pem pem_of(const struct gathered *_Nonnull text)
{
    return (struct cws_tls_pem){.text = (const char *)text->bytes, .len = text->len};
}

/* ---- certificates ---- */

/* What may be wrong with one. */
struct certificate_form {
    int type; /* of the names: V_ASN1_UTF8STRING and so on */
    struct input subject;
    struct input issuer;
    GENERAL_NAMES *_Nullable hosts; /* or: */
    struct input hosts_der;         /* as they are */
    const char *_Nonnull not_before;
    const char *_Nonnull not_after;
};

static void set_name(X509_NAME *_Nonnull name, int type, struct input text)
{
    if (text.len > 0)
        X509_NAME_add_entry_by_NID(name, NID_commonName, type, text.bytes, (int)text.len, -1, 0);
}

static void set_hosts(X509 *_Nonnull certificate, const struct certificate_form *_Nonnull form)
{
    if (form->hosts) {
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, form->hosts, 0, 0);
        return;
    }
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    REQUIRE(octets && ASN1_OCTET_STRING_set(octets, form->hosts_der.bytes, (int)form->hosts_der.len) == 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, octets);
    REQUIRE(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
}

/* The certificate, signed by the key itself, and behind it the key. False when OpenSSL doesn't take the names: then it
 * doesn't take them from a peer either. */
static bool gather_pair(struct gathered *_Nonnull to, const struct certificate_form *_Nonnull form,
                        EVP_PKEY *_Nonnull key)
{
    X509 *certificate = X509_new();
    BIO *written = BIO_new(BIO_s_mem());
    REQUIRE(certificate && written && X509_set_version(certificate, X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), form->not_before);
    ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), form->not_after);
    X509_NAME *name = X509_get_subject_name(certificate);
    set_name(name, form->type, form->subject);
    name = X509_get_issuer_name(certificate);
    set_name(name, form->type, form->issuer);
    set_hosts(certificate, form);
    REQUIRE(X509_set_pubkey(certificate, key) == 1);
    const bool is_signed = X509_sign(certificate, key, EVP_sha256()) > 0;
    REQUIRE(!is_signed || PEM_write_bio_X509(written, certificate) == 1);
    REQUIRE(PEM_write_bio_PrivateKey(written, key, NULL, NULL, 0, NULL, NULL) == 1);
    gather_written(to, written);
    X509_free(certificate);
    return is_signed;
}

/* ---- once for all inputs ---- */

enum { CONTEXTS = 4 };

static struct {
    EVP_PKEY *_Nullable key;
    struct gathered server_pair;
    struct gathered client_pair;
    cws_tls_context *_Nullable clients[CONTEXTS];
    cws_tls_context *_Nullable servers[CONTEXTS];
} made;

static void gather_good_pair(struct gathered *_Nonnull to, const char *_Nonnull name)
{
    /* DER of DNS:localhost. */
    static const uint8_t localhost[] = "\x30\x0b\x82\x09localhost";
    const struct input text = {.bytes = (const uint8_t *)name, .len = strlen(name)};
    const struct certificate_form form = {.type = V_ASN1_UTF8STRING,
                                          .subject = text,
                                          .issuer = text,
                                          .hosts_der = {.bytes = localhost, .len = sizeof localhost - 1},
                                          .not_before = "20200101000000Z",
                                          .not_after = "21200101000000Z"};
    REQUIRE(gather_pair(to, &form, made.key));
}

/* Clients with and without a certificate, servers that want one or don't; the odd ones have TLS 1.2 at most. */
static void make_contexts(void)
{
    static const enum cws_tls_client_certificates wishes[CONTEXTS] = {
        CWS_TLS_CLIENTS_REQUIRED, CWS_TLS_CLIENTS_NOT_ASKED, CWS_TLS_CLIENTS_OPTIONAL, CWS_TLS_CLIENTS_REQUIRED};
    const struct cws_tls_pem nothing = {.text = NULL};
    char problem[CWS_TLS_PROBLEM_MAX];
    for (unsigned i = 0; i < CONTEXTS; i++) {
        const struct cws_tls_pem own = i < 2 ? pem_of(&made.client_pair) : nothing;
        const struct cws_tls_client_config client = {.anchors = pem_of(&made.server_pair),
                                                     .certificate = own,
                                                     .key = own,
                                                     .alpn = i == 0 || i == 3,
                                                     .no_tls13 = i & 1};
        REQUIRE(cws_tls_client_context_new(&client, &made.clients[i], problem) == 0);
        const bool asks = wishes[i] != CWS_TLS_CLIENTS_NOT_ASKED;
        const struct cws_tls_server_config server = {.certificate = pem_of(&made.server_pair),
                                                     .key = pem_of(&made.server_pair),
                                                     .client_certificates = wishes[i],
                                                     .client_anchors = asks ? pem_of(&made.client_pair) : nothing,
                                                     .no_tls13 = i & 1};
        REQUIRE(cws_tls_server_context_new(&server, &made.servers[i], problem) == 0);
    }
}

static void make_once(void)
{
    random_state = 0;
    if (made.key)
        return;
    make_random_the_same();
    made.key = EVP_EC_gen("P-256");
    REQUIRE(made.key);
    gather_good_pair(&made.server_pair, "server");
    gather_good_pair(&made.client_pair, "client");
    make_contexts();
}

#endif
