/* A partition log on a simulated disk, killed at every point (T-12): by power cuts in the middle of
 * any disk call, with sectors lost at random, and by kill -9. After each it must open, hold all
 * that was durable, be a state that the log once had (or the front of one), and know the same
 * producers and epochs as its batches tell. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/log/log_internal.h"
#include "kafka/batch.h"
#include "sim.h"

enum { BATCHES_MAX = 4096, STATES_MAX = 2048, PRODUCERS = 3 };

/* One batch that was ever appended. */
struct made {
    int64_t base_offset;
    int64_t last_offset;
    uint32_t crc;
    int32_t epoch;
};

/* The log after a step: numbers of batches in order. */
struct state {
    int count;
    int *batches;
};

struct run {
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    struct logger logger;
    struct buf lines;
    struct buf problem;
    struct log_manager *manager;
    struct log *log;
    struct log_config config;
    struct log_manager_config manager_config;
    struct uuid topic_id;
    struct made *made;
    int made_count;
    struct state *states;
    int state_count;
    int64_t durable; /* what must be there, in the newest state's terms */
    int64_t start;   /* the highest log start that was asked for */
    int32_t epoch;
    int sequences[PRODUCERS];
    bool opened, down;
    int err;
    uint64_t seed;
};

static void run_line(void *data, const char *line, int len)
{
    buf_printf(&((struct run *)data)->lines, "%.*s", len, line);
}

static uint64_t draw(struct run *r, uint64_t below)
{
    return sim_random(r->sim) % below;
}

/* ---- the model ---- */

static struct state *newest(struct run *r)
{
    return &r->states[r->state_count - 1];
}

static void push_state(struct run *r, const int *batches, int count)
{
    ASSERT(r->state_count < STATES_MAX);
    struct state *state = &r->states[r->state_count++];
    state->count = count;
    state->batches = mem_alloc((size_t)(count + 1) * sizeof(int));
    if (count > 0)
        memcpy(state->batches, batches, (size_t)count * sizeof(int));
}

static int64_t state_end(struct run *r, const struct state *state)
{
    return state->count ? r->made[state->batches[state->count - 1]].last_offset + 1 : 0;
}

static void model_append(struct run *r, const struct made *made)
{
    ASSERT(r->made_count < BATCHES_MAX);
    const struct state *old = newest(r);
    r->made[r->made_count] = *made;
    push_state(r, old->batches, old->count);
    struct state *state = newest(r);
    state->batches = mem_realloc(state->batches, (size_t)(state->count + 1) * sizeof(int));
    state->batches[state->count++] = r->made_count++;
}

static int cut_count(struct run *r, int64_t offset)
{
    const struct state *state = newest(r);
    int count = state->count;
    while (count > 0 && r->made[state->batches[count - 1]].last_offset >= offset)
        count--;
    return count;
}

/* Where the log ends when it is cut at `offset`. */
static int64_t cut_end(struct run *r, int64_t offset)
{
    struct state cut = {.count = cut_count(r, offset), .batches = newest(r)->batches};
    return state_end(r, &cut);
}

static void model_truncate(struct run *r, int64_t offset)
{
    push_state(r, newest(r)->batches, cut_count(r, offset));
    int64_t end = state_end(r, newest(r));
    if (r->durable > end)
        r->durable = end;
}

/* ---- steps of the workload, on the loop ---- */

