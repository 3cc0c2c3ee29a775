/* A partition whose folder is in more than one log directory, as when a disk comes back that had
 * been taken out of log.dirs. Which copy is right is not guessed: unless the topic ids tell it,
 * none is opened (ERR_CORRUPT), until all are set aside or a person leaves one of them. */
#ifndef BROKER_LOG_TWIN_H
#define BROKER_LOG_TWIN_H

#include "base/buf.h"
#include "base/check.h"
#include "broker/log/log_entry.h"

/* Before an open: folders of another topic id are no copies, and of a replica that moved the one
 * counts that it moved to. Returns the entry to be opened. */
struct log_entry *twin_settle(struct log_entry *entry, const struct uuid *topic_id);
/* It is open: the folders whose place it took in a move (future.h) go. */
void twin_remove_replaced(struct log_entry *entry);
/* What is wrong with an entry that is doubled, with all paths and the remedy. */
void twin_tell(const struct log_entry *entry, struct buf *note);
/* All copies of an entry that is doubled become strays; an error leaves those that are left. */
int twin_set_aside(struct log_entry *entry) MUST_CHECK;

#endif
