/* Compaction: what stays, what goes, when, and what is never touched. Trap 43 of the checklist. */
#include "fixture.h"

#include "broker/log/cleaner.h"

enum { KEYS = 40, RECORDS_MAX = 20000 };

/* A record that was read back. */
struct kept {
    int64_t offset;
    int key;
    int value; /* -1 = tombstone */
    int64_t timestamp;
};

static struct kept kept[RECORDS_MAX];
static int kept_count;
static int batches_read, empty_batches;

/* A batch of keyed records; value -1 is a tombstone. */
static int append_keyed(struct log_world *f, const int *keys, const int *values, int count,
                        struct batch_spec spec)
{
    static char texts[RECORDS_MAX][2][80];
    static struct batch_record records[RECORDS_MAX];
    CHECK(count <= RECORDS_MAX);
    for (int i = 0; i < count; i++) {
        snprintf(texts[i][0], sizeof(texts[i][0]), "key-%d", keys[i]);
        snprintf(texts[i][1], sizeof(texts[i][1]),
                 "%d: some text that makes a record of some length", values[i]);
        records[i] = (struct batch_record){.key = batch_text(texts[i][0]),
                                           .value = values[i] < 0 ? WIRE_BYTES_NULL
                                                                  : batch_text(texts[i][1]),
                                           .timestamp = spec.timestamp + i,
                                           .headers = i % 2};
    }
    spec.count = count;
    spec.records = records;
    return append_spec(f, spec, LOG_FROM_CLIENT);
}

static void take_records(const struct batch *batch)
{
    struct buf scratch;
    struct record_iter records;
    struct record record;
    char text[100];
    buf_init(&scratch);
    batches_read++;
    empty_batches += batch->record_count == 0;
    CHECK_INT(batch_records(batch, 1 << 20, &scratch, &records), 0);
    while (!batch_is_control(batch) && record_iter_next(&records, &record) == 1) {
        struct kept *k = &kept[kept_count++];
        CHECK(kept_count < RECORDS_MAX);
        snprintf(text, sizeof(text), "%.*s", record.key.len, (const char *)record.key.data);
        k->key = atoi(text + 4);
        k->value = -1;
        if (record.value.len >= 0) {
            snprintf(text, sizeof(text), "%.*s", record.value.len, (const char *)record.value.data);
            k->value = atoi(text);
        }
        k->offset = batch->base_offset + record.offset_delta;
        k->timestamp = batch_record_timestamp(batch, &record);
        CHECK(kept_count < 2 || k->offset > k[-1].offset);
    }
    buf_close(&scratch);
}

static void read_everything(struct log_world *f)
{
    int64_t next = log_start_offset(f->log);
    kept_count = batches_read = empty_batches = 0;
    while (next < log_end_offset(f->log)) {
        struct log_slice slice;
        CHECK_INT(log_read(f->log, next, 1 << 20, INT64_MAX, true, &slice), 0);
        size_t len = slice.len;
        CHECK(len > 0);
        uint8_t *bytes = mem_alloc(len + 1);
        CHECK_INT(env_file_read(slice.file, bytes, len, slice.position), len);
        log_slice_release(&slice);
        struct batch batch;
        for (size_t at = 0; batch_parse(bytes + at, len - at, &batch) == 0; at += batch.size) {
            CHECK_INT(batch_check_crc(&batch), 0);
            CHECK(batch_last_offset(&batch) >= next);
            take_records(&batch);
            next = batch_last_offset(&batch) + 1;
        }
        mem_free(bytes);
    }
}

/* Of each key the newest record below `from`, and everything from there on, must be there. */
static void check_kept(const int *keys, const int *values, int count, int64_t from)
{
    int at = 0;
    for (int i = 0; i < count; i++) {
        bool newest = true;
        for (int j = i + 1; j < count && i < from; j++)
            newest = newest && (keys[j] != keys[i] || j >= from);
        /* A newer one behind `from` makes it obsolete only when the map reached it. */
        if (!newest)
            continue;
        while (at < kept_count && kept[at].offset < i)
            at++;
        CHECK(at < kept_count);
        CHECK_INT(kept[at].offset, i);
        CHECK_INT(kept[at].key, keys[i]);
        CHECK_INT(kept[at].value, values[i]);
    }
}

