/* What the log refuses, what it rewrites, and disks that fail under it. */
#include "../../until.h"
#include "fixture.h"

#include "base/crc32c.h"

/* ---- what is refused ---- */

static void put_u32(struct buf *bytes, size_t at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes->data[at + (size_t)i] = (uint8_t)(value >> (24 - 8 * i));
}

static int refused(struct log_world *f, struct batch_spec spec, size_t at, uint32_t value,
                   bool seal)
{
    struct buf bytes = batch_make(spec);
    if (at > 0)
        put_u32(&bytes, at, value);
    if (seal)
        batch_seal(&bytes);
    int rc = log_append(f->log, bytes.data, bytes.len, LOG_FROM_CLIENT, 0, &fixture_result);
    buf_close(&bytes);
    if (rc < 0)
        CHECK(fixture_result.message != NULL);
    CHECK_INT(log_end_offset(f->log), 0);
    return rc;
}

static void bad_batches_of_clients_are_refused(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.timestamp_after_max_ms = 1000;
    f.config.timestamp_before_max_ms = 1000;
    CHECK_INT(fixture_open(&f), 0);
    int64_t now = env_wall_ms(f.env);
    struct batch_spec good = {.count = 3, .value_len = 10, .timestamp = now};
    CHECK_INT(refused(&f, good, 8, 20, false), ERR_CORRUPT_MESSAGE);
    CHECK_INT(refused(&f, good, 8, 1 << 30, false), ERR_INVALID_RECORD); /* cut off */
    CHECK_INT(refused(&f, good, 17, 1, false), ERR_CORRUPT_MESSAGE);
    CHECK_INT(refused(&f, good, 57, 2, true), ERR_INVALID_RECORD); /* record count */
    CHECK_INT(refused(&f, good, 57, 0, true), ERR_INVALID_RECORD);
    CHECK_INT(refused(&f, good, 57, 400, true), ERR_INVALID_RECORD);
    CHECK_INT(refused(&f, good, 23, 7, true), ERR_INVALID_RECORD); /* last offset delta */
    CHECK_INT(refused(&f, good, 23, UINT32_MAX, true), ERR_INVALID_RECORD);
    struct batch_spec spec = good;
    spec.attributes = BATCH_CONTROL;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_INVALID_RECORD);
    spec.attributes = BATCH_TRANSACTIONAL;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_INVALID_RECORD);
    spec.attributes = BATCH_LOG_APPEND_TIME;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_INVALID_TIMESTAMP);
    spec = good;
    spec.timestamp = now + 100000;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_INVALID_TIMESTAMP);
    spec.timestamp = now - 100000;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_INVALID_TIMESTAMP);
    spec = good;
    spec.producer_id = 5;
    spec.epoch = -1;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_INVALID_RECORD);
    spec.epoch = 0;
    spec.sequence = -1;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_INVALID_RECORD);
    spec = good;
    spec.count = 20;
    spec.value_len = 90000;
    CHECK_INT(refused(&f, spec, 0, 0, false), ERR_MESSAGE_TOO_LARGE);
    struct buf old = batch_make(good);
    old.data[16] = 1;
    CHECK_INT(log_append(f.log, old.data, old.len, LOG_FROM_CLIENT, 0, &fixture_result),
              ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT);
    for (size_t len = 0; len < old.len; len++) {
        old.data[16] = 2;
        CHECK(log_append(f.log, old.data, len, LOG_FROM_CLIENT, 0, &fixture_result) < 0);
    }
    buf_close(&old);
    good.timestamp = -1; /* no timestamp at all is fine */
    CHECK_INT(append_spec(&f, good, LOG_FROM_CLIENT), 0);
    fixture_close(&f);
}

