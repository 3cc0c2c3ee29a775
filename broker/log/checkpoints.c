/* Checkpoint files: small texts that let a start skip work.
 *
 * Happy path: every interval the values that changed go into a new file by rename. The recovery
 * point of a log is written only after its epochs are, since a scan from it on would not find them.
 * Failure modes: a damaged file is dropped, so logs are scanned from their start; what a file says
 * of another log that had the name is not used. */
#include "broker/log/checkpoints.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/log/file_job.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/twin.h"

enum { CHECKPOINT_FILE_MAX = 256 * 1024 * 1024 /* a million partitions */ };

static const char *const checkpoint_files[] = {
    [CHECKPOINT_RECOVERY_POINT] = "recovery-point-offset-checkpoint",
    [CHECKPOINT_HIGH_WATERMARK] = "replication-offset-checkpoint",
    [CHECKPOINT_LOG_START] = "log-start-offset-checkpoint",
    [CHECKPOINT_CLEANER] = "cleaner-offset-checkpoint",
};
STATIC_ASSERT(ARRAY_LEN(checkpoint_files) == LOG_CHECKPOINTS, "each has its file");

static int64_t *entry_field(struct log_entry *entry, enum checkpoint which)
{
    ASSERT((int)which < (int)LOG_CHECKPOINTS);
    switch (which) {
    case CHECKPOINT_RECOVERY_POINT:
        return &entry->recovery_point;
    case CHECKPOINT_HIGH_WATERMARK:
        return &entry->high_watermark;
    case CHECKPOINT_LOG_START:
        return &entry->start_offset;
    default:
        return &entry->cleaned_offset;
    }
}

bool checkpoints_split_name(const char *name, size_t *topic_len, int32_t *partition)
{
    const char *dash = strrchr(name, '-');
    if (!dash || dash == name || strspn(dash + 1, "0123456789") != strlen(dash + 1))
        return false;
    size_t digits = strlen(dash + 1);
    if (digits == 0 || digits > 10)
        return false;
    long long number = strtoll(dash + 1, NULL, 10);
    if (number > INT32_MAX)
        return false;
    *topic_len = (size_t)(dash - name);
    *partition = (int32_t)number;
    ASSERT(*topic_len > 0);
    ASSERT(*partition >= 0);
    return true;
}

/* ---- reading ---- */

/* One line "topic partition offset"; false when it is not one. *last is the entry that the line
 * before was about, and then the one of this; NULL when there is none. */
static bool take_line(struct log_dir *dir, enum checkpoint which, char *line,
                      struct log_entry **last)
{
    struct uuid incarnation = {0};
    char *save = NULL, *end;
    const char *topic = strtok_r(line, " ", &save);
    const char *partition = strtok_r(NULL, " ", &save);
    const char *offset = strtok_r(NULL, " ", &save);
    if (!topic || !partition || !offset)
        return false;
    int64_t value = strtoll(offset, &end, 10);
    if (*end || end == offset || value < 0)
        return false;
    if (topic[0] == '@') {
        if (uuid_parse(topic + 1, &incarnation) < 0)
            return false;
        if (*last)
            (*last)->incarnations[which] = incarnation;
        *last = NULL;
        return true;
    }
    char *name = mem_printf("%s-%s", topic, partition);
    struct log_entry *entry = log_entry_find(dir, name);
    mem_free(name);
    *last = entry;
    if (entry) {
        *entry_field(entry, which) = value;
        entry->incarnations[which] = incarnation;
    }
    return true;
}

static bool take_text(struct log_dir *dir, enum checkpoint which, char *text)
{
    char *save = NULL;
    const char *version = strtok_r(text, "\n", &save);
    const char *count = strtok_r(NULL, "\n", &save);
    if (!version || !count || strcmp(version, "0") != 0)
        return false;
    char *line;
    struct log_entry *last = NULL;
    int64_t left = strtoll(count, NULL, 10);
    for (; left > 0 && (line = strtok_r(NULL, "\n", &save)); left--)
        if (!take_line(dir, which, line, &last))
            return false;
    return left == 0;
}

int checkpoints_load(struct log_dir *dir, struct buf *problem)
{
    int result = 0;
    for (size_t i = 0; i < ARRAY_LEN(checkpoint_files); i++) {
        char *path = mem_printf("%s/%s", dir->path, checkpoint_files[i]), *text = NULL;
        size_t len;
        int rc = env_file_load(dir->manager->env, path, CHECKPOINT_FILE_MAX, &text, &len);
        if (rc == 0 && !take_text(dir, (enum checkpoint)i, text))
            rc = ERR_CORRUPT;
        if (rc == ERR_NO_FILE) { /* it could never be written */
            buf_printf(problem, "log.dirs: %s: %s", path, err_text(rc));
            result = rc;
        } else if (rc < 0 && rc != ERR_NOT_FOUND) {
            logger_warn(dir->manager->logger, "%s is not used: %s", path, err_text(rc));
        }
        mem_free(text);
        mem_free(path);
    }
    return result;
}

void checkpoints_forget_others(struct log_entry *entry, const struct uuid *incarnation)
{
    for (int which = 0; which < LOG_CHECKPOINTS; which++)
        if (!uuid_equal(&entry->incarnations[which], incarnation))
            *entry_field(entry, (enum checkpoint)which) = 0;
}