static void do_append(struct run *r)
{
    struct batch_builder b;
    uint8_t value[3000];
    int producer = (int)draw(r, PRODUCERS + 1), count = 1 + (int)draw(r, 4);
    size_t len = draw(r, 3) == 0 ? draw(r, sizeof(value)) : draw(r, 100);
    for (size_t i = 0; i < len; i++)
        value[i] = (uint8_t)(1 + draw(r, 255)); /* no zeros: they would look unwritten */
    batch_builder_init(&b, COMPRESS_NONE);
    if (producer < PRODUCERS) {
        b.producer_id = 100 + producer;
        b.producer_epoch = (int16_t)r->epoch;
        b.base_sequence = r->sequences[producer];
    }
    for (int i = 0; i < count; i++)
        CHECK_INT(batch_builder_append(&b, 1000, (struct wire_bytes){NULL, -1},
                                       (struct wire_bytes){value, (int32_t)len}, NULL, 0),
                  0);
    CHECK_INT(batch_builder_finish(&b), 0);
    struct log_append result;
    int rc = log_append(r->log, b.bytes.data, b.bytes.len, LOG_FROM_CLIENT, r->epoch, &result);
    struct batch batch;
    CHECK_INT(batch_parse(b.bytes.data, b.bytes.len, &batch), 0);
    if (rc == 0) {
        CHECK(!result.duplicate);
        model_append(r,
                     &(struct made){result.base_offset, result.last_offset, batch.crc, r->epoch});
        if (producer < PRODUCERS)
            r->sequences[producer] += count;
    } else if (!log_is_offline(r->log)) {
        printf("# seed %llu: append: %s %s\n", (unsigned long long)r->seed, err_name(rc),
               result.message);
        CHECK(!"append");
    } else {
        /* A part of it may be on the disk. */
        model_append(r, &(struct made){log_end_offset(r->log), log_end_offset(r->log) + count - 1,
                                       batch.crc, r->epoch});
    }
    batch_builder_close(&b);
}

static void do_truncate(struct run *r)
{
    int64_t end = log_end_offset(r->log);
    if (end <= r->start)
        return;
    int64_t offset = end - (int64_t)draw(r, (uint64_t)(end - r->start < 40 ? end - r->start : 40));
    /* Nobody cuts below the high watermark, and so not the batch that holds the start. */
    if (cut_end(r, offset) < r->start)
        return;
    int rc = log_truncate(r->log, offset);
    model_truncate(r, offset);
    if (rc == 0)
        CHECK_INT(log_end_offset(r->log), state_end(r, newest(r)));
    r->epoch++;
    memset(r->sequences, 0, sizeof(r->sequences));
}

static void do_step(void *data)
{
    struct run *r = data;
    if (!r->log || log_is_offline(r->log))
        return;
    switch (draw(r, 20)) {
    case 0:
        do_truncate(r);
        break;
    case 1:
        log_set_high_watermark(r->log, r->durable);
        if (r->durable > r->start && draw(r, 2) == 0) {
            int64_t start = r->start + (int64_t)draw(r, (uint64_t)(r->durable - r->start) + 1);
            r->start = start > r->start ? start : r->start;
            int rc = log_advance_start(r->log, start);
            CHECK(rc == 0 || log_is_offline(r->log));
        }
        break;
    case 2:
        r->epoch++;
        memset(r->sequences, 0, sizeof(r->sequences));
        CHECK(log_assign_epoch(r->log, r->epoch) == 0 || log_is_offline(r->log));
        break;
    default:
        do_append(r);
    }
}

static void note_durable(void *data)
{
    struct run *r = data;
    if (!log_is_offline(r->log) && log_durable_offset(r->log) > r->durable)
        r->durable = log_durable_offset(r->log);
}

/* ---- life ---- */

static void on_open(void *data, int err, struct log *log)
{
    struct run *r = data;
    r->err = err;
    r->log = log;
    r->opened = true;
    if (log)
        log_watch(log, note_durable, r);
}

static bool open_or_down(void *data)
{
    struct run *r = data;
    return r->opened || sim_node_is_down(r->node);
}

static void start_node(void *data)
{
    struct run *r = data;
    r->problem.len = 0;
    r->err =
        log_manager_new(r->env, &r->logger, &r->manager_config, NULL, r, &r->problem, &r->manager);
    if (r->err < 0) {
        r->manager = NULL;
        r->opened = true;
        return;
    }
    log_manager_open(r->manager, "t", 0, &r->topic_id, &r->config, on_open, r);
}

static void boot(struct run *r)
{
    r->opened = false;
    r->log = NULL;
    r->manager = NULL;
    r->env = sim_env_new(r->node);
    env_post(r->env, start_node, r);
    CHECK(sim_run_until(r->sim, open_or_down, r, sim_now_us(r->sim) + 60000000));
}

