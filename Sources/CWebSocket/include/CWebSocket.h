/* The whole library. */
#ifndef CWEBSOCKET_H
#define CWEBSOCKET_H

#include "cws_http.h"

#endif
