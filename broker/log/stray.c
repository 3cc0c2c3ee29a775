/* Strays: directories of partitions that the metadata does not name.
 *
 * Happy path: the topic was deleted while this broker was down. Its directory gets a name of its
 * own, one line tells it, DescribeLogDirs lists it, and a person removes it. That the metadata does
 * not name a partition is no proof that nobody wants its records: the metadata may be the one that
 * is wrong (a controller that was set up anew, a disk of another cluster), so nothing is deleted.
 * Failure modes: an error while looking proves nothing at all, and leaves the directory alone. */
#include "broker/log/stray.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutation.h"
#include "base/plural.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_manager_private.h"
#include "broker/log/log_open.h"
#include "broker/log/partition_metadata.h"

enum {
    STRAY_DIGITS = 32,     /* of a UUID */
    STRAY_OLD_DIGITS = 16, /* of directories that wait for their removal */
    STRAY_TIME_DIGITS = 12,
    STRAY_NAME_MAX = 255, /* of every file system that we know */
    STRAY_UNKNOWN = -1    /* size or time */
};

#define STRAY_SUFFIX "-stray"

/* ---- names ---- */

static const char *stray_digits(const char *name, const char *suffix, size_t count)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    if (len < suffix_len + count + 1 || strcmp(name + len - suffix_len, suffix) != 0)
        return NULL;
    const char *digits = name + len - suffix_len - count;
    bool fits = digits[-1] == '.' && strspn(digits, "0123456789abcdefABCDEF") >= count;
    return fits ? digits : NULL;
}

bool stray_is_aside(const char *name, const char *suffix)
{
    return stray_digits(name, suffix, STRAY_DIGITS) || stray_digits(name, suffix, STRAY_OLD_DIGITS);
}

/* Kafka's own have a random UUID (version 4), which tells no time: they are kept for ever. */
static int64_t stray_since_ms(const char *name)
{
    const char *digits = stray_digits(name, STRAY_SUFFIX, STRAY_DIGITS);
    char text[STRAY_TIME_DIGITS + 1];
    if (!digits || digits[STRAY_TIME_DIGITS] != '7')
        return STRAY_UNKNOWN;
    snprintf(text, sizeof(text), "%s", digits);
    return (int64_t)strtoull(text, NULL, 16);
}

static int32_t stray_partition(const char *name)
{
    size_t topic_len;
    int32_t partition = STRAY_UNKNOWN;
    const char *digits = stray_digits(name, STRAY_SUFFIX, STRAY_DIGITS);
    char *stem = digits ? mem_strndup(name, (size_t)(digits - 1 - name)) : NULL;
    if (stem && !checkpoints_split_name(stem, &topic_len, &partition))
        partition = STRAY_UNKNOWN;
    mem_free(stem);
    return partition;
}

char *stray_path(struct log_dir *dir, const char *name)
{
    struct env *env = dir->manager->env;
    uint64_t now_ms = (uint64_t)env_wall_ms(env);
    uint64_t first = now_ms << 16 | 0x7000 | (env_random(env) & 0xfff);
    uint64_t second = UINT64_C(1) << 63 | (env_random(env) >> 2);
    /* A long topic is cut and not its partition; partition.metadata knows the topic by its id. */
    const char *partition = strrchr(name, '-');
    size_t topic_len = partition ? (size_t)(partition - name) : strlen(name);
    size_t rest = strlen(name) - topic_len + 1 + STRAY_DIGITS + strlen(STRAY_SUFFIX);
    if (topic_len + rest > STRAY_NAME_MAX)
        topic_len = STRAY_NAME_MAX - rest;
    return mem_printf("%s/%.*s%s.%016" PRIx64 "%016" PRIx64 STRAY_SUFFIX, dir->path, (int)topic_len,
                      name, partition ? partition : "", first, second);
}

/* ---- their sizes, on a worker ---- */

struct stray_job {
    struct env_work work;
    struct log_manager *manager;
    char *path;
    int64_t size;
};