static void compact(struct log_world *f)
{
    log_set_high_watermark(f->log, log_end_offset(f->log));
    fixture_settle(f);
    cleaner_tick(f->manager);
    fixture_settle(f);
}

static void fixture_compacting(struct log_world *f)
{
    fixture_init(f);
    f->config.cleanup_delete = false;
    f->config.cleanup_compact = true;
    f->config.segment_bytes = 4000;
    f->config.index_interval_bytes = 300;
    f->config.min_cleanable_dirty_ratio = 0;
    CHECK_INT(fixture_open(f), 0);
}

static uint32_t seed;
static int some(int below)
{
    seed = seed * 1664525 + 1013904223;
    return (int)((seed >> 8) % (uint32_t)below);
}

static int keys[RECORDS_MAX], values[RECORDS_MAX];

/* `count` records in batches of 1 to 5. */
static void fill(struct log_world *f, int from, int count, enum compress_codec codec)
{
    for (int i = from; i < from + count;) {
        int n = 1 + some(5);
        n = n < from + count - i ? n : from + count - i;
        for (int j = i; j < i + n; j++) {
            keys[j] = some(KEYS);
            values[j] = j;
        }
        CHECK_INT(append_keyed(f, keys + i, values + i, n,
                               (struct batch_spec){.codec = codec, .timestamp = 1000 + i}),
                  0);
        i += n;
    }
}

static void only_the_newest_of_each_key_stays(void)
{
    for (int codec = 0; codec <= COMPRESS_ZSTD; codec++) {
        struct log_world f;
        int count = 0;
        seed = 7;
        fixture_compacting(&f);
        for (int round = 0; round < 4; round++) {
            fill(&f, count, 600, (enum compress_codec)codec);
            count += 600;
            int64_t size = log_size(f.log);
            int64_t active = log_active(f.log)->base_offset;
            compact(&f);
            CHECK_INT(f.log->cleaned_offset, active);
            CHECK(log_size(f.log) < size * 2 / 3);
            for (int again = 0; again < 3; again++) {
                read_everything(&f);
                check_kept(keys, values, count, active);
                int64_t offset, time;
                CHECK_INT(fixture_find_time(&f, 1000 + count - 1, &offset, &time), 0);
                CHECK_INT(time, kept[kept_count - 1].timestamp);
                int obsolete = 0;
                for (int i = 0; i < kept_count; i++)
                    obsolete += kept[i].offset < active;
                CHECK(obsolete <= KEYS);
                if (again == 0)
                    fixture_crash(&f);
                else
                    fixture_shutdown(&f);
                CHECK_INT(fixture_reopen(&f), 0);
                CHECK_INT(log_end_offset(f.log), count);
                CHECK_INT(f.log->cleaned_offset, active);
            }
        }
        fixture_close(&f);
    }
}

static void what_is_not_committed_is_not_touched(void)
{
    struct log_world f;
    seed = 3;
    fixture_compacting(&f);
    fill(&f, 0, 400, COMPRESS_NONE);
    log_set_high_watermark(f.log, 0);
    fixture_settle(&f);
    cleaner_tick(f.manager);
    CHECK(!f.manager->cleaning);
    int64_t second = f.log->segments[2]->base_offset;
    log_set_high_watermark(f.log, second + 1);
    cleaner_tick(f.manager);
    CHECK(f.manager->cleaning != NULL);
    fixture_settle(&f);
    CHECK_INT(f.log->cleaned_offset, second);
    read_everything(&f);
    check_kept(keys, values, 400, second);
    fixture_close(&f);
}