static int append_with_key(struct log_world *f, const char *key, enum compress_codec codec)
{
    struct wire_bytes value =
        batch_text("a value that compresses: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    /* Only the last record is in question. */
    struct batch_record records[] = {{batch_text("k"), value, 1000, 0},
                                     {batch_text("k"), value, 1000, 0},
                                     {batch_text(key), value, 1000, 0}};
    return append_spec(f, (struct batch_spec){.count = 3, .codec = codec, .records = records},
                       LOG_FROM_CLIENT);
}

static void compacted_topics_need_keys(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.cleanup_compact = true;
    CHECK_INT(fixture_open(&f), 0);
    for (int codec = 0; codec <= COMPRESS_ZSTD; codec++) {
        CHECK_INT(append_with_key(&f, NULL, (enum compress_codec)codec), ERR_INVALID_RECORD);
        CHECK(fixture_result.message != NULL);
        CHECK_INT(append_with_key(&f, "", (enum compress_codec)codec), 0);
    }
    CHECK_INT(log_end_offset(f.log), 15);
    /* Records that say they are compressed and are not. */
    struct buf bad = batch_make((struct batch_spec){.count = 2, .value_len = 90});
    bad.data[22] |= COMPRESS_GZIP;
    batch_seal(&bad);
    CHECK_INT(log_append(f.log, bad.data, bad.len, LOG_FROM_CLIENT, 0, &fixture_result),
              ERR_INVALID_RECORD);
    buf_close(&bad);
    fixture_close(&f);
}

static void the_topic_chooses_the_codec(void)
{
    struct log_world f;
    int64_t next = 0, first;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    for (int to = 0; to <= COMPRESS_ZSTD; to++) {
        f.config.compression = (int8_t)to;
        log_set_config(f.log, &f.config);
        for (int from = 0; from <= COMPRESS_ZSTD; from++) {
            struct log_slice slice;
            uint8_t header[BATCH_HEADER_SIZE];
            struct batch batch;
            CHECK_INT(append_with_key(&f, "x", (enum compress_codec)from), 0);
            CHECK_INT(fixture_result.base_offset, next);
            CHECK_INT(log_read(f.log, next, 1 << 20, INT64_MAX, true, &slice), 0);
            CHECK_INT(env_file_read(slice.file, header, sizeof(header), slice.position),
                      sizeof(header));
            log_slice_release(&slice);
            CHECK_INT(batch_parse_header(header, sizeof(header), &batch), 0);
            CHECK_INT(batch_codec(&batch), to);
            CHECK_INT(batch.record_count, 3);
            CHECK_INT(read_from(&f, next, 1 << 20, INT64_MAX, &first), next + 3);
            next += 3;
        }
    }
    fixture_close(&f);
}

/* How many bytes a batch of this text takes when it is compressed again at that level. */
static size_t size_at(enum compress_codec codec, int32_t level, const char *text)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    f.config.compression = (int8_t)codec;
    f.config.compression_level = level;
    log_set_config(f.log, &f.config);
    struct buf batch = batch_make((struct batch_spec){.count = 1, .value = text});
    CHECK_INT(log_append(f.log, batch.data, batch.len, LOG_FROM_CLIENT, 0, &fixture_result), 0);
    buf_close(&batch);
    size_t size = (size_t)log_size(f.log);
    fixture_close(&f);
    return size;
}

static void the_topic_chooses_the_level(void)
{
    static const int32_t levels[][3] = {
        {COMPRESS_GZIP, 1, 9}, {COMPRESS_LZ4, 1, 12}, {COMPRESS_ZSTD, -100, 19}};
    struct buf text;
    unsigned seed = 7;
    buf_init(&text);
    for (int i = 0; i < 4000; i++) {
        seed = seed * 1103515245 + 12345;
        buf_printf(&text, "%u word%u ", seed >> 20 & 63, seed >> 8 & 255);
    }
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        CHECK(size_at((enum compress_codec)levels[i][0], levels[i][1], buf_text(&text)) >
              size_at((enum compress_codec)levels[i][0], levels[i][2], buf_text(&text)));
    buf_close(&text);
}

/* ---- disks that fail ---- */

static void a_full_disk_refuses_clients_first(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 1, 10), 0);
    /* Between what clients and what replication must leave free. */
    f.manager->config.disk_reserve_bytes = env_path_space(f.env, f.dir) * 3 / 2;
    f.log->dir->space_asked_us = 0;
    CHECK_INT(append_some(&f, 1, 10), ERR_KAFKA_STORAGE_ERROR);
    CHECK(strstr(fixture_result.message, "nearly full") != NULL);
    CHECK(!log_has_room(f.log)); /* told ahead, while the broker's own appends are still taken */
    CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .base_offset = 1}, LOG_FROM_BROKER),
              0);
    CHECK(!log_is_offline(f.log));
    CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .base_offset = 2}, LOG_FROM_LEADER),
              0);
    f.manager->config.disk_reserve_bytes = INT64_MAX;
    CHECK_INT(append_spec(&f, (struct batch_spec){.count = 1, .base_offset = 3}, LOG_FROM_LEADER),
              ERR_KAFKA_STORAGE_ERROR);
    int64_t first;
    CHECK_INT(read_from(&f, 0, 1, INT64_MAX, &first), 1);
    CHECK(log_is_full(f.log));
    CHECK(strstr(fixture_result.message, f.dir) != NULL);
    f.manager->config.disk_reserve_bytes = env_path_space(f.env, f.dir) / 4 * 3;
    f.log->dir->space_asked_us = 0; /* free: a little more than the reserve */
    CHECK_INT(append_some(&f, 1, 10), ERR_KAFKA_STORAGE_ERROR);
    f.manager->config.disk_reserve_bytes = 1;
    f.log->dir->space_asked_us = 0;
    CHECK_INT(append_some(&f, 1, 10), 0);
    CHECK(log_has_room(f.log));
    CHECK(!log_is_full(f.log));
    fixture_close(&f);
}