static void bury(struct run *r)
{
    sim_env_reap(r->env);
    if (r->manager)
        log_manager_free(r->manager);
    r->manager = NULL;
    r->log = NULL;
    sim_node_restart(r->node);
}

/* ---- what must hold after a restart ---- */

static int find_made(struct run *r, const struct batch *batch)
{
    for (int i = r->made_count - 1; i >= 0; i--)
        if (r->made[i].base_offset == batch->base_offset && r->made[i].crc == batch->crc &&
            r->made[i].epoch == batch->leader_epoch)
            return i;
    return -1;
}

struct seen {
    int count;
    int batches[BATCHES_MAX];
    int last_sequence[PRODUCERS];
    int epoch_of[PRODUCERS];
};

static void see_batch(struct run *r, struct seen *seen, const struct batch *batch)
{
    int id = find_made(r, batch);
    CHECK(id >= 0);
    CHECK_INT(batch_check_crc(batch), 0);
    seen->batches[seen->count++] = id;
    if (batch_has_producer(batch)) {
        seen->last_sequence[batch->producer_id - 100] = batch_last_sequence(batch);
        seen->epoch_of[batch->producer_id - 100] = batch->producer_epoch;
    }
    /* The epochs agree with the batches. */
    int32_t epoch;
    int64_t end;
    log_end_of_epoch(r->log, batch->leader_epoch, &epoch, &end);
    CHECK_INT(epoch, batch->leader_epoch);
    CHECK(end > batch_last_offset(batch));
}

/* What a failing check needs to be understood. */
static void tell(struct run *r)
{
    printf("# seed %llu: start %lld (asked %lld), end %lld, durable before %lld, epoch %d\n# %s",
           (unsigned long long)r->seed, (long long)log_start_offset(r->log), (long long)r->start,
           (long long)log_end_offset(r->log), (long long)r->durable, r->epoch, buf_text(&r->lines));
    for (uint32_t i = 0; i < r->log->segment_count; i++)
        printf("# segment %lld: %llu bytes, end %lld\n",
               (long long)r->log->segments[i]->base_offset,
               (unsigned long long)r->log->segments[i]->size,
               (long long)r->log->segments[i]->end_offset);
}

static void read_all(struct run *r, struct seen *seen)
{
    int64_t next = log_start_offset(r->log);
    while (next < log_end_offset(r->log)) {
        struct log_slice slice;
        CHECK_INT(log_read(r->log, next, 5000, INT64_MAX, true, &slice), 0);
        if (slice.len == 0) {
            printf("# nothing at %lld\n", (long long)next);
            tell(r);
        }
        CHECK(slice.len > 0);
        uint8_t *bytes = mem_alloc(slice.len);
        CHECK_INT(env_file_read(slice.file, bytes, slice.len, slice.position), slice.len);
        struct batch batch;
        for (size_t at = 0; batch_parse(bytes + at, slice.len - at, &batch) == 0;
             at += batch.size) {
            CHECK(batch_last_offset(&batch) >= next);
            see_batch(r, seen, &batch);
            next = batch_last_offset(&batch) + 1;
        }
        mem_free(bytes);
        log_slice_release(&slice);
    }
    CHECK_INT(next, log_end_offset(r->log));
}

/* Whether what was seen is the front of a state, as far as the log start allows. */
static bool is_front_of(struct run *r, const struct seen *seen, const struct state *state)
{
    int at = 0;
    while (at < state->count && seen->count > 0 && state->batches[at] != seen->batches[0])
        at++;
    if (seen->count == 0)
        return state_end(r, state) >= log_end_offset(r->log);
    if (state->count - at < seen->count)
        return false;
    return memcmp(state->batches + at, seen->batches, (size_t)seen->count * sizeof(int)) == 0;
}

static void check_producers(struct run *r, const struct seen *seen)
{
    for (int i = 0; i < PRODUCERS; i++) {
        if (seen->epoch_of[i] < 0)
            continue;
        const struct producer *producer = producer_state_get(&r->log->producers, 100 + i);
        CHECK(producer != NULL);
        CHECK_INT(producer->epoch, seen->epoch_of[i]);
        CHECK_INT(producer_last_sequence(producer), seen->last_sequence[i]);
    }
}