static void the_lags_and_the_share_are_kept(void)
{
    struct log_world f;
    seed = 4;
    fixture_compacting(&f);
    fill(&f, 0, 300, COMPRESS_NONE);
    log_set_high_watermark(f.log, 300);
    fixture_settle(&f);
    int64_t now = env_wall_ms(f.env);
    f.config.min_compaction_lag_ms = now; /* the records are of 1970 and a second */
    log_set_config(f.log, &f.config);
    cleaner_tick(f.manager);
    CHECK(!f.manager->cleaning);
    f.config.min_compaction_lag_ms = now - 100000;
    f.config.min_cleanable_dirty_ratio = 0.5;
    log_set_config(f.log, &f.config);
    compact(&f);
    int64_t cleaned = f.log->cleaned_offset;
    CHECK(cleaned > 0);
    fill(&f, 300, 60, COMPRESS_NONE);
    f.config.min_cleanable_dirty_ratio = 0.99;
    log_set_config(f.log, &f.config);
    compact(&f);
    CHECK_INT(f.log->cleaned_offset, cleaned);
    f.config.max_compaction_lag_ms = 1000;
    log_set_config(f.log, &f.config);
    compact(&f);
    CHECK(f.log->cleaned_offset > cleaned);
    fixture_close(&f);
}

static void tombstones_wait_for_their_horizon(void)
{
    struct log_world f;
    fixture_compacting(&f);
    f.config.delete_retention_ms = 1000000;
    log_set_config(f.log, &f.config);
    int key[] = {1, 2, 3}, value[] = {1, 2, 3}, gone[] = {-1, -1, 5};
    CHECK_INT(append_keyed(&f, key, value, 3, (struct batch_spec){.timestamp = 500}), 0);
    CHECK_INT(append_keyed(&f, key, gone, 3, (struct batch_spec){.timestamp = 600}), 0);
    seed = 1;
    for (int i = 0; i < 60; i++) {
        int other = 10 + i % 5;
        CHECK_INT(append_keyed(&f, &other, &i, 1, (struct batch_spec){.timestamp = 700}), 0);
    }
    compact(&f);
    read_everything(&f);
    CHECK_INT(kept[0].offset, 3);
    CHECK_INT(kept[0].value, -1);
    CHECK_INT(kept[0].timestamp, 600);
    CHECK_INT(kept[1].offset, 4);
    CHECK_INT(kept[1].timestamp, 601);
    CHECK_INT(kept[2].value, 5);
    CHECK_INT(kept[2].timestamp, 602);
    /* Again, still before the horizon. */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 60; i++) {
            int other = 20 + i % 5;
            CHECK_INT(append_keyed(&f, &other, &i, 1, (struct batch_spec){.timestamp = 700}), 0);
        }
        compact(&f);
        read_everything(&f);
        CHECK_INT(kept[0].offset, 3);
        CHECK_INT(kept[0].timestamp, 600);
        CHECK_INT(kept[1].offset, 4);
        CHECK_INT(kept[2].value, 5);
    }
    fixture_close(&f);
}

static void tombstones_go_after_their_horizon(void)
{
    struct log_world f;
    fixture_compacting(&f);
    f.config.delete_retention_ms = -1000000; /* the horizon is past as soon as it is set */
    log_set_config(f.log, &f.config);
    int key[] = {1, 2, 3}, value[] = {-1, -1, 5};
    CHECK_INT(append_keyed(&f, key, value, 3, (struct batch_spec){.timestamp = 600}), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 60; i++) {
            int other = 10 + i % 5;
            CHECK_INT(append_keyed(&f, &other, &i, 1, (struct batch_spec){.timestamp = 700}), 0);
        }
        compact(&f);
        read_everything(&f);
        /* The first run that sees a tombstone keeps it. */
        CHECK_INT(kept[0].offset, round == 0 ? 0 : 2);
        CHECK_INT(kept[0].value, round == 0 ? -1 : 5);
        CHECK_INT(kept[0].timestamp, round == 0 ? 600 : 602);
    }
    fixture_close(&f);
}

