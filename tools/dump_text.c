/* The small text files of a data directory.
 *
 * Happy path: each line is read by the rules of its file and printed as "name: value" pairs.
 * Failure modes: a line that breaks the rules, a count or a checksum that does not fit, a NUL byte:
 * one sentence with the line. */
#include "tools/dump_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/uuid.h"

struct dump_text;

struct dump_text_kind {
    const char *name;
    bool counted; /* "0" and the number of lines come first */
    bool (*line)(struct dump_text *t, char *line);
    const char *shape; /* what a line is */
};

struct dump_text {
    const struct tool_run *run;
    const char *path;
    const struct dump_text_kind *kind;
    int number;      /* of the line, from 1 */
    uint32_t sum;    /* of the lines before this one */
    bool summed;     /* the line with the checksum came */
    struct buf held; /* a checkpoint's line that the next one may add to */
};

/* ---- lines ---- */

/* Cuts the next word off; NULL at the end of the line. */
static char *dump_text_word(char **at)
{
    char *word = *at + strspn(*at, " ");
    size_t len = strcspn(word, " ");
    if (len == 0)
        return NULL;
    *at = word + len + (word[len] == ' ');
    word[len] = '\0';
    return word;
}

static bool dump_text_number(const char *word, int64_t min, int64_t *value)
{
    char *end;
    if (!word)
        return false;
    errno = 0;
    *value = strtoll(word, &end, 10);
    return end != word && *end == '\0' && errno == 0 && *value >= min;
}

/* So many numbers, and nothing behind them. */
static bool dump_text_numbers(char *line, int64_t min, int count, int64_t *values)
{
    for (int i = 0; i < count; i++)
        if (!dump_text_number(dump_text_word(&line), min, &values[i]))
            return false;
    return !dump_text_word(&line);
}

static void dump_text_release(struct dump_text *t)
{
    if (t->held.len > 0)
        puts(buf_text(&t->held));
    t->held.len = 0;
}

/* "topic partition offset", and behind it "@incarnation 0 0" of the partition's directory. */
static bool dump_text_checkpoint(struct dump_text *t, char *line)
{
    int64_t values[2];
    char *name = dump_text_word(&line);
    if (!name || !dump_text_numbers(line, 0, 2, values))
        return false;
    if (name[0] == '@') {
        if (t->held.len == 0)
            return false;
        buf_printf(&t->held, " incarnation: %s", name + 1);
        dump_text_release(t);
        return true;
    }
    dump_text_release(t);
    buf_printf(&t->held, "topic: %s partition: %" PRId64 " offset: %" PRId64, name, values[0],
               values[1]);
    return true;
}

static bool dump_text_epoch(struct dump_text *t, char *line)
{
    int64_t values[2];
    (void)t;
    if (!dump_text_numbers(line, 0, 2, values))
        return false;
    printf("epoch: %" PRId64 " startOffset: %" PRId64 "\n", values[0], values[1]);
    return true;
}

/* Some properties, one a line. */
static bool dump_text_property(struct dump_text *t, char *line)
{
    char *equals = strpbrk(line, "=:");
    (void)t;
    if (line[0] == '\0' || line[0] == '#')
        return true;
    if (!equals || equals == line)
        return false;
    *equals = '\0';
    printf("%s: %s\n", line, equals + 1 + strspn(equals + 1, " "));
    return true;
}

/* "version: 0" and "topic_id: ...", and the incarnation of Millrace's. */
static bool dump_text_partition(struct dump_text *t, char *line)
{
    struct uuid uuid;
    char *colon = strchr(line, ':');
    const char *value = colon ? colon + 1 + strspn(colon + 1, " ") : "";
    bool id = t->number > 1 && uuid_parse(value, &uuid) == 0;
    return colon && (t->number > 1 ? id : strcmp(line, "version: 0") == 0) &&
           dump_text_property(t, line);
}

static bool dump_text_index(struct dump_text *t, char *line)
{
    int64_t values[2];
    if (t->number > 1 || !dump_text_numbers(line, 0, 2, values))
        return false;
    printf("index: %" PRId64 " term: %" PRId64 "\n", values[0], values[1]);
    return true;
}

static bool dump_text_served(struct dump_text *t, char *line)
{
    int64_t epoch;
    (void)t;
    if (line[strspn(line, " ")] == '\0')
        return true; /* room for a later one */
    if (!dump_text_numbers(line, 1, 1, &epoch))
        return false;
    printf("brokerEpoch: %" PRId64 "\n", epoch);
    return true;
}

/* "topic partition segments bytes checksum", and in newer versions "aborted checksum" of indexes of
 * aborted transactions behind it; the last line is the checksum of those before it. */
static bool dump_text_segments(struct dump_text *t, char *line)
{
    enum { OLD = 4, NEW = 6 };
    int64_t values[NEW];
    int count = 0;
    uint32_t sum = crc32c(crc32c(t->sum, line, strlen(line)), "\n", 1);
    if (t->summed)
        return false;
    if (!strchr(line, ' ')) {
        t->summed = dump_text_number(line, 0, values) && values[0] == t->sum;
        return t->summed;
    }
    t->sum = sum;
    char *name = dump_text_word(&line), *word;
    for (; (word = dump_text_word(&line)); count++)
        if (count == NEW || !dump_text_number(word, 0, &values[count]))
            return false;
    if (!name || (count != OLD && count != NEW))
        return false;
    printf("topic: %s partition: %" PRId64 " segments: %" PRId64 " bytes: %" PRId64
           " checksum: %" PRId64,
           name, values[0], values[1], values[2], values[3]);
    if (count == NEW)
        printf(" abortedTxns: %" PRId64 " abortedChecksum: %" PRId64, values[4], values[5]);
    putchar('\n');
    return true;
}

