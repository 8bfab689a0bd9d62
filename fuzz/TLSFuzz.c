/* TLS against strangers' bytes, in the middle of a conversation, and with what a user or a peer calls a certificate.
 *
 * Nothing of OpenSSL is instrumented: what is looked for is in our own use of it. */
#include "tls_dialogue.h"
#include "tls_ends.h"
#include "tls_made.h"

/* ---- a stranger's bytes ---- */

struct outcome {
    int error;
    struct gathered output;
};

static struct outcome run_stranger(const struct input *input, uint8_t which, size_t piece)
{
    random_state = 0;
    const bool is_client = which & 4;
    struct end end = open_end(is_client ? made.clients[which & 3] : made.servers[which & 3], is_client, "localhost");
    struct outcome outcome = {.error = 0};
    for (size_t at = 0; at < input->len && outcome.error == 0; at += piece) {
        const size_t len = piece < input->len - at ? piece : input->len - at;
        outcome.error = give(&end, input->bytes + at, len, 16);
    }
    /* Who doesn't know the keys is not heard. */
    REQUIRE(end.come.len == 0);
    const enum cws_tls_state state = cws_tls_state_of(end.tls);
    REQUIRE(state == (outcome.error ? CWS_TLS_FAILED : CWS_TLS_HANDSHAKE));
    fetch(&end, SIZE_MAX, &outcome.output);
    REQUIRE(is_error(cws_tls_eof(end.tls)));
    close_end(&end);
    return outcome;
}

static void fuzz_stranger(struct input *input)
{
    const uint8_t which = take_option(input);
    struct outcome whole = run_stranger(input, which, input->len + 1);
    struct outcome cut = run_stranger(input, which, which >> 3 ? which >> 3 : 1);
    REQUIRE(cut.error == whole.error && is_same(&cut.output, &whole.output));
    free(whole.output.bytes);
    free(cut.output.bytes);
}

/* ---- PEM ---- */

static void check_context(int result, cws_tls_context *context, const char *problem, bool is_client)
{
    REQUIRE(memchr(problem, 0, CWS_TLS_PROBLEM_MAX) && is_printable(problem));
    if (result == 0) {
        REQUIRE(context && !*problem);
        struct end end = open_end(context, is_client, "localhost");
        cws_tls_context_free(context);
        check_end(&end);
        close_end(&end);
        return;
    }
    REQUIRE(!context && *problem && result <= CWS_TLS_ERR_ANCHORS && result >= CWS_TLS_ERR_CONFIG);
}

/* The text stands where `flags` say, and good ones elsewhere. */
static void make_from(struct cws_tls_pem text, uint8_t flags)
{
    const struct cws_tls_pem nothing = {.text = NULL};
    const struct cws_tls_pem good = pem_of(&made.server_pair);
    const struct cws_tls_pem anchors = flags & 1 ? text : good;
    const struct cws_tls_pem certificate = flags & 2 ? text : good;
    const struct cws_tls_pem key = flags & 4 ? text : good;
    char problem[CWS_TLS_PROBLEM_MAX];
    memset(problem, 1, sizeof problem);
    cws_tls_context *context = made.clients[0];
    if (flags & 8) {
        const struct cws_tls_client_config config = {
            .anchors = anchors, .certificate = certificate, .key = key, .alpn = flags & 16};
        const int result = cws_tls_client_context_new(&config, &context, problem);
        check_context(result, context, problem, true);
    } else {
        const struct cws_tls_server_config config = {.certificate = certificate,
                                                     .key = key,
                                                     .client_certificates = flags & 16 ? CWS_TLS_CLIENTS_OPTIONAL
                                                                                       : CWS_TLS_CLIENTS_NOT_ASKED,
                                                     .client_anchors = flags & 16 ? anchors : nothing};
        const int result = cws_tls_server_context_new(&config, &context, problem);
        check_context(result, context, problem, false);
    }
}

/* The input is the text, or the inside of a block in it. */
static void fuzz_pem(struct input *input, uint8_t flags)
{
    static const char *const labels[] = {"CERTIFICATE",           "TRUSTED CERTIFICATE", "PRIVATE KEY",
                                         "EC PRIVATE KEY",        "RSA PRIVATE KEY",     "X509 CRL",
                                         "ENCRYPTED PRIVATE KEY", "DSA PRIVATE KEY"};
    const uint8_t where = take_option(input);
    struct gathered text = {0};
    if (flags & 4)
        gather_block(&text, labels[where >> 5], input->bytes, input->len);
    if (flags & 8)
        gather(&text, made.client_pair.bytes, made.client_pair.len);
    if (!(flags & 4))
        gather(&text, input->bytes, input->len);
    REQUIRE(text.bytes);
    uint8_t *copy = exact_copy(text.bytes, text.len);
    make_from((struct cws_tls_pem){.text = (const char *)copy, .len = text.len}, where);
    free(copy);
    free(text.bytes);
}