static void producers_keep_their_last_batch(void)
{
    struct log_world f;
    fixture_compacting(&f);
    int key = 1, sequence = 0;
    for (int i = 0; i < 40; i++)
        CHECK_INT(append_keyed(&f, &key, &i, 1,
                               (struct batch_spec){.producer_id = 7, .sequence = sequence++}),
                  0);
    for (int i = 0; i < 60; i++)
        CHECK_INT(append_keyed(&f, &key, &i, 1, (struct batch_spec){.timestamp = 700}), 0);
    compact(&f);
    read_everything(&f);
    CHECK_INT(empty_batches, 1);
    char *command = mem_printf("rm -f %s/t-0/*.snapshot", f.dir);
    fixture_shutdown(&f);
    CHECK_INT(system(command), 0);
    mem_free(command);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(producer_last_sequence(producer_state_get(&f.log->producers, 7)), 39);
    CHECK_INT(append_keyed(&f, &key, &sequence, 1,
                           (struct batch_spec){.producer_id = 7, .sequence = sequence}),
              0);
    CHECK(!fixture_result.duplicate);
    /* It goes with the next run, since the producer has a newer one. */
    for (int i = 0; i < 60; i++)
        CHECK_INT(append_keyed(&f, &key, &i, 1, (struct batch_spec){.timestamp = 700}), 0);
    compact(&f);
    read_everything(&f);
    CHECK_INT(empty_batches, 1);
    fixture_close(&f);
}

/* ---- transactions ---- */

static int value; /* of the next record: each is another one */

static void put(struct log_world *f, int key, int64_t producer_id, int sequence)
{
    int of = value++;
    struct batch_spec spec = {.timestamp = 700};
    if (producer_id)
        spec = (struct batch_spec){.producer_id = producer_id,
                                   .sequence = sequence,
                                   .attributes = BATCH_TRANSACTIONAL,
                                   .timestamp = 700};
    CHECK_INT(append_keyed(f, &key, &of, 1, spec), 0);
}

/* Other keys, so many that what was before is in sealed segments. */
static void put_others(struct log_world *f)
{
    for (int i = 0; i < 90; i++)
        put(f, 1000 + i, 0, 0);
}

static int64_t end_txn(struct log_world *f, int64_t producer_id, int epoch, bool commit)
{
    struct buf bytes = batch_make_marker((struct batch_marker){
        .producer_id = producer_id, .epoch = epoch, .commit = commit, .timestamp = 700});
    CHECK_INT(log_append(f->log, bytes.data, bytes.len, LOG_MARKER, 0, &fixture_result), 0);
    buf_close(&bytes);
    return fixture_result.base_offset;
}

static const struct kept *find_kept(int key)
{
    for (int i = 0; i < kept_count; i++)
        if (kept[i].key == key)
            return &kept[i];
    return NULL;
}

/* Whether there is a control batch at `offset`. */
static bool has_control(struct log_world *f, int64_t offset)
{
    struct log_slice slice;
    struct batch batch;
    uint8_t header[BATCH_HEADER_SIZE];
    CHECK_INT(log_read(f->log, offset, 1, INT64_MAX, true, &slice), 0);
    CHECK_INT(env_file_read(slice.file, header, sizeof(header), slice.position), sizeof(header));
    CHECK_INT(batch_parse_header(header, sizeof(header), &batch), 0);
    log_slice_release(&slice);
    return batch.base_offset == offset && batch_is_control(&batch);
}

static size_t count_aborted(struct log_world *f)
{
    struct log_aborted found;
    CHECK_INT(log_find_aborted(f->log, 0, INT64_MAX, NULL, &found), 0);
    size_t count = found.count;
    log_aborted_close(&found);
    return count;
}

static void transactions_are_compacted_when_they_are_committed(void)
{
    struct log_world f;
    fixture_compacting(&f);
    for (int i = 0; i < 10; i++)
        put(&f, 1, 7, i);
    put_others(&f);
    /* The transaction is open: nothing at or past it may be touched. */
    compact(&f);
    CHECK_INT(f.log->cleaned_offset, 0);
    end_txn(&f, 7, 0, true);
    put_others(&f);
    compact(&f);
    read_everything(&f);
    CHECK_INT(find_kept(1)->offset, 9);
    fixture_close(&f);
}

