/* A client's connection to one broker of the simulated cluster at a time: dials the next node when
 * it is told to, and says when it can send. What is in flight when it moves on is forgotten. */
#ifndef SIM_CLUSTER_LINE_H
#define SIM_CLUSTER_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"
#include "kafka/client_conn.h"
#include "kafka/messages/produce.h"

enum { CLUSTER_LINE_TIMEOUT_MS = 800, CLUSTER_LINE_PAUSE_MS = 5, CLUSTER_LINE_DIAL_MS = 50 };

struct cluster_line {
    struct env *env;
    const int64_t *pause_ms; /* of a client between batches, and at most before the next dial */
    int node;                /* the one it is connected to, or dials */
    struct client_conn *conn;
    bool usable;
    struct env_timer timer;
    void (*ready)(void *data); /* it can send now */
    void *data;
    bool open;
};

/* `ready(data)` comes each time that a connection is up; never before the call returns. */
void cluster_line_init(struct cluster_line *line, struct env *env, const int64_t *pause_ms,
                       int node, void (*ready)(void *data), void *data);
void cluster_line_open(struct cluster_line *line);
void cluster_line_close(struct cluster_line *line);
/* Leaves this broker for the next one. */
void cluster_line_next(struct cluster_line *line);
/* The connection becomes the caller's; the line has none until cluster_line_next. Nothing may be in
 * flight. */
struct client_conn *cluster_line_leave(struct cluster_line *line);
/* client_conn_send; moves on when it fails. */
void cluster_line_send(struct cluster_line *line, int16_t key, int16_t version, const void *request,
                       void (*done)(void *data, int err, struct client_answer *answer), void *data);

/* A produce request for one batch of cluster_topic; what it points to lives in `arena` and `bytes`.
 */
enum { CLUSTER_PRODUCE_VERSION = 9 };
void cluster_line_produce(struct arena *arena, struct produce_request *request, int partition,
                          int16_t acks, int32_t timeout_ms, uint8_t *bytes, size_t len);

#endif
