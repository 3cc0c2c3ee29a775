/* What a clean stop left of each log: how many segments, of which sizes, and how many aborted
 * transactions their indexes name. A start after it trusts what lies there without reading it, so
 * at least nothing may be missing, cut or longer. */
#ifndef BROKER_LOG_LEAVINGS_H
#define BROKER_LOG_LEAVINGS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"

struct log;
struct log_dir;
struct log_leavings;

/* Reads .segments into the entries of the directory: false when it is missing, damaged or not the
 * one that the mark of the clean stop names, and then no log of the directory can be trusted
 * without a look. Blocks. */
bool leavings_load(struct log_dir *dir);
/* Writes it, in the background, from what the open logs have; for the others what was read stands.
 * dir->leavings_written tells whether it could be. */
void leavings_write(struct log_dir *dir);
/* 0, or ERR_CORRUPT and a sentence when the log's segments are not the ones that a stop left. */
int leavings_check(const struct log *log, const struct log_leavings *left,
                   struct buf *note) MUST_CHECK;
/* Whether the indexes of aborted transactions, which are loaded, have as many entries in each
 * segment as the stop left there: their bytes can't tell whether the end is missing. If not, a
 * sentence, unless the stop was one of a version that did not count them. */
bool leavings_vouch(const struct log *log, const struct log_leavings *left, struct buf *note);

#endif