static void aborted_records_go_and_shadow_nobody(void)
{
    struct log_world f;
    fixture_compacting(&f);
    put(&f, 1, 0, 0);
    put(&f, 2, 0, 0);
    put(&f, 1, 7, 0); /* aborted */
    put(&f, 2, 8, 0);
    put(&f, 1, 7, 1);
    int64_t aborts = end_txn(&f, 7, 0, false), commits = end_txn(&f, 8, 0, true);
    put(&f, 1, 7, 2); /* of the next transaction of the same producer, */
    put_others(&f);
    put(&f, 3, 9, 0);
    put(&f, 4, 10, 0);
    put_others(&f); /* which ends in a later segment, as does another one */
    int64_t later = end_txn(&f, 7, 0, false);
    end_txn(&f, 9, 0, false);
    put_others(&f);
    end_txn(&f, 10, 0, false); /* behind all that is compacted */
    compact(&f);
    read_everything(&f);
    CHECK_INT(find_kept(1)->offset, 0);
    CHECK_INT(find_kept(2)->offset, 3);
    CHECK(find_kept(3) == NULL);
    CHECK(find_kept(4) == NULL);
    CHECK(has_control(&f, aborts) && has_control(&f, commits) && has_control(&f, later));
    CHECK_INT(count_aborted(&f), 4);
    for (int clean = 0; clean <= 1; clean++) {
        fixture_settle(&f);
        end_process(&f, clean);
        CHECK_INT(fixture_reopen(&f), 0);
        log_check_whole(f.log);
        CHECK_INT(log_last_stable_offset(f.log), log_high_watermark(f.log));
    }
    fixture_close(&f);
}

/* A marker stays while data of its transaction is there, and a delete horizon longer; the last one
 * of a producer stays for its epoch. */
static void markers_go_after_their_horizon(void)
{
    struct log_world f;
    fixture_compacting(&f);
    f.config.delete_retention_ms = 0;
    log_set_config(f.log, &f.config);
    put(&f, 1, 7, 0);
    put(&f, 2, 8, 0);
    put(&f, 3, 9, 0);
    int64_t aborts = end_txn(&f, 7, 0, false), commits = end_txn(&f, 8, 0, true);
    int64_t bumps = end_txn(&f, 9, 1, false);
    /* As of a group's offsets, which have no sequences. */
    int64_t older = end_txn(&f, 10, 0, true), newest = end_txn(&f, 10, 0, true);
    put_others(&f);
    put(&f, 1, 7, 1); /* the producers go on */
    put(&f, 2, 8, 1);
    end_txn(&f, 7, 0, true);
    end_txn(&f, 8, 0, true);
    for (int run = 0; run < 4; run++) {
        put_others(&f);
        compact(&f);
        bool stays = run < 2; /* the first run takes the data, the second one gives the horizon */
        CHECK_INT(has_control(&f, aborts), stays);
        CHECK_INT(has_control(&f, commits), stays);
        CHECK(has_control(&f, bumps) && has_control(&f, newest));
        CHECK(stays || !has_control(&f, older));
        CHECK_INT(count_aborted(&f), stays ? 2 : 1);
    }
    read_everything(&f);
    CHECK(find_kept(1) && find_kept(2) && !find_kept(3));
    fixture_settle(&f);
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    struct producer *producer = producer_state_get(&f.log->producers, 9);
    CHECK(producer && producer->epoch == 1);
    log_check_whole(f.log);
    fixture_close(&f);
}

static int count_runs(struct log_world *f)
{
    int runs = 0;
    for (const char *at = buf_text(&f->lines); (at = strstr(at, "compacted up to")); at++)
        runs++;
    return runs;
}

/* More aborted transactions than memory is given for: each run takes as long a part of the log as
 * fits, also where one of them is open over all of it. */
static void many_aborted_transactions_take_several_runs(void)
{
    enum { MANY = 600 };
    for (int spans = 0; spans <= 1; spans++) {
        struct log_world f;
        fixture_compacting(&f);
        f.config.segment_bytes = 20000;
        log_set_config(f.log, &f.config);
        f.manager->config.cleaner_dedupe_bytes = 1024 * 24; /* some 400 of them */
        value = 0;
        put(&f, 50, 0, 0); /* what an aborted one far behind is no newer record than */
        value = 0;
        if (spans)
            put(&f, 1, 9, 0);
        for (int i = 0; i < MANY; i++) {
            put(&f, 2 + i % 7, 0, 0);
            put(&f, 2 + i % 7, 100 + i, 0); /* aborted */
            end_txn(&f, 100 + i, 0, false);
        }
        put(&f, 50, 99, 0);
        end_txn(&f, 99, 0, false);
        if (spans) {
            put(&f, 1, 9, 1);
            end_txn(&f, 9, 0, false);
        }
        put_others(&f);
        put_others(&f);
        compact(&f);
        CHECK_INT(f.log->cleaned_offset, log_active(f.log)->base_offset);
        CHECK(count_runs(&f) > 1);
        read_everything(&f);
        CHECK(find_kept(1) == NULL);
        for (int i = 0; i < kept_count; i++) {
            if (kept[i].key < 50)
                CHECK_INT((kept[i].value - spans) % 2, 0); /* nothing that was aborted */
        }
        for (int key = 2; key < 9; key++)
            CHECK(find_kept(key) && find_kept(key)->value >= spans + 2 * (MANY - 7));
        CHECK(find_kept(50) != NULL);
        CHECK_INT(count_aborted(&f), MANY + 1 + spans); /* their markers wait for their horizon */
        fixture_close(&f);
    }
}

