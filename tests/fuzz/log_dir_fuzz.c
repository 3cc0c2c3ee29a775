/* A log directory as a start finds it: segments, indexes, aborted transactions, epochs, producer
 * snapshots, checkpoints, what a clean stop left, meta.properties, all with any content. It is
 * opened on a simulated disk, read, written, cut, shut down and opened again.
 *
 * The input is a row of files: one byte length of the name, the name (below the log directory),
 * four bytes length, content. What must hold: a log that opens is whole from start to end, nothing
 * past the recovery point is served with a wrong checksum, and what we shut down opens again. */
#include "fuzz_batches.h"
#include "fuzz_files.h"

#include <string.h>

#include "../sim/sim.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/log/log_manager_private.h"
#include "kafka/batch.h"
#include "tests/lib/log_world.h"

enum {
    SNAPSHOT_CRC_AT = 2,
    SNAPSHOT_CRC_FROM = 6,
    LIMIT_US = 600 * 1000 * 1000, /* of virtual time, for one step */
    READS_MAX = 4000,
    READ_MAX = 2000
};

struct world {
    struct log_world logs;
    struct sim *sim;
    struct sim_node *node;
};

/* ---- the input ---- */

/* Writes a number over one of as many digits, if it has as many. */
static void mend_number(uint8_t *at, const uint8_t *end, uint32_t number)
{
    char text[16];
    size_t len = 0, digits = (size_t)snprintf(text, sizeof(text), "%u", number);
    while (at + len < end && at[len] >= '0' && at[len] <= '9')
        len++;
    if (len == digits)
        memcpy(at, text, digits);
}

/* The checksum in the last line of what a clean stop left, which its mark repeats. */
static void mend_list(struct fuzz_file *list, struct fuzz_file *mark)
{
    size_t last = list->len > 0 ? list->len - 1 : 0;
    while (last > 0 && list->data[last - 1] != '\n')
        last--;
    uint32_t crc = crc32c(0, list->data, last);
    mend_number(list->data + last, list->data + list->len, crc);
    for (size_t i = 0; i + strlen(LOG_MARK_FIELD) < mark->len; i++)
        if (memcmp(mark->data + i, LOG_MARK_FIELD, strlen(LOG_MARK_FIELD)) == 0)
            mend_number(mark->data + i + strlen(LOG_MARK_FIELD), mark->data + mark->len, crc);
}

static void mend(uint8_t *data, size_t len)
{
    struct fuzz_file part, list = {0}, mark = {0};
    while (fuzz_file_next(&data, &len, &part)) {
        if (fuzz_file_name_is(&part, ".segments"))
            list = part;
        else if (fuzz_file_name_is(&part, ".kafka_cleanshutdown"))
            mark = part;
        if (fuzz_file_name_ends(&part, ".log"))
            fuzz_batch_mend(part.data, part.len);
        else if (fuzz_file_name_ends(&part, ".snapshot") && part.len > SNAPSHOT_CRC_FROM)
            bytes_put_u32(part.data + SNAPSHOT_CRC_AT,
                          crc32c(0, part.data + SNAPSHOT_CRC_FROM, part.len - SNAPSHOT_CRC_FROM));
    }
    if (list.len > 0 && mark.len > 0)
        mend_list(&list, &mark);
}

/* ---- the world ---- */

static void world_line(void *data, const char *line, int len)
{
    (void)data;
    if (getenv("FUZZ_VERBOSE"))
        fprintf(stderr, "# %.*s", len, line);
}

static void world_init(struct world *world)
{
    *world = (struct world){.sim = sim_new(1)};
    world->node = sim_node_new(world->sim, "n0");
    log_world_init(&world->logs, sim_env_new(world->node), "");
    world->logs.logger.sink = world_line;
    world->logs.config.segment_bytes = 3000;
    world->logs.config.segment_ms = INT64_MAX;
    world->logs.config.index_interval_bytes = 200;
    world->logs.manager_config.cluster_id = NULL; /* whatever meta.properties says */
}

/* Lets go of the manager as a crash does, then of everything. */
static void world_drop_manager(struct world *world)
{
    log_world_drop(&world->logs);
    sim_run_for(world->sim, 1000 * 1000);
}

static void world_close(struct world *world)
{
    world_drop_manager(world);
    log_world_close(&world->logs);
    sim_free(world->sim);
}

static bool world_is_done(void *data)
{
    const struct log_world *logs = &((struct world *)data)->logs;
    return logs->opened || logs->down;
}

