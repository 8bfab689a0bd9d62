/* Usage: tls_stream CERTIFICATE KEY SIZE COUNT
 *
 * Sends COUNT times SIZE bytes over TLS on loopback, from a process that does
 * nothing but SSL_write to one that does nothing but SSL_read, on blocking
 * sockets, and prints the seconds from the end of the handshake to the last byte.
 *
 * The version and the cipher are the ones that two of ours agree on. */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(int ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "tls_stream: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static SSL *session(const SSL_METHOD *method, const char *certificate, const char *key, int fd)
{
    const int yes = 1;
    check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0, "TCP_NODELAY");
    SSL_CTX *context = SSL_CTX_new(method);
    check(context != NULL && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
              SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") == 1,
          "context");
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    check(SSL_CTX_set_num_tickets(context, 0) == 1, "context");
    if (key)
        check(SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) == 1 &&
                  SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1,
              "key pair");
    else
        check(SSL_CTX_load_verify_locations(context, certificate, NULL) == 1, "anchor");
    SSL_CTX_set_verify(context, key ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(context);
    check(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "session");
    return ssl;
}

static void send_all(const char *certificate, const struct sockaddr_in *address, const char *message, size_t size,
                     size_t count)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0, "connect");
    SSL *ssl = session(TLS_client_method(), certificate, NULL, fd);
    check(SSL_connect(ssl) == 1, "SSL_connect");
    for (size_t i = 0; i < count; i++)
        check(SSL_write(ssl, message, (int)size) == (int)size, "SSL_write");
    SSL_shutdown(ssl);
}

static double receive_all(const char *certificate, const char *key, int listener, char *message, size_t size,
                          size_t count)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    check(fd >= 0, "accept");
    SSL *ssl = session(TLS_server_method(), certificate, key, fd);
    check(SSL_accept(ssl) == 1, "SSL_accept");
    const double began = now();
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < size;) {
            const int part = SSL_read(ssl, message + at, (int)(size - at));
            check(part > 0, "SSL_read");
            at += (size_t)part;
        }
    return now() - began;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    const size_t size = argc == 5 ? strtoull(argv[3], &end, 10) : 0;
    const size_t count = size > 0 && *end == '\0' ? strtoull(argv[4], &end, 10) : 0;
    if (count == 0 || size > 1 << 30 || *end != '\0') {
        (void)fputs("usage: tls_stream CERTIFICATE KEY SIZE COUNT\n", stderr);
        return 2;
    }
    char *message = malloc(size);
    check(message != NULL, "malloc");
    srandom(1);
    for (size_t i = 0; i < size; i++)
        message[i] = (char)random();

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 1) == 0 &&
              getsockname(listener, (struct sockaddr *)&address, &len) == 0,
          "listen");
    const pid_t sender = fork();
    check(sender >= 0, "fork");
    if (sender == 0) {
        send_all(argv[1], &address, message, size, count);
        exit(0);
    }
    const double took = receive_all(argv[1], argv[2], listener, message, size, count);
    int status = 0;
    check(waitpid(sender, &status, 0) == sender && status == 0, "sender");
    printf("%.6f\n", took);
    free(message);
    return 0;
}
