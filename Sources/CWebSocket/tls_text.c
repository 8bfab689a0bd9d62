/* Texts about certificates. What stands in them is the peer's choice, so nothing but printable ASCII gets out. */
#include "tls_internal.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { HOSTS_SHOWN = 3 };

void cws_tls_append(struct cws_tls_text *text, const char *format, ...)
{
    const size_t room = text->size - text->len;
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text->buf + text->len, room, format, arguments);
    va_end(arguments);
    if (len > 0)
        text->len += (size_t)len < room ? (size_t)len : room - 1;
}

void cws_tls_append_bytes(struct cws_tls_text *text, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len && text->len + 1 < text->size; i++)
        text->buf[text->len++] = bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"' ? (char)bytes[i] : '?';
    text->buf[text->len] = '\0';
}

void cws_tls_append_name(struct cws_tls_text *text, const X509_NAME *name)
{
    /* Escapes whatever isn't ASCII. */
    BIO *printed = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (printed && X509_NAME_print_ex(printed, name, 0, XN_FLAG_RFC2253) >= 0) {
        const long len = BIO_get_mem_data(printed, &bytes);
        cws_tls_append(text, "%.*s", (int)len, bytes ? bytes : "");
    }
    BIO_free(printed);
}

void cws_tls_append_time(struct cws_tls_text *text, const ASN1_TIME *time)
{
    /* It can be read: it was compared with now. */
    struct tm fields = {0};
    char printed[sizeof "2026-01-02 03:04:05"] = "";
    ASN1_TIME_to_tm(time, &fields);
    strftime(printed, sizeof printed, "%Y-%m-%d %H:%M:%S", &fields);
    cws_tls_append(text, "%s UTC", printed);
}

/* Whether the name is of a host; then it is appended. */
static bool append_host(struct cws_tls_text *text, const GENERAL_NAME *name, const char *before)
{
    if (name->type == GEN_DNS) {
        cws_tls_append(text, "%s\"", before);
        cws_tls_append_bytes(text, ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName));
        cws_tls_append(text, "\"");
        return true;
    }
    if (name->type != GEN_IPADD)
        return false;
    char printed[INET6_ADDRSTRLEN];
    const int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
    const int size = family == AF_INET ? 4 : 16;
    if (ASN1_STRING_length(name->d.iPAddress) != size ||
        !inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), printed, sizeof printed))
        return false;
    cws_tls_append(text, "%s\"%s\"", before, printed);
    return true;
}

void cws_tls_append_hosts(struct cws_tls_text *text, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    const int count = sk_GENERAL_NAME_num(names);
    int shown = 0;
    int at = 0;
    for (; at < count && shown < HOSTS_SHOWN; at++)
        shown += append_host(text, sk_GENERAL_NAME_value(names, at), shown ? ", " : "");
    if (at < count)
        cws_tls_append(text, " and %d more", count - at);
    if (shown == 0)
        cws_tls_append(text, "no host (it needs a subject alternative name; the common name doesn't count)");
    GENERAL_NAMES_free(names);
}
