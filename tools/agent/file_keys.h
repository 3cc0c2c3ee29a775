/* The keys that the file channel and the spillable memory channel have in common, as rows of a
 * table of keys, and what both check of them. */
#ifndef AGENT_FILE_KEYS_H
#define AGENT_FILE_KEYS_H

#include "tools/agent/part.h"

/* clang-format off */
#define FILE_KEYS \
    KEY("checkpointDir", "~/.flume/file-channel/checkpoint", "The directory of the checkpoint."),  \
    KEY_BOOL("useDualCheckpoints", "false",                                                        \
             "Whether there is a second checkpoint, for when the first is damaged."),              \
    KEY("backupCheckpointDir", NULL, "The directory of the second checkpoint."),                   \
    KEY("dataDirs", "~/.flume/file-channel/data",                                                  \
        "The directories of the events, separated by commas; files are spread over them."),        \
    KEY_INT("transactionCapacity", "10000", 1, TRANSACTION_MAX,                                    \
            "The most events that a source puts, or a sink takes, at once."),                      \
    KEY_INT("checkpointInterval", "30000", 1, KEY_MAX_LONG,                                        \
            "How often a checkpoint is written, in milliseconds."),                                \
    KEY_INT("maxFileSize", "2146435071", 1048576, KEY_MAX_LONG,                                    \
            "The most bytes of a data file; 64 MiB at most, so that disk is given back sooner."),  \
    KEY_INT("minimumRequiredSpace", "524288000", 1048576, KEY_MAX_LONG,                            \
            "With fewer free bytes on the disk than this nothing more is taken."),                 \
    KEY_BOOL("fsyncPerTransaction", "true",                                                        \
             "Whether a put is on disk before its source is told; otherwise only kill -9 loses "   \
             "nothing, a power cut may."),                                                         \
    KEY_INT("fsyncInterval", "5", 1, KEY_MAX_INT,                                                  \
            "How often the data is synced without fsyncPerTransaction, in seconds: with each "     \
            "checkpoint, so checkpointInterval counts if it is longer."),                          \
    KEY_BOOL("checkpointOnClose", "true", "Whether a stop writes a checkpoint."),                  \
    KEY_BOOL("compressBackupCheckpoint", "false", "Without effect: a checkpoint is small."),       \
    KEY_BOOL("use-log-replay-v1", "false", "Without effect: the files are Millrace's own."),       \
    KEY_BOOL("use-fast-replay", "false", "Without effect: a start reads only what is left."),      \
    KEY_NOT_HERE("encryption.*", "events are not encrypted here: use a disk that is")
/* clang-format on */

/* What is wrong with the directories of checkpoints. */
void file_check_dirs(const struct part *part, struct buf *problems);
/* Two channels that share one: part_type.check_two. */
void file_check_two(const struct part *part, const struct part *other, struct buf *problems);

#endif
