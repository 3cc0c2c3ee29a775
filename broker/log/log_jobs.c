/* Counts the jobs of a manager. Nothing can fail here; who counts wrong is caught by asserts. */
#include "broker/log/log_jobs.h"

#include <stddef.h>

void log_jobs_init(struct log_jobs *jobs, void (*drained)(void *data), void *data)
{
    ASSERT(drained != NULL);
    *jobs = (struct log_jobs){.drained = drained, .data = data};
}

void log_jobs_begin(struct log_jobs *jobs)
{
    ASSERT(jobs->count < UINT32_MAX);
    jobs->count++;
}

bool log_jobs_end(struct log_jobs *jobs)
{
    ASSERT(jobs->count > 0);
    jobs->count--;
    bool alive = !jobs->abandoned;
    if (jobs->count == 0)
        jobs->drained(jobs->data); /* `jobs` may be gone after it */
    return alive;
}

void log_jobs_cancel(struct log_jobs *jobs)
{
    ASSERT(jobs->count > 0);
    jobs->count--;
}

bool log_jobs_abandon(struct log_jobs *jobs)
{
    ASSERT(!jobs->abandoned);
    jobs->abandoned = true;
    return jobs->count == 0;
}
