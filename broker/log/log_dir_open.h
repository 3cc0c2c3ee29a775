/* Taking a log directory at the start: its lock, its owner, and what lies in it. */
#ifndef BROKER_LOG_LOG_DIR_OPEN_H
#define BROKER_LOG_LOG_DIR_OPEN_H

#include "base/buf.h"
#include "base/check.h"

struct log_dir;

/* Locks the directory and checks meta.properties. On an error `problem` says what to do. */
int log_dir_open(struct log_dir *dir, struct buf *problem) MUST_CHECK;
/* Takes the clean-shutdown mark and lists the partitions. */
int log_dir_list(struct log_dir *dir, struct buf *problem) MUST_CHECK;
void log_dir_close(struct log_dir *dir);

#endif
