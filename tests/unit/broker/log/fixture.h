/* A log manager in a temporary directory. */
#ifndef TESTS_UNIT_BROKER_LOG_FIXTURE_H
#define TESTS_UNIT_BROKER_LOG_FIXTURE_H

#include "../../tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/log/log_internal.h"
#include "kafka/batch.h"
#include "tests/lib/batch_maker.h"

struct fixture {
    struct env *env;
    struct logger logger;
    struct log_manager *manager;
    struct log *log;
    struct buf problem;
    struct buf lines; /* what was logged */
    char root[64];
    char *dir;
    const char *dirs[1];
    struct log_config config;
    struct log_manager_config manager_config;
    struct uuid topic_id;
    struct env_timer poll;
    bool (*until)(struct fixture *);
    int turns;
    int err;
    int failed_dirs;
    int notified;
    bool opened;
    bool stopped;
};

static inline void fixture_line(void *data, const char *line, int len)
{
    struct fixture *f = data;
    buf_printf(&f->lines, "%.*s", len, line);
}

static inline void fixture_poll(void *data)
{
    struct fixture *f = data;
    if (f->until(f))
        env_stop(f->env);
    else
        env_timer_start_us(&f->poll, 0);
}

/* Runs the loop until the condition holds. */
static inline void fixture_wait(struct fixture *f, bool (*until)(struct fixture *))
{
    f->until = until;
    f->turns = 0;
    env_timer_start_us(&f->poll, 0);
    env_run(f->env);
}

static inline bool fixture_is_idle(struct fixture *f)
{
    bool busy = f->manager && (f->manager->jobs > 0 || !list_empty(&f->manager->turn) ||
                               env_timer_running(&f->manager->turn_timer) ||
                               (env_timer_running(&f->manager->trash_timer) &&
                                f->manager->trash_timer.due_us <= env_now_us(f->env)));
    return !busy && ++f->turns > 2;
}

/* Until all that was asked for is done. */
static inline void fixture_settle(struct fixture *f)
{
    fixture_wait(f, fixture_is_idle);
}

static inline void fixture_found(struct log_lookup *lookup)
{
    lookup->asked_ms = -1;
}

/* The end of a lookup that was started; its error. */
static inline int fixture_lookup_end(struct fixture *f, struct log_lookup *lookup, int rc,
                                     int64_t *offset, int64_t *time)
{
    if (rc == 1) {
        fixture_settle(f);
        CHECK_INT(lookup->asked_ms, -1); /* done was called */
        rc = lookup->err;
    }
    *offset = lookup->offset;
    *time = lookup->timestamp_ms;
    return rc;
}

static inline int fixture_find_time(struct fixture *f, int64_t asked_ms, int64_t *offset,
                                    int64_t *time)
{
    struct log_lookup lookup = {.done = fixture_found};
    return fixture_lookup_end(f, &lookup, log_lookup_start(&lookup, f->log, asked_ms), offset,
                              time);
}

static inline int fixture_find_max_time(struct fixture *f, int64_t *offset, int64_t *time)
{
    struct log_lookup lookup = {.done = fixture_found};
    return fixture_lookup_end(f, &lookup, log_lookup_start_max(&lookup, f->log), offset, time);
}

static inline void fixture_dir_failed(void *data, const char *dir)
{
    (void)dir;
    ((struct fixture *)data)->failed_dirs++;
}

static inline struct log_config fixture_config(void)
{
    return (struct log_config){
        .segment_bytes = 1 << 30,
        .segment_ms = INT64_C(604800000),
        .segment_index_bytes = 10 << 20,
        .index_interval_bytes = 4096,
        .retention_bytes = -1,
        .retention_ms = -1,
        .flush_messages = 1,
        .flush_ms = INT64_MAX,
        .max_message_bytes = 1 << 20,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .cleanup_delete = true,
        .compression = -1,
        .delete_retention_ms = 86400000,
        .max_compaction_lag_ms = INT64_MAX,
        .min_cleanable_dirty_ratio = 0.5,
        .producer_id_expiration_ms = 86400000,
    };
}

static inline int fixture_start(struct fixture *f)
{
    static const struct log_manager_events events = {fixture_dir_failed};
    f->problem.len = 0;
    f->stopped = false;
    int rc = log_manager_new(f->env, &f->logger, &f->manager_config, &events, f, &f->problem,
                             &f->manager);
    if (rc < 0)
        f->manager = NULL;
    return rc;
}

static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    CHECK_INT(env_new(&f->env), 0);
    logger_init(&f->logger, "test", NULL, NULL);
    f->logger.sink = fixture_line;
    f->logger.sink_data = f;
    buf_init(&f->problem);
    buf_init(&f->lines);
    snprintf(f->root, sizeof(f->root), "/tmp/millrace-log-XXXXXX");
    CHECK(mkdtemp(f->root) != NULL);
    f->dir = mem_printf("%s/data", f->root);
    f->dirs[0] = f->dir;
    f->config = fixture_config();
    f->manager_config = (struct log_manager_config){
        .dirs = f->dirs,
        .dir_count = 1,
        .node_id = 1,
        .cluster_id = "cluster",
    };
    memcpy(f->topic_id.bytes, "0123456789abcdef", 16);
    env_timer_init(f->env, &f->poll, fixture_poll, f);
    CHECK_INT(fixture_start(f), 0);
}

