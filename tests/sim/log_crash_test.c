/* A partition log on a simulated disk, killed at every point: by power cuts in the middle of
 * any disk call, with sectors lost at random, and by kill -9. After each it must open, hold all
 * that was durable, be a state that the log once had (or the front of one), and know the same
 * producers, transactions and epochs as its batches tell. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "log_process.h"

enum { BATCHES_MAX = 4096, STATES_MAX = 2048, PRODUCERS = 3 };
enum { PLAIN_PRODUCER = 0 }; /* the others write in transactions */

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
    struct log_process w;
    struct made *made;
    int made_count;
    struct state *states;
    int state_count;
    int64_t durable; /* what must be there, in the newest state's terms */
    int64_t start;   /* the highest log start that was asked for */
    int32_t epoch;
    int sequences[PRODUCERS];
    bool lacks; /* memory or descriptors: appends may be refused */
    bool txns;  /* two of the producers write in transactions, which markers end */
    bool moves; /* there are two log directories, and the log moves between them */
    const char *dirs[2];
};

static uint64_t draw(struct run *r, uint64_t below)
{
    return sim_random(r->w.sim) % below;
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

/* Appends the batch, of `count` offsets; whether it was taken. */
static bool do_write(struct run *r, struct buf bytes, enum log_origin origin, int count)
{
    struct log_append result;
    int rc = log_append(r->w.world.log, bytes.data, bytes.len, origin, r->epoch, &result);
    struct batch batch;
    CHECK_INT(batch_parse(bytes.data, bytes.len, &batch), 0);
    if (rc == 0) {
        CHECK(!result.duplicate);
        model_append(r,
                     &(struct made){result.base_offset, result.last_offset, batch.crc, r->epoch});
    } else if (r->lacks && !log_is_offline(r->w.world.log)) {
        CHECK_INT(rc, ERR_KAFKA_STORAGE_ERROR);
    } else if (!log_is_offline(r->w.world.log)) {
        printf("# seed %llu: append: %s %s\n", (unsigned long long)r->w.seed, err_name(rc),
               result.message);
        CHECK(!"append");
    } else {
        /* A part of it may be on the disk. */
        model_append(r, &(struct made){log_end_offset(r->w.world.log),
                                       log_end_offset(r->w.world.log) + count - 1, batch.crc,
                                       r->epoch});
    }
    buf_close(&bytes);
    return rc == 0;
}

static void do_append(struct run *r)
{
    uint8_t value[3000];
    struct batch_record records[4];
    int producer = (int)draw(r, PRODUCERS + 1), count = 1 + (int)draw(r, 4);
    size_t len = draw(r, 3) == 0 ? draw(r, sizeof(value)) : draw(r, 100);
    for (size_t i = 0; i < len; i++)
        value[i] = (uint8_t)(1 + draw(r, 255)); /* no zeros: they would look unwritten */
    for (int i = 0; i < count; i++)
        records[i] = (struct batch_record){
            .key = WIRE_BYTES_NULL, .value = {value, (int32_t)len}, .timestamp = 1000};
    struct batch_spec spec = {.count = count, .leader_epoch = -1, .records = records};
    if (producer < PRODUCERS) {
        spec.producer_id = 100 + producer;
        spec.epoch = r->epoch;
        spec.sequence = r->sequences[producer];
        spec.attributes = r->txns && producer != PLAIN_PRODUCER ? BATCH_TRANSACTIONAL : 0;
    }
    if (do_write(r, batch_make(spec), LOG_FROM_CLIENT, count) && producer < PRODUCERS)
        r->sequences[producer] += count;
}

/* The end of a transaction, also where none is open. */
static void do_mark(struct run *r)
{
    struct batch_marker marker = {.producer_id = 100 + (int)draw(r, PRODUCERS),
                                  .epoch = r->epoch,
                                  .timestamp = 1000,
                                  .commit = draw(r, 3) == 0};
    (void)do_write(r, batch_make_marker(marker), LOG_MARKER, 1);
}

static void do_truncate(struct run *r)
{
    int64_t end = log_end_offset(r->w.world.log);
    if (end <= r->start)
        return;
    int64_t offset = end - (int64_t)draw(r, (uint64_t)(end - r->start < 40 ? end - r->start : 40));
    /* Nobody cuts below the high watermark, and so not the batch that holds the start. */
    if (cut_end(r, offset) < r->start)
        return;
    int rc = log_truncate(r->w.world.log, offset);
    model_truncate(r, offset);
    if (rc == 0)
        CHECK_INT(log_end_offset(r->w.world.log), state_end(r, newest(r)));
    r->epoch++;
    memset(r->sequences, 0, sizeof(r->sequences));
}

/* To the other directory, or back to where it is: that takes the move back. */
static void do_move(struct run *r)
{
    int rc = log_manager_alter_dir(r->w.world.manager, "t", 0, (int)draw(r, 2));
    CHECK(rc == 0 || rc == ERR_KAFKA_STORAGE_ERROR);
}

static void do_step(void *data)
{
    struct run *r = data;
    if (!r->w.world.log || log_is_offline(r->w.world.log))
        return;
    if (r->moves && draw(r, 12) == 0)
        do_move(r);
    switch (draw(r, 20)) {
    case 0:
        do_truncate(r);
        break;
    case 1:
        log_set_high_watermark(r->w.world.log, r->durable);
        if (r->durable > r->start && draw(r, 2) == 0) {
            int64_t start = r->start + (int64_t)draw(r, (uint64_t)(r->durable - r->start) + 1);
            r->start = start > r->start ? start : r->start;
            int rc = log_advance_start(r->w.world.log, start);
            CHECK(rc == 0 || log_is_offline(r->w.world.log));
        }
        break;
    case 3:
    case 4:
        if (r->txns)
            do_mark(r);
        else
            do_append(r);
        break;
    case 2:
        r->epoch++;
        memset(r->sequences, 0, sizeof(r->sequences));
        CHECK(log_assign_epoch(r->w.world.log, r->epoch) == 0 || log_is_offline(r->w.world.log));
        break;
    default:
        do_append(r);
    }
}

static void note_durable(void *data)
{
    struct run *r = data;
    if (!uuid_equal(log_topic_id(r->w.world.log), &r->w.world.topic_id))
        return; /* that one is deleted: see remake */
    if (!log_is_offline(r->w.world.log) && log_durable_offset(r->w.world.log) > r->durable)
        r->durable = log_durable_offset(r->w.world.log);
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
    int last_sequence[PRODUCERS]; /* -2: it may lie before the start */
    int epoch_of[PRODUCERS];
    int64_t txn_start[PRODUCERS]; /* of the open transaction, as far as it is there; -1 */
    struct producer_txn ends[BATCHES_MAX];
    int end_count; /* of abort markers; first_offset -1: nothing of its data is there */
};

static void see_producer(struct seen *seen, const struct batch *batch)
{
    int i = (int)batch->producer_id - 100;
    if (batch->producer_epoch != seen->epoch_of[i])
        seen->last_sequence[i] = seen->epoch_of[i] < 0 ? -2 : -1;
    seen->epoch_of[i] = batch->producer_epoch;
    if (!batch_is_control(batch)) {
        seen->last_sequence[i] = batch_last_sequence(batch);
        if (batch_is_transactional(batch) && seen->txn_start[i] < 0)
            seen->txn_start[i] = batch->base_offset;
        return;
    }
    struct txn_marker marker;
    CHECK_INT(txn_marker_read(batch, &marker), 1);
    if (!marker.commit)
        seen->ends[seen->end_count++] = (struct producer_txn){.producer_id = batch->producer_id,
                                                              .first_offset = seen->txn_start[i],
                                                              .last_offset = batch->base_offset};
    seen->txn_start[i] = -1;
}

static void see_batch(struct run *r, struct seen *seen, const struct batch *batch)
{
    int id = find_made(r, batch);
    CHECK(id >= 0);
    CHECK_INT(batch_check_crc(batch), 0);
    seen->batches[seen->count++] = id;
    if (batch_has_producer(batch))
        see_producer(seen, batch);
    /* The epochs agree with the batches. */
    int32_t epoch;
    int64_t end;
    log_end_of_epoch(r->w.world.log, batch->leader_epoch, &epoch, &end);
    CHECK_INT(epoch, batch->leader_epoch);
    CHECK(end > batch_last_offset(batch));
}

/* What a failing check needs to be understood. */
static void tell(struct run *r)
{
    printf("# seed %llu: start %lld (asked %lld), end %lld, durable before %lld, epoch %d\n# %s",
           (unsigned long long)r->w.seed, (long long)log_start_offset(r->w.world.log),
           (long long)r->start, (long long)log_end_offset(r->w.world.log), (long long)r->durable,
           r->epoch, buf_text(&r->w.world.lines));
    for (uint32_t i = 0; i < r->w.world.log->segment_count; i++)
        printf("# segment %lld: %llu bytes, end %lld\n",
               (long long)r->w.world.log->segments[i]->base_offset,
               (unsigned long long)r->w.world.log->segments[i]->size,
               (long long)r->w.world.log->segments[i]->end_offset);
}

static void read_all(struct run *r, struct seen *seen)
{
    int64_t next = log_start_offset(r->w.world.log);
    while (next < log_end_offset(r->w.world.log)) {
        struct log_slice slice;
        CHECK_INT(log_read(r->w.world.log, next, 5000, INT64_MAX, true, &slice), 0);
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
    CHECK_INT(next, log_end_offset(r->w.world.log));
}

/* Whether what was seen is the front of a state, as far as the log start allows. */
static bool is_front_of(struct run *r, const struct seen *seen, const struct state *state)
{
    int at = 0;
    while (at < state->count && seen->count > 0 && state->batches[at] != seen->batches[0])
        at++;
    if (seen->count == 0)
        return state_end(r, state) >= log_end_offset(r->w.world.log);
    if (state->count - at < seen->count)
        return false;
    return memcmp(state->batches + at, seen->batches, (size_t)seen->count * sizeof(int)) == 0;
}

static void check_producers(struct run *r, const struct seen *seen)
{
    for (int i = 0; i < PRODUCERS; i++) {
        if (seen->epoch_of[i] < 0)
            continue;
        const struct producer *producer = producer_state_get(&r->w.world.log->producers, 100 + i);
        CHECK(producer != NULL);
        CHECK_INT(producer->epoch, seen->epoch_of[i]);
        if (seen->last_sequence[i] > -2)
            CHECK_INT(producer_last_sequence(producer), seen->last_sequence[i]);
        CHECK_INT(producer->txn_start_offset >= 0, seen->txn_start[i] >= 0);
        CHECK(producer->txn_start_offset <= seen->txn_start[i]);
        if (log_start_offset(r->w.world.log) == 0)
            CHECK_INT(producer->txn_start_offset, seen->txn_start[i]);
    }
}

static bool is_seen(struct run *r, const struct seen *seen, const struct log_aborted_txn *txn)
{
    for (int i = 0; i < seen->end_count; i++) {
        const struct producer_txn *end = &seen->ends[i];
        if (end->last_offset != txn->last_offset)
            continue;
        CHECK_INT(end->producer_id, txn->producer_id);
        CHECK(end->first_offset < 0 || txn->first_offset <= end->first_offset);
        if (log_start_offset(r->w.world.log) == 0)
            CHECK_INT(txn->first_offset, end->first_offset);
        return true;
    }
    return false;
}

/* Every transaction whose data and abort marker are there, and nothing that has no such marker. */
static void check_aborted(struct run *r, const struct seen *seen)
{
    struct log *log = r->w.world.log;
    struct log_aborted found;
    size_t expected = 0;
    for (int i = 0; i < seen->end_count; i++)
        expected += seen->ends[i].first_offset >= 0;
    CHECK_INT(log_find_aborted(log, log_start_offset(log), INT64_MAX, NULL, &found), 0);
    CHECK(found.count >= expected);
    for (size_t i = 0; i < found.count; i++)
        CHECK(is_seen(r, seen, &found.txns[i]));
    log_aborted_close(&found);
}

static void check_log(struct run *r)
{
    struct seen *seen = mem_alloc(sizeof(*seen));
    memset(seen->epoch_of, -1, sizeof(seen->epoch_of));
    memset(seen->txn_start, -1, sizeof(seen->txn_start));
    if (log_start_offset(r->w.world.log) > r->start)
        tell(r);
    CHECK(log_start_offset(r->w.world.log) <= r->start);
    if (log_end_offset(r->w.world.log) < r->durable)
        tell(r);
    CHECK(log_end_offset(r->w.world.log) >= r->durable);
    CHECK_INT(log_durable_offset(r->w.world.log), log_end_offset(r->w.world.log));
    read_all(r, seen);
    int match = r->state_count - 1;
    while (match >= 0 && !is_front_of(r, seen, &r->states[match]))
        match--;
    if (match < 0)
        tell(r);
    CHECK(match >= 0);
    check_producers(r, seen);
    check_aborted(r, seen);
    log_check_whole(r->w.world.log);
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
    r->durable = log_end_offset(r->w.world.log);
    if (log_start_offset(r->w.world.log) < r->start)
        r->start = log_start_offset(r->w.world.log);
    r->epoch++;
    memset(r->sequences, 0, sizeof(r->sequences));
    mem_free(seen);
}

/* ---- runs ---- */

static int swaps; /* of all runs */

static void run_swapped(void *data, struct log *log)
{
    struct run *r = data;
    r->w.world.log = log;
    swaps++;
    note_durable(r);
}

static void run_opened(void *data)
{
    struct run *r = data;
    log_watch(r->w.world.log, note_durable, r);
    log_watch_swap(r->w.world.log, run_swapped);
}

static void run_init(struct run *r, uint64_t seed)
{
    *r = (struct run){0};
    log_process_init(&r->w, seed, run_opened, r);
    r->made = mem_alloc(BATCHES_MAX * sizeof(*r->made));
    r->states = mem_alloc(STATES_MAX * sizeof(*r->states));
    push_state(r, NULL, 0);
}

static void run_close(struct run *r)
{
    log_process_close(&r->w);
    for (int i = 0; i < r->state_count; i++)
        mem_free(r->states[i].batches);
    mem_free(r->states);
    mem_free(r->made);
}

static void run_move(struct run *r)
{
    r->moves = true;
    r->dirs[0] = r->w.world.dir;
    r->dirs[1] = "/second";
    r->w.world.manager_config.dirs = r->dirs;
    r->w.world.manager_config.dir_count = 2;
}

/* Opens what the last kill left, and checks it. Power may fail in that too. */
static void reopen(struct run *r)
{
    log_process_boot(&r->w);
    while (sim_node_is_down(r->w.node)) {
        log_process_bury(&r->w);
        log_process_boot(&r->w);
    }
    sim_disk_crash_at(r->w.node, 0);
    if (r->w.world.err < 0) {
        printf("# seed %llu: %s\n# %s# %s\n", (unsigned long long)r->w.seed,
               err_name(r->w.world.err), buf_text(&r->w.world.lines),
               buf_text(&r->w.world.problem));
        CHECK_INT(r->w.world.err, 0);
    }
    check_log(r);
}

static void work(struct run *r, int steps)
{
    for (int i = 0; i < steps && !sim_node_is_down(r->w.node); i++) {
        env_post(r->w.world.env, do_step, r);
        sim_run_for(r->w.sim, (int64_t)draw(r, 3000));
    }
}

/* Ends the process in one way or another. */
static void end_somehow(struct run *r)
{
    if (sim_node_is_down(r->w.node))
        return;
    switch (draw(r, 4)) {
    case 0:
        sim_node_kill(r->w.node);
        break;
    case 1:
        sim_node_kill_power(r->w.node);
        break;
    case 2:
        log_process_shut_down(&r->w);
        break;
    default:
        sim_disk_crash_at(r->w.node, 1 + draw(r, 60));
        work(r, 60);
        if (!sim_node_is_down(r->w.node))
            sim_node_kill_power(r->w.node);
    }
}

/* The topic is deleted and made anew: nothing of the old one may come back. */
static void remake(struct run *r)
{
    log_process_remake(&r->w);
    for (int i = 0; i < r->state_count; i++)
        mem_free(r->states[i].batches);
    r->state_count = 0;
    push_state(r, NULL, 0);
    r->durable = r->start = 0;
    r->epoch++;
    memset(r->sequences, 0, sizeof(r->sequences));
}

static void a_seed_survives(uint64_t seed, bool txns, bool moves)
{
    struct run r;
    run_init(&r, seed);
    r.txns = txns;
    if (moves)
        run_move(&r);
    log_process_boot(&r.w);
    CHECK_INT(r.w.world.err, 0);
    for (int round = 0; round < 8; round++) {
        work(&r, 10 + (int)draw(&r, 60));
        if (draw(&r, 4) == 0) {
            sim_disk_crash_at(r.w.node, draw(&r, 2) ? 1 + draw(&r, 60) : 0);
            remake(&r);
            work(&r, (int)draw(&r, 20));
        }
        end_somehow(&r);
        sim_disk_crash_at(r.w.node, draw(&r, 4) == 0 ? 1 + draw(&r, 10) : 0);
        log_process_bury(&r.w);
        reopen(&r);
    }
    run_close(&r);
}

static void seeds_survive(bool txns, bool moves)
{
    const char *count = getenv("LOG_CRASH_SEEDS"), *first = getenv("LOG_CRASH_FIRST");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t to = from + (count ? strtoull(count, NULL, 10) : 300);
    for (uint64_t seed = from; seed < to; seed++) {
        printf("# seed %llu\n", (unsigned long long)seed);
        a_seed_survives(seed, txns, moves);
    }
}

static void many_seeds_survive(void)
{
    seeds_survive(false, false);
}

static void transactions_survive(void)
{
    seeds_survive(true, false);
}

static void moves_survive(void)
{
    swaps = 0;
    seeds_survive(true, true);
    printf("# the log moved %d times\n", swaps);
    CHECK(swaps > 0);
}

/* One workload, cut at its first, second, third... disk call, until it gets through. */
static void each_disk_call_may_be_the_last(bool txns, bool moves)
{
    bool through = false;
    for (uint64_t n = 1; !through; n++) {
        struct run r;
        run_init(&r, 77);
        r.txns = txns;
        if (moves)
            run_move(&r);
        log_process_boot(&r.w);
        CHECK_INT(r.w.world.err, 0);
        sim_disk_crash_at(r.w.node, n);
        work(&r, 150);
        through = !sim_node_is_down(r.w.node);
        if (through)
            sim_node_kill_power(r.w.node);
        log_process_bury(&r.w);
        reopen(&r);
        run_close(&r);
    }
}

static void every_disk_call_may_be_the_last(void)
{
    each_disk_call_may_be_the_last(false, false);
    each_disk_call_may_be_the_last(true, false);
}

/* Among them are all of some moves between two log directories. */
static void every_disk_call_of_a_move_may_be_the_last(void)
{
    swaps = 0;
    each_disk_call_may_be_the_last(true, true);
    printf("# the log moved %d times\n", swaps);
    CHECK(swaps > 0);
}

/* A disk call fails: whatever it is, the process lives on, and nothing that was durable is lost. */
static void each_disk_call_may_fail(bool moves)
{
    bool through = false;
    for (uint64_t n = 1; !through; n++) {
        struct run r;
        run_init(&r, 99);
        if (moves)
            run_move(&r);
        log_process_boot(&r.w);
        CHECK_INT(r.w.world.err, 0);
        sim_disk_fail_at(r.w.node, n);
        work(&r, 100);
        through = r.w.world.log && !log_is_offline(r.w.world.log) && n > 2000;
        sim_disk_fail_at(r.w.node, 0);
        sim_node_kill(r.w.node);
        log_process_bury(&r.w);
        reopen(&r);
        run_close(&r);
    }
}

static void every_disk_call_may_fail(void)
{
    each_disk_call_may_fail(false);
    each_disk_call_may_fail(true);
}

static void step_append(void *data)
{
    struct run *r = data;
    if (r->txns && draw(r, 5) == 0)
        do_mark(r);
    else
        do_append(r);
}

/* Memory for an open is lacking, at any of them: that is no fault of the disk. */
static void each_open_may_lack_memory(bool txns)
{
    bool through = false;
    for (uint64_t n = 1; !through; n++) {
        struct run r;
        run_init(&r, 55);
        r.lacks = true;
        r.txns = txns;
        log_process_boot(&r.w);
        sim_disk_fail(r.w.node, SIM_DISK_OPEN, n, 1 + n % 3, ERR_NO_MEMORY);
        for (int i = 0; i < 60; i++) {
            env_post(r.w.world.env, step_append, &r);
            sim_run_for(r.w.sim, (int64_t)draw(&r, 3000));
        }
        CHECK(!log_is_offline(r.w.world.log));
        through = sim_node_is_faulty(r.w.node);
        sim_disk_fail_at(r.w.node, 0);
        sim_node_kill(r.w.node);
        log_process_bury(&r.w);
        reopen(&r);
        run_close(&r);
    }
}

static void every_open_of_an_append_may_lack_memory(void)
{
    each_open_may_lack_memory(false);
    each_open_may_lack_memory(true);
}

static void failing_syncs_confirm_nothing(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct run r;
        run_init(&r, seed);
        log_process_boot(&r.w);
        work(&r, 20);
        sim_disk_fail_sync(r.w.node);
        work(&r, 20);
        CHECK(log_is_offline(r.w.world.log));
        sim_node_kill_power(r.w.node);
        log_process_bury(&r.w);
        reopen(&r);
        run_close(&r);
    }
}

/* The pages of a failed sync read well until the power fails, and count as clean: what a start
 * found in them and called durable has to be on the disk. */
static void what_a_failed_sync_left_is_written_again(void)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct run r;
        run_init(&r, seed);
        log_process_boot(&r.w);
        work(&r, 20);
        sim_disk_fail_sync(r.w.node);
        work(&r, 20);
        sim_node_kill(r.w.node);
        log_process_bury(&r.w);
        reopen(&r);
        work(&r, 5);
        sim_node_kill_power(r.w.node);
        log_process_bury(&r.w);
        reopen(&r);
        run_close(&r);
    }
}