static bool dump_text_plain(struct dump_text *t, char *line)
{
    (void)t;
    puts(line);
    return true;
}

#define DUMP_TEXT_OFFSETS "\"TOPIC PARTITION OFFSET\""
static const struct dump_text_kind dump_text_kinds[] = {
    {"recovery-point-offset-checkpoint", true, dump_text_checkpoint, DUMP_TEXT_OFFSETS},
    {"replication-offset-checkpoint", true, dump_text_checkpoint, DUMP_TEXT_OFFSETS},
    {"log-start-offset-checkpoint", true, dump_text_checkpoint, DUMP_TEXT_OFFSETS},
    {"cleaner-offset-checkpoint", true, dump_text_checkpoint, DUMP_TEXT_OFFSETS},
    {"leader-epoch-checkpoint", true, dump_text_epoch, "\"EPOCH OFFSET\""},
    {"meta.properties", false, dump_text_property, "\"NAME=VALUE\""},
    {"partition.metadata", false, dump_text_partition,
     "\"version: 0\" and then \"topic_id: ID\" (22 characters)"},
    {".metadata-index", false, dump_text_index, "\"INDEX TERM\""},
    {".served-epochs", false, dump_text_served, "an epoch"},
    {".segments", false, dump_text_segments,
     "\"TOPIC PARTITION SEGMENTS BYTES CHECKSUM\", and at the end the checksum of those"},
    {".kafka_cleanshutdown", false, dump_text_plain, "text"},
    {"replica.damaged", false, dump_text_plain, "text"},
    {"replica.doubted", false, dump_text_plain, "text"},
};

static const struct dump_text_kind *dump_text_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(dump_text_kinds); i++)
        if (strcmp(dump_text_kinds[i].name, name) == 0)
            return &dump_text_kinds[i];
    return NULL;
}

bool dump_text_knows(const char *name)
{
    return dump_text_find(name) != NULL;
}

/* ---- files ---- */

static int dump_text_damaged(const struct dump_text *t, const char *what)
{
    return tool_fail(t->run, "%s line %d: the file is damaged: %s", t->path, t->number, what);
}

/* The lines that say the version and how many follow. */
static bool dump_text_head(struct dump_text *t, char *line, int64_t *left)
{
    if (t->number == 1)
        return strcmp(line, "0") == 0;
    return dump_text_number(line, 0, left);
}

static int dump_text_all(struct dump_text *t, char *text)
{
    int64_t left = 0;
    bool counted = t->kind->counted;
    for (char *at = text, *end; *at; at = end) {
        end = at + strcspn(at, "\n");
        if (*end == '\n')
            *end++ = '\0';
        t->number++;
        if (counted && t->number <= 2) {
            if (!dump_text_head(t, at, &left))
                return dump_text_damaged(t, t->number == 1 ? "it begins with version 0"
                                                           : "this is not how many lines follow");
            continue;
        }
        if (!t->kind->line(t, at)) {
            char *what = mem_printf("this is not %s", t->kind->shape);
            int status = dump_text_damaged(t, what);
            mem_free(what);
            return status;
        }
        left--;
    }
    if (counted && (t->number < 2 || left != 0))
        return dump_text_damaged(t, "there are not as many lines as line 2 says");
    if (strcmp(t->kind->name, ".segments") == 0 && !t->summed)
        return dump_text_damaged(t, "the checksum at the end is missing");
    return 0;
}

int dump_text_print(const struct tool_run *run, const char *path, const char *name, char *text,
                    size_t len)
{
    struct dump_text t = {.run = run, .path = path, .kind = dump_text_find(name)};
    if (strlen(text) != len)
        return tool_fail(run, "%s: byte %zu is 0: the file is damaged, it should be text", path,
                         strlen(text));
    buf_init(&t.held);
    int status = dump_text_all(&t, text);
    dump_text_release(&t);
    buf_close(&t.held);
    return status;
}

bool dump_text_mark(const char *name)
{
    static const struct {
        const char *suffix, *meaning;
    } marks[] = {
        {".truncated", "the log was cut at this offset"},
        {".begin", "the log begins at this offset, while its first segment is replaced"},
        {".start", "what lay below this offset was deleted"},
    };
    size_t digits = strspn(name, "0123456789");
    if (strcmp(name, "replica.gaps") == 0) {
        puts("offsets may be missing between segments: the log was compacted");
        return true;
    }
    if (strcmp(name, ".lock") == 0 || strcmp(name, "lock") == 0) {
        puts("held by the node that uses the directory; it has no content");
        return true;
    }
    if (digits == 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strcmp(name + digits, marks[i].suffix) == 0) {
            printf("offset: %lld %s\n", strtoll(name, NULL, 10), marks[i].meaning);
            return true;
        }
    if (strncmp(name + digits, ".after-", 7) != 0)
        return false;
    printf("baseOffset: %lld when this segment was begun the one before had %s bytes\n",
           strtoll(name, NULL, 10), name + digits + 7);
    return true;
}