/* ---- a peer's certificate ---- */

static GENERAL_NAMES *make_hosts(struct input *input)
{
    static const int types[] = {GEN_DNS, GEN_IPADD, GEN_EMAIL, GEN_URI};
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    REQUIRE(names);
    for (size_t i = 0; i < 8 && input->len > 0; i++) {
        const uint8_t form = take_first(input);
        const size_t len = (form >> 2) < input->len ? form >> 2 : input->len;
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING *text = (form & 3) == 1 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
        REQUIRE(name && text && ASN1_STRING_set(text, input->bytes, (int)len) == 1);
        GENERAL_NAME_set0_value(name, types[form & 3], text);
        REQUIRE(sk_GENERAL_NAME_push(names, name) > 0);
        input->bytes += len;
        input->len -= len;
    }
    return names;
}

/* Whatever it says, the client either finds it good or says why not. */
static void show_certificate(const struct gathered *pair, bool trusted, const char *host)
{
    char problem[CWS_TLS_PROBLEM_MAX];
    const struct cws_tls_server_config server_config = {.certificate = pem_of(pair), .key = pem_of(pair)};
    const struct cws_tls_client_config client_config = {.anchors = pem_of(trusted ? pair : &made.server_pair)};
    cws_tls_context *contexts[2] = {NULL, NULL};
    const int served = cws_tls_server_context_new(&server_config, &contexts[0], problem);
    if (served != 0) {
        check_context(served, NULL, problem, false);
        return;
    }
    REQUIRE(cws_tls_client_context_new(&client_config, &contexts[1], problem) == 0);
    struct end server = open_end(contexts[0], false, "");
    struct end client = open_end(contexts[1], true, host);
    for (size_t i = 0; i < 2; i++)
        cws_tls_context_free(contexts[i]);
    struct way ways[2] = {{.from = &client, .to = &server, .most = SIZE_MAX, .capacity = 64},
                          {.from = &server, .to = &client, .most = SIZE_MAX, .capacity = 64}};
    carry_all(ways);
    REQUIRE(trusted || cws_tls_state_of(client.tls) == CWS_TLS_FAILED);
    for (size_t i = 0; i < 2; i++)
        free(ways[i].last.bytes);
    close_end(&client);
    close_end(&server);
}

static void fuzz_certificate(struct input *input, uint8_t flags)
{
    static const int types[] = {V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, V_ASN1_BMPSTRING,    V_ASN1_UNIVERSALSTRING,
                                V_ASN1_T61STRING,  V_ASN1_IA5STRING,       V_ASN1_OCTET_STRING, V_ASN1_NUMERICSTRING};
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", "a.wild.example"};
    const uint8_t form = take_option(input);
    const size_t half = take_option(input) % (input->len + 1);
    struct input name = {.bytes = input->bytes, .len = half};
    struct input rest = {.bytes = input->bytes + half, .len = input->len - half};
    const struct input other = {.bytes = (const uint8_t *)"CA", .len = 2};
    struct certificate_form certificate = {.type = types[form & 7],
                                           .subject = form & 8 ? name : other,
                                           .issuer = name,
                                           .hosts_der = rest,
                                           .not_before = flags & 8 ? "21100101000000Z" : "20200101000000Z",
                                           .not_after = flags & 16 ? "20210101000000Z" : "21200101000000Z"};
    if (form & 16)
        certificate.hosts = make_hosts(&rest);
    struct gathered pair = {0};
    if (gather_pair(&pair, &certificate, made.key))
        show_certificate(&pair, flags & 4, hosts[form >> 5 & 3]);
    GENERAL_NAMES_free(certificate.hosts);
    free(pair.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_once();
    struct input input = {.bytes = data, .len = size};
    const uint8_t flags = take_option(&input);
    switch (flags & 3) {
        case 0:
            fuzz_stranger(&input);
            break;
        case 1:
            fuzz_dialogue(&input, flags);
            break;
        case 2:
            fuzz_pem(&input, flags);
            break;
        default:
            fuzz_certificate(&input, flags);
    }
    return 0;
}
