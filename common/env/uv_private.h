/* What the files of the libuv implementation share. Nobody else includes it. */
#ifndef ENV_UV_PRIVATE_H
#define ENV_UV_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

#include "env/env.h"
#include "env/timers.h"

enum {
    UV_RANDOM_WORDS = 4,
    UV_HEAVY_MIN = 2, /* jobs that burn CPU at once: as many as there are cores, in these limits */
    UV_HEAVY_MAX = 4
};

/* Threads of their own for jobs that burn CPU; started with the first of these. */
struct uv_heavy {
    uv_async_t bell; /* the loop is to hear of what has finished */
    pthread_mutex_t lock;
    /* How often something has come to wait, or ends. No condition: to signal one may wait for those
     * who slept on it, until they get a core that others have, and the loop signals. */
    sem_t more;
    struct list waiting;  /* under the lock, as all below it; what nobody has begun */
    struct list finished; /* what the loop has not heard of */
    bool ending;
    int count; /* of threads; the loop's own */
    uv_thread_t threads[UV_HEAVY_MAX];
};

struct env {
    uv_loop_t loop;
    uv_prepare_t prepare; /* runs due timers before every poll */
    uv_timer_t alarm;     /* ends the poll when the first timer is due */
    uv_idle_t idle;       /* makes the poll return at once while a timer is due already */
    uv_async_t wakeup;    /* posts and env_stop */
    struct timers timers;
    struct timers soon; /* for the end of this turn */
    int64_t alarm_us;   /* what the alarm is set to; INT64_MAX = not set */
    bool turn_taken;    /* by env_turn_take */
    atomic_bool stopping;
    pthread_mutex_t posts_lock;
    struct list posts;   /* arrived; under the lock */
    struct list running; /* taken over by the loop; its own */
    struct list signals;
    struct uv_heavy heavy;
    uint64_t random[UV_RANDOM_WORDS]; /* xoshiro256++ */
};

struct env_file {
    int fd;
};

struct env_stream {
    uv_poll_t poll;
    struct env *env;
    int fd;       /* -1 once closed; the struct lives until libuv has let go of the handle */
    int armed;    /* UV_READABLE | UV_WRITABLE: what libuv polls for */
    int wanted;   /* the same: what the owner waits for; `armed` follows lazily */
    bool is_pipe; /* of a child: only read from */
    void (*readable)(void *data);
    void (*writable)(void *data);
    void *data;
    char peer[ENV_ADDRESS_TEXT_MAX];
};

/* The ERR_x of a negative libuv code. */
int uv_private_err(int uv_code);

/* A stream on a nonblocking socket that is connected or connecting; takes the descriptor over, also
 * when it fails. */
int uv_stream_new(struct env *env, int fd, struct env_stream **stream) MUST_CHECK;
/* A nonblocking TCP socket, or ERR_x. */
int uv_stream_socket(int family) MUST_CHECK;
/* Fills in the text of the peer's address once the socket is connected. */
void uv_stream_set_peer(struct env_stream *stream);
/* Parses a numeric address, or "localhost" (which is 127.0.0.1); false for any other name. `len` is
 * the size of the address. */
bool uv_stream_parse(const char *host, uint16_t port, struct sockaddr_storage *address,
                     socklen_t *len);

/* The address to bind to; a name is looked up while the caller waits. ERR_HOST_UNKNOWN. */
int uv_stream_resolve(const char *host, uint16_t port, struct sockaddr_storage *address,
                      socklen_t *len) MUST_CHECK;
/* The port that a socket is bound to. */
uint16_t uv_stream_bound_port(int fd);
/* "127.0.0.1:39412" */
void uv_stream_name(const struct sockaddr_storage *address, char text[ENV_ADDRESS_TEXT_MAX]);

/* ---- workers (uv_work.c) ---- */

/* How many threads the pool gets; before the first job. */
void uv_work_size_pool(void);
void uv_work_open(struct env *env);
/* Returns when every heavy job has run and was told. */
void uv_work_close(struct env *env);

/* ---- cores (uv_share.c) ---- */

enum uv_share {
    UV_SHARE_ORDINARY, /* what the system gives */
    UV_SHARE_SHORT,    /* as much, but little at a time, and then at once */
    UV_SHARE_LONG,     /* less, and never at once: there is no way back from it */
    UV_SHARES
};
/* Of the calling thread from now on. Costs nothing when it has it already; where the system
 * refuses, nothing changes. */
void uv_share_take(enum uv_share share);

/* A child that nobody looks after any more, at the end of the loop. */
void uv_process_abandon(uv_handle_t *handle);

#endif
