/* The taildir source on real files: none is skipped and none is read twice, whatever happens to
 * their names and directories. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

enum { TAIL_BATCH = 100 };

struct tail {
    struct world w;
    char dir[64];
    struct part *memory, *part;
    struct channel *channel;
    struct source *source;
    struct take *take;
    struct buf got; /* all bodies, with a bar behind each */
    int looks;
};

static void tail_write(struct tail *t, const char *name, const char *mode, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", t->dir, name);
    FILE *file = fopen(path, mode);
    CHECK(file);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

static void tail_rename(struct tail *t, const char *from, const char *to)
{
    char one[128], other[128];
    snprintf(one, sizeof(one), "%s/%s", t->dir, from);
    snprintf(other, sizeof(other), "%s/%s", t->dir, to);
    CHECK(rename(one, other) == 0);
}

static void tail_start(struct tail *t, const char *values)
{
    char text[512];
    snprintf(text, sizeof(text),
             "filegroups.f=%s/logs/.*[.]log filegroups.g=%s/looks/.* "
             "positionFile=%s/p.json backoffSleepIncrement=1 batchSize=%d %s",
             t->dir, t->dir, t->dir, TAIL_BATCH, values);
    t->part = part_new(part_type_find(PART_SOURCE, "taildir"), "p", "a1.sources.p.", "f", 1);
    part_add(t->part, "filegroups", "f g", 1, &t->w.problem);
    char *save = NULL;
    for (char *pair = strtok_r(text, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(pair, '=');
        *equals = '\0';
        part_add(t->part, pair, equals + 1, 1, &t->w.problem);
    }
    part_check(t->part, &t->w.problem);
    struct source_setup setup = {.part = t->part, .channels = &t->channel, .channels_count = 1};
    int err = source_start(t->w.env, &t->w.logger, &setup, &t->source, &t->w.problem);
    CHECK_STR(buf_text(&t->w.problem), "");
    CHECK_INT(err, 0);
}

static void tail_stop(struct tail *t)
{
    source_stop(t->source);
    part_free(t->part);
}

static void tail_open(struct tail *t)
{
    *t = (struct tail){.dir = "/tmp/millrace-taildir-XXXXXX"};
    char path[128];
    CHECK(mkdtemp(t->dir));
    snprintf(path, sizeof(path), "%s/logs", t->dir);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/looks", t->dir);
    CHECK(mkdir(path, 0700) == 0);
    world_open(&t->w);
    t->memory = world_part(&t->w, PART_CHANNEL, "memory", "capacity=1000");
    t->channel = world_channel(&t->w, t->memory);
    t->take = take_new(TAIL_BATCH);
    buf_init(&t->got);
}

static void tail_remove_all(const char *dir)
{
    char path[512];
    DIR *open = opendir(dir);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(path) != 0)
            tail_remove_all(path);
    }
    if (open)
        closedir(open);
    rmdir(dir);
}

static void tail_close(struct tail *t)
{
    take_free(t->take);
    channel_close(t->channel);
    part_free(t->memory);
    buf_close(&t->got);
    world_close(&t->w);
    tail_remove_all(t->dir);
}

static const char *tail_got(struct tail *t)
{
    do {
        channel_take(t->channel, t->take);
        for (size_t i = 0; i < t->take->count; i++)
            buf_printf(&t->got, "%.*s|", (int)t->take->events[i].len,
                       (const char *)t->take->events[i].body);
        if (t->take->count > 0)
            channel_commit(t->take);
    } while (t->take->count > 0);
    return buf_text(&t->got);
}

#define TAIL_UNTIL(t, expected) UNTIL((t)->w.env, strcmp(tail_got(t), expected) == 0)

/* A new file is found by a look that began after it was made: twice, and one has been whole. */
static void tail_wait_for_looks(struct tail *t)
{
    for (int i = 0; i < 2; i++) {
        char name[32], line[32];
        snprintf(name, sizeof(name), "looks/%d", ++t->looks);
        snprintf(line, sizeof(line), "look %d", t->looks);
        tail_write(t, name, "w", line);
        tail_write(t, name, "a", "\n");
        UNTIL(t->w.env, strstr(tail_got(t), line));
    }
    t->got.len = 0;
}

static void a_file_that_left_the_pattern_is_read_on(void)
{
    struct tail t;
    tail_open(&t);
    tail_write(&t, "logs/a.log", "w", "one\n");
    tail_start(&t, "");
    TAIL_UNTIL(&t, "one|");
    tail_rename(&t, "logs/a.log", "a.gone");
    tail_wait_for_looks(&t);
    tail_write(&t, "a.gone", "a", "two\n");
    TAIL_UNTIL(&t, "two|");
    tail_stop(&t);
    tail_close(&t);
}

static size_t tail_letters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == 'y' || *text == 'z';
    return count;
}

/* Whatever is taken as it is, for it has been idle for no time at all, nothing is missing. */
static void a_last_line_that_grows_is_not_mixed_up(void)
{
    struct tail t;
    size_t letters = 0;
    tail_open(&t);
    tail_write(&t, "logs/a.log", "w", "");
    tail_start(&t, "idleTimeout=0 batchSize=1");
    for (int i = 0; i < 200; i++) {
        tail_write(&t, "logs/a.log", "a", "y\nz");
        until_turn(t.w.env);
    }
    UNTIL(t.w.env, (letters = tail_letters(tail_got(&t))) >= 400);
    until_quiet(t.w.env);
    CHECK_INT(tail_letters(tail_got(&t)), 400);
    tail_stop(&t);
    tail_close(&t);
}

