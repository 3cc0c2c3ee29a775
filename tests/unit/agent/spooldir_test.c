/* The spooldir source on real files: where a file goes on after a start, and Avro files. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

#include "avro_golden.h"
#include "base/crc32c.h"

struct spool {
    struct world w;
    char dir[64];
    struct part *memory, *part;
    struct channel *channel;
    struct source *source;
    struct take *take;
    struct buf got; /* all bodies, with a bar behind each */
};

static char *spool_path(const struct spool *s, const char *name)
{
    return mem_printf("%s/%s", s->dir, name);
}

static void spool_write(struct spool *s, const char *name, const char *text)
{
    char *path = spool_path(s, name);
    FILE *file = fopen(path, "w"); /* in place: the inode stays */
    CHECK(file);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    mem_free(path);
}

static void spool_open(struct spool *s, const char *more)
{
    *s = (struct spool){.dir = "/tmp/millrace-spooldir-XXXXXX"};
    CHECK(mkdtemp(s->dir));
    char *tracker = spool_path(s, ".flumespool"),
         *values = mem_printf("spoolDir=%s pollDelay=1 %s", s->dir, more);
    CHECK(mkdir(tracker, 0700) == 0);
    mem_free(tracker);
    world_open(&s->w);
    s->memory = world_part(&s->w, PART_CHANNEL, "memory", "capacity=1000");
    s->channel = world_channel(&s->w, s->memory);
    s->part = world_part(&s->w, PART_SOURCE, "spooldir", values);
    s->take = take_new(100);
    buf_init(&s->got);
    mem_free(values);
}

static void spool_start(struct spool *s)
{
    struct source_setup setup = {.part = s->part, .channels = &s->channel, .channels_count = 1};
    CHECK_INT(source_start(s->w.env, &s->w.logger, &setup, &s->source, &s->w.problem), 0);
}

static void spool_close(struct spool *s)
{
    take_free(s->take);
    channel_close(s->channel);
    part_free(s->part);
    part_free(s->memory);
    buf_close(&s->got);
    until_quiet(s->w.env);
    CHECK_INT(env_dir_remove(s->w.env, s->dir), 0);
    world_close(&s->w);
}

static const char *spool_got(struct spool *s)
{
    channel_take(s->channel, s->take);
    for (size_t i = 0; i < s->take->count; i++)
        buf_printf(&s->got, "%.*s|", (int)s->take->events[i].len,
                   (const char *)s->take->events[i].body);
    if (s->take->count > 0)
        channel_commit(s->take);
    return buf_text(&s->got);
}

/* What the tracker knew before a start: `path` was read up to `pos`, and began with `head`. */
static void spool_track(struct spool *s, const char *path, uint64_t inode, int pos,
                        const char *head)
{
    char *text = mem_printf(
        "[{\"inode\":%llu,\"pos\":%d,\"file\":\"%s/%s\",\"head\":%u,\"headLen\":%zu}]",
        (unsigned long long)inode, pos, s->dir, path, crc32c(0, head, strlen(head)), strlen(head));
    spool_write(s, ".flumespool/positions.json", text);
    mem_free(text);
}

static uint64_t spool_inode(struct spool *s, const char *name)
{
    struct stat st;
    char *path = spool_path(s, name);
    CHECK(stat(path, &st) == 0);
    mem_free(path);
    return st.st_ino;
}

static bool spool_tracker_is_empty(struct spool *s)
{
    char *path = spool_path(s, ".flumespool/positions.json"), *text;
    size_t len;
    CHECK_INT(env_file_load(s->w.env, path, 1 << 20, &text, &len), 0);
    bool empty = strcmp(text, "[]") == 0;
    mem_free(text);
    mem_free(path);
    return empty;
}

static void only_the_same_file_goes_on_where_it_was(void)
{
    static const struct {
        const char *path, *head; /* of the tracker's row */
        int another;             /* is added to the inode */
        const char *expected;
    } rows[] = {
        {"a", "one\n", 0, "two|"},          /* the same: what was behind its position */
        {"a", "", 0, "two|"},               /* as Flume wrote it, without first bytes */
        {"b", "one\n", 0, "one|two|"},      /* another one with its inode */
        {"a", "uno\n", 0, "one|two|"},      /* another one with both */
        {"a", "one\n", 1, "one|two|"},      /* another one with its name */
        {"a", "one\ntwo\n3", 0, "one|two|"} /* a shorter one */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spool s;
        spool_open(&s, "");
        spool_write(&s, "a", "one\ntwo\n");
        uint64_t inode = spool_inode(&s, "a") + (uint64_t)rows[i].another;
        spool_track(&s, rows[i].path, inode, 4, rows[i].head);
        spool_start(&s);
        UNTIL(s.w.env, strstr(spool_got(&s), "two|"));
        CHECK_STR(buf_text(&s.got), rows[i].expected);
        source_stop(s.source);
        spool_close(&s);
    }
}

