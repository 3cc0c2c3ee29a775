/* The seam between Millrace and the machine: clock, timers, randomness, streams, files, threads.
 *
 * A `struct env` is one event loop. Everything that Millrace does with the outside world goes
 * through it, so that a whole cluster can run in one thread from a seed. There are two
 * implementations, chosen when a program is linked: env_uv.c (the real one, over libuv) and
 * tests/sim/env_sim.c (virtual clock, network and disk).
 *
 * Rules that hold for all of it:
 * - All calls on an env, and all its callbacks, belong to the thread that runs it. Exceptions:
 *   env_post, env_stop, the clocks (env_now_*, env_wall_ms), env_files_ready, and the env_file_*,
 *   env_dir_* and env_path_* calls, which any thread may make (in particular code that runs in
 *   env_work_submit).
 * - No function calls back before it returns.
 * - Closing is synchronous for the caller: after env_x_close returns no callback of that object
 *   comes any more, and the pointer must not be used again.
 * - Errors are ERR_x of base/err.h. */
#ifndef ENV_ENV_H
#define ENV_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/list.h"

struct env;

/* ---- loop ---- */

/* A new loop. ERR_TOO_MANY_FILES or ERR_NO_MEMORY when the system refuses one. */
int env_new(struct env **env) MUST_CHECK;
/* Runs callbacks until env_stop. */
void env_run(struct env *env);
/* Makes env_run return after the current callback. Any thread. */
void env_stop(struct env *env);
/* Frees the loop; every object of it must be closed, except posts, which are dropped. */
void env_free(struct env *env);

/* Runs fn(data) on the env's loop, in the order of the posts. Any thread. */
void env_post(struct env *env, void (*fn)(void *data), void *data);
/* Forgets the posts of fn(data) that have not run. No other thread may be posting such any more. */
void env_post_drop(struct env *env, void (*fn)(void *data), void *data);

/* Calls fn(data, signum) on the loop when the process gets the signal (SIGTERM, SIGHUP and the
 * like). In a simulation nothing ever arrives. One handler for a signal. */
int env_on_signal(struct env *env, int signum, void (*fn)(void *data, int signum),
                  void *data) MUST_CHECK;

/* ---- threads ---- */

struct env_thread;
/* Starts a thread that runs fn(data). ERR_AGAIN when the system refuses one. */
int env_thread_start(struct env_thread **thread, void (*fn)(void *data), void *data) MUST_CHECK;
/* Waits for its end and frees it. */
void env_thread_join(struct env_thread *thread);

/* ---- clock and randomness ---- */

/* Monotonic microseconds; never goes back, its zero means nothing. */
int64_t env_now_us(struct env *env);
/* For how long the loop has run callbacks without a look at what became ready meanwhile. */
int64_t env_turn_ms(struct env *env);
/* True for the first call in a turn: of many who wait with something heavy, one takes it. */
bool env_turn_take(struct env *env);
static inline int64_t env_now_ms(struct env *env)
{
    return env_now_us(env) / 1000;
}
/* Wall clock, milliseconds since 1970; may jump. For timestamps and logs, never for timeouts. */
int64_t env_wall_ms(struct env *env);
uint64_t env_random(struct env *env);
void env_random_bytes(struct env *env, void *out, size_t len);

/* ---- timers (embedded by value; env/timers.c serves both implementations) ---- */

struct env_timer {
    void (*fn)(void *data);
    void *data;
    struct env *env;
    int64_t due_us;
    uint64_t seq;    /* keeps timers of one instant in order of start */
    size_t heap_pos; /* 1-based; 0 = not running */
};

/* fn(data) fires once for each env_timer_start. */
void env_timer_init(struct env *env, struct env_timer *timer, void (*fn)(void *data), void *data);
/* Fires once after delay_us (0 = the next loop turn); a running timer is moved. The callback may
 * start it again, stop others, or free what embeds it. */
void env_timer_start_us(struct env_timer *timer, int64_t delay_us);
static inline void env_timer_start(struct env_timer *timer, int64_t delay_ms)
{
    env_timer_start_us(timer, delay_ms * 1000);
}
/* Fires at the end of this turn, before the loop looks at what became ready meanwhile; when this
 * turn has had its share of that, in the next. For what a turn has gathered and nobody should wait
 * for: answers to send, a flush to start. Who lets others go first takes the call above. */
void env_timer_start_soon(struct env_timer *timer);
void env_timer_stop(struct env_timer *timer);
static inline bool env_timer_running(const struct env_timer *timer)
{
    return timer->heap_pos != 0;
}

