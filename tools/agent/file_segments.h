/* The files of a file channel: segments in the data directories, in the order of their numbers, and
 * the checkpoint. Recovery reads them at a start. */
#ifndef AGENT_FILE_SEGMENTS_H
#define AGENT_FILE_SEGMENTS_H

#include <stdatomic.h>

#include "base/logger.h"
#include "env/env.h"
#include "tools/agent/file_ranges.h"

struct file_segment {
    uint64_t number;
    uint64_t first; /* the sequence number of its first event */
    uint64_t end;   /* bytes of whole records, header included */
    char *path;
    bool damaged; /* some bytes of it: it is not removed, but renamed when its events are done */
};

/* A file that the channel needs no more. */
struct file_gone {
    char *path;
    bool damaged;
};

struct file_segments {
    struct env *env;
    struct logger *logger; /* borrowed */
    char **dirs;           /* for data: new segments are spread over them */
    size_t dirs_count;
    char *checkpoint_dir;
    char *backup_dir;        /* NULL = one checkpoint */
    struct env_file **locks; /* of all of these directories */
    size_t locks_count;
    struct file_segment *rows; /* the oldest first */
    size_t count;
    uint64_t number_next;
    atomic_bool canceled; /* by the loop, for the reading that another thread does */
};

/* What recovery has found. */
struct file_recovered {
    struct file_ranges done;
    uint64_t next; /* the sequence number of the next event */
};

/* Makes the directories, and takes their locks. ERR_x with a sentence in `problem`. `dirs` are
 * separated by commas. */
int file_segments_open(struct file_segments *segments, struct env *env, struct logger *logger,
                       const char *dirs, const char *checkpoint_dir, const char *backup_dir,
                       struct buf *problem) MUST_CHECK;
void file_segments_close(struct file_segments *segments);
/* Reads all that is there. What is behind a damaged place is found, and the file gets a name that
 * says so; nothing is cut off. ERR_x with a sentence.
 * Blocks; any thread, which has the segments for itself until it returns. */
int file_segments_recover(struct file_segments *segments, struct file_recovered *recovered,
                          struct buf *problem) MUST_CHECK;

/* Ends that with ERR_CANCELED, from another thread, at the next chunk. */
void file_segments_cancel(struct file_segments *segments);

/* A new segment, durable as such, open for writing behind its header. Any thread may run this, but
 * one at a time: `segments` is only read. The row is the caller's, to be added on the loop; an
 * error leaves no file. */
int file_segments_make(const struct file_segments *segments, uint64_t number, uint64_t first,
                       struct file_segment *row, struct env_file **file) MUST_CHECK;
void file_segments_add(struct file_segments *segments, struct file_segment *row);
struct file_segment *file_segments_find(struct file_segments *segments, uint64_t number);
/* The one that has the event, or would have it. NULL when there is none. */
struct file_segment *file_segments_of(struct file_segments *segments, uint64_t seq);
/* Forgets the segments whose events are all below `head`, but never the last one. They are appended
 * to *gone (the array and its texts are the caller's). */
void file_segments_trim(struct file_segments *segments, uint64_t head, struct file_gone **gone,
                        size_t *count);
/* Removes it, or puts it aside: "NAME.log" becomes "NAME.aside", which nothing reads. Blocks; any
 * thread. */
void file_segments_drop(struct env *env, const struct file_gone *gone);

/* ---- the checkpoint ---- */

/* All records up to a place are known: recovery reads from there on. */
struct file_checkpoint {
    uint64_t number; /* the segment */
    uint64_t offset; /* in it */
    uint64_t next;
    struct file_ranges done;
};

/* Replaces the backup by a copy, if there is to be one, then the checkpoint. Blocks. */
int file_checkpoint_store(struct env *env, const char *dir, const char *backup_dir,
                          const struct file_checkpoint *checkpoint) MUST_CHECK;

#endif
