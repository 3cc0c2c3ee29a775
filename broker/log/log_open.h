/* Opening the log of one partition on a worker. */
#ifndef BROKER_LOG_LOG_OPEN_H
#define BROKER_LOG_LOG_OPEN_H

#include "broker/log/log.h"
#include "broker/log/log_entry.h"

struct log_open_job;

/* Starts one; `done` is called on the loop. The entry is busy until then. */
void log_open_start(struct log_manager *manager, struct log_entry *entry,
                    const struct uuid *topic_id, const struct log_config *config,
                    void (*done)(void *data, int err, struct log *log), void *data);
/* Begins those that waited for a deleted log of the same name; also after any other is gone. */
void log_open_resume(struct log_manager *manager);
/* Frees those that wait, without a callback. */
void log_open_drop_waiting(struct log_manager *manager);

#endif