static int64_t append_some(struct run *r)
{
    for (int i = 0; i < 5; i++) {
        env_post(r->w.world.env, step_append, r);
        sim_run_for(r->w.sim, 30000);
    }
    return log_durable_offset(r->w.world.log);
}

/* Call n fails, the process ends and the next one acknowledges records. Then the power fails, and
 * the replica's directory goes: it has to be known as lost, whatever was left of the name for it.
 * False when there was no call n. */
static bool lose_after_failure(uint64_t seed, uint64_t n)
{
    struct run r;
    run_init(&r, seed);
    log_process_boot(&r.w);
    CHECK_INT(r.w.world.err, 0);
    sim_disk_set_unordered(r.w.node, true);
    sim_disk_fail_at(r.w.node, n);
    (void)append_some(&r);
    bool failed = !sim_node_is_faulty(r.w.node);
    sim_disk_fail_at(r.w.node, 0);
    sim_node_kill(r.w.node);
    log_process_bury(&r.w);
    reopen(&r);
    CHECK(append_some(&r) > 0);
    sim_node_kill_power(r.w.node);
    log_process_bury(&r.w);
    char *path = mem_printf("%s/t-0", r.w.world.dir);
    CHECK_INT(sim_disk_remove(r.w.node, path), 0);
    mem_free(path);
    log_process_boot(&r.w);
    CHECK_INT(r.w.world.err, ERR_CORRUPT);
    run_close(&r);
    return failed;
}

static void a_name_that_a_start_finds_is_durable(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        for (uint64_t n = 1; lose_after_failure(seed, n); n++)
            continue;
}

TAP_MAIN(TAP_TEST(what_a_failed_sync_left_is_written_again), TAP_TEST(many_seeds_survive),
         TAP_TEST(transactions_survive), TAP_TEST(moves_survive),
         TAP_TEST(every_disk_call_may_be_the_last),
         TAP_TEST(every_disk_call_of_a_move_may_be_the_last), TAP_TEST(every_disk_call_may_fail),
         TAP_TEST(every_open_of_an_append_may_lack_memory), TAP_TEST(failing_syncs_confirm_nothing),
         TAP_TEST(a_name_that_a_start_finds_is_durable))
