/* Under which broker epochs each log directory served, from one process to the next: the file
 * .served-epochs in it. A disk that was taken out, or a copy that was made earlier, lacks the
 * newest ones, and the controller, which knows them, then takes the directory for a lost one. */
#ifndef BROKER_LOG_SERVED_H
#define BROKER_LOG_SERVED_H

#include "base/buf.h"
#include "base/check.h"

struct log_dir;

/* Reads the directory's file; what makes no sense counts as missing. An error may come with a
 * sentence in `problem`. Blocks. */
int served_load(struct log_dir *dir, struct buf *problem) MUST_CHECK;
/* Tries again what had no room. For the timer of the manager. */
void served_due(void *data);

#endif
