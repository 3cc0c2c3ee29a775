/* Transactions in a log: how long they hold the last stable offset, and the index of aborted ones
 * against a model: after appends, cuts, restarts, crashes and damage. Traps 51 and 52. */
#include "fixture.h"

#include "base/bytes.h"
#include "base/crc32c.h"

enum { PRODUCERS = 4, STEPS = 120, ENDS_MAX = STEPS };
#define TXNINDEX0 "00000000000000000000.txnindex"

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* ---- the model ---- */

static struct {
    int64_t start[PRODUCERS]; /* of the open transaction; -1 */
    int sequence[PRODUCERS];
    struct producer_txn ends[ENDS_MAX];
    int end_count;
} model;

static void model_clear(void)
{
    memset(&model, 0, sizeof(model));
    for (int i = 0; i < PRODUCERS; i++)
        model.start[i] = -1;
}

static bool overlaps(const struct producer_txn *txn, int64_t from, int64_t end)
{
    return txn->aborted && txn->last_offset >= from && txn->first_offset < end;
}

static bool is_found(const struct log_aborted *found, const struct producer_txn *txn)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->txns[i].producer_id == txn->producer_id &&
            found->txns[i].first_offset == txn->first_offset &&
            found->txns[i].last_offset == txn->last_offset)
            return true;
    return false;
}

static void check_range(struct log_world *f, int64_t from, int64_t end)
{
    struct log_aborted found;
    size_t expected = 0;
    CHECK_INT(log_find_aborted(f->log, from, end, NULL, &found), 0);
    for (int i = 0; i < model.end_count; i++) {
        if (!overlaps(&model.ends[i], from, end))
            continue;
        expected++;
        CHECK(is_found(&found, &model.ends[i]));
    }
    CHECK_INT(found.count, expected);
    for (size_t i = 1; i < found.count; i++)
        CHECK(found.txns[i - 1].first_offset <= found.txns[i].first_offset);
    log_aborted_close(&found);
}

static void check_all(struct log_world *f)
{
    int64_t end = log_end_offset(f->log);
    for (int64_t from = log_start_offset(f->log); from < end; from += 3)
        for (int64_t to = from + 1; to <= end; to += 5)
            check_range(f, from, to);
    log_check_whole(f->log);
}

/* ---- writing ---- */

static int write_txn(struct log_world *f, int producer, int count)
{
    int rc = append_spec(f,
                         (struct batch_spec){.count = count,
                                             .value_len = 20,
                                             .producer_id = producer + 1,
                                             .sequence = model.sequence[producer],
                                             .attributes = BATCH_TRANSACTIONAL,
                                             .timestamp = 1000},
                         LOG_FROM_CLIENT);
    model.sequence[producer] += count;
    if (rc == 0 && model.start[producer] < 0)
        model.start[producer] = fixture_result.base_offset;
    return rc;
}

static int end_txn(struct log_world *f, int producer, bool commit)
{
    struct buf bytes = batch_make_marker(
        (struct batch_marker){.producer_id = producer + 1, .commit = commit, .timestamp = 1000});
    int rc = log_append(f->log, bytes.data, bytes.len, LOG_MARKER, 0, &fixture_result);
    buf_close(&bytes);
    if (rc == 0 && model.start[producer] >= 0)
        model.ends[model.end_count++] =
            (struct producer_txn){.producer_id = producer + 1,
                                  .first_offset = model.start[producer],
                                  .last_offset = fixture_result.base_offset,
                                  .aborted = !commit};
    model.start[producer] = -1;
    return rc;
}

static void write_some(struct log_world *f, int steps)
{
    for (int i = 0; i < steps; i++) {
        int producer = (int)draw(PRODUCERS), what = (int)draw(5);
        if (what == 0)
            CHECK_INT(append_some(f, 1 + (int)draw(3), 10), 0);
        else if (what < 4)
            CHECK_INT(write_txn(f, producer, 1 + (int)draw(3)), 0);
        else
            CHECK_INT(end_txn(f, producer, draw(3) == 0), 0);
    }
}

static void begin(struct log_world *f, uint64_t from)
{
    seed = from;
    model_clear();
    fixture_init(f);
    f->config.segment_bytes = 1500;
    f->config.index_interval_bytes = 200;
    CHECK_INT(fixture_open(f), 0);
}

