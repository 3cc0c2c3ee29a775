/* The real env: a libuv loop with its timers, posts, signals and threads. The worker pool is in
 * uv_work.c, streams are in uv_stream.c and uv_connect.c, files in uv_file.c.
 *
 * Happy path of a turn: libuv polls, the callbacks of streams run, then `prepare` runs what timers
 * are due (so a timer of delay 0 that a stream's callback started runs before the next poll), then
 * it sets the alarm for the first timer and polls again. A timer that a timer started waits for the
 * next turn, and so do all when they have had their time, so I/O is never starved. Those for the
 * end of the turn come in a few rounds before and after: that is how replies leave together.
 *
 * Failure modes: only env_new, env_on_signal and env_thread_start can fail, when the system has no
 * descriptors, memory or threads left. */
#include "env/uv_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    UV_TIMERS_US = 2000, /* for the timers of one turn, before the loop looks what is urgent */
    UV_SOON = 0,         /* when timers for the end of a turn are due */
    UV_SOON_ROUNDS = 4,  /* of them in one turn, each of what the one before started */
    UV_FILES = 32768     /* descriptors that a process has room for from the start */
};

struct uv_post {
    struct list link;
    void (*fn)(void *data);
    void *data;
};

struct uv_signal {
    struct list link;
    uv_signal_t handle;
    void (*fn)(void *data, int signum);
    void *data;
};

struct env_thread {
    uv_thread_t thread;
    void (*fn)(void *data);
    void *data;
};

int uv_private_err(int uv_code)
{
    if (uv_code >= 0)
        return 0;
    bool from_resolver = uv_code <= UV_EAI_ADDRFAMILY && uv_code >= UV_EAI_PROTOCOL;
    return from_resolver ? ERR_HOST_UNKNOWN : err_from_errno(-uv_code);
}

/* ---- timers ---- */

static void uv_on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void uv_on_alarm(uv_timer_t *alarm)
{
    struct env *env = alarm->data;
    env->alarm_us = INT64_MAX;
}

static void uv_set_alarm(struct env *env)
{
    int64_t due_us = env->soon.count > 0 ? UV_SOON : timers_next_us(&env->timers);
    if (due_us == env->alarm_us)
        return;
    env->alarm_us = due_us;
    uv_timer_stop(&env->alarm);
    uv_idle_stop(&env->idle);
    if (due_us == INT64_MAX)
        return;
    int64_t delay_us = due_us - env_now_us(env);
    if (delay_us <= 0) {
        env->alarm_us = INT64_MAX; /* the idle handle must be looked at again in the next turn */
        uv_idle_start(&env->idle, uv_on_idle);
        return;
    }
    uv_update_time(&env->loop);
    uv_timer_start(&env->alarm, uv_on_alarm, ((uint64_t)delay_us + 999) / 1000, 0);
}

/* Those that are due and were started before this call, for some time: the others come later. */
static void uv_run_timers(struct env *env, struct timers *timers)
{
    if (timers->count == 0)
        return;
    int64_t now_us = env_now_us(env), end_us = now_us + UV_TIMERS_US;
    uint64_t seq_limit = timers->seq;
    struct env_timer *timer;
    while (!atomic_load_explicit(&env->stopping, memory_order_relaxed) &&
           (timer = timers_pop(timers, now_us, seq_limit))) {
        timer->fn(timer->data);
        if (env_now_us(env) >= end_us)
            break;
    }
}

static void uv_run_soon(struct env *env)
{
    for (int round = 0; round < UV_SOON_ROUNDS; round++)
        uv_run_timers(env, &env->soon);
}

static void uv_on_prepare(uv_prepare_t *prepare)
{
    struct env *env = prepare->data;
    uv_run_soon(env); /* before a timer ends what still has something to say */
    uv_run_timers(env, &env->timers);
    uv_run_soon(env);
    if (uv_is_active((uv_handle_t *)&env->idle))
        uv_idle_stop(&env->idle);
    uv_set_alarm(env);
    env->turn_taken = false;
}

void env_timer_init(struct env *env, struct env_timer *timer, void (*fn)(void *data), void *data)
{
    *timer = (struct env_timer){.fn = fn, .data = data, .env = env};
}

void env_timer_start_us(struct env_timer *timer, int64_t delay_us)
{
    env_timer_stop(timer);
    int64_t now_us = env_now_us(timer->env);
    if (delay_us < 0)
        delay_us = 0;
    timer->due_us = delay_us > INT64_MAX - 1 - now_us ? INT64_MAX - 1 : now_us + delay_us;
    timers_add(&timer->env->timers, timer);
}

void env_timer_start_soon(struct env_timer *timer)
{
    env_timer_stop(timer);
    timer->due_us = UV_SOON;
    timers_add(&timer->env->soon, timer);
}

