/* Compaction on a simulated disk, killed at any point: after each start the log opens, its batches
 * are whole and in order, every key has the value that was durable last or a later one, and nothing
 * that was not yet compacted is missing. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "broker/log/cleaner.h"
#include "log_process.h"

enum { KEYS = 30, BATCH_MAX = 6 };

struct run {
    struct log_process w;
    int64_t newest[KEYS];  /* offset of the last record of the key that was appended; -1 */
    int64_t durable[KEYS]; /* and of the last one that was durable */
    int64_t appended;      /* offset past all that was appended in this life */
    int key_of[100000];    /* by offset */
    int64_t flushed;
    int64_t cleaned; /* at or past it nothing can have been compacted */
};

static uint64_t draw(struct run *r, uint64_t below)
{
    return sim_random(r->w.sim) % below;
}

static void note_durable(void *data)
{
    struct run *r = data;
    if (log_is_offline(r->w.world.log))
        return;
    for (; r->flushed < log_durable_offset(r->w.world.log); r->flushed++)
        r->durable[r->key_of[r->flushed]] = r->flushed;
    log_set_high_watermark(r->w.world.log, r->flushed);
}

static void run_opened(void *data)
{
    struct run *r = data;
    log_watch(r->w.world.log, note_durable, r);
}

static void append_some(struct run *r)
{
    int count = 1 + (int)draw(r, BATCH_MAX), keys[BATCH_MAX];
    uint8_t value[300];
    char texts[BATCH_MAX][20];
    struct batch_record records[BATCH_MAX];
    memset(value, 1 + (int)draw(r, 255), sizeof(value));
    struct batch_spec spec = {.count = count, .leader_epoch = -1, .records = records};
    spec.codec = draw(r, 3) == 0 ? COMPRESS_LZ4 : COMPRESS_NONE;
    if (draw(r, 2) == 0)
        spec.producer_id = 100 + (int64_t)draw(r, 1000);
    for (int i = 0; i < count; i++) {
        keys[i] = (int)draw(r, KEYS);
        snprintf(texts[i], sizeof(texts[i]), "%d", keys[i]);
        records[i] = (struct batch_record){.key = batch_text(texts[i]),
                                           .value = {value, (int32_t)draw(r, 300)},
                                           .timestamp = 1000};
    }
    struct buf batch = batch_make(spec);
    struct log_append result;
    int64_t base = log_end_offset(r->w.world.log);
    int rc = log_append(r->w.world.log, batch.data, batch.len, LOG_FROM_CLIENT, 0, &result);
    CHECK(rc == 0 || log_is_offline(r->w.world.log) || rc == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    bool appended = rc == 0 && !result.duplicate;
    for (int i = 0; i < count && (appended || log_is_offline(r->w.world.log)); i++)
        r->key_of[base + i] = keys[i];
    buf_close(&batch);
}

static void do_step(void *data)
{
    struct run *r = data;
    if (!r->w.world.log || log_is_offline(r->w.world.log))
        return;
    if (draw(r, 12) == 0)
        cleaner_tick(r->w.world.manager);
    else
        append_some(r);
    /* A run may be going on, or have ended since. */
    if (log_active(r->w.world.log)->base_offset > r->cleaned)
        r->cleaned = log_active(r->w.world.log)->base_offset;
}

static void work(struct run *r, int steps)
{
    for (int i = 0; i < steps && !sim_node_is_down(r->w.node); i++) {
        env_post(r->w.world.env, do_step, r);
        sim_run_for(r->w.sim, (int64_t)draw(r, 2500));
    }
}

/* Takes one batch that was read into account; *next is where the last one ended. */
static void see_batch(struct run *r, const struct batch *batch, int64_t newest[KEYS], int64_t *next)
{
    struct record_iter records;
    struct record record;
    struct buf scratch;
    buf_init(&scratch);
    CHECK_INT(batch_check_crc(batch), 0);
    CHECK(batch_last_offset(batch) >= *next);
    /* Behind what was compacted there are no gaps. */
    if (*next >= r->cleaned && *next > log_start_offset(r->w.world.log))
        CHECK_INT(batch->base_offset, *next);
    *next = batch_last_offset(batch) + 1;
    CHECK_INT(batch_records(batch, 1 << 20, &scratch, &records), 0);
    int rc;
    while ((rc = record_iter_next(&records, &record)) == 1) {
        int64_t offset = batch->base_offset + record.offset_delta;
        char text[20];
        snprintf(text, sizeof(text), "%.*s", record.key.len, (const char *)record.key.data);
        int key = atoi(text);
        CHECK(key >= 0 && key < KEYS);
        CHECK_INT(r->key_of[offset], key);
        newest[key] = offset;
    }
    CHECK_INT(rc, 0);
    buf_close(&scratch);
}

static void check_log(struct run *r)
{
    int64_t newest[KEYS], next = log_start_offset(r->w.world.log);
    memset(newest, -1, sizeof(newest));
    CHECK(log_end_offset(r->w.world.log) >= r->flushed);
    while (next < log_end_offset(r->w.world.log)) {
        struct log_slice slice;
        CHECK_INT(log_read(r->w.world.log, next, 6000, INT64_MAX, true, &slice), 0);
        if (slice.len == 0)
            break; /* compaction took the end: the active segment is empty */
        uint8_t *bytes = mem_alloc(slice.len);
        CHECK_INT(env_file_read(slice.file, bytes, slice.len, slice.position), slice.len);
        struct batch batch;
        for (size_t at = 0; batch_parse(bytes + at, slice.len - at, &batch) == 0; at += batch.size)
            see_batch(r, &batch, newest, &next);
        mem_free(bytes);
        log_slice_release(&slice);
    }
    for (int key = 0; key < KEYS; key++)
        CHECK(newest[key] >= r->durable[key]);
    memcpy(r->durable, newest, sizeof(newest));
    r->flushed = log_end_offset(r->w.world.log);
}

static void run_init(struct run *r, uint64_t seed)
{
    memset(r, 0, sizeof(*r));
    memset(r->durable, -1, sizeof(r->durable));
    log_process_init(&r->w, seed, run_opened, r);
    r->w.world.config.segment_bytes = 3000;
    r->w.world.config.cleanup_delete = false;
    r->w.world.config.cleanup_compact = true;
}

static void reopen(struct run *r)
{
    log_process_boot(&r->w);
    while (sim_node_is_down(r->w.node)) {
        log_process_bury(&r->w);
        log_process_boot(&r->w);
    }
    sim_disk_crash_at(r->w.node, 0);
    if (r->w.world.err < 0) {
        printf("# seed %llu: %s\n# %s", (unsigned long long)r->w.seed, err_name(r->w.world.err),
               buf_text(&r->w.world.lines));
        CHECK_INT(r->w.world.err, 0);
    }
    check_log(r);
}

static void end_somehow(struct run *r)
{
    if (!sim_node_is_down(r->w.node) && draw(r, 4) == 0)
        log_process_shut_down(&r->w);
    else if (!sim_node_is_down(r->w.node) && draw(r, 2) == 0)
        sim_node_kill(r->w.node);
    else if (!sim_node_is_down(r->w.node))
        sim_node_kill_power(r->w.node);
}

static struct run the_run; /* large */

static void many_seeds_survive(void)
{
    const char *count = getenv("LOG_CRASH_SEEDS"), *first = getenv("LOG_CRASH_FIRST");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t to = from + (count ? strtoull(count, NULL, 10) : 200);
    for (uint64_t seed = from; seed < to; seed++) {
        struct run *r = &the_run;
        printf("# seed %llu\n", (unsigned long long)seed);
        run_init(r, seed);
        log_process_boot(&r->w);
        CHECK_INT(r->w.world.err, 0);
        for (int round = 0; round < 6; round++) {
            work(r, 30 + (int)draw(r, 60));
            sim_disk_crash_at(r->w.node, draw(r, 3) ? 1 + draw(r, 80) : 0);
            work(r, 60);
            end_somehow(r);
            sim_disk_crash_at(r->w.node, draw(r, 4) == 0 ? 1 + draw(r, 12) : 0);
            log_process_bury(&r->w);
            reopen(r);
        }
        log_process_close(&r->w);
    }
}

/* Power fails in each disk call of one compaction and its swap. */
static void every_disk_call_of_a_run_may_be_the_last(void)
{
    bool through = false;
    for (uint64_t n = 1; !through; n++) {
        struct run *r = &the_run;
        run_init(r, 5);
        log_process_boot(&r->w);
        work(r, 80);
        while (r->w.world.manager->cleaning)
            sim_run_for(r->w.sim, 1000);
        int64_t before = r->w.world.log->cleaned_offset;
        sim_disk_crash_at(r->w.node, n);
        for (int i = 0; i < 400 && !sim_node_is_down(r->w.node) && !through; i++) {
            work(r, 1);
            through = !sim_node_is_down(r->w.node) && r->w.world.log->cleaned_offset > before;
        }
        if (!sim_node_is_down(r->w.node))
            sim_node_kill_power(r->w.node);
        sim_disk_crash_at(r->w.node, 0);
        log_process_bury(&r->w);
        reopen(r);
        log_process_close(&r->w);
    }
}

TAP_MAIN(TAP_TEST(many_seeds_survive), TAP_TEST(every_disk_call_of_a_run_may_be_the_last))