/* ---- the last stable offset ---- */

static void a_marker_counts_when_it_is_committed(void)
{
    struct log_world f;
    begin(&f, 1);
    CHECK_INT(append_some(&f, 2, 10), 0);
    CHECK_INT(write_txn(&f, 0, 2), 0); /* from 2 */
    CHECK_INT(write_txn(&f, 1, 2), 0); /* from 4 */
    CHECK_INT(append_some(&f, 1, 10), 0);
    CHECK_INT(log_last_stable_offset(f.log), 0);
    log_set_high_watermark(f.log, 7);
    CHECK_INT(log_last_stable_offset(f.log), 2);
    CHECK_INT(end_txn(&f, 1, true), 0); /* at 7 */
    CHECK_INT(end_txn(&f, 0, true), 0); /* at 8 */
    CHECK_INT(append_some(&f, 1, 10), 0);
    CHECK_INT(log_last_stable_offset(f.log), 2);
    log_set_high_watermark(f.log, 8);
    CHECK_INT(log_last_stable_offset(f.log), 2); /* the first one's marker may be lost still */
    log_set_high_watermark(f.log, 9);
    CHECK_INT(log_last_stable_offset(f.log), 9);
    log_set_high_watermark(f.log, 10);
    CHECK_INT(log_last_stable_offset(f.log), 10);
    fixture_close(&f);
}

/* The snapshot of the stop knows nothing of the transaction, whose marker is not committed. */
static void a_restart_knows_what_is_undecided(void)
{
    struct log_world f;
    for (int clean = 0; clean <= 1; clean++) {
        begin(&f, 1);
        CHECK_INT(append_some(&f, 2, 10), 0);
        CHECK_INT(write_txn(&f, 0, 2), 0);
        log_set_high_watermark(f.log, 4);
        CHECK_INT(end_txn(&f, 0, true), 0);
        fixture_settle(&f);
        end_process(&f, clean);
        CHECK_INT(fixture_reopen(&f), 0);
        log_set_high_watermark(f.log, 4);
        CHECK_INT(log_last_stable_offset(f.log), 2);
        log_set_high_watermark(f.log, 5);
        CHECK_INT(log_last_stable_offset(f.log), 5);
        fixture_close(&f);
    }
}

static void a_start_past_a_transaction_is_stable(void)
{
    struct log_world f;
    begin(&f, 1);
    CHECK_INT(write_txn(&f, 0, 2), 0);
    CHECK_INT(append_some(&f, 4, 10), 0);
    log_set_high_watermark(f.log, 6);
    CHECK_INT(log_last_stable_offset(f.log), 0);
    CHECK_INT(log_advance_start(f.log, 5), 0);
    CHECK_INT(log_last_stable_offset(f.log), 5);
    fixture_close(&f);
}

/* ---- aborted transactions ---- */