static void check_log(struct run *r)
{
    struct seen *seen = mem_alloc(sizeof(*seen));
    memset(seen->epoch_of, -1, sizeof(seen->epoch_of));
    if (log_start_offset(r->log) > r->start)
        tell(r);
    CHECK(log_start_offset(r->log) <= r->start);
    if (log_end_offset(r->log) < r->durable)
        tell(r);
    CHECK(log_end_offset(r->log) >= r->durable);
    CHECK_INT(log_durable_offset(r->log), log_end_offset(r->log));
    read_all(r, seen);
    int match = r->state_count - 1;
    while (match >= 0 && !is_front_of(r, seen, &r->states[match]))
        match--;
    if (match < 0)
        tell(r);
    CHECK(match >= 0);
    check_producers(r, seen);
    /* From here on the log is this. */
    if (seen->count == 0)
        push_state(r, NULL, 0);
    else {
        const struct state *state = &r->states[match];
        int count = 0;
        while (state->batches[count] != seen->batches[seen->count - 1])
            count++;
        push_state(r, state->batches, count + 1);
    }
    r->durable = log_end_offset(r->log);
    if (log_start_offset(r->log) < r->start)
        r->start = log_start_offset(r->log);
    r->epoch++;
    memset(r->sequences, 0, sizeof(r->sequences));
    mem_free(seen);
}

/* ---- runs ---- */

static void run_init(struct run *r, uint64_t seed)
{
    *r = (struct run){.seed = seed};
    r->sim = sim_new(seed);
    r->node = sim_node_new(r->sim, "broker");
    static const char *const dirs[] = {"/data"};
    logger_init(&r->logger, "sim", NULL, NULL);
    r->logger.sink = run_line;
    r->logger.sink_data = r;
    buf_init(&r->lines);
    buf_init(&r->problem);
    r->made = mem_alloc(BATCHES_MAX * sizeof(*r->made));
    r->states = mem_alloc(STATES_MAX * sizeof(*r->states));
    push_state(r, NULL, 0);
    r->config = (struct log_config){
        .segment_bytes = 13000,
        .segment_ms = -1,
        .segment_index_bytes = 10000,
        .index_interval_bytes = 500,
        .retention_bytes = -1,
        .retention_ms = -1,
        .flush_messages = 1,
        .flush_ms = INT64_MAX,
        .max_message_bytes = 1 << 20,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .cleanup_delete = true,
        .compression = -1,
        .producer_id_expiration_ms = 86400000,
    };
    r->manager_config = (struct log_manager_config){
        .dirs = dirs,
        .dir_count = 1,
        .node_id = 1,
        .cluster_id = "c",
        .checkpoint_ms = 15,
        .start_offset_checkpoint_ms = 25,
    };
    memcpy(r->topic_id.bytes, "0123456789abcdef", 16);
}

static void run_close(struct run *r)
{
    sim_node_kill(r->node);
    bury(r);
    sim_free(r->sim);
    for (int i = 0; i < r->state_count; i++)
        mem_free(r->states[i].batches);
    mem_free(r->states);
    mem_free(r->made);
    buf_close(&r->lines);
    buf_close(&r->problem);
}

/* Opens what the last kill left, and checks it. Power may fail in that too. */
static void reopen(struct run *r)
{
    boot(r);
    while (sim_node_is_down(r->node)) {
        bury(r);
        boot(r);
    }
    sim_disk_crash_at(r->node, 0);
    if (r->err < 0) {
        printf("# seed %llu: %s\n# %s# %s\n", (unsigned long long)r->seed, err_name(r->err),
               buf_text(&r->lines), buf_text(&r->problem));
        CHECK_INT(r->err, 0);
    }
    check_log(r);
}

static void work(struct run *r, int steps)
{
    for (int i = 0; i < steps && !sim_node_is_down(r->node); i++) {
        env_post(r->env, do_step, r);
        sim_run_for(r->sim, (int64_t)draw(r, 3000));
    }
}