static inline void fixture_opened(void *data, int err, struct log *log)
{
    struct fixture *f = data;
    f->err = err;
    f->log = log;
    f->opened = true;
}

static inline bool fixture_is_open(struct fixture *f)
{
    return f->opened;
}

/* Opens t-0; f->log is NULL when that fails. */
static inline int fixture_open(struct fixture *f)
{
    f->opened = false;
    log_manager_open(f->manager, "t", 0, &f->topic_id, &f->config, fixture_opened, f);
    fixture_wait(f, fixture_is_open);
    return f->err;
}

static inline void fixture_down(void *data)
{
    ((struct fixture *)data)->stopped = true;
}

static inline bool fixture_is_down(struct fixture *f)
{
    return f->stopped;
}

/* As a process that dies: nothing more is written than what was under way. */
static inline void fixture_crash(struct fixture *f)
{
    if (f->manager)
        fixture_settle(f);
    if (f->manager)
        log_manager_free(f->manager);
    f->manager = NULL;
    f->log = NULL;
}

static inline void fixture_shutdown(struct fixture *f)
{
    log_manager_shutdown(f->manager, fixture_down, f);
    fixture_wait(f, fixture_is_down);
    fixture_crash(f);
}

static inline void fixture_close(struct fixture *f)
{
    fixture_crash(f);
    CHECK_INT(env_dir_remove(f->env, f->root), 0);
    env_free(f->env);
    buf_close(&f->problem);
    buf_close(&f->lines);
    mem_free(f->dir);
}

/* Starts and opens again after a crash or a shutdown. */
static inline int fixture_reopen(struct fixture *f)
{
    int rc = fixture_start(f);
    return rc < 0 ? rc : fixture_open(f);
}

/* ---- batches ---- */

static struct log_append fixture_result;

static inline int append_spec(struct fixture *f, struct batch_spec spec, enum log_origin origin)
{
    struct buf bytes = batch_make(spec);
    int rc = log_append(f->log, bytes.data, bytes.len, origin, spec.leader_epoch, &fixture_result);
    buf_close(&bytes);
    return rc;
}

/* `count` records of `value_len` bytes from a client, in one batch. */
static inline int append_some(struct fixture *f, int count, int value_len)
{
    return append_spec(
        f, (struct batch_spec){.count = count, .value_len = value_len, .timestamp = 1000},
        LOG_FROM_CLIENT);
}

/* Reads from `offset`: parses the batches, returns the offset after the last whole one; -1 when
 * there is none, or the error. *first is the base offset of the first one. */
static inline int64_t read_from(struct fixture *f, int64_t offset, size_t max, int64_t end,
                                int64_t *first)
{
    struct log_slice slice;
    int rc = log_read(f->log, offset, max, end, true, &slice);
    if (rc < 0)
        return rc;
    int64_t next = -1;
    *first = -1;
    if (slice.len > 0) {
        uint8_t *bytes = mem_alloc(slice.len);
        CHECK_INT(env_file_read(slice.file, bytes, slice.len, slice.position), slice.len);
        struct batch batch;
        for (size_t at = 0; at < slice.len && batch_parse(bytes + at, slice.len - at, &batch) == 0;
             at += batch.size) {
            CHECK_INT(batch_check_crc(&batch), 0);
            if (*first < 0)
                *first = batch.base_offset;
            next = batch_last_offset(&batch) + 1;
        }
        mem_free(bytes);
    }
    log_slice_release(&slice);
    return next;
}

static inline char *log_file(struct fixture *f, const char *name)
{
    return mem_printf("%s/t-0/%s", f->dir, name);
}

static inline bool file_exists(struct fixture *f, const char *name)
{
    char *path = log_file(f, name);
    bool exists = access(path, F_OK) == 0;
    mem_free(path);
    return exists;
}

static inline void file_remove(struct fixture *f, const char *name)
{
    char *path = log_file(f, name);
    CHECK_INT(unlink(path), 0);
    mem_free(path);
}

/* As an operator does who has restored the directory. */
static inline void file_forget_damage(struct fixture *f)
{
    file_remove(f, "replica.damaged");
}

static inline int64_t file_size(struct fixture *f, const char *name)
{
    struct stat st;
    char *path = log_file(f, name);
    int rc = stat(path, &st);
    mem_free(path);
    return rc == 0 ? (int64_t)st.st_size : -1;
}

static inline void file_flip(struct fixture *f, const char *name, int64_t at)
{
    uint8_t byte;
    char *path = log_file(f, name);
    int fd = open(path, O_RDWR);
    mem_free(path);
    CHECK_INT(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    CHECK_INT(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static inline void file_write(struct fixture *f, const char *name, int64_t at, const void *bytes,
                              size_t len)
{
    char *path = log_file(f, name);
    int fd = open(path, O_RDWR);
    mem_free(path);
    CHECK_INT(pwrite(fd, bytes, len, at), len);
    close(fd);
}

static inline void file_cut(struct fixture *f, const char *name, int64_t size)
{
    char *path = log_file(f, name);
    CHECK_INT(truncate(path, size), 0);
    mem_free(path);
}

#define LOG0 "00000000000000000000.log"

#endif
