/* The log world (tests/lib/log_world.h) in a temporary directory of this machine. */
#ifndef TESTS_UNIT_BROKER_LOG_FIXTURE_H
#define TESTS_UNIT_BROKER_LOG_FIXTURE_H

#include "../../tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/log/log_manager_private.h"
#include "kafka/batch.h"
#include "tests/lib/batch_maker.h"
#include "tests/lib/log_world.h"

/* How the loop is waited for. */
static struct {
    struct env_timer poll;
    bool (*until)(struct log_world *);
    int turns;
} fixture;

static inline void fixture_poll(void *data)
{
    struct log_world *f = data;
    if (fixture.until(f))
        env_stop(f->env);
    else
        env_timer_start_us(&fixture.poll, 0);
}

/* Runs the loop until the condition holds. */
static inline void fixture_wait(struct log_world *f, bool (*until)(struct log_world *))
{
    fixture.until = until;
    fixture.turns = 0;
    env_timer_init(f->env, &fixture.poll, fixture_poll, f);
    env_timer_start_us(&fixture.poll, 0);
    env_run(f->env);
}

static inline bool fixture_is_idle(struct log_world *f)
{
    bool busy = f->manager && (f->manager->jobs.count > 0 || !list_empty(&f->manager->turn.links) ||
                               env_timer_running(&f->manager->turn.timer) ||
                               (env_timer_running(&f->manager->trash.timer) &&
                                f->manager->trash.timer.due_us <= env_now_us(f->env)));
    return !busy && ++fixture.turns > 2;
}

/* Until all that was asked for is done. */
static inline void fixture_settle(struct log_world *f)
{
    fixture_wait(f, fixture_is_idle);
}

static inline void fixture_found(struct log_lookup *lookup)
{
    lookup->asked_ms = -1;
}

/* The end of a lookup that was started; its error. */
static inline int fixture_lookup_end(struct log_world *f, struct log_lookup *lookup, int rc,
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

static inline int fixture_find_time(struct log_world *f, int64_t asked_ms, int64_t *offset,
                                    int64_t *time)
{
    struct log_lookup lookup = {.done = fixture_found};
    return fixture_lookup_end(f, &lookup, log_lookup_start(&lookup, f->log, asked_ms), offset,
                              time);
}

static inline int fixture_find_max_time(struct log_world *f, int64_t *offset, int64_t *time)
{
    struct log_lookup lookup = {.done = fixture_found};
    return fixture_lookup_end(f, &lookup, log_lookup_start_max(&lookup, f->log), offset, time);
}

static inline int fixture_start(struct log_world *f)
{
    return log_world_start(f);
}

static inline void fixture_init(struct log_world *f)
{
    struct env *env;
    char root[] = "/tmp/millrace-log-XXXXXX";
    CHECK_INT(env_new(&env), 0);
    CHECK(mkdtemp(root) != NULL);
    log_world_init(f, env, root);
    CHECK_INT(fixture_start(f), 0);
}

static inline bool fixture_is_open(struct log_world *f)
{
    return f->opened;
}

/* Opens t-0; f->log is NULL when that fails. */
static inline int fixture_open(struct log_world *f)
{
    log_world_open(f);
    fixture_wait(f, fixture_is_open);
    return f->err;
}

static inline bool fixture_is_down(struct log_world *f)
{
    return f->down;
}

/* As a process that dies: nothing more is written than what was under way. */
static inline void fixture_crash(struct log_world *f)
{
    if (f->manager)
        fixture_settle(f);
    log_world_drop(f);
}

static inline void fixture_shutdown(struct log_world *f)
{
    log_world_shut_down(f);
    fixture_wait(f, fixture_is_down);
    fixture_crash(f);
}

static inline void end_process(struct log_world *f, bool clean)
{
    if (clean)
        fixture_shutdown(f);
    else
        fixture_crash(f);
}

static inline void fixture_close(struct log_world *f)
{
    fixture_crash(f);
    CHECK_INT(env_dir_remove(f->env, f->root), 0);
    env_free(f->env);
    log_world_close(f);
}

/* Starts and opens again after a crash or a shutdown. */
static inline int fixture_reopen(struct log_world *f)
{
    int rc = fixture_start(f);
    return rc < 0 ? rc : fixture_open(f);
}

/* ---- batches ---- */

static struct log_append fixture_result;

static inline int append_spec(struct log_world *f, struct batch_spec spec, enum log_origin origin)
{
    struct buf bytes = batch_make(spec);
    int rc = log_append(f->log, bytes.data, bytes.len, origin, spec.leader_epoch, &fixture_result);
    buf_close(&bytes);
    return rc;
}

/* `count` records of `value_len` bytes from a client, in one batch. */
static inline int append_some(struct log_world *f, int count, int value_len)
{
    return append_spec(
        f, (struct batch_spec){.count = count, .value_len = value_len, .timestamp = 1000},
        LOG_FROM_CLIENT);
}

enum { SMALL = 40 };

/* Of two small records each. */
static inline void append_batches(struct log_world *f, int batches)
{
    for (int i = 0; i < batches; i++)
        CHECK_INT(append_some(f, 2, SMALL), 0);
}

/* A world whose log has these batches. */
static inline void fixture_begin(struct log_world *f, int batches)
{
    fixture_init(f);
    CHECK_INT(fixture_open(f), 0);
    append_batches(f, batches);
}

/* Reads from `offset`: parses the batches, returns the offset after the last whole one; -1 when
 * there is none, or the error. *first is the base offset of the first one. */
static inline int64_t read_from(struct log_world *f, int64_t offset, size_t max, int64_t end,
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

static inline char *log_file(struct log_world *f, const char *name)
{
    return mem_printf("%s/t-0/%s", f->dir, name);
}

static inline bool file_exists(struct log_world *f, const char *name)
{
    char *path = log_file(f, name);
    bool exists = access(path, F_OK) == 0;
    mem_free(path);
    return exists;
}

static inline void file_remove(struct log_world *f, const char *name)
{
    char *path = log_file(f, name);
    CHECK_INT(unlink(path), 0);
    mem_free(path);
}

/* As an operator does who has restored the directory. */
static inline void file_forget_damage(struct log_world *f)
{
    file_remove(f, "replica.damaged");
}

static inline int64_t file_size(struct log_world *f, const char *name)
{
    struct stat st;
    char *path = log_file(f, name);
    int rc = stat(path, &st);
    mem_free(path);
    return rc == 0 ? (int64_t)st.st_size : -1;
}

static inline void file_flip(struct log_world *f, const char *name, int64_t at)
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

static inline void file_write(struct log_world *f, const char *name, int64_t at, const void *bytes,
                              size_t len)
{
    char *path = log_file(f, name);
    int fd = open(path, O_RDWR);
    mem_free(path);
    CHECK_INT(pwrite(fd, bytes, len, at), len);
    close(fd);
}

static inline void file_cut(struct log_world *f, const char *name, int64_t size)
{
    char *path = log_file(f, name);
    CHECK_INT(truncate(path, size), 0);
    mem_free(path);
}

#define LOG0 "00000000000000000000.log"

#endif
