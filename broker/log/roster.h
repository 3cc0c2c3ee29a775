/* The roster: which replicas this broker ever had records of, so that one whose files are gone is
 * known as lost and not taken for a new one. An empty file in <log directory>/.replicas stands for
 * each, in every log directory: a disk that comes back empty does not take the proof along. */
#ifndef BROKER_LOG_ROSTER_H
#define BROKER_LOG_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/uuid.h"

struct log_dir;
struct log_manager;

/* Reads the part of the roster that lies in this directory, which is made if need be. */
int roster_load(struct log_dir *dir) MUST_CHECK;
void roster_close(struct log_manager *manager);
bool roster_has(const struct log_manager *manager, const struct uuid *topic_id, int32_t partition);
/* The name that stands for a replica; the caller's to mem_free. */
char *roster_name(const struct uuid *topic_id, int32_t partition);
/* Writes it, on a worker: durable in `own` (the path of its log directory) on return, and in the
 * others where they work. The replica's own files are durable before. */
int roster_write(struct log_manager *manager, const char *own, const char *name) MUST_CHECK;
/* That was done. */
void roster_add(struct log_manager *manager, const char *name);
/* The replica was deleted, or set aside to be fetched anew. */
void roster_remove(struct log_manager *manager, const struct uuid *topic_id, int32_t partition);
void roster_remove_name(struct log_manager *manager, const char *name);

#endif