/* Makes the descriptor of the open file `name` one that can't be synced. */
static void break_file(const char *name)
{
    char link[512], path[64];
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    for (int fd = 0; fd < 200; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, link, sizeof(link) - 1);
        if (len < 0)
            continue;
        link[len] = 0;
        if (strstr(link, name))
            CHECK_INT(dup2(ends[0], fd), fd);
    }
    close(ends[0]);
    close(ends[1]);
}

static void a_flush_error_is_final(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 5, 10), 0);
    fixture_settle(&f);
    CHECK_INT(append_some(&f, 5, 10), 0);
    break_file(LOG0);
    fixture_settle(&f);
    CHECK(log_is_offline(f.log));
    CHECK_INT(f.failed_dirs, 1);
    CHECK_INT(log_durable_offset(f.log), 5);
    CHECK(strstr(buf_text(&f.lines), "offline") != NULL);
    struct log_slice slice;
    int64_t offset, time;
    CHECK_INT(append_some(&f, 1, 1), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(log_read(f.log, 0, 1, 10, true, &slice), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(log_truncate(f.log, 0), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(log_reset(f.log, 0), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(log_advance_start(f.log, 0), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(log_assign_epoch(f.log, 7), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(fixture_find_time(&f, 0, &offset, &time), ERR_KAFKA_STORAGE_ERROR);
    /* No mark of a clean shutdown for it. */
    fixture_shutdown(&f);
    char *mark = mem_printf("%s/.kafka_cleanshutdown", f.dir);
    CHECK(access(mark, F_OK) != 0);
    mem_free(mark);
    fixture_close(&f);
}

static void an_append_error_is_final(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 5, 10), 0);
    break_file(LOG0);
    CHECK_INT(append_some(&f, 5, 10), ERR_KAFKA_STORAGE_ERROR);
    CHECK(log_is_offline(f.log));
    CHECK_INT(log_end_offset(f.log), 5);
    CHECK_INT(f.failed_dirs, 0); /* told on the next turn, not from inside the call */
    fixture_settle(&f);
    CHECK_INT(f.failed_dirs, 1);
    fixture_close(&f);
}

static void count_call(void *data)
{
    ((struct log_world *)data)->notified++;
}

static void the_watcher_hears_of_durable_data(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    log_watch(f.log, count_call, &f);
    for (int i = 0; i < 50; i++)
        CHECK_INT(append_some(&f, 1, 10), 0);
    CHECK_INT(f.notified, 0);
    CHECK_INT(log_durable_offset(f.log), 0);
    fixture_settle(&f);
    CHECK_INT(log_durable_offset(f.log), 50);
    CHECK_INT(f.notified, 1); /* one flush for all of the turn */
    /* Without a flush for each: durable at once, as far as anybody is promised. */
    f.config.flush_messages = INT64_MAX;
    log_set_config(f.log, &f.config);
    CHECK_INT(append_some(&f, 1, 10), 0);
    CHECK_INT(log_durable_offset(f.log), 51);
    CHECK_INT(f.log->flushed_offset, 50);
    fixture_settle(&f);
    CHECK_INT(f.notified, 2);
    CHECK_INT(f.log->flushed_offset, 50);
    f.config.flush_messages = 10;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 9; i++)
        CHECK_INT(append_some(&f, 1, 10), 0);
    fixture_settle(&f);
    CHECK_INT(f.log->flushed_offset, 60);
    fixture_close(&f);
}

static bool all_is_flushed(struct log_world *f)
{
    return f->log->flushed_offset == log_end_offset(f->log);
}

/* Also what was there before the setting came. */
static void what_waits_is_flushed_in_time(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    f.config.flush_messages = INT64_MAX;
    log_set_config(f.log, &f.config);
    CHECK_INT(append_some(&f, 1, 10), 0);
    fixture_settle(&f);
    CHECK(!all_is_flushed(&f));
    f.config.flush_ms = 3;
    log_set_config(f.log, &f.config);
    UNTIL(f.env, all_is_flushed(&f));
    CHECK_INT(append_some(&f, 2, 10), 0);
    CHECK(!all_is_flushed(&f));
    UNTIL(f.env, all_is_flushed(&f));
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(bad_batches_of_clients_are_refused), TAP_TEST(compacted_topics_need_keys),
         TAP_TEST(the_topic_chooses_the_codec), TAP_TEST(the_topic_chooses_the_level),
         TAP_TEST(a_full_disk_refuses_clients_first), TAP_TEST(a_flush_error_is_final),
         TAP_TEST(an_append_error_is_final), TAP_TEST(the_watcher_hears_of_durable_data),
         TAP_TEST(what_waits_is_flushed_in_time))