/* A position is used once: then nothing of it is left, in memory or in the tracker. */
static void a_finished_file_leaves_no_position(void)
{
    struct spool s;
    spool_open(&s, "");
    spool_write(&s, "a", "one\ntwo\n");
    spool_track(&s, "a", spool_inode(&s, "a"), 4, "one\n");
    spool_start(&s);
    UNTIL(s.w.env, strstr(spool_got(&s), "two|"));
    UNTIL(s.w.env, spool_tracker_is_empty(&s));
    char *done = spool_path(&s, "a.COMPLETED"), *again = spool_path(&s, "a");
    UNTIL(s.w.env, env_path_exists(s.w.env, done));
    s.got.len = 0;
    CHECK_INT(env_path_rename(s.w.env, done, again), 0); /* the same inode, path and bytes */
    UNTIL(s.w.env, strstr(spool_got(&s), "two|"));
    CHECK_STR(buf_text(&s.got), "one|two|");
    UNTIL(s.w.env, env_path_exists(s.w.env, done));
    source_stop(s.source);
    CHECK(spool_tracker_is_empty(&s)); /* a write that waited is made at a stop */
    mem_free(done);
    mem_free(again);
    spool_close(&s);
}

/* One that can't be finished is not read again, but another one is whose path is the end of its. */
static void what_is_left_is_told_from_what_ends_alike(void)
{
    struct spool s;
    spool_open(&s, "recursiveDirectorySearch=true");
    char *outer = spool_path(&s, "tmp"), *inner = mem_printf("%s%s", s.dir, s.dir);
    char *name = mem_printf("%s/a", s.dir + 1), *taken = mem_printf("%s.COMPLETED", name);
    CHECK(mkdir(outer, 0700) == 0);
    CHECK(mkdir(inner, 0700) == 0);
    spool_write(&s, taken, "");
    spool_write(&s, name, "one\n");
    spool_start(&s);
    UNTIL(s.w.env, strstr(spool_got(&s), "one|"));
    spool_write(&s, "a", "two\n");
    UNTIL(s.w.env, strstr(spool_got(&s), "two|"));
    CHECK_STR(buf_text(&s.got), "one|two|");
    source_stop(s.source);
    mem_free(outer);
    mem_free(inner);
    mem_free(name);
    mem_free(taken);
    spool_close(&s);
}

/* Their names stay, and a mark in the tracker's directory says that they were read. */
static void marks_tell_what_was_read(void)
{
    struct spool s;
    spool_open(&s, "trackingPolicy=tracker_dir recursiveDirectorySearch=true consumeOrder=oldest");
    char *sub = spool_path(&s, "sub"), *mark = spool_path(&s, ".flumespool/sub/a.COMPLETED");
    CHECK(mkdir(sub, 0700) == 0);
    spool_write(&s, "sub/a", "one\n");
    spool_start(&s);
    UNTIL(s.w.env, strstr(spool_got(&s), "one|"));
    UNTIL(s.w.env, env_path_exists(s.w.env, mark));
    (void)spool_inode(&s, "sub/a");
    source_stop(s.source);
    spool_start(&s);
    spool_write(&s, "b.COMPLETED", "two\n"); /* a name like any other */
    UNTIL(s.w.env, strstr(spool_got(&s), "two|"));
    CHECK_STR(buf_text(&s.got), "one|two|");
    CHECK_INT(env_path_remove(s.w.env, mark), 0);
    UNTIL(s.w.env, strcmp(spool_got(&s), "one|two|one|") == 0);
    UNTIL(s.w.env, env_path_exists(s.w.env, mark));
    source_stop(s.source);
    mem_free(sub);
    mem_free(mark);
    spool_close(&s);
}

/* A link that leads in a circle shows nothing twice, and the tracker's directory has no events,
 * however its path is spelled. */
