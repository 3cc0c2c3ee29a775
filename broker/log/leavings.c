/* The file .segments of a log directory.
 *
 * Happy path: the last thing before the mark of a clean stop is one line for each log, "topic
 * partition segments bytes checksum aborted checksum", and the last line is the checksum of those.
 * The checksums of a log cover base offset and size of each segment that holds anything, and base
 * offset and number of aborted transactions of each that has such. Failure modes: a file that can't
 * be written means no mark; one that can't be read means a start that looks at everything; a log
 * that does not fit its line is damaged; indexes of aborted transactions that do not fit, or that
 * an older version left out of the line, are made again. */
#include "broker/log/leavings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "broker/log/checkpoints.h"
#include "broker/log/file_job.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/twin.h"

enum { LEAVINGS_FILE_MAX = 256 * 1024 * 1024 /* a million partitions */ };

static char *leavings_path(const struct log_dir *dir)
{
    return mem_printf("%s/.segments", dir->path);
}

static uint32_t leavings_sum(uint32_t crc, int64_t base_offset, uint64_t size)
{
    uint8_t bytes[16];
    bytes_put_u64(bytes, (uint64_t)base_offset);
    bytes_put_u64(bytes + 8, size);
    return crc32c(crc, bytes, sizeof(bytes));
}

static struct log_leavings leavings_of(const struct log *log)
{
    struct log_leavings left = {.known = true, .vouches = true};
    for (uint32_t i = 0; i < log->segment_count; i++) {
        const struct segment *segment = log->segments[i];
        uint32_t aborted = segment->aborted.count;
        if (segment->size == 0) /* it may have no file yet */
            continue;
        left.crc = leavings_sum(left.crc, segment->base_offset, segment->size);
        left.bytes += segment->size;
        left.segments++;
        if (aborted > 0)
            left.aborted_crc = leavings_sum(left.aborted_crc, segment->base_offset, aborted);
        left.aborted += aborted;
    }
    ASSERT(left.segments <= log->segment_count);
    return left;
}

int leavings_check(const struct log *log, const struct log_leavings *left, struct buf *note)
{
    struct log_leavings now = leavings_of(log);
    /* Else these would do no harm. */
    if (MUTATION(MARK_KEPT) || MUTATION(MARK_UNCHECKED) || MUTATION(MARK_UNOPENED))
        return 0;
    if (now.segments == left->segments && now.bytes == left->bytes && now.crc == left->crc)
        return 0;
    buf_printf(note,
               "%s: its .log files are not as the last stop left them: %u with %" PRIu64
               " bytes then, %u with %" PRIu64 " bytes now",
               log->path, left->segments, left->bytes, now.segments, now.bytes);
    return ERR_CORRUPT;
}

bool leavings_vouch(const struct log *log, const struct log_leavings *left, struct buf *note)
{
    struct log_leavings now = leavings_of(log);
    if (!left->vouches || (now.aborted == left->aborted && now.aborted_crc == left->aborted_crc))
        return left->vouches;
    if (note->len == 0)
        buf_printf(note,
                   "%s: its .txnindex files are not as the last stop left them: %" PRIu64
                   " aborted transactions then, %" PRIu64 " now: they are made again from the "
                   "records",
                   log->path, left->aborted, now.aborted);
    return false;
}

/* ---- the file ---- */

enum { LEAVINGS_WORDS_MIN = 5, LEAVINGS_WORDS = 7 };

static bool leavings_take_line(struct log_dir *dir, char *line)
{
    char *save = NULL;
    const char *words[LEAVINGS_WORDS] = {NULL};
    int count = 0;
    while (count < LEAVINGS_WORDS && (words[count] = strtok_r(count ? NULL : line, " ", &save)))
        count++;
    bool vouches = count == LEAVINGS_WORDS;
    if (!vouches && count != LEAVINGS_WORDS_MIN)
        return false;
    char *name = mem_printf("%s-%s", words[0], words[1]);
    struct log_entry *entry = log_entry_find(dir, name);
    mem_free(name);
    if (entry)
        entry->left = (struct log_leavings){
            .known = true,
            .segments = (uint32_t)strtoul(words[2], NULL, 10),
            .bytes = strtoull(words[3], NULL, 10),
            .crc = (uint32_t)strtoul(words[4], NULL, 10),
            .vouches = vouches,
            .aborted = vouches ? strtoull(words[5], NULL, 10) : 0,
            .aborted_crc = vouches ? (uint32_t)strtoul(words[6], NULL, 10) : 0,
        };
    return true;
}

/* The lines in front of the last one, which has their checksum. */
static bool leavings_take(struct log_dir *dir, char *text, size_t len)
{
    char *save = NULL, *last = text;
    if (len == 0 || strlen(text) != len || text[len - 1] != '\n')
        return false;
    text[len - 1] = 0;
    if (strrchr(text, '\n'))
        last = strrchr(text, '\n') + 1;
    uint32_t sum = crc32c(0, text, (size_t)(last - text));
    char *crc = mem_printf("%" PRIu32, sum);
    bool whole = strcmp(last, crc) == 0 && dir->leavings_crc == (int64_t)sum;
    mem_free(crc);
    *last = 0;
    char *line = strtok_r(text, "\n", &save);
    for (; line && whole; line = strtok_r(NULL, "\n", &save))
        whole = leavings_take_line(dir, line);
    return whole;
}

bool leavings_load(struct log_dir *dir)
{
    char *path = leavings_path(dir), *text = NULL;
    size_t len;
    int rc = env_file_load(dir->manager->env, path, LEAVINGS_FILE_MAX, &text, &len);
    bool good = rc == 0 && leavings_take(dir, text, len);
    if (!good)
        logger_warn(dir->manager->logger,
                    "%s is not used: %s. All logs of the directory are checked", path,
                    err_text(rc < 0 ? rc : ERR_CORRUPT));
    mem_free(text);
    mem_free(path);
    return good;
}

static void leavings_written(struct file_job *job)
{
    job->dir->leavings_written = job->err == 0;
}

void leavings_write(struct log_dir *dir)
{
    struct buf text;
    size_t cursor = 0;
    struct log_entry *entry;
    buf_init(&text);
    while ((entry = map_next(&dir->manager->entries, &cursor, NULL, NULL))) {
        size_t topic_len;
        int32_t partition;
        struct log_leavings left = entry->log ? leavings_of(entry->log) : entry->left;
        if (entry->dir != dir || entry->folder || !left.known ||
            !checkpoints_split_name(entry->name, &topic_len, &partition))
            continue;
        buf_printf(&text, "%.*s %" PRId32 " %" PRIu32 " %" PRIu64 " %" PRIu32, (int)topic_len,
                   entry->name, partition, left.segments, left.bytes, left.crc);
        if (left.vouches)
            buf_printf(&text, " %" PRIu64 " %" PRIu32, left.aborted, left.aborted_crc);
        buf_printf(&text, "\n");
    }
    dir->leavings_crc = (int64_t)crc32c(0, buf_text(&text), text.len);
    buf_printf(&text, "%" PRId64 "\n", dir->leavings_crc);
    file_job_start(dir, NULL, leavings_path(dir), &text, 0, leavings_written);
}
