/* Which file of a directory is next for a spooldir source. */
#ifndef AGENT_SPOOLDIR_LOOK_H
#define AGENT_SPOOLDIR_LOOK_H

#include "env/path_look.h"
#include "tools/agent/part.h"
#include "tools/agent/taildir_positions.h"

/* What the looks share with their source; counted, since a look outlives it. */
struct spooldir_rules {
    int refs;
    char *dir, *suffix;
    struct expression *include, *ignore;
    bool youngest, recursive;
    char *tracker; /* the directory */
    bool marks;    /* files that were read have a mark there, instead of another name */
    char *refused; /* paths that could not be finished, each between two newlines */
};

struct spooldir_rules *spooldir_rules_new(const struct part *part, struct buf *problems);
void spooldir_rules_unref(struct spooldir_rules *rules);
/* The mark of a file that was read, below the tracker's directory as the file is below ours. */
char *spooldir_mark(const struct spooldir_rules *rules, const char *path);

struct spooldir_look {
    struct env_work work;
    struct env *env;
    struct spooldir_rules *rules;
    char *path; /* of the next file; NULL = there is none */
    struct env_path_info info;
    uint8_t head[TAILDIR_HEAD_MAX]; /* its first bytes */
    size_t head_len;
    char *missed; /* a directory that could not be looked into; NULL = none */
    int err;      /* why */
    void (*done)(void *data, struct spooldir_look *look); /* the look is freed behind it */
    void *data;                                           /* NULL = nobody waits any more */
};

struct spooldir_look *spooldir_look_start(struct env *env, struct spooldir_rules *rules,
                                          void (*done)(void *data, struct spooldir_look *look),
                                          void *data);

#endif
