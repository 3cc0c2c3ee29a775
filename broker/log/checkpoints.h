/* The checkpoint files of a log directory, in Kafka's format: "0", the number of lines, then
 * "topic partition offset" lines.
 *
 * A name says nothing of which topic of that name is meant, or which copy of it: one that is made
 * anew, after a deletion, a move to another broker and back, or damage, would inherit what an older
 * file says. So each directory of a partition has a random id, its incarnation, in
 * partition.metadata, and a line "@<incarnation> 0 0" follows the one of the partition. A start
 * takes the offset only when they are the same. Kafka reads neither: the third line of
 * partition.metadata is ignored, and no topic begins with '@'. What Kafka or an older version made
 * has no incarnation, and neither have the lines about it. */
#ifndef BROKER_LOG_CHECKPOINTS_H
#define BROKER_LOG_CHECKPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/uuid.h"
#include "broker/log/log_limits.h"

struct log_dir;
struct log_entry;

enum checkpoint {
    CHECKPOINT_RECOVERY_POINT, /* recovery-point-offset-checkpoint: below it all is synced */
    CHECKPOINT_HIGH_WATERMARK, /* replication-offset-checkpoint */
    CHECKPOINT_LOG_START,      /* log-start-offset-checkpoint */
    CHECKPOINT_CLEANER         /* cleaner-offset-checkpoint: below it all was compacted */
};

STATIC_ASSERT(CHECKPOINT_CLEANER + 1 == LOG_CHECKPOINTS, "the arrays of a directory");

/* Reads all of them into the entries of the directory; a missing file is none. A damaged one is as
 * good as missing (more is scanned then), and said in the log. ERR_NO_FILE: one could never be
 * written, and `problem` says which. */
int checkpoints_load(struct log_dir *dir, struct buf *problem) MUST_CHECK;
/* Writes one, in the background, from what is true now. */
void checkpoints_write(struct log_dir *dir, enum checkpoint which);
/* Forgets what is not of this incarnation. Called before the entry is used to open a log. */
void checkpoints_forget_others(struct log_entry *entry, const struct uuid *incarnation);
/* "topic-0": the length of the topic and the partition; false when it is no such name. */
bool checkpoints_split_name(const char *name, size_t *topic_len, int32_t *partition);

#endif
