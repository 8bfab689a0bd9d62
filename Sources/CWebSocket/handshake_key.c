/* Sec-WebSocket-Key and Sec-WebSocket-Accept: section 1.3 of RFC 6455. */
#include "handshake_syntax.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#define NONCE_SIZE 16
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

int cws_key_make(struct cws_handshake_key *key)
{
    uint8_t nonce[NONCE_SIZE];
    if (RAND_bytes(nonce, NONCE_SIZE) != 1)
        return CWS_HANDSHAKE_ERR_CRYPTO;
    /* EVP_EncodeBlock ends its text with a NUL. */
    uint8_t text[CWS_KEY_SIZE + 1];
    EVP_EncodeBlock(text, nonce, NONCE_SIZE);
    memcpy(key->text, text, CWS_KEY_SIZE);
    return 0;
}

int cws_key_accept(const uint8_t key[CWS_KEY_SIZE], uint8_t accept[CWS_ACCEPT_SIZE])
{
    uint8_t joined[CWS_KEY_SIZE + sizeof GUID - 1];
    memcpy(joined, key, CWS_KEY_SIZE);
    memcpy(joined + CWS_KEY_SIZE, GUID, sizeof GUID - 1);
    uint8_t digest[SHA_DIGEST_LENGTH];
    if (EVP_Digest(joined, sizeof joined, digest, NULL, EVP_sha1(), NULL) != 1)
        return CWS_HANDSHAKE_ERR_CRYPTO;
    uint8_t text[CWS_ACCEPT_SIZE + 1];
    EVP_EncodeBlock(text, digest, SHA_DIGEST_LENGTH);
    memcpy(accept, text, CWS_ACCEPT_SIZE);
    return 0;
}

bool cws_key_is_canonical(struct cws_bytes key)
{
    /* Whitespace at the ends, missing padding and stray bits are what EVP_DecodeBlock lets pass. */
    uint8_t nonce[CWS_KEY_SIZE / 4 * 3];
    if (key.len != CWS_KEY_SIZE || EVP_DecodeBlock(nonce, key.at, CWS_KEY_SIZE) != (int)sizeof nonce)
        return false;
    uint8_t text[CWS_KEY_SIZE + 1];
    EVP_EncodeBlock(text, nonce, NONCE_SIZE);
    return memcmp(text, key.at, CWS_KEY_SIZE) == 0;
}