static void world_wait(struct world *world)
{
    FUZZ_REQUIRE(
        sim_run_until(world->sim, world_is_done, world, sim_now_us(world->sim) + LIMIT_US));
}

/* False when the directory is refused, with a sentence. */
static bool world_start(struct world *world)
{
    int err = log_world_start(&world->logs);
    FUZZ_REQUIRE(err == 0 || world->logs.problem.len > 0);
    return err == 0;
}

static int world_open(struct world *world)
{
    log_world_open(&world->logs);
    world_wait(world);
    return world->logs.err;
}

static void world_shutdown(struct world *world)
{
    world->logs.opened = false;
    log_world_shut_down(&world->logs);
    world_wait(world);
    world_drop_manager(world);
}

/* ---- seeds: what our own logs leave ---- */

static void seed_append(struct world *world, struct batch_spec spec)
{
    struct buf bytes;
    struct log_append result;
    buf_init(&bytes);
    fuzz_batch_put(&bytes, spec, false);
    int err = log_append(world->logs.log, bytes.data, bytes.len, LOG_FROM_LEADER, 0, &result);
    FUZZ_REQUIRE(err == 0);
    buf_close(&bytes);
    sim_run_for(world->sim, 20 * 1000);
}

static void seed_abort(struct world *world, int leader_epoch)
{
    struct log_append result;
    struct batch_spec spec = {.base_offset = log_end_offset(world->logs.log),
                              .count = 1,
                              .value_len = 20,
                              .leader_epoch = leader_epoch,
                              .producer_id = FUZZ_MARKER_PRODUCER,
                              .sequence = (int)(log_end_offset(world->logs.log) & 0xffff),
                              .attributes = BATCH_TRANSACTIONAL};
    seed_append(world, spec);
    struct buf marker =
        batch_make_marker((struct batch_marker){.base_offset = log_end_offset(world->logs.log),
                                                .producer_id = FUZZ_MARKER_PRODUCER,
                                                .leader_epoch = leader_epoch});
    int err = log_append(world->logs.log, marker.data, marker.len, LOG_FROM_LEADER, 0, &result);
    FUZZ_REQUIRE(err == 0);
    buf_close(&marker);
}

static void seed_fill(struct world *world, int batches)
{
    for (int i = 0; i < batches; i++) {
        struct batch_spec spec = {.base_offset = log_end_offset(world->logs.log),
                                  .count = 1 + i % 3,
                                  .value_len = 50,
                                  .leader_epoch = 1 + i / 7,
                                  .codec = (enum compress_codec)(i % 5)};
        if (i % 4 == 1) {
            spec.producer_id = 9;
            spec.sequence = i / 4 * spec.count;
            spec.attributes = i % 8 == 1 ? BATCH_TRANSACTIONAL : 0;
        }
        seed_append(world, spec);
        if (i % 9 == 8)
            seed_abort(world, 1 + i / 7);
    }
    struct buf marker;
    struct log_append result;
    buf_init(&marker);
    fuzz_batch_put_marker(&marker, log_end_offset(world->logs.log), true);
    if (batches > 7)
        FUZZ_REQUIRE(
            log_append(world->logs.log, marker.data, marker.len, LOG_FROM_LEADER, 0, &result) == 0);
    buf_close(&marker);
    log_set_high_watermark(world->logs.log, log_end_offset(world->logs.log) - 1);
    sim_run_for(world->sim, 100 * 1000);
}

static void seed_one(struct fuzz_corpus *corpus, int batches, bool clean, bool metadata)
{
    struct world world;
    struct buf out;
    world_init(&world);
    buf_init(&out);
    FUZZ_REQUIRE(world_start(&world) && world_open(&world) == 0);
    seed_fill(&world, batches);
    if (clean)
        world_shutdown(&world);
    else
        world_drop_manager(&world);
    fuzz_file_take_dir(&out, world.logs.env, "/data/t-0", "t-0/");
    if (metadata)
        fuzz_file_take_dir(&out, world.logs.env, "/data", "");
    fuzz_add(corpus, out.data, out.len);
    buf_close(&out);
    world_close(&world);
}

