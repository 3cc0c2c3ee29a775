/* The end of requests, and who hears of it. However a request went, it ends in one function,
 * request_end; hooks attach there (server_add_hook). What costs something (looks at the clock, a
 * search for errors) is done only for requests that a hook wants. */
#ifndef BROKER_NET_REQUEST_END_H
#define BROKER_NET_REQUEST_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/net/request.h"
#include "env/env.h"

enum request_outcome {
    REQUEST_ANSWERED, /* the network has taken the whole answer */
    REQUEST_SILENT,   /* it has none: Produce with acks=0 */
    REQUEST_FAILED,   /* its connection is closed for it */
    REQUEST_LOST,     /* its connection went first */
    REQUEST_OUTCOMES
};
/* "answered". */
const char *request_outcome_name(enum request_outcome outcome);

/* Who asked, as it was when the request came; copied, since neither may be there at the end. */
enum { REQUEST_CLIENT_ID_MAX = 128 /* more of it helps nobody who looks for a client */ };
struct request_asker {
    char peer[ENV_ADDRESS_TEXT_MAX];
    char client_id[REQUEST_CLIENT_ID_MAX];
    int32_t client_id_len; /* -1: it is null */
};

/* What is known of a request at its end. The times follow one another; with the last one, an answer
 * waits for those before it on its connection, and for the network. */
struct request_end {
    enum request_outcome outcome;
    int64_t handling_us; /* until its handler returned, or had answered */
    int64_t waiting_us;  /* from then on, until it was answered */
    int64_t sending_us;
    size_t request_bytes, answer_bytes; /* with their sizes in front; 0: no answer */
    int16_t error;                      /* Kafka's code: why it failed, or the answer's first one */
    const struct request_asker *asker;
};

/* Embedded by who wants to hear of requests, for as long as the server is there. */
struct request_hook {
    /* Asked once for each request, when it has come and before its body is decoded. */
    bool (*wants)(void *data, const struct request *request);
    /* The request's body and client_id must not be used any more. */
    void (*ended)(void *data, const struct request *request, const struct request_end *end);
    void *data;
};
enum { REQUEST_HOOKS_MAX = 4 }; /* trace, metrics, quotas and audit would be that many */

/* For net/. Asks the hooks whether they want the request. */
void request_begin(struct request *request);
/* Its handler has returned, and has not answered. */
void request_handled(struct request *request);
/* Sets its throttle time, and looks for its error where somebody asks. */
void request_look(struct request *request, int16_t version, void *response);
/* The same for an item of a response that is made in parts. */
void request_look_at(struct request *request, const struct wire_desc *item, const void *value);
/* What stands in front of each answer; and the size, when all behind it has been encoded. */
int request_encode_header(struct request *request, int16_t version) MUST_CHECK;
int request_encoded(struct request *request) MUST_CHECK;
/* The whole answer is encoded and refers to nothing of the request; or nobody hears it. */
void request_complete(struct request *request);
/* The end: tells the hooks, frees the request and what it holds. `taken`: the network has all of
 * the answer. */
void request_end(struct request *request, bool taken);

#endif
