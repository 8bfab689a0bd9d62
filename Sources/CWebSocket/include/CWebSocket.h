/* RFC 6455 and the HTTP/1.1 around it in C: bytes in, bytes and events out. No I/O, no clock, no callback. */
#ifndef CWEBSOCKET_H
#define CWEBSOCKET_H

#include "cws_close.h"
#include "cws_frame.h"
#include "cws_http.h"
#include "cws_utf8.h"

#endif