static int64_t stray_file_size(struct env *env, const char *dir, const char *name)
{
    struct env_file *file;
    char *path = mem_printf("%s/%s", dir, name);
    int64_t size = env_file_open(env, path, ENV_OPEN_READ, &file);
    if (size == 0) {
        size = env_file_size(file);
        env_file_close(file);
    }
    mem_free(path);
    return size > 0 ? size : 0;
}

static void stray_job_run(struct env_work *work)
{
    struct stray_job *job = CONTAINER_OF(work, struct stray_job, work);
    char **names;
    size_t count;
    if (env_dir_list(work->env, job->path, &names, &count) < 0)
        return;
    job->size = 0;
    for (size_t i = 0; i < count; i++)
        job->size += stray_file_size(work->env, job->path, names[i]);
    env_dir_list_free(names, count);
}

static void stray_job_done(struct env_work *work)
{
    struct stray_job *job = CONTAINER_OF(work, struct stray_job, work);
    struct log_manager *manager = job->manager;
    ASSERT(job->size >= STRAY_UNKNOWN);
    for (size_t i = 0; !manager->jobs.abandoned && i < manager->stray_count; i++)
        if (strcmp(manager->strays[i].path, job->path) == 0)
            manager->strays[i].size = job->size;
    mem_free(job->path);
    mem_free(job);
    (void)log_jobs_end(&manager->jobs);
}

/* ---- the list ---- */

void stray_add(struct log_dir *dir, const char *path)
{
    struct log_manager *manager = dir->manager;
    size_t count = manager->stray_count + 1;
    ASSERT(path != NULL);
    manager->strays = mem_realloc(manager->strays, count * sizeof(*manager->strays));
    manager->strays[count - 1] = (struct log_stray){
        .dir = dir,
        .path = mem_strdup(path),
        .since_ms = stray_since_ms(path),
        .size = STRAY_UNKNOWN,
    };
    manager->stray_count = count;
    struct stray_job *job = mem_alloc(sizeof(*job));
    job->manager = manager;
    job->path = mem_strdup(path);
    job->size = STRAY_UNKNOWN;
    log_jobs_begin(&manager->jobs);
    env_work_submit(manager->env, &job->work, stray_job_run, stray_job_done);
}

void stray_tell(struct log_dir *dir)
{
    struct log_manager *manager = dir->manager;
    const char *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < manager->stray_count; i++)
        if (manager->strays[i].dir == dir && count++ == 0)
            first = manager->strays[i].path;
    if (count > 0)
        logger_warn(manager->logger,
                    "log directory %s keeps %zu partition%s that the metadata did not name, in "
                    "folders that end in " STRAY_SUFFIX " (%s): remove those that are of no use",
                    dir->path, count, plural(count, "", "s"), first);
}

bool log_manager_stray(const struct log_manager *manager, size_t i, struct log_stray_view *view)
{
    if (i >= manager->stray_count)
        return false;
    const struct log_stray *stray = &manager->strays[i];
    const char *name = stray->path + strlen(stray->dir->path) + 1;
    *view = (struct log_stray_view){
        .dir = stray->dir->path,
        .name = name,
        .partition = stray_partition(name),
        .size = stray->size,
    };
    return true;
}

/* A person has asked for it, by the setting. */
static void stray_remove(struct log_manager *manager, size_t i)
{
    struct log_stray stray = manager->strays[i];
    ASSERT(i < manager->stray_count);
    manager->strays[i] = manager->strays[--manager->stray_count];
    char *aside = log_dir_aside(stray.dir, strrchr(stray.path, '/') + 1, "-delete");
    int rc = env_path_rename(manager->env, stray.path, aside);
    if (rc == 0) {
        logger_info(manager->logger, "removing %s, which is older than log.dir.stray.retention.ms",
                    stray.path);
        log_trash_add(&manager->trash, aside, 0);
    } else {
        if (rc != ERR_NOT_FOUND)
            logger_warn(manager->logger, "could not remove %s: %s", stray.path, err_text(rc));
        mem_free(aside);
    }
    mem_free(stray.path);
}

