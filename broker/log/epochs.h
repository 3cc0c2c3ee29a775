/* The leader epochs of one log: which epoch starts at which offset (KIP-101, KIP-279). Epochs and
 * offsets both rise strictly. The file leader-epoch-checkpoint is a copy; batches are the truth,
 * but for an epoch in which nothing was written only the file knows it. */
#ifndef BROKER_LOG_EPOCHS_H
#define BROKER_LOG_EPOCHS_H

#include "base/buf.h"
#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

struct epochs_entry {
    int32_t epoch;
    int64_t start_offset;
};

struct epochs {
    struct epochs_entry *entries;
    uint32_t count;
    uint32_t cap;
    bool dirty; /* differs from the file */
};

void epochs_init(struct epochs *epochs);
void epochs_close(struct epochs *epochs);
/* -1 when there is none. */
int32_t epochs_latest(const struct epochs *epochs);
/* `epoch` starts at `offset`. Nothing when it is known or a later one is; entries at or past
 * `offset`, which no batch stands for, make way. */
void epochs_assign(struct epochs *epochs, int32_t epoch, int64_t offset);
/* By the rules of OffsetForLeaderEpoch; `log_end` ends the latest one. */
void epochs_end_of(const struct epochs *epochs, int32_t epoch, int64_t log_end, int32_t *found,
                   int64_t *end_offset);
/* The log now ends at `offset`: entries that start there or later go. */
void epochs_cut_end(struct epochs *epochs, int64_t offset);
/* The log now starts at `offset`: the entry that holds it starts there. */
void epochs_cut_start(struct epochs *epochs, int64_t offset);
/* What always holds; looks at every entry, so it is for tests. */
void epochs_check(const struct epochs *epochs);
void epochs_clear(struct epochs *epochs);
bool epochs_equal(const struct epochs *a, const struct epochs *b);
/* `to` gets the entries of `from`, and differs from its file. */
void epochs_copy(struct epochs *to, const struct epochs *from);
/* Text of the file: "0", the number of entries, then "epoch offset" lines. */
void epochs_format(const struct epochs *epochs, struct buf *text);
/* 0, or ERR_CORRUPT (then it is empty). */
int epochs_parse(struct epochs *epochs, const char *text, size_t len) MUST_CHECK;

#endif
