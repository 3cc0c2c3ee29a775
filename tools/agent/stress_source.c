/* The stress source: events of a size, as many and as fast as is said. For load.
 *
 * Happy path: one block is made at the start, and every event is that block: no memory moves. */
#include <string.h>

#include "tools/agent/source.h"
#include "tools/agent/types.h"

enum { STRESS_BATCHES_PER_TURN = 32, STRESS_BYTE = 0x7f, STRESS_WAIT_US = 1000 };

struct stress_source {
    struct source source;
    struct batch batch;
    struct env_timer turn;
    struct block *block;
    uint32_t size;
    int64_t sent, sent_max; /* -1 = no limit */
    int64_t succeeded, success_max;
    int64_t per_second, start_us;
    bool under_way;
};

/* clang-format off */
static const struct key_row stress_keys[] = {
    KEY_INT("size", "500", 0, 64 << 20, "The bytes of a body."),
    KEY_INT("maxTotalEvents", "-1", -1, KEY_MAX_LONG, "How many events are sent; -1 is no limit."),
    KEY_INT("maxSuccessfulEvents", "-1", -1, KEY_MAX_LONG,
            "How many events get into the channels; -1 is no limit."),
    KEY_INT("batchSize", "1", 1, KEY_MAX_INT, "How many events are put at once."),
    KEY_INT("maxEventsPerSecond", "0", 0, KEY_MAX_INT, "How many events a second; 0 is no limit."),
    KEY_END,
};
/* clang-format on */

static struct stress_source *stress_of(struct source *source)
{
    return CONTAINER_OF(source, struct stress_source, source);
}

static bool stress_is_over(const struct stress_source *stress)
{
    return (stress->sent_max >= 0 && stress->sent >= stress->sent_max) ||
           (stress->success_max >= 0 && stress->succeeded >= stress->success_max);
}

/* How many may be sent now by the rate. */
static int64_t stress_allowed(const struct stress_source *stress)
{
    int64_t passed_us = env_now_us(stress->source.env) - stress->start_us;
    if (stress->per_second == 0)
        return INT64_MAX;
    return (int64_t)((double)passed_us * (double)stress->per_second / 1e6) - stress->sent;
}

static void stress_fill(struct stress_source *stress)
{
    int64_t most = stress_allowed(stress);
    if (stress->sent_max >= 0 && stress->sent_max - stress->sent < most)
        most = stress->sent_max - stress->sent;
    while (!batch_is_full(&stress->batch) && (int64_t)stress->batch.count < most)
        batch_add(&stress->batch, &(struct event){.block = block_ref(stress->block),
                                                  .body = stress->block->data,
                                                  .len = stress->size});
}

static void stress_ended(struct stress_source *stress, int64_t count, int status)
{
    stress->sent += count;
    if (status == 0)
        stress->succeeded += count;
}

static void stress_on_turn(void *data)
{
    struct stress_source *stress = data;
    for (int i = 0; i < STRESS_BATCHES_PER_TURN && !stress->under_way; i++) {
        if (stress_is_over(stress))
            return;
        stress_fill(stress);
        int64_t count = (int64_t)stress->batch.count;
        if (count == 0)
            break;
        int status = batch_send(&stress->batch);
        stress->under_way = status == TRANSACTION_PENDING;
        if (!stress->under_way)
            stress_ended(stress, count, status);
    }
    if (!stress->under_way)
        env_timer_start_us(&stress->turn, stress->per_second > 0 ? STRESS_WAIT_US : 0);
}

static void stress_batch_done(struct batch *batch, int status)
{
    struct stress_source *stress = CONTAINER_OF(batch, struct stress_source, batch);
    stress->under_way = false;
    stress_ended(stress, batch->received, status);
    env_timer_start_us(&stress->turn, 0);
}

static int stress_start(struct source *source, struct buf *problem)
{
    struct stress_source *stress = stress_of(source);
    const struct part *part = source->part;
    stress->size = (uint32_t)part_number(part, "size");
    stress->sent_max = part_number(part, "maxTotalEvents");
    stress->success_max = part_number(part, "maxSuccessfulEvents");
    stress->per_second = part_number(part, "maxEventsPerSecond");
    stress->start_us = env_now_us(source->env);
    stress->block = block_new(stress->size + 1);
    if (!stress->block) {
        buf_printf(problem, "there is no memory for %u bytes", stress->size);
        return ERR_NO_MEMORY;
    }
    memset(stress->block->data, STRESS_BYTE, stress->size);
    batch_init(&stress->batch, source, (size_t)part_number(part, "batchSize"), false,
               stress_batch_done);
    env_timer_init(source->env, &stress->turn, stress_on_turn, stress);
    env_timer_start_us(&stress->turn, 0);
    return 0;
}

static void stress_stop(struct source *source)
{
    struct stress_source *stress = stress_of(source);
    env_timer_stop(&stress->turn);
    batch_close(&stress->batch);
    block_unref(stress->block);
}

const struct source_type stress_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "stress",
             .class_name = "org.apache.flume.source.StressSource",
             .doc = "Events of one size, as many and as fast as is said.",
             .keys = stress_keys},
    .size = sizeof(struct stress_source),
    .batch_key = "batchSize",
    .start = stress_start,
    .stop = stress_stop,
};
