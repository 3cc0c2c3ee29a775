/* Holds clients to their quotas (KIP-13, 55, 124, 219): producer_byte_rate, consumer_byte_rate and
 * request_percentage of meta/quota.h; and, by hosts.h, connection_creation_rate.
 *
 * Who has used up a quota is told so in the answer (ThrottleTimeMs), which goes out at once; until
 * that time is over its connection is not read. So a client that ignores the time gains nothing,
 * and what it sends waits in its own socket. A fetch that would pass the quota gets no records.
 *
 * While there is no quota at all, a request costs one look at a flag. The clients seen last are
 * remembered, QUOTAS_CLIENTS_MAX of them: who invents client ids makes the oldest forgotten. */
#ifndef BROKER_QUOTA_QUOTAS_H
#define BROKER_QUOTA_QUOTAS_H

#include "base/logger.h"
#include "base/rate.h"
#include "broker/cluster/metadata.h"
#include "broker/net/request_quota.h"

struct quotas;
struct server;

enum { QUOTAS_CLIENTS_MAX = 10000 /* with all three quotas each, below 20 MB */ };

struct quotas_deps {
    struct env *env;
    struct logger *logger; /* for lines that clients can cause: bounded by who built it */
    struct metadata *metadata;
    struct server *server; /* its clients are held; it ends before the quotas */
    struct rate_window window;
};

struct quotas *quotas_new(const struct quotas_deps *deps);
/* The metadata has gone, or will call nobody any more. */
void quotas_free(struct quotas *quotas);

/* What always holds; looks at every client, so it is for tests. */
void quotas_check(const struct quotas *quotas);
size_t quotas_clients(const struct quotas *quotas);

#endif