/* ---- the worker pool, for what blocks ---- */

struct env_work {
    void (*run)(struct env_work *work);  /* on a worker; touches only what the request owns */
    void (*done)(struct env_work *work); /* on the loop, after run */
    struct env *env;
    void *impl;
    struct list link; /* of env's: heavy jobs that wait for a worker, or for the loop */
};

/* Runs work->run on the pool, then work->done on the loop. The struct stays untouched and alive
 * until done. It can't be cancelled. Jobs may run in any order and at the same time. */
void env_work_submit(struct env *env, struct env_work *work, void (*run)(struct env_work *),
                     void (*done)(struct env_work *));

/* The same for a job that burns CPU for as long as a peer makes it: such jobs have a few of the
 * workers, and wait for these in turn, so that a sync never stands behind them. */
void env_work_submit_heavy(struct env *env, struct env_work *work, void (*run)(struct env_work *),
                           void (*done)(struct env_work *));

/* ---- streams (TCP) ---- */

struct env_stream;
struct env_listener;
struct env_connect;
struct env_file;

enum { ENV_ADDRESS_TEXT_MAX = 80 }; /* "[ipv6%scope]:port" */

/* Listens on host:port (host NULL or "" or "0.0.0.0" = any; port 0 = a free one). Each accepted
 * stream is the callee's. ERR_ADDRESS_IN_USE, ERR_HOST_UNKNOWN, ERR_ACCESS, ERR_UNREACHABLE. */
int env_listen(struct env *env, const char *host, uint16_t port,
               void (*accepted)(void *data, struct env_stream *stream), void *data,
               struct env_listener **listener) MUST_CHECK;
/* Who listens on the TCP port of this machine, for a sentence about ERR_ADDRESS_IN_USE: "process
 * 12 (java)", or "another process" when it can't be told. It reads /proc: not for a loop that
 * serves. */
void env_port_holder(struct env *env, uint16_t port, struct buf *out);
uint16_t env_listener_port(const struct env_listener *listener);
/* Stops or resumes accepting, for when the connection limit is reached. */
void env_listener_pause(struct env_listener *listener, bool paused);
void env_listener_close(struct env_listener *listener);

/* Dials. `done` gets 0 and a stream that is the callee's, or ERR_REFUSED (nobody listens: the
 * process is gone), ERR_TIMED_OUT, ERR_UNREACHABLE, ERR_HOST_UNKNOWN and NULL. The handle is gone
 * when `done` is called; env_connect_cancel before that frees it and `done` never comes. */
int env_connect(struct env *env, const char *host, uint16_t port, int64_t timeout_ms,
                void (*done)(void *data, int status, struct env_stream *stream), void *data,
                struct env_connect **connect) MUST_CHECK;
void env_connect_cancel(struct env_connect *connect);

/* A stream is pulled and pushed by its owner without blocking; it holds no buffers of its own.
 * `readable` fires once after each env_stream_want_read(true) when env_stream_read has something to
 * tell (bytes, the end, or an error); ask again to hear again. `writable` fires once after
 * env_stream_write took less than it was given. */
void env_stream_set(struct env_stream *stream, void (*readable)(void *data),
                    void (*writable)(void *data), void *data);
void env_stream_want_read(struct env_stream *stream, bool wanted);

/* Bytes read (> 0), ERR_AGAIN when there are none now, ERR_EOF at the end, ERR_RESET and the like
 * when the connection is broken. */
ssize_t env_stream_read(struct env_stream *stream, void *buffer, size_t len) MUST_CHECK;

/* What to send: memory, or a range of a file (sent without passing through user space). */
struct env_chunk {
    const void *data;      /* NULL for a file range */
    struct env_file *file; /* NULL for memory */
    uint64_t offset;       /* in the file */
    size_t len;
};

/* Takes as many bytes as the connection has room for: 0 up to the total. ERR_RESET and the like
 * when it is broken, ERR_IO or ERR_EOF when a file range can't be read in full. */
ssize_t env_stream_write(struct env_stream *stream, const struct env_chunk *chunks,
                         size_t count) MUST_CHECK;

/* "127.0.0.1:39412"; "?" when it is not known. */
void env_stream_peer(const struct env_stream *stream, char text[ENV_ADDRESS_TEXT_MAX]);
/* Closes and frees; bytes already taken by write are still delivered when the peer lives. */
void env_stream_close(struct env_stream *stream);

/* ---- files (all blocking; pread and pwrite style, no shared position) ---- */

