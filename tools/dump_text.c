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
    struct dump_rows *rows; /* a checkpoint's row is open until the next line may add to it */
    const char *path;
    const struct dump_text_kind *kind;
    int number;   /* of the line, from 1 */
    uint32_t sum; /* of the lines before this one */
    bool summed;  /* the line with the checksum came */
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
    if (dump_row_is_open(t->rows))
        dump_row_end(t->rows);
}

/* "topic partition offset", and behind it "@incarnation 0 0" of the partition's directory. */
static bool dump_text_checkpoint(struct dump_text *t, char *line)
{
    int64_t values[2];
    char *name = dump_text_word(&line);
    if (!name || !dump_text_numbers(line, 0, 2, values))
        return false;
    if (name[0] == '@') {
        if (!dump_row_is_open(t->rows))
            return false;
        dump_string(t->rows, "incarnation", name + 1);
        dump_text_release(t);
        return true;
    }
    dump_text_release(t);
    dump_row(t->rows, "checkpoint", NULL);
    dump_string(t->rows, "topic", name);
    dump_number(t->rows, "partition", values[0]);
    dump_number(t->rows, "offset", values[1]);
    return true;
}

static bool dump_text_epoch(struct dump_text *t, char *line)
{
    int64_t values[2];
    if (!dump_text_numbers(line, 0, 2, values))
        return false;
    dump_row(t->rows, "leaderEpoch", NULL);
    dump_number(t->rows, "epoch", values[0]);
    dump_number(t->rows, "startOffset", values[1]);
    dump_row_end(t->rows);
    return true;
}

/* Some properties, one a line. */
static bool dump_text_property(struct dump_text *t, char *line)
{
    char *equals = strpbrk(line, "=:");
    if (line[0] == '\0' || line[0] == '#')
        return true;
    if (!equals || equals == line)
        return false;
    *equals = '\0';
    dump_row(t->rows, "property", NULL);
    dump_pair(t->rows, line, equals + 1 + strspn(equals + 1, " "));
    dump_row_end(t->rows);
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
    dump_row(t->rows, "metadataIndex", NULL);
    dump_number(t->rows, "index", values[0]);
    dump_number(t->rows, "term", values[1]);
    dump_row_end(t->rows);
    return true;
}

static bool dump_text_served(struct dump_text *t, char *line)
{
    int64_t epoch;
    if (line[strspn(line, " ")] == '\0')
        return true; /* room for a later one */
    if (!dump_text_numbers(line, 1, 1, &epoch))
        return false;
    dump_row(t->rows, "servedEpoch", NULL);
    dump_number(t->rows, "brokerEpoch", epoch);
    dump_row_end(t->rows);
    return true;
}

/* "topic partition segments bytes checksum", and in newer versions "aborted checksum" of indexes of
 * aborted transactions behind it; the last line is the checksum of those before it. */
static bool dump_text_segments(struct dump_text *t, char *line)
{
    enum { OLD = 4, NEW = 6 };
    static const char *const names[NEW] = {"partition", "segments",    "bytes",
                                           "checksum",  "abortedTxns", "abortedChecksum"};
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
    dump_row(t->rows, "segments", NULL);
    dump_string(t->rows, "topic", name);
    for (int i = 0; i < count; i++)
        dump_number(t->rows, names[i], values[i]);
    dump_row_end(t->rows);
    return true;
}

static bool dump_text_plain(struct dump_text *t, char *line)
{
    dump_row(t->rows, "text", NULL);
    dump_bare(t->rows, "text", report_json_text(line, strlen(line)));
    dump_row_end(t->rows);
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

int dump_text_print(const struct tool_run *run, struct dump_rows *rows, const char *path,
                    const char *name, char *text, size_t len)
{
    struct dump_text t = {.run = run, .rows = rows, .path = path, .kind = dump_text_find(name)};
    if (strlen(text) != len)
        return tool_fail(run, "%s: byte %zu is 0: the file is damaged, it should be text", path,
                         strlen(text));
    int status = dump_text_all(&t, text);
    dump_text_release(&t);
    return status;
}

/* What the name of the file says: an offset of that name, unless it is negative, and the rest. */
static bool dump_text_tell(struct dump_rows *rows, const char *name, int64_t offset,
                           const char *meaning)
{
    dump_row(rows, "mark", NULL);
    if (offset >= 0)
        dump_number(rows, name, offset);
    dump_bare(rows, "meaning", json_string(meaning));
    dump_row_end(rows);
    return true;
}

bool dump_text_mark(struct dump_rows *rows, const char *name)
{
    static const struct {
        const char *suffix, *meaning;
    } marks[] = {
        {".truncated", "the log was cut at this offset"},
        {".begin", "the log begins at this offset, while its first segment is replaced"},
        {".start", "what lay below this offset was deleted"},
    };
    size_t digits = strspn(name, "0123456789");
    int64_t offset = strtoll(name, NULL, 10);
    if (strcmp(name, "replica.gaps") == 0)
        return dump_text_tell(rows, "offset", -1,
                              "offsets may be missing between segments: the log was compacted");
    if (strcmp(name, ".lock") == 0 || strcmp(name, "lock") == 0)
        return dump_text_tell(rows, "offset", -1,
                              "held by the node that uses the directory; it has no content");
    if (digits == 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strcmp(name + digits, marks[i].suffix) == 0)
            return dump_text_tell(rows, "offset", offset, marks[i].meaning);
    if (strncmp(name + digits, ".after-", 7) != 0)
        return false;
    char *meaning =
        mem_printf("when this segment was begun the one before had %s bytes", name + digits + 7);
    dump_text_tell(rows, "baseOffset", offset, meaning);
    mem_free(meaning);
    return true;
}