static void entries_have_kafkas_bytes(void)
{
    struct log_world f;
    uint8_t bytes[2 * TXN_INDEX_ENTRY_LEN];
    begin(&f, 1);
    CHECK_INT(write_txn(&f, 0, 2), 0);   /* from 0 */
    CHECK_INT(write_txn(&f, 1, 2), 0);   /* from 2 */
    CHECK_INT(end_txn(&f, 2, false), 0); /* at 4: nothing was open */
    CHECK_INT(end_txn(&f, 1, false), 0); /* at 5 */
    CHECK_INT(end_txn(&f, 0, false), 0); /* at 6 */
    CHECK_INT(file_size(&f, TXNINDEX0), sizeof(bytes));
    char *path = log_file(&f, TXNINDEX0);
    int fd = open(path, O_RDONLY);
    CHECK_INT(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
    close(fd);
    mem_free(path);
    const int64_t expected[2][4] = {{2, 2, 5, 0}, {1, 0, 6, 7}};
    for (int i = 0; i < 2; i++) {
        const uint8_t *entry = bytes + i * TXN_INDEX_ENTRY_LEN;
        CHECK_INT(bytes_get_u16(entry), 0);
        for (int j = 0; j < 4; j++)
            CHECK_INT((int64_t)bytes_get_u64(entry + 2 + j * 8), expected[i][j]);
    }
    fixture_close(&f);
}

static void reads_know_what_was_aborted(void)
{
    struct log_world f;
    for (uint64_t i = 1; i <= 4; i++) {
        begin(&f, i);
        write_some(&f, STEPS);
        CHECK(f.log->segment_count > 3);
        check_all(&f);
        fixture_close(&f);
    }
}

static void restarts_keep_what_was_aborted(void)
{
    struct log_world f;
    for (uint64_t i = 1; i <= 6; i++) {
        begin(&f, i);
        for (int run = 0; run < 3; run++) {
            write_some(&f, STEPS / 3);
            fixture_settle(&f);
            end_process(&f, (i + (uint64_t)run) % 2 == 0);
            CHECK_INT(fixture_reopen(&f), 0);
            check_all(&f);
        }
        fixture_close(&f);
    }
}

/* What is cut off takes its markers along, and the transactions are open again. */
static void a_cut_takes_markers_along(void)
{
    struct log_world f;
    for (uint64_t i = 1; i <= 4; i++) {
        begin(&f, i);
        write_some(&f, STEPS / 2);
        while (log_end_offset(f.log) > 3) {
            int64_t end = log_end_offset(f.log);
            CHECK_INT(log_truncate(f.log, end - 1 - draw(12) % end), 0);
            while (model.end_count > 0 &&
                   model.ends[model.end_count - 1].last_offset >= log_end_offset(f.log))
                model.end_count--;
            check_all(&f);
            if (draw(3) == 0) {
                fixture_settle(&f);
                end_process(&f, draw(2));
                CHECK_INT(fixture_reopen(&f), 0);
                check_all(&f);
            }
        }
        fixture_close(&f);
    }
}

/* A follower that copies the log has the same indexes. */
static void a_follower_has_the_same_index(void)
{
    struct log_world f;
    begin(&f, 3);
    f.config.segment_bytes = 1 << 20;
    log_set_config(f.log, &f.config);
    write_some(&f, STEPS / 2);
    struct log_slice slice;
    CHECK_INT(log_read(f.log, 0, 1 << 20, INT64_MAX, true, &slice), 0);
    struct buf all;
    buf_init(&all);
    CHECK_INT(buf_reserve(&all, slice.len), 0);
    CHECK_INT(env_file_read(slice.file, all.data, slice.len, slice.position), slice.len);
    all.len = slice.len;
    log_slice_release(&slice);
    check_all(&f);
    CHECK_INT(log_reset(f.log, 0), 0);
    CHECK_INT(log_append(f.log, all.data, all.len, LOG_FROM_LEADER, 0, &fixture_result), 0);
    check_all(&f);
    buf_close(&all);
    fixture_close(&f);
}

static void a_damaged_index_is_made_again(void)
{
    struct log_world f;
    static const uint8_t nonsense[TXN_INDEX_ENTRY_LEN] = {0, 9, 1, 2, 3};
    for (int damage = 0; damage < 5; damage++) {
        begin(&f, 1);
        write_some(&f, STEPS);
        uint32_t at = 0;
        while (f.log->segments[at]->aborted.count < 2)
            at++;
        CHECK(at + 1 < f.log->segment_count);
        char name[SEGMENT_NAME_MAX];
        segment_name(f.log->segments[at]->base_offset, ".txnindex", name);
        bool clean = damage != 4;
        fixture_settle(&f);
        end_process(&f, clean);
        if (damage == 0)
            file_cut(&f, name, TXN_INDEX_ENTRY_LEN + 5);
        else if (damage == 1)
            file_write(&f, name, 0, nonsense, sizeof(nonsense));
        else if (damage == 2)
            file_flip(&f, name, 18); /* the marker's offset */
        else
            file_write(&f, name, TXN_INDEX_ENTRY_LEN, nonsense, sizeof(nonsense));
        CHECK_INT(fixture_reopen(&f), 0);
        check_all(&f);
        fixture_settle(&f);
        end_process(&f, true);
        CHECK_INT(fixture_reopen(&f), 0);
        check_all(&f);
        fixture_close(&f);
    }
}

/* As a version before this one has left it, whose followers kept no such file. */
static void make_list_old(struct log_world *f, const char *index_name)
{
    char *list = mem_printf("%s/.segments", f->dir), *text;
    char *mark = mem_printf("%s/.kafka_cleanshutdown", f->dir);
    size_t len;
    CHECK_INT(env_file_load(f->env, list, 1 << 16, &text, &len), 0);
    char *end = strchr(text, '\n');
    CHECK(end != NULL);
    for (int words = 0; words < 2; words++)
        *(end = memrchr(text, ' ', (size_t)(end - text))) = '\0';
    char *line = mem_printf("%s\n", text);
    uint32_t crc = crc32c(0, line, strlen(line));
    char *whole = mem_printf("%s%u\n", line, crc);
    char *vow = mem_printf("{\"version\":0,\"brokerEpoch\":-1," LOG_MARK_FIELD "%u}", crc);
    CHECK_INT(env_file_replace(f->env, list, whole, strlen(whole)), 0);
    CHECK_INT(env_file_replace(f->env, mark, vow, strlen(vow)), 0);
    file_remove(f, index_name);
    mem_free(vow);
    mem_free(whole);
    mem_free(line);
    mem_free(mark);
    mem_free(list);
    mem_free(text);
}

/* The form of a file does not tell whether its end is there, or whether there was one at all: what
 * the stop counted does. A list of an older version has not counted, and its followers had none. */
static void what_a_clean_stop_left_is_counted(void)
{
    struct log_world f;
    for (int damage = 0; damage < 5; damage++) {
        begin(&f, 1);
        write_some(&f, STEPS);
        uint32_t at = 0;
        while (f.log->segments[at]->aborted.count < 2)
            at++;
        char name[SEGMENT_NAME_MAX];
        segment_name(f.log->segments[at]->base_offset, ".txnindex", name);
        fixture_settle(&f);
        end_process(&f, true);
        if (damage == 0)
            file_cut(&f, name, TXN_INDEX_ENTRY_LEN);
        else if (damage == 1)
            file_remove(&f, name);
        else if (damage == 2)
            file_cut(&f, name, 0);
        else if (damage == 3)
            make_list_old(&f, name);
        f.lines.len = 0;
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK_INT(strstr(buf_text(&f.lines), "are not as the last stop left them") != NULL,
                  damage < 3);
        check_all(&f);
        CHECK_INT(log_find_txn(f.log, 1, 0).open, model.start[0] >= 0);
        fixture_settle(&f);
        end_process(&f, true);
        f.lines.len = 0;
        CHECK_INT(fixture_reopen(&f), 0);
        CHECK(strstr(buf_text(&f.lines), "are not as") == NULL);
        check_all(&f);
        fixture_close(&f);
    }
}

/* Past the recovery point nothing of an index is believed, also where its form is right. */
static void a_crash_makes_the_end_of_an_index_again(void)
{
    struct log_world f;
    begin(&f, 1);
    f.config.segment_bytes = 1 << 20;
    log_set_config(f.log, &f.config);
    write_some(&f, STEPS / 2);
    fixture_settle(&f);
    CHECK(f.log->segments[0]->aborted.count > 2);
    fixture_crash(&f); /* no recovery point was ever written */
    file_cut(&f, TXNINDEX0, 0);
    CHECK_INT(fixture_reopen(&f), 0);
    check_all(&f);
    fixture_crash(&f);
    file_remove(&f, TXNINDEX0);
    CHECK_INT(fixture_reopen(&f), 0);
    check_all(&f);
    fixture_close(&f);
}

/* One whose checksum is right and which names what comes behind it is not believed. */
static void a_snapshot_that_knows_too_much_is_damaged(void)
{
    enum { CRC_AT = 2, CRC_FROM = 6, START_AT = 10 + 38 };
    struct log_world f;
    char name[SEGMENT_NAME_MAX], *text;
    size_t len;
    begin(&f, 1);
    CHECK_INT(write_txn(&f, 0, 2), 0);
    segment_name(2, ".snapshot", name);
    fixture_settle(&f);
    end_process(&f, true);
    char *path = log_file(&f, name);
    CHECK_INT(env_file_load(f.env, path, 1 << 16, &text, &len), 0);
    CHECK(len >= START_AT + 8);
    bytes_put_u64((uint8_t *)text + START_AT, 3);
    bytes_put_u32((uint8_t *)text + CRC_AT, crc32c(0, text + CRC_FROM, len - CRC_FROM));
    CHECK_INT(env_file_replace(f.env, path, text, len), 0);
    mem_free(text);
    mem_free(path);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK(log_find_txn(f.log, 1, 0).open);
    CHECK_INT(end_txn(&f, 0, false), 0);
    check_all(&f);
    fixture_close(&f);
}

static void remove_snapshots(struct log_world *f)
{
    char *dir = mem_printf("%s/t-0", f->dir), **names;
    size_t count;
    CHECK_INT(env_dir_list(f->env, dir, &names, &count), 0);
    for (size_t i = 0; i < count; i++)
        if (strstr(names[i], ".snapshot"))
            file_remove(f, names[i]);
    env_dir_list_free(names, count);
    mem_free(dir);
}

/* Nothing checks the older segments after a clean stop, and no checksum covers the offset of a
 * batch: the replica is damaged, and the broker lives. */
static void a_batch_out_of_order_is_damage(void)
{
    struct log_world f;
    struct batch batch;
    char *text;
    size_t len, at = 0;
    begin(&f, 1);
    CHECK_INT(write_txn(&f, 0, 2), 0);
    CHECK_INT(end_txn(&f, 0, false), 0);
    write_some(&f, STEPS);
    CHECK(f.log->segment_count > 2 && f.log->segments[0]->size > 0);
    fixture_settle(&f);
    end_process(&f, true);
    remove_snapshots(&f); /* so that all batches are read */
    char *path = log_file(&f, "00000000000000000000.log");
    CHECK_INT(env_file_load(f.env, path, 1 << 20, &text, &len), 0);
    for (; batch_parse((uint8_t *)text + at, len - at, &batch) == 0; at += batch.size)
        if (batch_is_control(&batch))
            break;
    CHECK_INT(batch.base_offset, 2);
    bytes_put_u64((uint8_t *)text + at, 0);
    CHECK_INT(env_file_replace(f.env, path, text, len), 0);
    mem_free(text);
    mem_free(path);
    f.lines.len = 0;
    CHECK_INT(fixture_reopen(&f), ERR_CORRUPT);
    CHECK(strstr(buf_text(&f.lines), "not where its offset belongs") != NULL);
    fixture_close(&f);
}

/* ---- very many ---- */

static int64_t abort_one(struct log_world *f, int64_t producer)
{
    CHECK_INT(append_spec(f,
                          (struct batch_spec){.count = 1,
                                              .producer_id = producer,
                                              .attributes = BATCH_TRANSACTIONAL,
                                              .timestamp = 1000},
                          LOG_FROM_CLIENT),
              0);
    int64_t first = fixture_result.base_offset;
    struct buf bytes =
        batch_make_marker((struct batch_marker){.producer_id = producer, .timestamp = 1000});
    CHECK_INT(log_append(f->log, bytes.data, bytes.len, LOG_MARKER, 0, &fixture_result), 0);
    buf_close(&bytes);
    return first;
}

static void close_segments(struct log_world *f)
{
    for (uint32_t i = 0; i < f->log->segment_count; i++)
        segment_close_files(f->log->segments[i]);
}

/* While one transaction is open thousands of others end behind it. They are no concern of who reads
 * at its beginning: the indexes in between are not even opened. */
static void one_that_is_open_for_long_costs_no_walk(void)
{
    enum { MANY = 200 };
    struct log_world f;
    begin(&f, 1);
    CHECK_INT(write_txn(&f, 0, 1), 0);
    for (int i = 0; i < MANY; i++)
        abort_one(&f, 100 + i);
    CHECK_INT(end_txn(&f, 0, false), 0);
    CHECK(f.log->segment_count > 10);
    for (int restart = 0; restart < 2; restart++) {
        fixture_settle(&f);
        close_segments(&f);
        struct log_aborted found;
        CHECK_INT(log_find_aborted(f.log, 0, 2, NULL, &found), 0);
        CHECK_INT(found.count, 2);
        CHECK_INT(found.txns[0].producer_id, 1);
        CHECK_INT(found.txns[1].producer_id, 100);
        log_aborted_close(&found);
        int opened = 0;
        for (uint32_t i = 0; i < f.log->segment_count; i++)
            opened += txn_index_is_open(&f.log->segments[i]->aborted);
        CHECK_INT(opened, 2); /* of the two that overlap */
        end_process(&f, restart == 0);
        CHECK_INT(fixture_reopen(&f), 0);
    }
    fixture_close(&f);
}

/* Of an index that is larger than what memory has one bound for: each range against a model. */
static void a_large_index_is_read_in_parts(void)
{
    enum { MANY = 3 * TXN_INDEX_CHUNK + 7, LONG = 40 };
    struct log_world f;
    begin(&f, 1);
    f.config.segment_bytes = 64 << 20;
    log_set_config(f.log, &f.config);
    CHECK_INT(write_txn(&f, 0, 1), 0);
    int64_t second = -1;
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(abort_one(&f, 100 + i), 2 * i + 1 + (second >= 0));
        if (i == TXN_INDEX_CHUNK + LONG) {
            CHECK_INT(write_txn(&f, 1, 1), 0);
            second = fixture_result.base_offset;
        }
    }
    CHECK_INT(end_txn(&f, 0, false), 0);
    CHECK_INT(end_txn(&f, 1, false), 0);
    CHECK_INT(f.log->segment_count, 1);
    CHECK_INT(f.log->segments[0]->aborted.first_count, 4);
    int64_t end = log_end_offset(f.log);
    for (int64_t from = 0; from < end; from += 97)
        for (int64_t width = 1; from + width <= end; width *= 5) {
            struct log_aborted found;
            int64_t to = from + width, expected = to > second ? 2 : 1;
            CHECK_INT(log_find_aborted(f.log, from, to, NULL, &found), 0);
            for (int i = 0; i < MANY; i++) {
                int64_t first = 2 * i + 1 + (i > TXN_INDEX_CHUNK + LONG);
                expected += first < to && first + 1 >= from;
            }
            CHECK_INT(found.count, expected);
            log_aborted_close(&found);
        }
    CHECK_INT(log_truncate(f.log, 2 * TXN_INDEX_CHUNK - 3), 0);
    model.start[0] = -1;
    log_check_whole(f.log);
    struct log_aborted found;
    CHECK_INT(log_find_aborted(f.log, 3, INT64_MAX, NULL, &found), 0);
    CHECK_INT(found.count, TXN_INDEX_CHUNK - 3);
    log_aborted_close(&found);
    fixture_close(&f);
}

