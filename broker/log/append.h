/* Batches on their way into a log: what is checked of them before, and what is made of them. */
#ifndef BROKER_LOG_APPEND_H
#define BROKER_LOG_APPEND_H

#include "base/buf.h"
#include "broker/log/log.h"

/* ---- append_check.c ---- */

enum {
    /* A batch may open to a hundred times the largest one that is taken, and never to more than
     * this. */
    APPEND_OPEN_RATIO = 100,
    APPEND_OPEN_MAX = 128 << 20,
    /* What a quick look at a batch may decompress, and hold of it at once: nearly all batches open
     * to less. The others have to wait for each other (log_check.c). */
    APPEND_QUICK_OUT = 16 << 20,
    APPEND_QUICK_HOLD = 8 << 20,
    APPEND_MESSAGES_MAX = 64 << 20 /* what a message set of an old client may open to */
};

struct append_input {
    uint8_t *bytes;
    size_t len;
    enum log_origin origin;
    int64_t now_ms;   /* wall clock */
    bool is_messages; /* of magic 0 and 1, to be made a batch */
    bool quick;       /* ERR_AGAIN where it would take more than the quick limits */
    struct buf made;  /* `bytes` are here when they are not those that came */
};

static inline bool append_is_marker(enum log_origin origin)
{
    return origin == LOG_MARKER || origin == LOG_MARKER_BUMPED;
}

/* Checks batches of a client or of one of our coordinators without the log; `bytes` may then be
 * others, and have their true largest timestamps. 0 or what log_append returns. Any thread. */
int append_prepare(struct append_input *input, const struct log_config *config,
                   struct log_append *result) MUST_CHECK;
/* The part that asks the log: sequences of producers. */
int append_check_producers(struct log *log, const struct append_input *input,
                           struct log_append *result) MUST_CHECK;
/* Checks batches from the leader; *whole is the length of the complete ones. */
int append_check_replicated(struct log *log, const uint8_t *bytes, size_t len, size_t *whole,
                            struct log_append *result) MUST_CHECK;

/* ---- append_records.c ---- */

/* Whether the records of a client's batch are looked at. */
bool append_opens(const struct log_config *config);
/* What a batch may open to. */
size_t append_open_max(const struct log_config *config);
/* Looks at all records of the batch and puts the largest timestamp into its header. */
int append_check_records(const struct append_input *input, const struct log_config *config,
                         uint8_t *bytes, size_t size, struct log_append *result) MUST_CHECK;
/* The error of a codec as one of log_append, with a message; ERR_AGAIN for a quick look. */
int append_open_failed(const struct append_input *input, int err,
                       struct log_append *result) MUST_CHECK;

/* ---- append_rewrite.c ---- */

/* Gives the batches the topic's codec. They are checked otherwise. */
int append_rewrite(struct append_input *input, const struct log_config *config,
                   struct log_append *result) MUST_CHECK;

#endif