/* Between two looks, as by copytruncate: its size alone does not tell. */
static void a_file_that_was_cut_and_written_anew_is_read_whole(void)
{
    struct tail t;
    tail_open(&t);
    tail_write(&t, "logs/a.log", "w", "one\ntwo\n");
    tail_start(&t, "");
    TAIL_UNTIL(&t, "one|two|");
    tail_wait_for_looks(&t);
    tail_write(&t, "logs/a.log", "w", "three\nfour\n");
    TAIL_UNTIL(&t, "three|four|");
    tail_wait_for_looks(&t);
    tail_write(&t, "logs/a.log", "w", "eerht\nruof\n"); /* of the same size */
    tail_wait_for_looks(&t);
    tail_write(&t, "logs/a.log", "a", "x\n");
    TAIL_UNTIL(&t, "eerht|ruof|x|");
    tail_stop(&t);
    tail_close(&t);
}

static void a_directory_that_is_away_keeps_its_files(void)
{
    struct tail t;
    tail_open(&t);
    tail_write(&t, "logs/a.log", "w", "one\n");
    tail_start(&t, "idleTimeout=1");
    TAIL_UNTIL(&t, "one|");
    tail_wait_for_looks(&t);
    tail_rename(&t, "logs", "away");
    tail_wait_for_looks(&t);
    tail_rename(&t, "away", "logs");
    tail_write(&t, "logs/a.log", "a", "two\n");
    TAIL_UNTIL(&t, "two|");
    tail_stop(&t);
    /* And away at the start: the position is written again. */
    tail_rename(&t, "logs", "away");
    tail_start(&t, "");
    tail_wait_for_looks(&t);
    tail_stop(&t);
    tail_rename(&t, "away", "logs");
    tail_write(&t, "logs/a.log", "a", "three\n");
    tail_start(&t, "");
    TAIL_UNTIL(&t, "three|");
    tail_stop(&t);
    tail_close(&t);
}

/* The same inode with other bytes at its beginning is another file. */
static void a_new_file_with_an_old_inode_is_read_whole(void)
{
    struct tail t;
    tail_open(&t);
    tail_write(&t, "logs/a.log", "w", "one\n");
    tail_start(&t, "");
    TAIL_UNTIL(&t, "one|");
    tail_stop(&t);
    tail_write(&t, "logs/a.log", "w", "uno\ndos\n");
    tail_start(&t, "");
    TAIL_UNTIL(&t, "one|uno|dos|");
    tail_stop(&t);
    tail_close(&t);
}

static void two_names_of_one_file_are_one(void)
{
    struct tail t;
    char one[128], other[128];
    tail_open(&t);
    tail_write(&t, "logs/a.log", "w", "one\n");
    snprintf(one, sizeof(one), "%s/logs/a.log", t.dir);
    snprintf(other, sizeof(other), "%s/logs/b.log", t.dir);
    tail_start(&t, "fileHeader=true");
    TAIL_UNTIL(&t, "one|");
    CHECK(link(one, other) == 0);
    tail_wait_for_looks(&t);
    tail_write(&t, "logs/b.log", "a", "two\n");
    do {
        until_turn(t.w.env);
        channel_take(t.channel, t.take);
    } while (t.take->count == 0);
    CHECK_INT(t.take->count, 1);
    CHECK_STR(headers_find(t.take->events[0].headers, "file")->value, one);
    channel_commit(t.take);
    tail_stop(&t);
    tail_close(&t);
}

static int tail_open_files(void)
{
    int count = 0;
    DIR *open = opendir("/proc/self/fd");
    CHECK(open);
    while (readdir(open))
        count++;
    closedir(open);
    return count;
}

static int tail_most(int a, int b)
{
    return a > b ? a : b;
}

enum { TAIL_FILES = 700 };

static void open_files_are_bounded(void)
{
    struct tail t;
    char name[32];
    int most = 0;
    tail_open(&t);
    for (int i = 0; i < TAIL_FILES; i++) {
        snprintf(name, sizeof(name), "logs/%d.log", i);
        tail_write(&t, name, "w", "1\n2");
    }
    tail_start(&t, "idleTimeout=1");
    UNTIL(t.w.env, (most = tail_most(most, tail_open_files())) < 0 ||
                       strlen(tail_got(&t)) == TAIL_FILES * 4);
    CHECK(most < 600);
    tail_stop(&t);
    tail_close(&t);
}

TAP_MAIN(TAP_TEST(a_file_that_left_the_pattern_is_read_on),
         TAP_TEST(a_last_line_that_grows_is_not_mixed_up),
         TAP_TEST(a_file_that_was_cut_and_written_anew_is_read_whole),
         TAP_TEST(a_directory_that_is_away_keeps_its_files),
         TAP_TEST(a_new_file_with_an_old_inode_is_read_whole),
         TAP_TEST(two_names_of_one_file_are_one), TAP_TEST(open_files_are_bounded))
