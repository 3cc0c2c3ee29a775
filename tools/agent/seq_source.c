/* The seq source: events that are numbers, 0, 1, 2 and so on. For tests.
 *
 * Happy path: batch after batch, as fast as the channels take them. After a start it begins with 0
 * again, as Flume's does. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/agent/source.h"
#include "tools/agent/types.h"

enum { SEQ_BATCHES_PER_TURN = 32, SEQ_TEXT_MAX = 20 };

struct seq_source {
    struct source source;
    struct batch batch;
    struct env_timer turn;
    int64_t next, end;
    bool under_way;
};

/* clang-format off */
static const struct key_row seq_keys[] = {
    KEY_INT("totalEvents", "9223372036854775807", 1, KEY_MAX_LONG, "How many events there are."),
    KEY_INT("batchSize", "1", 1, KEY_MAX_INT, "How many events are put at once."),
    KEY_END,
};
/* clang-format on */

static struct seq_source *seq_of(struct source *source)
{
    return CONTAINER_OF(source, struct seq_source, source);
}

static void seq_fill(struct seq_source *seq)
{
    struct block *block = block_new(seq->batch.cap * SEQ_TEXT_MAX);
    size_t at = 0;
    if (!block)
        return; /* the next turn tries again */
    while (!batch_is_full(&seq->batch) && seq->next < seq->end) {
        char *text = (char *)block->data + at;
        int len = snprintf(text, SEQ_TEXT_MAX, "%" PRId64, seq->next++);
        batch_add(&seq->batch, &(struct event){.block = block_ref(block),
                                               .body = block->data + at,
                                               .len = (uint32_t)len});
        at += (size_t)len;
    }
    block_unref(block);
}

static void seq_on_turn(void *data)
{
    struct seq_source *seq = data;
    for (int i = 0; i < SEQ_BATCHES_PER_TURN && !seq->under_way && seq->next < seq->end; i++) {
        seq_fill(seq);
        seq->under_way = batch_send(&seq->batch) == TRANSACTION_PENDING;
    }
    if (!seq->under_way && seq->next < seq->end)
        env_timer_start_us(&seq->turn, 0);
}

static void seq_batch_done(struct batch *batch, int status)
{
    struct seq_source *seq = CONTAINER_OF(batch, struct seq_source, batch);
    ASSERT(status == 0); /* the batch is patient */
    seq->under_way = false;
    env_timer_start_us(&seq->turn, 0);
}

static int seq_start(struct source *source, struct buf *problem)
{
    struct seq_source *seq = seq_of(source);
    (void)problem;
    seq->end = part_number(source->part, "totalEvents");
    batch_init(&seq->batch, source, (size_t)part_number(source->part, "batchSize"), true,
               seq_batch_done);
    env_timer_init(source->env, &seq->turn, seq_on_turn, seq);
    env_timer_start_us(&seq->turn, 0);
    return 0;
}

static void seq_stop(struct source *source)
{
    env_timer_stop(&seq_of(source)->turn);
    batch_close(&seq_of(source)->batch);
}

const struct source_type seq_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "seq",
             .class_name = "org.apache.flume.source.SequenceGeneratorSource",
             .doc = "Events that are the numbers from 0 on.",
             .keys = seq_keys},
    .size = sizeof(struct seq_source),
    .batch_key = "batchSize",
    .start = seq_start,
    .stop = seq_stop,
};
