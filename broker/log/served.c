/* The files .served-epochs: one epoch on a line, each line as long as the others, with room for all
 * from the beginning. So a start writes one line in place: it needs no room on the disk, and one
 * sync. A person may add a line of any length; the next start lays the file out again.
 *
 * Happy path: the controller has registered the process; its epoch is added to the file of every
 * directory, on the workers; only then are logs opened and is the broker unfenced. So each
 * directory names every epoch under which the broker was unfenced with it, and a crash on the way
 * leaves no directory behind the others. Failure modes: no room, or no descriptors, is tried again,
 * and the broker waits; any other error takes the directory offline, and the broker goes on without
 * it: it tells the controller, for which that directory stays as new as it was. */
#include "broker/log/served.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/log/file_job.h"
#include "broker/log/log_manager_private.h"

#define SERVED_FILE "/.served-epochs"

enum {
    SERVED_LINE = 32, /* divides a sector, which a power cut leaves old or new */
    SERVED_TEXT_LEN = SERVED_LINE * LOG_SERVED_MAX,
    SERVED_TEXT_MAX = 2 * SERVED_TEXT_LEN,
    SERVED_AGAIN_MS = 1000 /* after there was no room; each try is logged */
};

STATIC_ASSERT(512 % SERVED_LINE == 0, "a line lies in one sector");
STATIC_ASSERT(SERVED_LINE > 20, "the longest number and the end of its line fit");

static int64_t served_last(const struct log_dir *dir)
{
    return dir->served_count > 0 ? dir->served[dir->served_count - 1] : 0;
}

/* The older half makes way: what a person has to decide is decided before so many starts. */
static void served_make_room(struct log_dir *dir)
{
    const uint32_t kept = LOG_SERVED_MAX / 2;
    if (dir->served_count < LOG_SERVED_MAX)
        return;
    memmove(dir->served, dir->served + kept, kept * sizeof(dir->served[0]));
    dir->served_count = kept;
    dir->served_laid = false;
}

static void served_add(struct log_dir *dir, int64_t epoch)
{
    served_make_room(dir);
    ASSERT(dir->served_count < LOG_SERVED_MAX);
    dir->served[dir->served_count++] = epoch;
}

/* Lines without a number are room for one. */
static int served_parse(struct log_dir *dir, const char *text)
{
    const char *at = text, *end;
    dir->served_laid = strlen(text) == SERVED_TEXT_LEN;
    for (; *at; at = end + 1) {
        end = strchr(at, '\n');
        if (!end)
            return ERR_MALFORMED;
        const char *digits = at + strspn(at, " ");
        bool blank = digits == end;
        dir->served_laid &= end - at == SERVED_LINE - 1 &&
                            (blank || at == text + SERVED_LINE * (size_t)dir->served_count);
        if (blank)
            continue;
        char *rest;
        long long epoch = strtoll(digits, &rest, 10);
        if (rest + strspn(rest, " ") != end || epoch <= 0)
            return ERR_MALFORMED;
        served_add(dir, epoch);
    }
    return 0;
}

int served_load(struct log_dir *dir, struct buf *problem)
{
    char *path = mem_printf("%s" SERVED_FILE, dir->path), *text = NULL;
    size_t len;
    int rc = env_file_load(dir->manager->env, path, SERVED_TEXT_MAX, &text, &len);
    bool bad = rc == ERR_TOO_LARGE || (rc == 0 && (strlen(text) != len || served_parse(dir, text)));
    if (bad) {
        logger_warn(dir->manager->logger, "%s is damaged, and not used", path);
        dir->served_count = 0;
        dir->served_laid = false;
    }
    if (rc == ERR_NO_FILE)
        buf_printf(problem, "log.dirs: %s: %s", path, err_text(rc));
    mem_free(text);
    mem_free(path);
    return bad || rc == ERR_NOT_FOUND ? 0 : rc;
}

int64_t log_manager_dir_served(const struct log_manager *manager, int i)
{
    const struct log_dir *dir = &manager->dirs[i];
    return dir->served_count == 0 && dir->entry_count == 0 ? LOG_SERVED_NEW : served_last(dir);
}

int64_t log_manager_stopped_epoch(const struct log_manager *manager)
{
    int64_t stopped = 0;
    for (int i = 0; i < manager->config.dir_count; i++) {
        const struct log_dir *dir = &manager->dirs[i];
        int64_t epoch = dir->failed || !dir->clean ? 0 : dir->stopped_epoch;
        if (log_manager_dir_served(manager, i) == LOG_SERVED_NEW)
            continue;
        if (epoch == 0 || (stopped && epoch != stopped))
            return 0;
        stopped = epoch;
    }
    ASSERT(stopped >= 0);
    return stopped;
}

