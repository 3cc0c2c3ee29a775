/* Which files a taildir source follows: groups of patterns, and a look into their directories. */
#ifndef AGENT_TAILDIR_SCAN_H
#define AGENT_TAILDIR_SCAN_H

#include "env/env.h"
#include "tools/agent/event.h"
#include "tools/agent/expression.h"
#include "tools/agent/part.h"

struct taildir_group {
    char *name;
    char *dir;
    struct expression *pattern; /* over the whole name of a file; one look at a time uses it */
    struct headers *headers;
};

/* Counted: a look that is under way outlives the source. */
struct taildir_groups {
    int refs;
    size_t count;
    struct taildir_group *rows;
};

/* The groups of a source's values. NULL with lines in `problems`. */
struct taildir_groups *taildir_groups_new(const struct part *part, struct buf *problems);
void taildir_groups_unref(struct taildir_groups *groups);

struct taildir_found {
    char *path;
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t modified_ms;
    size_t group;
};

/* Files that are not among those found may be there all the same, unless all was seen. */
enum taildir_missed {
    TAILDIR_SEEN,
    TAILDIR_PARTLY, /* the directory was listed, a file could not be looked at */
    TAILDIR_ABSENT, /* there is no such directory */
    TAILDIR_UNSEEN  /* the directory could not be listed */
};

/* A look into all directories, on the worker pool. */
struct taildir_scan {
    struct env_work work;
    struct env *env;
    struct taildir_groups *groups;
    struct taildir_found *found; /* the oldest first */
    size_t count;
    enum taildir_missed *missed; /* by group */
    int err;                     /* of the last directory or file that could not be read */
    void (*done)(void *data, struct taildir_scan *scan); /* the scan is freed behind it */
    void *data;                                          /* NULL = nobody waits any more */
};

struct taildir_scan *taildir_scan_start(struct env *env, struct taildir_groups *groups,
                                        void (*done)(void *data, struct taildir_scan *scan),
                                        void *data);

#endif
