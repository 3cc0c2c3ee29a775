/* The files of a taildir source: which file it is, how far it is read, and whether it is open.
 *
 * A file is told by its device and inode, so it keeps its position under another name. Its first
 * bytes are compared when it is opened: an inode is given to a new file when the old one is gone.
 * No more than TAILDIR_OPEN_MAX files are open; of those that a look would find again the one that
 * was used least lately is closed for another one. */
#ifndef AGENT_TAILDIR_FILE_H
#define AGENT_TAILDIR_FILE_H

#include "base/logger.h"
#include "base/map.h"
#include "env/env.h"
#include "tools/agent/event.h"
#include "tools/agent/taildir_positions.h"
#include "tools/agent/taildir_scan.h"

enum { TAILDIR_OPEN_MAX = 512 }; /* half of what a process may have, if nothing else is said */

struct taildir_files {
    struct env *env;
    struct logger *logger;
    struct map by_id; /* (device, inode) -> file */
    struct list all;
    struct list busy; /* those that may have something to read */
    struct list open; /* the one that was used least lately first */
    size_t open_count;
    int64_t told_ms; /* when a failure was told last */
    size_t untold;   /* failures since */
};

struct taildir_file {
    struct list link; /* all */
    struct list busy_link;
    struct list open_link;
    struct taildir_files *files;
    uint64_t id[2];        /* device, inode */
    uint64_t pos;          /* the channels have what is before it */
    uint64_t sent;         /* the same, when the batch under way has ended */
    struct env_file *file; /* NULL = not open */
    char *path;
    struct headers *headers;
    size_t group;
    uint64_t seen;     /* its size at the last read */
    int64_t grew_ms;   /* when it had last grown */
    int64_t polled_ms; /* when it was last looked at */
    int64_t listed_ms; /* when a look found it last */
    size_t batches;    /* of it in a row */
    uint32_t head_len; /* of its first bytes, that are known; 0 = none */
    uint32_t head;     /* their CRC-32C */
    bool verified;     /* since it was opened: it has these first bytes */
    bool rests;        /* nothing was behind what was read: it may have been cut and written anew */
    bool listed;       /* by the last look that could tell */
    bool waits;        /* what is behind pos has no end of line yet */
    bool idle;         /* nothing came for idleTimeout: its last line is taken as it is */
    bool held;         /* it is being read, or what was read of it is being sent */
};

void taildir_files_init(struct taildir_files *files, struct env *env, struct logger *logger);
/* Frees all files; none is held. */
void taildir_files_close(struct taildir_files *files);
/* NULL when it is not known. */
struct taildir_file *taildir_files_find(const struct taildir_files *files,
                                        const struct taildir_found *found);

/* One that was found, with a position if one is known for it. */
struct taildir_file *taildir_file_new(struct taildir_files *files,
                                      const struct taildir_found *found,
                                      struct taildir_position *known);
void taildir_file_free(struct taildir_file *file);
/* It is called so from now on. Whether that is another name. */
bool taildir_file_rename(struct taildir_file *file, const char *path);
void taildir_file_is_busy(struct taildir_file *file);
/* Before all others: it has been checked, and would have to be again if it were closed. */
void taildir_file_is_next(struct taildir_file *file);
void taildir_file_close(struct taildir_file *file);
/* The same, for a caller who closes what was open. */
void taildir_file_let_go(struct taildir_file *file);
/* How many bytes are behind the position; the file is open then. 0 if it can't be looked at; one
 * that was cut begins anew. */
int64_t taildir_file_left(struct taildir_file *file);
/* Its first bytes. False: it is another file than the one whose position is known, and begins
 * anew. */
bool taildir_file_verify(struct taildir_file *file, const uint8_t *data, size_t len);
/* Says that it can't be read, and closes it. */
void taildir_file_failed(struct taildir_file *file, const char *what, int err);

#endif