static bool is_down(void *data)
{
    return ((struct run *)data)->down;
}

static void on_down(void *data)
{
    ((struct run *)data)->down = true;
}

static void begin_shutdown(void *data)
{
    struct run *r = data;
    log_manager_shutdown(r->manager, on_down, r);
}

static bool down_or_dead(void *data)
{
    struct run *r = data;
    return is_down(data) || sim_node_is_down(r->node);
}

static void shut_down(struct run *r)
{
    r->down = false;
    env_post(r->env, begin_shutdown, r);
    CHECK(sim_run_until(r->sim, down_or_dead, r, sim_now_us(r->sim) + 60000000));
    if (!sim_node_is_down(r->node))
        sim_node_kill(r->node);
}

/* Ends the process in one way or another. */
static void end_somehow(struct run *r)
{
    if (sim_node_is_down(r->node))
        return;
    switch (draw(r, 4)) {
    case 0:
        sim_node_kill(r->node);
        break;
    case 1:
        sim_node_kill_power(r->node);
        break;
    case 2:
        shut_down(r);
        break;
    default:
        sim_disk_crash_at(r->node, 1 + draw(r, 60));
        work(r, 60);
        if (!sim_node_is_down(r->node))
            sim_node_kill_power(r->node);
    }
}

static void a_seed_survives(uint64_t seed)
{
    struct run r;
    run_init(&r, seed);
    boot(&r);
    CHECK_INT(r.err, 0);
    for (int round = 0; round < 8; round++) {
        work(&r, 10 + (int)draw(&r, 60));
        end_somehow(&r);
        sim_disk_crash_at(r.node, draw(&r, 4) == 0 ? 1 + draw(&r, 10) : 0);
        bury(&r);
        reopen(&r);
    }
    run_close(&r);
}

static void many_seeds_survive(void)
{
    const char *count = getenv("LOG_CRASH_SEEDS"), *first = getenv("LOG_CRASH_FIRST");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t to = from + (count ? strtoull(count, NULL, 10) : 300);
    for (uint64_t seed = from; seed < to; seed++) {
        printf("# seed %llu\n", (unsigned long long)seed);
        a_seed_survives(seed);
    }
}

/* One workload, cut at its first, second, third... disk call, until it gets through. */
static void every_disk_call_may_be_the_last(void)
{
    bool through = false;
    for (uint64_t n = 1; !through; n++) {
        struct run r;
        run_init(&r, 77);
        boot(&r);
        CHECK_INT(r.err, 0);
        sim_disk_crash_at(r.node, n);
        work(&r, 150);
        through = !sim_node_is_down(r.node);
        if (through)
            sim_node_kill_power(r.node);
        bury(&r);
        reopen(&r);
        run_close(&r);
    }
}

/* A disk call fails: whatever it is, the process lives on, and nothing that was durable is lost. */
static void every_disk_call_may_fail(void)
{
    bool through = false;
    for (uint64_t n = 1; !through; n++) {
        struct run r;
        run_init(&r, 99);
        boot(&r);
        CHECK_INT(r.err, 0);
        sim_disk_fail_at(r.node, n);
        work(&r, 100);
        through = r.log && !log_is_offline(r.log) && n > 2000;
        sim_disk_fail_at(r.node, 0);
        sim_node_kill(r.node);
        bury(&r);
        reopen(&r);
        run_close(&r);
    }
}

static void failing_syncs_confirm_nothing(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct run r;
        run_init(&r, seed);
        boot(&r);
        work(&r, 20);
        sim_disk_fail_sync(r.node);
        work(&r, 20);
        CHECK(log_is_offline(r.log));
        sim_node_kill_power(r.node);
        bury(&r);
        reopen(&r);
        run_close(&r);
    }
}

TAP_MAIN(TAP_TEST(many_seeds_survive), TAP_TEST(every_disk_call_may_be_the_last),
         TAP_TEST(every_disk_call_may_fail), TAP_TEST(failing_syncs_confirm_nothing))
