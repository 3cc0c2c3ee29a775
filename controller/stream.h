/* The metadata stream: committed entries from the Raft log to those brokers that follow. The newest
 * ones are kept in a ring; who asks for an older one gets a snapshot of the image first. */
#ifndef CONTROLLER_STREAM_H
#define CONTROLLER_STREAM_H

#include "base/list.h"
#include "controller/link.h"
#include "meta/image.h"

enum {
    STREAM_ENTRIES_MAX = 4096,           /* in the ring */
    STREAM_BYTES_MAX = 16 * 1024 * 1024, /* in the ring, or one entry that is larger */
    STREAM_BYTES_KEPT = 1024 * 1024,     /* for who comes back, when all followers have them */
    STREAM_FRAME_BYTES = 256 * 1024,     /* of one Entries frame, then the next one */
    STREAM_FRAMES_UNSENT = 2             /* of one follower: a slow one costs no more memory */
};

struct stream;

/* One follower, embedded in its session. */
struct stream_follower {
    struct list link;
    struct stream *stream; /* NULL while it does not follow */
    struct link *to;
    int64_t next; /* index wanted next */
    int unsent;
    bool greeted; /* it has had a frame, and so knows how far it is */
    struct stream_note *notes;
};

/* `image` is the committed one; it changes only together with stream_push and stream_reset. */
struct stream *stream_new(struct env *env, const struct image *image);
void stream_free(struct stream *stream);

/* The image has just had this entry applied. */
void stream_push(struct stream *stream, int64_t index, int64_t term, const void *bytes, size_t len);
/* The image was replaced by a snapshot that stands for everything up to `index`. */
void stream_reset(struct stream *stream, int64_t index, int64_t term);

/* The newest entry; who follows has it soon. */
int64_t stream_applied(const struct stream *stream);
/* Bytes of entries in the ring. */
size_t stream_kept(const struct stream *stream);
/* Begins, or begins anew from another index. */
void stream_follow(struct stream *stream, struct stream_follower *follower, struct link *to,
                   int64_t from_index);
/* Before its link is closed. */
void stream_leave(struct stream_follower *follower);

#endif