static void a_small_map_takes_several_runs(void)
{
    struct log_world f;
    fixture_compacting(&f);
    f.manager->config.cleaner_dedupe_bytes = 1024 * 24;
    for (int i = 0; i < 5000; i++) {
        keys[i] = i % 2000;
        values[i] = i;
        CHECK_INT(append_keyed(&f, &keys[i], &values[i], 1, (struct batch_spec){.timestamp = 700}),
                  0);
    }
    compact(&f);
    CHECK_INT(f.log->cleaned_offset, log_active(f.log)->base_offset);
    CHECK(count_runs(&f) > 3);
    read_everything(&f);
    int newest = 0;
    for (int i = 0; i < kept_count; i++)
        newest += kept[i].value >= 3000;
    CHECK_INT(newest, 2000);
    fixture_close(&f);
}

/* A batch may have more keys than the map holds: each run gets further in it all the same. */
static void a_batch_larger_than_the_map_takes_several_runs(void)
{
    struct log_world f;
    fixture_compacting(&f);
    f.config.segment_bytes = 1 << 20;
    log_set_config(f.log, &f.config);
    f.manager->config.cleaner_dedupe_bytes = 1024 * 24;
    for (int i = 0; i < 5000; i++) {
        keys[i] = i % 4000;
        values[i] = i;
    }
    CHECK_INT(append_keyed(&f, keys, values, 5000, (struct batch_spec){.timestamp = 700}), 0);
    CHECK_INT(log_roll(f.log, log_end_offset(f.log)), 0);
    compact(&f);
    CHECK_INT(f.log->cleaned_offset, log_end_offset(f.log));
    int runs = 0;
    for (const char *at = buf_text(&f.lines); (at = strstr(at, "compacted up to")); at++)
        runs++;
    CHECK(runs > 5 && runs < 9);
    read_everything(&f);
    CHECK_INT(kept_count, 4000);
    check_kept(keys, values, 5000, 5000);
    fixture_close(&f);
}

/* Logs take turns: one that is always the dirtiest does not keep the others from theirs. */
static void logs_take_turns(void)
{
    struct log_world f;
    fixture_compacting(&f);
    struct log *first = f.log;
    f.opened = false;
    log_manager_open(f.manager, "u", 0, &f.topic_id, &f.config, log_world_opened, &f);
    fixture_wait(&f, fixture_is_open);
    struct log *second = f.log;
    CHECK(second != first);
    for (int i = 0; i < 200; i++) {
        int key = i % 5;
        f.log = first;
        CHECK_INT(append_keyed(&f, &key, &i, 1, (struct batch_spec){.timestamp = 700}), 0);
        f.log = second;
        CHECK_INT(append_keyed(&f, &key, &i, 1, (struct batch_spec){.timestamp = 700}), 0);
    }
    first->compaction.turn = f.manager->clean_turns = 1; /* it had the last run */
    log_set_high_watermark(first, log_end_offset(first));
    log_set_high_watermark(second, log_end_offset(second));
    fixture_settle(&f);
    cleaner_tick(f.manager);
    CHECK(second->compaction.state == COMPACTION_RUNNING &&
          first->compaction.state == COMPACTION_IDLE);
    fixture_settle(&f);
    CHECK(first->cleaned_offset > 0);
    CHECK(second->cleaned_offset > 0);
    f.log = first;
    fixture_close(&f);
}

