/* How long a producer waits for a cluster that does not answer.
 *
 * Happy path: the first delivery report comes, and from then on librdkafka's own limit
 * (delivery.timeout.ms) counts. Failure modes: no broker answers (said, then given up after
 * max.block.ms), the brokers answer but the partition has no leader (said). */
#include "tools/rd_wait.h"

#include "base/plural.h"

#include <stdlib.h>

enum { RD_WAIT_BLOCK_MS = 60000, RD_WAIT_WARN_MS = 3000, RD_WAIT_POLL_MS = 100 };

int rd_wait_read(struct rd_wait *wait, const char *pairs)
{
    const char *said = rd_said(wait->run, pairs, "max.block.ms");
    char *end;
    if (wait->option && options_has(wait->run->options, "max-block-ms"))
        return tool_number(wait->run, "max-block-ms", 0, INT64_MAX, 0, &wait->max_block_ms);
    wait->max_block_ms = RD_WAIT_BLOCK_MS;
    if (!said)
        return 0;
    wait->max_block_ms = strtoll(said, &end, 10);
    if (end == said || *end != '\0' || wait->max_block_ms < 0)
        return tool_misuse(wait->run, "max.block.ms=%s: write a whole number from 0 upwards", said);
    return 0;
}

static void rd_wait_warn(struct rd_wait *wait)
{
    bool stuck =
        !wait->answered && wait->since_ms && rd_now_ms() - wait->since_ms > RD_WAIT_WARN_MS;
    if (wait->warned || !(wait->watch->all_down || stuck))
        return;
    wait->warned = true;
    if (!rd_watch_warn(wait->run, wait->watch))
        tool_warn(wait->run,
                  "nothing was delivered yet, trying on: see kafka-topics --describe --topic %s "
                  "for partitions without a leader",
                  wait->topic);
}

static void rd_wait_check_block(struct rd_wait *wait)
{
    int waiting = rd_kafka_outq_len(wait->rd);
    int64_t now = rd_now_ms();
    if (wait->answered || waiting == 0)
        return;
    if (wait->since_ms == 0)
        wait->since_ms = now;
    if (!wait->watch->all_down || now - wait->since_ms < wait->max_block_ms)
        return;
    wait->since_ms = 0;
    tool_fail(wait->run, "%d %s not delivered: no broker answered for %lld ms (%s): %s", waiting,
              plural(waiting, "record was", "records were"), (long long)wait->max_block_ms,
              wait->option ? "--max-block-ms" : "max.block.ms", wait->watch->reason);
    rd_kafka_purge(wait->rd, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(wait->rd, 0);
}

void rd_wait_turn(struct rd_wait *wait)
{
    rd_wait_warn(wait);
    rd_wait_check_block(wait);
}

void rd_wait_due(struct rd_wait *wait, const struct throttle *throttle, int64_t sent)
{
    for (;;) {
        int64_t wait_ms = throttle_wait_ms(throttle, sent, rd_now_ms());
        if (wait_ms == 0 || rd_interrupted() || wait->watch->fatal)
            return;
        rd_kafka_poll(wait->rd, wait_ms > RD_WAIT_POLL_MS ? RD_WAIT_POLL_MS : (int)wait_ms);
        rd_wait_turn(wait);
    }
}
