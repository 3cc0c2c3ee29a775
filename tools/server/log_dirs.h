/* Log directories by what they are, not by how they are named. */
#ifndef TOOLS_SERVER_LOG_DIRS_H
#define TOOLS_SERVER_LOG_DIRS_H

#include "base/buf.h"
#include "base/check.h"
#include "config/config.h"

/* Whether both paths lead to one directory (by device and inode, so through links too). False when
 * one of them is not there. */
bool log_dirs_same(const char *one, const char *other);
/* ERR_INVALID, and a sentence in `problem`, when two names of log.dirs lead to one directory, or
 * one lies in another one, whether they are there yet or not. */
int log_dirs_check(const struct config *config, struct buf *problem) MUST_CHECK;

#endif
