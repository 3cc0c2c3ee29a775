/* The position file of a taildir source: how far the channels have each file. It is Flume's, an
 * array of {"inode": N, "pos": N, "file": "PATH"}, with the first bytes of each file besides:
 * "head" is their CRC-32C and "headLen" their count. A system gives the inode of a removed file to
 * a new one; the first bytes tell them apart. */
#ifndef AGENT_TAILDIR_POSITIONS_H
#define AGENT_TAILDIR_POSITIONS_H

#include "env/env.h"

enum { TAILDIR_HEAD_MAX = 256 }; /* bytes that are enough to tell two log files apart */

struct taildir_position {
    uint64_t inode;
    uint64_t pos;
    char *path;
    uint32_t head_len; /* 0 = its first bytes are not known */
    uint32_t head;
    bool taken; /* a file has been found that it is for */
};

struct taildir_positions {
    struct taildir_position *rows;
    size_t count;
};

/* 0 and no rows when there is no such file. ERR_x with a sentence in `problem`. */
int taildir_positions_load(struct env *env, const char *path, struct taildir_positions *positions,
                           struct buf *problem) MUST_CHECK;
void taildir_positions_close(struct taildir_positions *positions);
/* A copy, path included. */
void taildir_positions_add(struct taildir_positions *positions, const struct taildir_position *row);
/* One with that inode that is not taken: if there are several, the one with that path. NULL. */
struct taildir_position *taildir_positions_find(const struct taildir_positions *positions,
                                                uint64_t inode, const char *path);
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
