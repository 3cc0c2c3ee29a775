/* Requests of simulated producers that come late. A producer has sent one, gives its connection up,
 * and asks again over a new one; meanwhile what it sent first is still on its way over the old one,
 * and arrives whenever it likes. */
#ifndef SIM_CLUSTER_LATE_H
#define SIM_CLUSTER_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "kafka/client_conn.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/produce.h"

struct cluster;
struct cluster_late;

/* What a transactional producer sends: a batch, or the end of its transaction. */
struct late_request {
    int16_t key, version;
    const char *id; /* stays */
    int64_t producer_id;
    int16_t epoch;
    bool commits;     /* EndTxn */
    int partition;    /* Produce, of cluster_topic */
    struct buf batch; /* likewise: the owner closes it */
};

/* The API's request; what it points to lives in `arena` and in the late_request. */
const void *late_request_fill(struct late_request *from, struct arena *arena);

struct cluster_late *cluster_late_new(struct cluster *cluster, struct env *env);
void cluster_late_free(struct cluster_late *late);
/* Takes the connection and the batch over: the request leaves by it in up to two seconds. */
void cluster_late_send(struct cluster_late *late, struct client_conn *conn,
                       struct late_request *request);
/* Nothing is on its way. */
bool cluster_late_idle(const struct cluster_late *late);
/* So many have got an answer. */
int64_t cluster_late_answered(const struct cluster_late *late);

#endif
