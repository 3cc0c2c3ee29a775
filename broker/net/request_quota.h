/* Quotas of clients, as net/ sees them: who pays for a request, and how long its sender has to
 * wait. The time is told in the answer, which is not held back, and the connection is not read
 * meanwhile (KIP-219). broker/quota decides; server_set_quota attaches it. */
#ifndef BROKER_NET_REQUEST_QUOTA_H
#define BROKER_NET_REQUEST_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/net/request.h"

struct request_quota {
    bool on; /* there is any quota: else nothing below is called */
    /* When the request has come: its bytes count then, so that a client that sends many at once is
     * held after the first that is too much, for *wait_ms. NULL: nobody pays. */
    void *(*begin)(void *data, const struct request *request, int32_t *wait_ms);
    /* When the answer is made, or there is none; `spent_us` is what its handler took of the loop.
     * How long to wait for that, in ms. */
    int32_t (*charge)(void *data, void *payer, const struct request *request, int64_t spent_us);
    /* What an answer with records may hold at most; SIZE_MAX. */
    size_t (*answer_max)(void *data, void *payer);
    /* Before the answer is made: as `charge`, for the records in it. *refused: it must not have
     * them. */
    int32_t (*take)(void *data, void *payer, const struct request *request, size_t bytes,
                    bool *refused);
    void (*end)(void *data, void *payer);
    bool hosts_on; /* any address has a quota of new connections: else `arrive` is not called */
    /* A connection has come from "10.0.0.1". How long, in ms, until it may be read; -1: it is
     * closed. */
    int32_t (*arrive)(void *data, const char *host);
    void *data;
};

/* For net/: `begin` and the end of what pays. */
void request_find_payer(struct request *request);
void request_drop_payer(struct request *request);
/* `charge`, and what follows from it. */
void request_charge(struct request *request);

#endif
