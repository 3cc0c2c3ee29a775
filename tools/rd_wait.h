/* How long a producer waits for a cluster that does not answer, and what it says meanwhile. */
#ifndef TOOLS_RD_WAIT_H
#define TOOLS_RD_WAIT_H

#include "tools/rd.h"
#include "tools/throttle.h"

struct rd_wait {
    const struct tool_run *run;
    const struct rd_watch *watch;
    rd_kafka_t *rd; /* set when it is made */
    const char *topic;
    bool option;           /* the tool has --max-block-ms */
    int64_t max_block_ms;  /* rd_wait_read */
    int64_t since_ms;      /* the first record was handed over; 0 = none yet */
    bool answered, warned; /* answered: a record was delivered; the tool sets it */
};

/* Reads max.block.ms, from --max-block-ms, else from the option `pairs` or the file. 0, or 1 with
 * the message printed. */
int rd_wait_read(struct rd_wait *wait, const char *pairs);
/* To be called again and again while records wait. Says once that nobody answers, or that nothing
 * gets through. As long as no broker has ever answered, records are kept for max.block.ms, as in
 * Java's clients: the address is more likely wrong than the whole cluster down. Then they are
 * given up, which is said: their delivery reports come with PURGE errors. */
void rd_wait_turn(struct rd_wait *wait);
/* Until the next one after `sent` records is due; not when the tool is interrupted, or nothing will
 * get better. */
void rd_wait_due(struct rd_wait *wait, const struct throttle *throttle, int64_t sent);

#endif
