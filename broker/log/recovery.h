/* Loading a log from its directory. */
#ifndef BROKER_LOG_RECOVERY_H
#define BROKER_LOG_RECOVERY_H

#include "base/buf.h"
#include "base/check.h"
#include "broker/log/log_entry.h"

/* Loads the log from its directory, on a worker. `note` gets sentences for the operator.
 * ERR_CORRUPT, ERR_IO, ... */
int recovery_run(struct log *log, const struct log_entry *entry, bool clean,
                 struct buf *note) MUST_CHECK;

#endif