void env_timer_stop(struct env_timer *timer)
{
    if (timer->heap_pos)
        timers_remove(timer->due_us == UV_SOON ? &timer->env->soon : &timer->env->timers, timer);
}

/* ---- posts ---- */

static void uv_on_wakeup(uv_async_t *wakeup)
{
    struct env *env = wakeup->data;
    pthread_mutex_lock(&env->posts_lock);
    list_splice(&env->running, &env->posts);
    pthread_mutex_unlock(&env->posts_lock);
    while (!atomic_load(&env->stopping)) {
        struct list *link = list_pop(&env->running);
        if (!link)
            return;
        struct uv_post post = *LIST_ENTRY(link, struct uv_post, link);
        mem_free(LIST_ENTRY(link, struct uv_post, link));
        post.fn(post.data);
    }
    uv_stop(&env->loop);
}

void env_post(struct env *env, void (*fn)(void *data), void *data)
{
    struct uv_post *post = mem_alloc(sizeof(*post));
    post->fn = fn;
    post->data = data;
    pthread_mutex_lock(&env->posts_lock);
    bool first = list_empty(&env->posts);
    list_push(&env->posts, &post->link);
    pthread_mutex_unlock(&env->posts_lock);
    if (first)
        uv_async_send(&env->wakeup);
}

static void uv_drop_posts_of(struct list *posts, void (*fn)(void *data), void *data)
{
    struct list kept, *link;
    list_init(&kept);
    while ((link = list_pop(posts))) {
        struct uv_post *post = LIST_ENTRY(link, struct uv_post, link);
        if (post->fn == fn && post->data == data)
            mem_free(post);
        else
            list_push(&kept, link);
    }
    list_splice(posts, &kept);
}

void env_post_drop(struct env *env, void (*fn)(void *data), void *data)
{
    ASSERT(fn);
    pthread_mutex_lock(&env->posts_lock);
    uv_drop_posts_of(&env->posts, fn, data);
    pthread_mutex_unlock(&env->posts_lock);
    uv_drop_posts_of(&env->running, fn, data);
}

/* ---- loop ---- */

/* The kernel enlarges a process's table of descriptors when it is full. With several threads that
 * waits for an RCU grace period, under load for more than a second, and every thread that opens,
 * dials or accepts waits with it. So the table gets its size (8 bytes each) while there is one. */
static void uv_make_room_for_files(void)
{
    struct rlimit limit, raised;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    raised = limit;
    raised.rlim_cur = limit.rlim_max < UV_FILES ? limit.rlim_max : UV_FILES;
    if (raised.rlim_cur < limit.rlim_cur)
        raised.rlim_cur = limit.rlim_cur;
    int last = (int)(raised.rlim_cur < UV_FILES ? raised.rlim_cur : UV_FILES) - 1;
    int any = eventfd(0, EFD_CLOEXEC);
    if (any < 0 || setrlimit(RLIMIT_NOFILE, &raised) < 0)
        last = -1;
    int high = last < 0 ? -1 : fcntl(any, F_DUPFD_CLOEXEC, last);
    if (last >= 0)
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (high >= 0)
        close(high);
    if (any >= 0)
        close(any);
}

static pthread_once_t uv_process_once = PTHREAD_ONCE_INIT;

/* sendfile(2) has no MSG_NOSIGNAL, hence the signal is ignored for the whole process. */
static void uv_process_init(void)
{
    signal(SIGPIPE, SIG_IGN);
    uv_work_size_pool();
    mem_keep_freed();
    uv_make_room_for_files();
}

int env_new(struct env **out)
{
    pthread_once(&uv_process_once, uv_process_init);
    struct env *env = mem_alloc(sizeof(*env));
    int rc = uv_loop_init(&env->loop);
    if (rc < 0)
        goto err_after_alloc;
    rc = uv_async_init(&env->loop, &env->wakeup, uv_on_wakeup);
    if (rc < 0)
        goto err_after_loop;
    uv_prepare_init(&env->loop, &env->prepare);
    uv_timer_init(&env->loop, &env->alarm);
    uv_idle_init(&env->loop, &env->idle);
    env->wakeup.data = env->prepare.data = env->alarm.data = env;
    uv_prepare_start(&env->prepare, uv_on_prepare);
    timers_init(&env->timers);
    timers_init(&env->soon);
    uv_work_open(env);
    env->alarm_us = INT64_MAX;
    pthread_mutex_init(&env->posts_lock, NULL);
    list_init(&env->posts);
    list_init(&env->running);
    list_init(&env->signals);
    env_random_bytes(env, env->random, sizeof(env->random));
    *out = env;
    return 0;
err_after_loop:
    uv_loop_close(&env->loop);
err_after_alloc:
    mem_free(env);
    return uv_private_err(rc);
}