static void circles_and_marks_are_not_looked_into(void)
{
    struct spool s;
    spool_open(&s, "trackingPolicy=tracker_dir recursiveDirectorySearch=true trackerDir=marks/");
    char *sub = spool_path(&s, "sub"), *link = spool_path(&s, "sub/up");
    char *mark = spool_path(&s, "marks/sub/a.COMPLETED"),
         *last = spool_path(&s, "marks/b.COMPLETED");
    char *again = spool_path(&s, "marks/sub/up/sub/a.COMPLETED");
    char *of_mark = spool_path(&s, "marks/marks/sub/a.COMPLETED.COMPLETED");
    CHECK(mkdir(sub, 0700) == 0);
    spool_write(&s, "sub/a", "one\n");
    CHECK(symlink(s.dir, link) == 0);
    spool_start(&s);
    UNTIL(s.w.env, strstr(spool_got(&s), "one|"));
    UNTIL(s.w.env, env_path_exists(s.w.env, mark));
    spool_write(&s, "b", "two\n");
    UNTIL(s.w.env, strstr(spool_got(&s), "two|"));
    UNTIL(s.w.env, env_path_exists(s.w.env, last));
    CHECK_STR(buf_text(&s.got), "one|two|");
    CHECK(!env_path_exists(s.w.env, again));
    CHECK(!env_path_exists(s.w.env, of_mark));
    source_stop(s.source);
    CHECK(unlink(link) == 0);
    char *const paths[] = {sub, link, mark, last, again, of_mark};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        mem_free(paths[i]);
    spool_close(&s);
}

/* ---- Avro files ---- */

enum { GOLDEN_MAX = 2048, GOLDEN_SYNC = 16 };

struct golden {
    uint8_t data[GOLDEN_MAX];
    size_t len, second; /* where the second block begins */
};

static void golden_read(struct golden *golden, const char *hex)
{
    *golden = (struct golden){.len = strlen(hex) / 2};
    for (size_t i = 0; i < golden->len; i++) {
        unsigned byte;
        CHECK(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        golden->data[i] = (uint8_t)byte;
    }
    const uint8_t *at = golden->data;
    for (int i = 0; i < 2; i++) { /* behind the header, behind the first block */
        at = memmem(at, golden->len - (size_t)(at - golden->data), "0123456789abcdef", GOLDEN_SYNC);
        CHECK(at);
        at += GOLDEN_SYNC;
    }
    golden->second = (size_t)(at - golden->data);
    CHECK(golden->second < golden->len);
}

/* In one step: what a look finds is whole. */
static void spool_put(struct spool *s, const char *name, const void *data, size_t len)
{
    char *path = spool_path(s, name), *draft = spool_path(s, ".draft");
    FILE *file = fopen(draft, "w");
    CHECK(file);
    CHECK(fwrite(data, 1, len, file) == len);
    CHECK(fclose(file) == 0);
    CHECK_INT(env_path_rename(s->w.env, draft, path), 0);
    mem_free(path);
    mem_free(draft);
}

/* The bodies in hexadecimal; all events have the header. */
static const char *spool_records(struct spool *s, const char *header, const char *value)
{
    channel_take(s->channel, s->take);
    for (size_t i = 0; i < s->take->count; i++) {
        const struct event *event = &s->take->events[i];
        const struct header *found = headers_find(event->headers, header);
        CHECK(found);
        CHECK(strncmp(found->value, value, strlen(value)) == 0);
        for (size_t b = 0; b < event->len; b++)
            buf_printf(&s->got, "%02x", event->body[b]);
        buf_printf(&s->got, "|");
    }
    if (s->take->count > 0)
        channel_commit(s->take);
    return buf_text(&s->got);
}

static char *golden_records(size_t from, size_t to)
{
    struct buf all;
    buf_init(&all);
    for (size_t i = from; i < to; i++)
        buf_printf(&all, "%s|", avro_golden_records[i]);
    char *text = mem_strdup(buf_text(&all));
    buf_close(&all);
    return text;
}

#define HASH "flume.avro.schema.hash", AVRO_GOLDEN_SCHEMA_HASH

static void records_of_avro_files_are_events(void)
{
    static const struct {
        const char *hex, *type, *header, *value;
    } rows[] = {
        {avro_golden_null, "avro", HASH},
        {avro_golden_deflate, "AVRO deserializer.schemaType=hash", HASH},
        {avro_golden_snappy, "org.apache.flume.serialization.AvroEventDeserializer$Builder", HASH},
        {avro_golden_zstandard, "AVRO deserializer.schemaType=LITERAL", "flume.avro.schema.literal",
         "{\""},
    };
    char *expected = golden_records(0, ARRAY_LEN(avro_golden_records));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spool s;
        struct golden golden;
        char *values = mem_printf("batchSize=2 deserializer=%s", rows[i].type);
        golden_read(&golden, rows[i].hex);
        spool_open(&s, values);
        spool_put(&s, "a", golden.data, golden.len);
        spool_start(&s);
        char *done = spool_path(&s, "a.COMPLETED");
        UNTIL(s.w.env, env_path_exists(s.w.env, done));
        CHECK_STR(spool_records(&s, rows[i].header, rows[i].value), expected);
        source_stop(s.source);
        mem_free(done);
        mem_free(values);
        spool_close(&s);
    }
    mem_free(expected);
}

