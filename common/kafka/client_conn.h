/* One connection to one broker, from the client's side: dials, asks ApiVersions, then sends
 * requests and matches the answers to them. Requests may be in flight together; Kafka answers in
 * order. */
#ifndef KAFKA_CLIENT_CONN_H
#define KAFKA_CLIENT_CONN_H

#include "base/mem.h"
#include "kafka/api.h"
#include "wire/frame.h"

struct client_conn;

struct client_conn_config {
    const char *host; /* copied */
    uint16_t port;
    const char *client_id; /* borrowed for the life of the connection */
    int64_t timeout_ms;    /* for dialling and ApiVersions together */
    size_t frame_max;      /* largest answer taken */
};

/* An answer: the struct of the API's response, and the memory that it lives in. */
struct client_answer {
    int16_t key, version;
    void *response;
    struct arena arena;
    void *block; /* the received bytes; the slices of `response` point into it */
};

/* Safe on an answer that is all zero, and twice. */
void client_answer_free(struct client_answer *answer);

/* Starts to dial. `ready(data, 0)` comes once the broker's versions are known, `ready(data, err)`
 * when that failed: ERR_REFUSED, ERR_HOST_UNKNOWN, ERR_UNREACHABLE, ERR_TIMED_OUT, ERR_EOF and
 * ERR_RESET (the other side hung up), ERR_MALFORMED (it speaks something else). After an error, and
 * when a connection breaks later, every call fails; close it. */
int client_conn_new(struct env *env, const struct client_conn_config *config,
                    void (*ready)(void *data, int err), void *data,
                    struct client_conn **conn) MUST_CHECK;
/* Callbacks of requests in flight never come. Safe inside every callback. */
void client_conn_close(struct client_conn *conn);

/* Whether requests can be sent. */
bool client_conn_usable(const struct client_conn *conn);
/* The highest version that both sides have, at most `limit`; ERR_UNSUPPORTED_VERSION when there is
 * none. Only when ready. */
int client_conn_version(const struct client_conn *conn, int16_t key, int16_t limit) MUST_CHECK;
/* What the broker said of ApiVersions; false when it does not have the API. */
bool client_conn_range(const struct client_conn *conn, int16_t key, int16_t *min, int16_t *max);
/* The keys it named, in its order: the i-th, or -1 past the end. */
int16_t client_conn_key(const struct client_conn *conn, int i);

/* Sends a request of a version that client_conn_version returned; nothing of `request` is needed
 * afterwards. `done` comes once: err 0 and the answer, whose memory is then the callee's, or
 * ERR_TIMED_OUT, ERR_EOF, ERR_RESET, ERR_MALFORMED, and an empty one. A request that timed out
 * leaves the connection usable. Returns ERR_CLOSED (not usable) or an error of wire_encode; then
 * `done` never comes. A Produce request with acks 0 has no answer: pass NULL for `done`. */
int client_conn_send(struct client_conn *conn, int16_t key, int16_t version, const void *request,
                     int64_t timeout_ms,
                     void (*done)(void *data, int err, struct client_answer *answer),
                     void *data) MUST_CHECK;

#endif