void stray_expire(struct log_manager *manager, int64_t now_ms)
{
    int64_t retention_ms = manager->config.stray_retention_ms;
    if (retention_ms <= 0)
        return;
    for (size_t i = manager->stray_count; i-- > 0;) {
        const struct log_stray *stray = &manager->strays[i];
        if (!stray->dir->failed && stray->since_ms != STRAY_UNKNOWN &&
            now_ms - stray->since_ms > retention_ms)
            stray_remove(manager, i);
    }
}

void stray_close(struct log_manager *manager)
{
    for (size_t i = 0; i < manager->stray_count; i++)
        mem_free(manager->strays[i].path);
    mem_free(manager->strays);
    manager->strays = NULL;
    manager->stray_count = 0;
}

/* ---- finding them ---- */

/* Whether the metadata names the partition of a closed entry; what can't be told counts as yes. */
static bool stray_is_named(struct log_manager *manager, const struct log_entry *entry,
                           log_manager_wanted_fn wanted, void *data)
{
    size_t topic_len;
    int32_t partition;
    struct uuid id;
    if (!checkpoints_split_name(entry->name, &topic_len, &partition))
        return true;
    char *path = mem_printf("%s/%s", entry->dir->path, entry->name);
    int rc = partition_metadata_topic_id(manager->env, path, &id);
    bool no_id = rc == ERR_NOT_FOUND || rc == ERR_MALFORMED || (rc == 0 && uuid_is_zero(&id));
    if (rc < 0 && !no_id) {
        logger_warn(manager->logger,
                    "could not tell whose directory %s is: %s. It is left alone until the broker "
                    "is restarted",
                    path, err_text(rc));
        mem_free(path);
        return !MUTATION(STRAY_ON_A_GUESS);
    }
    char *topic = mem_strndup(entry->name, topic_len);
    bool named = wanted(data, topic, partition, no_id ? NULL : &id);
    mem_free(topic);
    mem_free(path);
    return named;
}

int stray_move(struct log_entry *entry, const char *why)
{
    struct log_manager *manager = entry->dir->manager;
    char *path = mem_printf("%s/%s", entry->dir->path, entry->name);
    char *aside = MUTATION(STRAY_ON_A_GUESS) ? log_dir_aside(entry->dir, entry->name, "-delete")
                                             : stray_path(entry->dir, entry->name);
    int rc = env_path_rename(manager->env, path, aside);
    ASSERT(why != NULL);
    if (rc == 0) {
        logger_warn(manager->logger,
                    "%s: %s is kept, set aside as %s. Remove that folder when its records are of "
                    "no use (kafka-dump-log.sh shows them)",
                    why, path, aside);
        stray_add(entry->dir, aside);
    } else if (rc != ERR_NOT_FOUND) {
        logger_warn(manager->logger, "%s: %s could not be set aside: %s. It is left alone", why,
                    path, err_text(rc));
    }
    mem_free(aside);
    mem_free(path);
    return rc;
}

/* False when the directory stays where it is. */
static bool stray_set_aside(struct log_entry *entry)
{
    int rc = stray_move(entry, STRAY_UNNAMED);
    return rc == 0 || rc == ERR_NOT_FOUND;
}

void log_manager_set_strays_aside(struct log_manager *manager, log_manager_wanted_fn wanted,
                                  void *data)
{
    size_t cursor = 0, count = 0;
    struct log_entry *entry;
    struct log_entry **strays = mem_alloc((manager->entries.count + 1) * sizeof(*strays));
    while ((entry = map_next(&manager->entries, &cursor, NULL, NULL)))
        if (!entry->log && !entry->busy && entry->exists && !entry->dir->failed &&
            !stray_is_named(manager, entry, wanted, data))
            strays[count++] = entry;
    ASSERT(count <= manager->entries.count);
    for (size_t i = 0; i < count; i++)
        if (stray_set_aside(strays[i]))
            log_entry_remove(strays[i]);
    mem_free(strays);
}
