/* The position file of a taildir source: how far the channels have each file. It is Flume's: an
 * array of {"inode": N, "pos": N, "file": "PATH"}. */
#ifndef AGENT_TAILDIR_POSITIONS_H
#define AGENT_TAILDIR_POSITIONS_H

#include "env/env.h"

struct taildir_position {
    uint64_t inode;
    uint64_t pos;
    char *path;
};

struct taildir_positions {
    struct taildir_position *rows;
    size_t count;
};

/* 0 and no rows when there is no such file. ERR_x with a sentence in `problem`. */
int taildir_positions_load(struct env *env, const char *path, struct taildir_positions *positions,
                           struct buf *problem) MUST_CHECK;
void taildir_positions_close(struct taildir_positions *positions);
void taildir_positions_add(struct taildir_positions *positions, uint64_t inode, uint64_t pos,
                           const char *path);
/* NULL when the inode is not among them. */
const struct taildir_position *taildir_positions_find(const struct taildir_positions *positions,
                                                      uint64_t inode);
/* Replaces the file in one step. */
int taildir_positions_store(struct env *env, const char *path,
                            const struct taildir_positions *positions) MUST_CHECK;

/* The same on the worker pool: `positions` are taken over, `done` comes on the loop. */
struct taildir_store;
struct taildir_store *taildir_positions_store_start(struct env *env, const char *path,
                                                    struct taildir_positions *positions,
                                                    void (*done)(void *data, int err), void *data);
/* `done` does not come any more, and nothing is written if that has not begun. Waits until one that
 * has begun has ended. */
void taildir_store_forget(struct taildir_store *store);

#endif