static void seed(struct fuzz_corpus *corpus)
{
    static const int sizes[] = {0, 1, 3, 8, 40, 100};
    static const char *const words[] = {"t-0/leader-epoch-checkpoint",
                                        "t-0/00000000000000000000.index",
                                        "t-0/00000000000000000000.txnindex",
                                        ".kafka_cleanshutdown",
                                        "recovery-point-offset-checkpoint",
                                        "0\n1\nt 0 10\n",
                                        "0\n2\n0 0\n1 5\n",
                                        "\n",
                                        " ",
                                        "t-0/00000000000000000005.truncated",
                                        "9223372036854775807",
                                        "-1",
                                        "meta.properties",
                                        "version=1\nnode.id=1\n",
                                        "cluster.id=",
                                        "broker.id=1\n"};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (int kind = 0; kind < 4; kind++)
            seed_one(corpus, sizes[i], kind & 1, kind & 2);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        fuzz_add_word(corpus, words[i]);
}

/* The cap is that of the input; beside it a scan has blocks of 256 KiB, and the world its files. */
const struct fuzz_target fuzz_target = {.what = "log directories",
                                        .len_max = 32768,
                                        .memory_max = 4 << 20,
                                        .execs = 3000,
                                        .seed = seed,
                                        .mend = mend};

/* ---- what is done with a directory ---- */

/* The batches of a slice. Returns the offset behind the last whole one, or -1 when there is none.
 * What a start trusts (below the recovery point, or all after a clean shutdown) it does not look
 * at, so only the rest must be right: `checked`. */
static int64_t check_slice(const struct log_slice *slice, int64_t offset, bool checked)
{
    struct batch batch;
    int64_t next = -1;
    uint8_t *bytes = mem_alloc(slice->len);
    ssize_t got = env_file_read(slice->file, bytes, slice->len, slice->position);
    FUZZ_REQUIRE(got == (ssize_t)slice->len);
    for (size_t at = 0; at < slice->len; at += batch.size) {
        int err = batch_parse(bytes + at, slice->len - at, &batch);
        FUZZ_REQUIRE(err == 0 || !checked || (err == ERR_EOF && at > 0));
        if (err < 0)
            break;
        if (checked) {
            FUZZ_REQUIRE(next >= 0 ? batch.base_offset >= next
                                   : batch_last_offset(&batch) >= offset);
            FUZZ_REQUIRE(batch_check_crc(&batch) == 0);
        }
        next = batch_last_offset(&batch) + 1;
    }
    mem_free(bytes);
    return next;
}

/* What was aborted in a slice: in order, and none of it behind what may be read. False when the
 * log reports damage. */
static bool read_aborted(struct world *world, int64_t offset, const struct log_slice *slice)
{
    struct log_aborted found;
    int err = log_read_aborted(world->logs.log, offset, INT64_MAX, slice, &found, NULL);
    for (size_t i = 0; !err && i < found.count; i++) {
        FUZZ_REQUIRE(found.txns[i].last_offset >= offset);
        FUZZ_REQUIRE(i == 0 || found.txns[i - 1].first_offset <= found.txns[i].first_offset);
    }
    log_aborted_close(&found);
    return err == 0;
}

/* Reads from start to end. False when the log reports damage. */
static bool read_all(struct world *world, int64_t checked_from)
{
    int64_t offset = log_start_offset(world->logs.log), end = log_end_offset(world->logs.log);
    FUZZ_REQUIRE(0 <= offset && offset <= end);
    FUZZ_REQUIRE(offset <= log_high_watermark(world->logs.log) &&
                 log_high_watermark(world->logs.log) <= end);
    for (int reads = 0; offset < end && reads < READS_MAX; reads++) {
        struct log_slice slice;
        int err = log_read(world->logs.log, offset, READ_MAX, INT64_MAX, true, &slice);
        FUZZ_REQUIRE(err == 0 || offset < checked_from);
        if (err)
            return false;
        bool checked = offset >= checked_from;
        if (slice.len && !read_aborted(world, offset, &slice)) {
            log_slice_release(&slice);
            return false;
        }
        int64_t next = slice.len ? check_slice(&slice, offset, checked) : -1;
        log_slice_release(&slice);
        FUZZ_REQUIRE(!checked || (next > offset && next <= end));
        if (next <= offset || next > end)
            return true;
        offset = next;
    }
    return true;
}

static void ask_found(struct log_lookup *lookup)
{
    lookup->done = NULL;
}

static bool ask_is_over(void *data)
{
    return !((struct log_lookup *)data)->done;
}