static void an_index_goes_with_its_segment(void)
{
    struct log_world f;
    begin(&f, 1);
    write_some(&f, STEPS);
    CHECK(file_exists(&f, TXNINDEX0));
    log_set_high_watermark(f.log, log_end_offset(f.log));
    CHECK_INT(log_advance_start(f.log, log_end_offset(f.log)), 0);
    CHECK(!file_exists(&f, TXNINDEX0));
    fixture_settle(&f);
    fixture_shutdown(&f);
    char *path = log_file(&f, TXNINDEX0); /* of no segment */
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    close(fd);
    mem_free(path);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK(!file_exists(&f, TXNINDEX0));
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_marker_counts_when_it_is_committed),
         TAP_TEST(a_restart_knows_what_is_undecided),
         TAP_TEST(a_start_past_a_transaction_is_stable), TAP_TEST(entries_have_kafkas_bytes),
         TAP_TEST(reads_know_what_was_aborted), TAP_TEST(restarts_keep_what_was_aborted),
         TAP_TEST(a_cut_takes_markers_along), TAP_TEST(a_follower_has_the_same_index),
         TAP_TEST(a_damaged_index_is_made_again), TAP_TEST(a_crash_makes_the_end_of_an_index_again),
         TAP_TEST(an_index_goes_with_its_segment), TAP_TEST(what_a_clean_stop_left_is_counted),
         TAP_TEST(a_snapshot_that_knows_too_much_is_damaged),
         TAP_TEST(a_batch_out_of_order_is_damage),
         TAP_TEST(one_that_is_open_for_long_costs_no_walk),
         TAP_TEST(a_large_index_is_read_in_parts))