void env_run(struct env *env)
{
    uv_share_take(UV_SHARE_SHORT);
    if (!list_empty(&env->running))
        uv_async_send(&env->wakeup); /* posts that an earlier env_stop left behind */
    while (!atomic_load(&env->stopping))
        uv_run(&env->loop, UV_RUN_DEFAULT);
    atomic_store(&env->stopping, false);
}

void env_stop(struct env *env)
{
    atomic_store(&env->stopping, true);
    uv_async_send(&env->wakeup);
}

static void uv_signal_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void uv_check_closed(uv_handle_t *handle, void *data)
{
    (void)data;
    if (handle->type == UV_PROCESS && !uv_is_closing(handle))
        uv_process_abandon(handle);
    ASSERT(uv_is_closing(handle)); /* a stream, listener or dial that its owner forgot */
}

static void uv_drop_posts(struct list *posts)
{
    struct list *link;
    while ((link = list_pop(posts)))
        mem_free(LIST_ENTRY(link, struct uv_post, link));
}

void env_free(struct env *env)
{
    struct list *link;
    uv_work_close(env);
    while ((link = list_pop(&env->signals)))
        uv_close((uv_handle_t *)&LIST_ENTRY(link, struct uv_signal, link)->handle,
                 uv_signal_closed);
    uv_close((uv_handle_t *)&env->wakeup, NULL);
    uv_close((uv_handle_t *)&env->prepare, NULL);
    uv_close((uv_handle_t *)&env->alarm, NULL);
    uv_close((uv_handle_t *)&env->idle, NULL);
    uv_walk(&env->loop, uv_check_closed, NULL);
    while (uv_run(&env->loop, UV_RUN_DEFAULT))
        ;
    int rc = uv_loop_close(&env->loop);
    ASSERT(rc == 0);
    uv_drop_posts(&env->posts);
    uv_drop_posts(&env->running);
    pthread_mutex_destroy(&env->posts_lock);
    timers_close(&env->timers);
    timers_close(&env->soon);
    mem_free(env);
}

static void uv_on_signal(uv_signal_t *handle, int signum)
{
    struct uv_signal *signal = handle->data;
    signal->fn(signal->data, signum);
}

int env_on_signal(struct env *env, int signum, void (*fn)(void *data, int signum), void *data)
{
    struct uv_signal *signal = mem_alloc(sizeof(*signal));
    signal->fn = fn;
    signal->data = data;
    int rc = uv_signal_init(&env->loop, &signal->handle);
    if (rc < 0) {
        mem_free(signal);
        return uv_private_err(rc);
    }
    signal->handle.data = signal;
    rc = uv_signal_start(&signal->handle, uv_on_signal, signum);
    if (rc < 0) {
        uv_close((uv_handle_t *)&signal->handle, uv_signal_closed);
        return uv_private_err(rc);
    }
    list_push(&env->signals, &signal->link);
    return 0;
}

/* ---- threads ---- */

static void uv_thread_main(void *data)
{
    struct env_thread *thread = data;
    thread->fn(thread->data);
}

int env_thread_start(struct env_thread **out, void (*fn)(void *data), void *data)
{
    struct env_thread *thread = mem_alloc(sizeof(*thread));
    thread->fn = fn;
    thread->data = data;
    int rc = uv_thread_create(&thread->thread, uv_thread_main, thread);
    if (rc < 0) {
        mem_free(thread);
        return ERR_AGAIN;
    }
    *out = thread;
    return 0;
}

void env_thread_join(struct env_thread *thread)
{
    uv_thread_join(&thread->thread);
    mem_free(thread);
}

/* ---- clock and randomness ---- */

int64_t env_now_us(struct env *env)
{
    (void)env;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* libuv takes its time at the start of a turn and when the poll has returned. */
int64_t env_turn_ms(struct env *env)
{
    return env_now_ms(env) - (int64_t)uv_now(&env->loop);
}

bool env_turn_take(struct env *env)
{
    bool first = !env->turn_taken;
    env->turn_taken = true;
    return first;
}

int64_t env_wall_ms(struct env *env)
{
    (void)env;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t uv_rotate(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

/* xoshiro256++ by Blackman and Vigna (public domain description). */
uint64_t env_random(struct env *env)
{
    uint64_t *s = env->random;
    uint64_t result = uv_rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = uv_rotate(s[3], 45);
    return result;
}

void env_random_bytes(struct env *env, void *out, size_t len)
{
    (void)env;
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0) {
            ASSERT(errno == EINTR);
            continue;
        }
        at += got;
        len -= (size_t)got;
    }
}