/* Where a block begins; what is none, as lines leave it, is not gone on from. */
static void an_avro_file_goes_on_behind_a_block(void)
{
    struct golden golden;
    golden_read(&golden, avro_golden_null);
    char *whole = golden_records(0, ARRAY_LEN(avro_golden_records));
    for (size_t off = 0; off < 3; off++) {
        struct spool s;
        spool_open(&s, "deserializer=avro basenameHeader=true");
        spool_put(&s, "a", golden.data, golden.len);
        size_t pos = off == 2 ? 5 : golden.second + off;
        spool_track(&s, "a", spool_inode(&s, "a"), (int)pos, "Obj\1");
        spool_start(&s);
        char *done = spool_path(&s, "a.COMPLETED");
        UNTIL(s.w.env, env_path_exists(s.w.env, done));
        const char *got = spool_records(&s, "basename", "a");
        CHECK(strlen(got) > 0);
        CHECK(strlen(got) <= strlen(whole));
        CHECK((strlen(got) < strlen(whole)) == (off == 0));
        CHECK_STR(got, whole + strlen(whole) - strlen(got));
        source_stop(s.source);
        mem_free(done);
        spool_close(&s);
    }
    mem_free(whole);
}

/* What is in front of the damage comes, once; other files come, and the file stays as it is. */
static void a_damaged_avro_file_is_set_aside(void)
{
    struct spool s;
    struct golden golden;
    golden_read(&golden, avro_golden_deflate);
    spool_open(&s, "deserializer=avro");
    char *a = spool_path(&s, "a"), *b = spool_path(&s, "b.COMPLETED"), *whole;
    char *c = spool_path(&s, "c.COMPLETED");
    whole = golden_records(0, ARRAY_LEN(avro_golden_records));
    spool_put(&s, "a", golden.data, golden.len - 1);
    spool_start(&s);
    UNTIL(s.w.env, strlen(spool_records(&s, HASH)) > 0);
    size_t part = s.got.len;
    CHECK(part < strlen(whole));
    CHECK(strncmp(buf_text(&s.got), whole, part) == 0);
    spool_put(&s, "b", golden.data, golden.len);
    UNTIL(s.w.env, env_path_exists(s.w.env, b));
    CHECK_STR(spool_records(&s, HASH) + part, whole);
    source_stop(s.source);
    CHECK(env_path_exists(s.w.env, a));
    /* A start tells it again, and sends nothing of it again. */
    s.got.len = 0;
    spool_start(&s);
    spool_put(&s, "c", golden.data, golden.len);
    UNTIL(s.w.env, env_path_exists(s.w.env, c));
    CHECK_STR(spool_records(&s, HASH), whole);
    source_stop(s.source);
    CHECK(env_path_exists(s.w.env, a));
    char *const texts[] = {a, b, c, whole};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        mem_free(texts[i]);
    spool_close(&s);
}

/* The work that is under way outlives the source. */
static void a_stop_in_the_middle_of_a_block_is_clean(void)
{
    struct golden golden;
    golden_read(&golden, avro_golden_snappy);
    for (int turns = 0; turns < 8; turns++) {
        struct spool s;
        spool_open(&s, "deserializer=avro batchSize=1");
        spool_put(&s, "a", golden.data, golden.len);
        spool_start(&s);
        for (int i = 0; i < turns; i++)
            until_turn(s.w.env);
        source_stop(s.source);
        spool_close(&s);
    }
}

TAP_MAIN(TAP_TEST(records_of_avro_files_are_events), TAP_TEST(an_avro_file_goes_on_behind_a_block),
         TAP_TEST(a_damaged_avro_file_is_set_aside),
         TAP_TEST(a_stop_in_the_middle_of_a_block_is_clean),
         TAP_TEST(what_is_left_is_told_from_what_ends_alike), TAP_TEST(marks_tell_what_was_read),
         TAP_TEST(circles_and_marks_are_not_looked_into),
         TAP_TEST(only_the_same_file_goes_on_where_it_was),
         TAP_TEST(a_finished_file_leaves_no_position))
