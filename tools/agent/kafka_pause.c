/* Pausing all partitions of a consumer.
 *
 * Happy path: most batches are short, and pausing throws away what has been fetched: only after
 * KAFKA_PAUSE_MS are the partitions paused, and resumed when there is room. Failure modes: a
 * rebalance brings partitions that are not paused; the first message of one pauses them as well. */
#include "tools/agent/kafka_pause.h"

#include "base/state.h"

enum { KAFKA_PAUSE_MS = 500 }; /* far below any max.poll.interval.ms, which is above a session's */

static const struct state_row kafka_pause_states[] = {
    [KAFKA_PAUSE_NOT] = {"reading", STATE_BIT(KAFKA_PAUSE_SOON)},
    [KAFKA_PAUSE_SOON] = {"waiting", STATE_BIT(KAFKA_PAUSE_NOT) | STATE_BIT(KAFKA_PAUSE_ON)},
    [KAFKA_PAUSE_ON] = {"paused", STATE_BIT(KAFKA_PAUSE_NOT)},
};

static void kafka_pause_move(struct kafka_pause *pause, enum kafka_pause_state to)
{
    STATE_MOVE(kafka_pause_states, pause->state, to);
}

static void kafka_pause_all(rd_kafka_t *rd, bool paused)
{
    rd_kafka_topic_partition_list_t *all;
    if (rd_kafka_assignment(rd, &all))
        return;       /* it has none, or is about to end */
    if (all->cnt > 0) /* partitions that it has just lost can't be, and need not be */
        (void)(paused ? rd_kafka_pause_partitions(rd, all) : rd_kafka_resume_partitions(rd, all));
    rd_kafka_topic_partition_list_destroy(all);
}

rd_kafka_message_t *kafka_pause_poll(struct kafka_pause *pause, rd_kafka_t *rd, int64_t now_ms)
{
    ASSERT(rd);
    if (pause->state == KAFKA_PAUSE_NOT) {
        pause->since_ms = now_ms;
        kafka_pause_move(pause, KAFKA_PAUSE_SOON);
    }
    if (pause->state == KAFKA_PAUSE_SOON && now_ms - pause->since_ms < KAFKA_PAUSE_MS)
        return NULL;
    if (pause->state == KAFKA_PAUSE_SOON) {
        kafka_pause_all(rd, true);
        kafka_pause_move(pause, KAFKA_PAUSE_ON);
    }
    rd_kafka_message_t *message = rd_kafka_consumer_poll(rd, 0);
    if (!message)
        return NULL;
    if (message->err) { /* told by who reads, if it lasts */
        rd_kafka_message_destroy(message);
        return NULL;
    }
    kafka_pause_all(rd, true);
    return message;
}

void kafka_pause_end(struct kafka_pause *pause, rd_kafka_t *rd)
{
    ASSERT(rd);
    if (pause->state == KAFKA_PAUSE_NOT)
        return;
    if (pause->state == KAFKA_PAUSE_ON)
        kafka_pause_all(rd, false);
    kafka_pause_move(pause, KAFKA_PAUSE_NOT);
}