/* The error of a lookup that was started. */
static int ask_end(struct world *world, struct log_lookup *lookup, int rc)
{
    if (rc == 1) {
        FUZZ_REQUIRE(
            sim_run_until(world->sim, ask_is_over, lookup, sim_now_us(world->sim) + LIMIT_US));
        rc = lookup->err;
    }
    lookup->done = ask_found;
    return rc;
}

static void ask(struct world *world)
{
    static const int64_t times[] = {0, 1700000000010, 1700000000100, INT64_MAX, -1, INT64_MIN};
    int64_t end_offset;
    int32_t found;
    struct log_lookup lookup = {.done = ask_found};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        int rc = ask_end(world, &lookup, log_lookup_start(&lookup, world->logs.log, times[i]));
        FUZZ_REQUIRE(rc < 0 || lookup.offset < 0 || lookup.timestamp_ms >= times[i]);
    }
    int rc = ask_end(world, &lookup, log_lookup_start_max(&lookup, world->logs.log));
    (void)rc;
    for (int32_t epoch = -1; epoch < 5; epoch++)
        log_end_of_epoch(world->logs.log, epoch, &found, &end_offset);
    (void)log_last_stable_offset(world->logs.log);
    FUZZ_REQUIRE(log_size(world->logs.log) >= 0);
}

static void append(struct world *world, int64_t producer_id)
{
    struct buf bytes;
    struct log_append result;
    int64_t end = log_end_offset(world->logs.log);
    struct batch_spec spec = {.count = 3, .value_len = 30, .producer_id = producer_id};
    buf_init(&bytes);
    fuzz_batch_put(&bytes, spec, false);
    int err = log_append(world->logs.log, bytes.data, bytes.len, LOG_FROM_CLIENT, 1 << 30, &result);
    if (err == 0 && !result.duplicate) {
        FUZZ_REQUIRE(result.base_offset == end && result.last_offset == end + 2);
        FUZZ_REQUIRE(log_end_offset(world->logs.log) == end + 3);
    }
    buf_close(&bytes);
    sim_run_for(world->sim, 20 * 1000);
}

static void change(struct world *world)
{
    int64_t start = log_start_offset(world->logs.log), end = log_end_offset(world->logs.log);
    append(world, 0);
    append(world, 9);
    append(world, 77);
    int err = log_truncate(world->logs.log, start + (end - start) / 2);
    FUZZ_REQUIRE(err || log_end_offset(world->logs.log) <= start + (end - start) / 2);
    append(world, 0);
    log_set_high_watermark(world->logs.log, log_end_offset(world->logs.log));
    err = log_advance_start(world->logs.log, start + (end - start) / 4);
    (void)err;
    sim_run_for(world->sim, 100 * 1000);
}

/* What a clean shutdown of ours left must open. */
static void open_again(struct world *world)
{
    int64_t end = log_end_offset(world->logs.log);
    bool offline = log_is_offline(world->logs.log);
    world_shutdown(world);
    FUZZ_REQUIRE(world_start(world));
    int err = world_open(world);
    FUZZ_REQUIRE(err == 0 || offline);
    FUZZ_REQUIRE(offline || log_end_offset(world->logs.log) == end);
    world_drop_manager(world);
}

static void discard(struct world *world)
{
    FUZZ_REQUIRE(log_manager_discard(world->logs.manager, "t", 0) == 0);
    FUZZ_REQUIRE(world_open(world) == 0);
    FUZZ_REQUIRE(log_end_offset(world->logs.log) == 0);
    append(world, 0);
    FUZZ_REQUIRE(log_end_offset(world->logs.log) == 3);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    struct world world;
    world_init(&world);
    FUZZ_REQUIRE(env_dir_make(world.logs.env, "/data/t-0") == 0);
    fuzz_file_lay_out(world.logs.env, "/data", data, len);
    if (world_start(&world)) {
        const struct log_entry *entry = map_get(&world.logs.manager->entries, "t-0", 3);
        bool clean = world.logs.manager->dirs[0].clean;
        int64_t checked_from = clean || !entry ? INT64_MAX : entry->recovery_point;
        int err = world_open(&world);
        FUZZ_REQUIRE(err == 0 || err == ERR_CORRUPT || err == ERR_KAFKA_STORAGE_ERROR);
        if (err == ERR_CORRUPT) {
            discard(&world);
        } else if (err == 0 && read_all(&world, checked_from)) {
            ask(&world);
            change(&world);
            if (read_all(&world, INT64_MAX))
                open_again(&world);
        }
    }
    world_close(&world);
    return 0;
}
