/* Decoding a large request on a worker: what a peer writes down in a body of some megabytes takes
 * longer than a turn of the loop may. */
#ifndef BROKER_NET_REQUEST_DECODE_H
#define BROKER_NET_REQUEST_DECODE_H

#include "broker/net/request.h"

enum {
    REQUEST_ARENA_MAX = 64 << 20,  /* decoded arrays of one request: counts are checked against the
                                   * bytes before, this bounds what is left */
    REQUEST_ARENA_LOOP = 256 << 10 /* of them, what the loop decodes itself: half a millisecond */
};

/* Decodes the body as far as the loop may; errors as wire_decode. *later: that was not all of it,
 * and request_decode_later does it. */
int request_decode(struct request *request, uint8_t *bytes, size_t len, bool *later) MUST_CHECK;
/* Decodes it from the beginning on a worker. The request has the received block, in which the bytes
 * lie, already. `done` comes later, unless the request ends before: with 0 and the body in place,
 * or with the errors of wire_decode. */
void request_decode_later(struct request *request, uint8_t *bytes, size_t len,
                          void (*done)(struct request *request, int err));
/* The request ends: the worker's bytes live on without it. */
void request_decode_abandon(struct request *request);

#endif
