/* Directories of partitions that the metadata does not name ("strays"): set aside under a name that
 * says so, kept, told, and never removed on a guess. The name is Kafka's, <topic>-<partition>.<32
 * hex digits>-stray; our digits are a version 7 UUID, so that they tell when it was set aside. */
#ifndef BROKER_LOG_STRAY_H
#define BROKER_LOG_STRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct log_dir;
struct log_entry;
struct log_manager;

/* Whether `name` ends in a dot, 16 or 32 hex digits, and `suffix`: what this broker, or Kafka,
 * calls a directory that it has set aside. Any other one with such a suffix is somebody's own. */
bool stray_is_aside(const char *name, const char *suffix);
/* A fresh path to set a partition's directory aside to; the caller's to mem_free. */
char *stray_path(struct log_dir *dir, const char *name);
/* Renames the directory of an entry that is closed to a name of a stray, and says `why` and what to
 * do with it; ERR_NOT_FOUND when there is none. */
int stray_move(struct log_entry *entry, const char *why);
/* The directory at `path` (from stray_path, or found at start) was set aside. */
void stray_add(struct log_dir *dir, const char *path);
/* One line about all that are in the directory, at start. */
void stray_tell(struct log_dir *dir);
/* Removes those that are older than log.dir.stray.retention.ms, when that is set. */
void stray_expire(struct log_manager *manager, int64_t now_ms);
void stray_close(struct log_manager *manager);

#define STRAY_UNNAMED "the metadata names no such partition of this broker"

#endif