enum env_open_flags {
    ENV_OPEN_READ = 1,
    ENV_OPEN_WRITE = 2,     /* implies read */
    ENV_OPEN_CREATE = 4,    /* if it is absent */
    ENV_OPEN_EXCLUSIVE = 8, /* with CREATE: ERR_EXISTS if it is there */
    ENV_OPEN_TRUNCATE = 16
};

/* The files that this process may have open: the soft limit is raised to the hard one at the first
 * call. Sockets count as well. */
int64_t env_files_limit(struct env *env);
/* Whether `count` (ENV_FILES_READY_MAX at most) more files can be opened by this thread now. So
 * many descriptors are held back for it when it returns true, and are used when there are no
 * others; the next call holds new ones back. For what must not fail in its middle. */
enum { ENV_FILES_READY_MAX = 8 };
bool env_files_ready(struct env *env, int count);
/* Whether an error of an open (or of anything that opens) means "later": descriptors or memory of
 * the system are used up, and nothing is wrong with the disk. Reads, writes and syncs of an open
 * file never return such an error. */
static inline bool env_is_later(int err)
{
    return err == ERR_TOO_MANY_FILES || err == ERR_NO_MEMORY;
}
int env_file_open(struct env *env, const char *path, int flags, struct env_file **file) MUST_CHECK;
void env_file_close(struct env_file *file);
/* Bytes read; less than `len` only at the end of the file. Negative ERR_x. */
ssize_t env_file_read(struct env_file *file, void *buffer, size_t len, uint64_t offset) MUST_CHECK;
/* The same for a loop: ERR_AGAIN where it would have to wait for the disk. A file system that can't
 * tell makes it wait. */
ssize_t env_file_read_now(struct env_file *file, void *buffer, size_t len,
                          uint64_t offset) MUST_CHECK;
/* All of it or an error. ERR_NO_SPACE, ERR_IO; then an unknown part may have been written. */
int env_file_write(struct env_file *file, const void *data, size_t len, uint64_t offset) MUST_CHECK;
int env_file_writev(struct env_file *file, const struct iovec *parts, int count,
                    uint64_t offset) MUST_CHECK;
int64_t env_file_size(struct env_file *file) MUST_CHECK;
int env_file_truncate(struct env_file *file, uint64_t size) MUST_CHECK;
/* Data and size are durable when it returns 0 (fdatasync). An error is final: never retried. */
int env_file_sync(struct env_file *file) MUST_CHECK;

/* Whole file into a buffer with room for a NUL behind it (not counted); ERR_NOT_FOUND;
 * ERR_TOO_LARGE over `limit`. The buffer is the caller's to mem_free. */
int env_file_load(struct env *env, const char *path, size_t limit, char **data,
                  size_t *len) MUST_CHECK;
/* Replaces a small file in one step: temporary file, sync, rename, directory sync. */
int env_file_replace(struct env *env, const char *path, const void *data, size_t len) MUST_CHECK;

/* ---- paths ---- */

/* With parents; 0 when it is there already. */
int env_dir_make(struct env *env, const char *path) MUST_CHECK;
/* The same, and the names of the whole path are durable on return. For the directories that a node
 * is set up in; what it makes inside them it syncs itself, in groups. */
int env_dir_make_durable(struct env *env, const char *path) MUST_CHECK;
/* Makes creations, renames and removals in the directory durable. */
int env_dir_sync(struct env *env, const char *path) MUST_CHECK;
/* Names (no "." and ".."), sorted; the caller's to env_dir_list_free. */
int env_dir_list(struct env *env, const char *path, char ***names, size_t *count) MUST_CHECK;
void env_dir_list_free(char **names, size_t count);
/* Removes the directory and what is in it. ERR_NOT_FOUND. */
int env_dir_remove(struct env *env, const char *path) MUST_CHECK;
/* Takes an exclusive lock on the file `path` (made if absent), held until env_file_close of *lock
 * or the end of the process. ERR_LOCKED when another process holds it. */
int env_path_lock(struct env *env, const char *path, struct env_file **lock) MUST_CHECK;
int env_path_rename(struct env *env, const char *from, const char *to) MUST_CHECK;
/* ERR_NOT_FOUND when absent. */
int env_path_remove(struct env *env, const char *path) MUST_CHECK;
bool env_path_exists(struct env *env, const char *path);
/* Free bytes on the file system of `path`, and how many it has in all; negative ERR_x. */
int64_t env_path_space(struct env *env, const char *path) MUST_CHECK;
int64_t env_path_size(struct env *env, const char *path) MUST_CHECK;

#endif
