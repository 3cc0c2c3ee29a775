/* The jobs of a log manager on the worker pool, counted, so that what they use stays until the last
 * one has ended, and so that who waits for that hears of it. */
#ifndef BROKER_LOG_LOG_JOBS_H
#define BROKER_LOG_LOG_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct log_jobs {
    uint32_t count;
    bool abandoned; /* their owner was freed: results go nowhere, and it lives on for them only */
    void (*drained)(void *data);
    void *data;
};

/* `drained` is called by log_jobs_end each time that none runs any more. */
void log_jobs_init(struct log_jobs *jobs, void (*drained)(void *data), void *data);
void log_jobs_begin(struct log_jobs *jobs);
/* May call `drained`. False when they are abandoned: `jobs` may then be gone. */
bool log_jobs_end(struct log_jobs *jobs);
/* One that never ran: `drained` does not come. */
void log_jobs_cancel(struct log_jobs *jobs);
/* The owner was freed. True when no job runs: nobody will call `drained`. */
bool log_jobs_abandon(struct log_jobs *jobs) MUST_CHECK;

#endif
