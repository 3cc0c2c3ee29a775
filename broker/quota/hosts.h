/* New connections of each address, and its connection_creation_rate (KIP-612). Who brings too many
 * has to wait before it is read; who would have to wait as long as the window is closed. */
#ifndef BROKER_QUOTA_HOSTS_H
#define BROKER_QUOTA_HOSTS_H

#include "base/logger.h"
#include "base/rate.h"
#include "broker/cluster/metadata.h"

struct quotas_hosts;

enum { HOSTS_MAX = 10000 /* that are remembered: some 4 MB */ };

/* All are borrowed. */
struct quotas_hosts *hosts_new(struct env *env, struct logger *logger,
                               const struct metadata *metadata, struct rate_window window);
void hosts_free(struct quotas_hosts *hosts);
/* In ms, or -1: it is to be closed. */
int32_t hosts_arrive(struct quotas_hosts *hosts, const char *host);
/* Quotas have changed. */
void hosts_change(struct quotas_hosts *hosts);
size_t hosts_count(const struct quotas_hosts *hosts);

#endif
