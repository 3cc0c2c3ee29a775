/* What is known of the directory of a partition, whether its log is open or not: a map from names
 * to entries, for all log directories together. */
#ifndef BROKER_LOG_LOG_ENTRY_H
#define BROKER_LOG_LOG_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "broker/log/log_limits.h"

struct log;
struct log_dir;
struct log_manager;

/* What a clean stop left of a log: see leavings.h. */
struct log_leavings {
    bool known;
    uint32_t segments; /* that hold anything */
    uint32_t crc;
    uint64_t bytes;
    bool vouches; /* for the indexes of aborted transactions: those of older versions did not */
    uint32_t aborted_crc;
    uint64_t aborted; /* transactions that they name */
};

/* What is known of a partition's directory, open or not. */
struct log_entry {
    char *name; /* "topic-0" */
    int32_t partition;
    struct uuid topic_id; /* that it was opened for */
    struct log_dir *dir;
    struct log *log; /* NULL while closed */
    int64_t recovery_point;
    int64_t high_watermark;
    int64_t start_offset;
    int64_t cleaned_offset;
    struct uuid incarnations[LOG_CHECKPOINTS]; /* whose these four are, by enum checkpoint */
    struct log_leavings left;                  /* of the last stop, when it was clean */
    bool exists;                               /* on disk */
    bool busy;                                 /* being opened */
    bool touched;                              /* this process began to open it */
    bool lost;                                 /* the roster has it, and there are no files */
    bool doubled;                              /* other directories have it too: see twin.h */
    bool twin;                                 /* such another one: in the map under its path */
    bool replaced;                             /* such a one, whose place another one took */
    bool replaces_others;                      /* the one that did so */
    /* Of a copy that is made of a replica (future.h): the name of its folder, the path of what it
     * copies, and whose place it is to take. Else NULL and zero. */
    char *folder;
    char *origin;
    struct uuid replaces;
    struct uuid replaces_dir;
};

/* The entry of a partition, or NULL. */
struct log_entry *log_entry_get(const struct log_manager *manager, const char *topic,
                                int32_t partition);
/* A new one, for a name that the map has not. */
struct log_entry *log_entry_add(struct log_dir *dir, const char *name);
/* Another folder of a name that is known: it gets an entry of its own, so that checkpoint files
 * keep its lines. */
void log_entry_add_copy(struct log_dir *dir, const char *name);
/* The entry of the folder in this very directory, or NULL. */
struct log_entry *log_entry_find(const struct log_dir *dir, const char *name);
/* The next other folder of the same name, in the directories from number *at on; or NULL. */
struct log_entry *log_entry_next_copy(const struct log_entry *entry, int *at);
/* Puts it into the map: as one of several folders (`twin`), or as the one of its name. */
void log_entry_map(struct log_entry *entry, bool twin);
void log_entry_drop(struct log_entry *entry);
/* Takes it out of the map and frees it; another folder of its name takes its place. */
void log_entry_remove(struct log_entry *entry);
/* When the map is going with it. */
void log_entry_free(struct log_entry *entry);

#endif