bool log_served_under(const struct log *log, int64_t broker_epoch)
{
    const struct log_dir *dir = log->dir;
    for (uint32_t i = 0; i < dir->served_count; i++)
        if (dir->served[i] == broker_epoch)
            return true;
    return false;
}

static void served_next(struct log_manager *manager);

static void served_written(struct file_job *job)
{
    struct log_manager *manager = job->manager;
    ASSERT(job->dir->served_writing);
    ASSERT(job->offset > 0);
    job->dir->served_writing = false;
    if (job->err == 0) {
        served_add(job->dir, job->offset);
        job->dir->served_laid = true;
    }
    if (manager->shutting_down)
        return;
    if (job->err == 0 || job->dir->failed)
        served_next(manager);
    else
        env_timer_start(&manager->served_timer, SERVED_AGAIN_MS);
}

static void served_line(struct buf *text, int64_t epoch)
{
    buf_printf(text, "%-*" PRId64 "\n", SERVED_LINE - 1, epoch);
}

/* Room for the epochs to come. */
static void served_blanks(struct buf *text)
{
    char line[SERVED_LINE];
    memset(line, ' ', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\n';
    while (text->len < SERVED_TEXT_LEN)
        buf_put(text, line, sizeof(line));
}

static void served_write(struct log_dir *dir, int64_t epoch)
{
    struct buf text;
    char *path = mem_printf("%s" SERVED_FILE, dir->path);
    buf_init(&text);
    ASSERT(!dir->served_writing);
    served_make_room(dir);
    ASSERT(dir->served_count < LOG_SERVED_MAX);
    dir->served_writing = true;
    if (dir->served_laid) {
        served_line(&text, epoch);
        file_job_start_in_place(dir, path, &text, SERVED_LINE * (uint64_t)dir->served_count, epoch,
                                served_written);
        return;
    }
    for (uint32_t i = 0; i < dir->served_count; i++)
        served_line(&text, dir->served[i]);
    served_line(&text, epoch);
    served_blanks(&text);
    file_job_start(dir, NULL, path, &text, epoch, served_written);
}

/* Writes where it is not written yet; calls back when it is everywhere. */
static void served_next(struct log_manager *manager)
{
    bool whole = true;
    for (int i = 0; i < manager->config.dir_count; i++) {
        struct log_dir *dir = &manager->dirs[i];
        if (dir->failed || served_last(dir) == manager->serves)
            continue;
        whole = false;
        if (!dir->served_writing)
            served_write(dir, manager->serves);
    }
    void (*done)(void *data) = manager->served_done;
    if (!whole || !done)
        return;
    manager->served_done = NULL;
    done(manager->served_data);
}

void served_due(void *data)
{
    served_next(data);
}

/* Said where the path is known; the controller's log tells what it did. */
static void served_say_older(const struct log_dir *dir, int64_t before)
{
    logger_error(
        dir->manager->logger,
        "log directory %s is an older disk, or an older copy: its .served-epochs ends with "
        "broker epoch %" PRId64 ", and this broker has served under epoch %" PRId64
        " since. Its replicas copy what they lack before they lead; a partition whose last "
        "in-sync replica was here then is not served. Bring the disk back that was in use "
        "last, and restart the broker. If this is that disk, and only the file was "
        "damaged, a line about each such partition says what to put into it. Or let what there "
        "is lead and lose the rest (kafka-leader-election.sh --election-type unclean)",
        dir->path, served_last(dir), before);
}

void log_manager_serve(struct log_manager *manager, int64_t epoch, const int64_t *before,
                       size_t count, void (*done)(void *data), void *data)
{
    ASSERT(epoch > 0);
    ASSERT(!manager->shutting_down);
    ASSERT(done != NULL);
    for (int i = 0; i < manager->config.dir_count && (size_t)i < count; i++) {
        const struct log_dir *dir = &manager->dirs[i];
        if (served_last(dir) < before[i] && log_manager_dir_served(manager, i) != LOG_SERVED_NEW)
            served_say_older(dir, before[i]);
    }
    manager->serves = epoch;
    manager->served_done = done;
    manager->served_data = data;
    served_next(manager);
}
