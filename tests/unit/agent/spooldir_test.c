/* The spooldir source on real files: where a file goes on after a start. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

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

TAP_MAIN(TAP_TEST(marks_tell_what_was_read), TAP_TEST(circles_and_marks_are_not_looked_into),
         TAP_TEST(only_the_same_file_goes_on_where_it_was),
         TAP_TEST(a_finished_file_leaves_no_position))