static void a_damaged_batch_is_left_alone(void)
{
    struct log_world f;
    seed = 9;
    fixture_compacting(&f);
    fill(&f, 0, 400, COMPRESS_NONE);
    fixture_settle(&f);
    int64_t size = log_size(f.log);
    file_flip(&f, LOG0, 200);
    compact(&f);
    CHECK(f.log->compaction.state == COMPACTION_REFUSED);
    CHECK_INT(log_size(f.log), size);
    CHECK(strstr(buf_text(&f.lines), "damaged") != NULL);
    CHECK(!file_exists(&f, "00000000000000000000.log.cleaned"));
    fixture_close(&f);
}

/* No checksum covers the offset of a batch. */
static void a_damaged_offset_is_left_alone(void)
{
    struct log_world f;
    seed = 9;
    fixture_compacting(&f);
    fill(&f, 0, 400, COMPRESS_NONE);
    fixture_settle(&f);
    int64_t size = log_size(f.log);
    file_flip(&f, LOG0, 7);
    compact(&f);
    CHECK(f.log->compaction.state == COMPACTION_REFUSED);
    CHECK_INT(log_size(f.log), size);
    fixture_close(&f);
}

/* It keeps the log from being compacted, and from nothing else: a start makes it again. */
static void a_damaged_transaction_index_is_left_alone(void)
{
    struct log_world f;
    char name[SEGMENT_NAME_MAX];
    static const uint8_t nonsense[TXN_INDEX_ENTRY_LEN] = {0, 9, 1, 2, 3};
    fixture_compacting(&f);
    put(&f, 1, 0, 0);
    put(&f, 1, 7, 0);
    put_others(&f);
    put_others(&f);
    end_txn(&f, 7, 0, false); /* behind all that is compacted */
    fixture_settle(&f);
    segment_name(log_active(f.log)->base_offset, ".txnindex", name);
    file_write(&f, name, 0, nonsense, sizeof(nonsense));
    compact(&f);
    CHECK(f.log->compaction.state == COMPACTION_REFUSED);
    CHECK(!log_is_offline(f.log));
    put_others(&f);
    fixture_close(&f);
}

static void a_log_may_go_while_it_is_compacted(void)
{
    struct log_world f;
    seed = 11;
    fixture_compacting(&f);
    fill(&f, 0, 400, COMPRESS_NONE);
    log_set_high_watermark(f.log, 400);
    fixture_settle(&f);
    cleaner_tick(f.manager);
    CHECK(f.manager->cleaning != NULL);
    CHECK_INT(log_advance_start(f.log, 300), 0); /* segments that are being read */
    fixture_settle(&f);
    read_everything(&f);
    CHECK(kept[kept_count - 1].offset == 399);
    fill(&f, 400, 400, COMPRESS_NONE);
    log_set_high_watermark(f.log, 800);
    fixture_settle(&f);
    cleaner_tick(f.manager);
    CHECK(f.manager->cleaning != NULL);
    log_manager_delete(f.manager, f.log);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    fill(&f, 0, 400, COMPRESS_NONE);
    log_set_high_watermark(f.log, 400);
    fixture_settle(&f);
    cleaner_tick(f.manager);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(only_the_newest_of_each_key_stays),
         TAP_TEST(what_is_not_committed_is_not_touched), TAP_TEST(the_lags_and_the_share_are_kept),
         TAP_TEST(tombstones_wait_for_their_horizon), TAP_TEST(tombstones_go_after_their_horizon),
         TAP_TEST(producers_keep_their_last_batch),
         TAP_TEST(transactions_are_compacted_when_they_are_committed),
         TAP_TEST(many_aborted_transactions_take_several_runs),
         TAP_TEST(aborted_records_go_and_shadow_nobody), TAP_TEST(markers_go_after_their_horizon),
         TAP_TEST(a_small_map_takes_several_runs),
         TAP_TEST(a_batch_larger_than_the_map_takes_several_runs), TAP_TEST(logs_take_turns),
         TAP_TEST(a_damaged_batch_is_left_alone), TAP_TEST(a_damaged_offset_is_left_alone),
         TAP_TEST(a_damaged_transaction_index_is_left_alone),
         TAP_TEST(a_log_may_go_while_it_is_compacted))