/* ---- writing ---- */

static int64_t recovery_point_of(struct log *log, int64_t old)
{
    bool pending = log->epochs.dirty || log->epochs_writing;
    if (!pending || log->flushed_offset <= old)
        return log->flushed_offset;
    log->dir->checkpoint_dirty[CHECKPOINT_RECOVERY_POINT] = true; /* once more when they are */
    return old;
}

/* Brings the entry up to date with its log. */
static void entry_refresh(struct log_entry *entry, enum checkpoint which)
{
    struct log *log = entry->log;
    ASSERT(!log || log->entry == entry);
    if (!log)
        return;
    entry->incarnations[which] = log->incarnation;
    switch (which) {
    case CHECKPOINT_RECOVERY_POINT:
        entry->recovery_point = recovery_point_of(log, entry->recovery_point);
        log->cut_marker_saved = log->cut_marker;
        return;
    case CHECKPOINT_HIGH_WATERMARK:
        /* A follower may know of more than it has on its disk. */
        entry->high_watermark = log->high_watermark;
        if (entry->high_watermark > log_durable_offset(log))
            entry->high_watermark = log_durable_offset(log);
        log->cut_marker_seen = log->cut_marker;
        return;
    case CHECKPOINT_LOG_START:
        entry->start_offset = log->start_offset;
        return;
    case CHECKPOINT_CLEANER:
        entry->cleaned_offset = log->cleaned_offset;
    }
}

/* One of the two was not written: the markers stay until both are. */
static void keep_cut_markers(struct log_dir *dir)
{
    size_t cursor = 0;
    struct log_entry *entry;
    while ((entry = map_next(&dir->manager->entries, &cursor, NULL, NULL)))
        if (entry->dir == dir && entry->log)
            entry->log->cut_marker_saved = entry->log->cut_marker_seen = -1;
}

/* The lowered recovery points and high watermarks are on disk: the markers of the cuts may go. */
static void remove_cut_markers(struct log_dir *dir)
{
    if (dir->checkpoint_writing[CHECKPOINT_RECOVERY_POINT] ||
        dir->checkpoint_writing[CHECKPOINT_HIGH_WATERMARK])
        return;
    size_t cursor = 0;
    struct log_entry *entry;
    while ((entry = map_next(&dir->manager->entries, &cursor, NULL, NULL))) {
        if (entry->dir == dir && entry->log)
            log_unmark_cut(entry->log);
    }
}

/* The log starts are on disk as the entries have them. */
static void tell_saved_starts(struct log_dir *dir)
{
    size_t cursor = 0;
    struct log_entry *entry;
    while ((entry = map_next(&dir->manager->entries, &cursor, NULL, NULL))) {
        if (entry->dir != dir || !entry->log || entry->log->start_saved == entry->start_offset)
            continue;
        entry->log->start_saved = entry->start_offset;
        log_notify_later(entry->log);
    }
    if (dir->start_wanted) /* some moved on meanwhile */
        log_turn_add(&dir->manager->turn, NULL);
}

static void checkpoint_written(struct file_job *job)
{
    struct log_dir *dir = job->dir;
    enum checkpoint which = (enum checkpoint)job->offset;
    ASSERT(job->offset >= 0);
    ASSERT(job->offset < LOG_CHECKPOINTS);
    ASSERT(dir->checkpoint_writing[which]);
    dir->checkpoint_writing[which] = false;
    if (job->err < 0) {
        dir->checkpoint_dirty[which] = true;
        keep_cut_markers(dir);
    } else if (which == CHECKPOINT_RECOVERY_POINT || which == CHECKPOINT_HIGH_WATERMARK) {
        remove_cut_markers(dir);
    } else if (which == CHECKPOINT_LOG_START) {
        tell_saved_starts(dir);
    }
}

void checkpoints_write(struct log_dir *dir, enum checkpoint which)
{
    ASSERT((int)which < (int)LOG_CHECKPOINTS);
    if (dir->failed || dir->checkpoint_writing[which])
        return;
    char incarnation[UUID_TEXT_LEN + 1];
    struct buf lines, text;
    size_t cursor = 0, count = 0;
    struct log_entry *entry;
    dir->checkpoint_dirty[which] = false;
    buf_init(&lines);
    buf_init(&text);
    while ((entry = map_next(&dir->manager->entries, &cursor, NULL, NULL))) {
        size_t topic_len;
        int32_t partition;
        if (entry->dir != dir || !checkpoints_split_name(entry->name, &topic_len, &partition))
            continue;
        entry_refresh(entry, which);
        if (*entry_field(entry, which) == 0)
            continue; /* as good as no line */
        buf_printf(&lines, "%.*s %" PRId32 " %" PRId64 "\n", (int)topic_len, entry->name, partition,
                   *entry_field(entry, which));
        count++;
        if (uuid_is_zero(&entry->incarnations[which]))
            continue;
        uuid_format(&entry->incarnations[which], incarnation);
        buf_printf(&lines, "@%s 0 0\n", incarnation);
        count++;
    }
    buf_printf(&text, "0\n%zu\n%s", count, buf_text(&lines));
    buf_close(&lines);
    dir->checkpoint_writing[which] = true;
    file_job_start(dir, NULL, mem_printf("%s/%s", dir->path, checkpoint_files[which]), &text,
                   (int64_t)which, checkpoint_written);
}
