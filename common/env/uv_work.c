/* Workers: libuv's pool for jobs that wait for a disk, and threads of our own for heavy jobs, those
 * that burn CPU.
 *
 * Happy path: a job for the pool goes there at once. A heavy one waits in its env's line for one of
 * a few threads, which leave the cores to all others when there are too few; a bell tells the loop
 * of its end, in the phase of a turn in which libuv tells of jobs of the pool. Failure modes: no
 * job is ever cancelled; without threads of our own, for want of memory or at the env's end, heavy
 * jobs go to the pool, too. */
#include "env/uv_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

/* Most of them wait for the sync of one log each. A disk takes many syncs in the time of one, so
 * who has few records to sync must not stand behind the syncs of others. */
enum { UV_POOL_THREADS = 16 };

/* The size of the pool is read from the environment, by libuv. What stands there may enlarge it. */
void uv_work_size_pool(void)
{
    const char *given = getenv("UV_THREADPOOL_SIZE");
    char text[12];
    snprintf(text, sizeof(text), "%d", UV_POOL_THREADS);
    if (!given || strtol(given, NULL, 10) < UV_POOL_THREADS)
        setenv("UV_THREADPOOL_SIZE", text, 1);
}

/* ---- the pool ---- */

static void uv_work_run(uv_work_t *request)
{
    struct env_work *work = request->data;
    uv_share_take(UV_SHARE_SHORT);
    work->run(work);
}

static void uv_work_done(uv_work_t *request, int status)
{
    (void)status; /* nothing is ever cancelled */
    struct env_work *work = request->data;
    ASSERT(work->impl == request);
    work->impl = NULL;
    mem_free(request);
    work->done(work);
}

static void uv_work_start(struct env_work *work)
{
    uv_work_t *request = mem_alloc(sizeof(*request));
    ASSERT(!work->impl);
    work->impl = request;
    request->data = work;
    int rc = uv_queue_work(&work->env->loop, request, uv_work_run, uv_work_done);
    ASSERT(rc == 0);
}

static void uv_work_init(struct env *env, struct env_work *work, void (*run)(struct env_work *),
                         void (*done)(struct env_work *))
{
    *work = (struct env_work){.run = run, .done = done, .env = env};
    list_init(&work->link);
}

void env_work_submit(struct env *env, struct env_work *work, void (*run)(struct env_work *),
                     void (*done)(struct env_work *))
{
    uv_work_init(env, work, run, done);
    uv_work_start(work);
}

/* ---- heavy jobs ---- */

/* On the loop: what has ended since. */
static void uv_heavy_tell(struct env *env)
{
    struct list finished;
    list_init(&finished);
    pthread_mutex_lock(&env->heavy.lock);
    list_splice(&finished, &env->heavy.finished);
    pthread_mutex_unlock(&env->heavy.lock);
    struct list *step;
    while ((step = list_pop(&finished))) {
        struct env_work *work = LIST_ENTRY(step, struct env_work, link);
        work->done(work);
    }
}

static void uv_heavy_on_bell(uv_async_t *bell)
{
    uv_heavy_tell(bell->data);
}

void uv_work_open(struct env *env)
{
    struct uv_heavy *heavy = &env->heavy;
    int rc = uv_async_init(&env->loop, &heavy->bell, uv_heavy_on_bell);
    ASSERT(rc == 0); /* the loop has one already, and with it all that can fail */
    heavy->bell.data = env;
    pthread_mutex_init(&heavy->lock, NULL);
    sem_init(&heavy->more, 0, 0);
    list_init(&heavy->waiting);
    list_init(&heavy->finished);
    heavy->ending = false;
    heavy->count = 0;
}

static void uv_heavy_run(struct env *env, struct env_work *work)
{
    struct uv_heavy *heavy = &env->heavy;
    work->run(work);
    pthread_mutex_lock(&heavy->lock);
    list_push(&heavy->finished, &work->link);
    pthread_mutex_unlock(&heavy->lock);
    uv_async_send(&heavy->bell); /* each: who came first may have no core to ring it from */
}

/* For each job that waits, and at the end for each thread, `more` is raised by one. */
static void uv_heavy_main(void *data)
{
    struct env *env = data;
    struct uv_heavy *heavy = &env->heavy;
    bool ending = false;
    uv_share_take(UV_SHARE_LONG);
    while (!ending) {
        while (sem_wait(&heavy->more) < 0)
            ASSERT(errno == EINTR);
        pthread_mutex_lock(&heavy->lock);
        struct list *step = list_pop(&heavy->waiting);
        ending = !step && heavy->ending;
        pthread_mutex_unlock(&heavy->lock);
        ASSERT(step || ending);
        if (step)
            uv_heavy_run(env, LIST_ENTRY(step, struct env_work, link));
    }
}

static void uv_heavy_start_threads(struct env *env)
{
    struct uv_heavy *heavy = &env->heavy;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    while (heavy->count < UV_HEAVY_MAX && (heavy->count < UV_HEAVY_MIN || heavy->count < cores) &&
           uv_thread_create(&heavy->threads[heavy->count], uv_heavy_main, env) == 0)
        heavy->count++;
}

void env_work_submit_heavy(struct env *env, struct env_work *work, void (*run)(struct env_work *),
                           void (*done)(struct env_work *))
{
    struct uv_heavy *heavy = &env->heavy;
    uv_work_init(env, work, run, done);
    if (heavy->count == 0 && !heavy->ending)
        uv_heavy_start_threads(env);
    if (heavy->count == 0) {
        uv_work_start(work);
        return;
    }
    pthread_mutex_lock(&heavy->lock);
    list_push(&heavy->waiting, &work->link);
    pthread_mutex_unlock(&heavy->lock);
    sem_post(&heavy->more);
}

void uv_work_close(struct env *env)
{
    struct uv_heavy *heavy = &env->heavy;
    pthread_mutex_lock(&heavy->lock);
    heavy->ending = true;
    pthread_mutex_unlock(&heavy->lock);
    for (int i = 0; i < heavy->count; i++)
        sem_post(&heavy->more);
    while (heavy->count > 0)
        uv_thread_join(&heavy->threads[--heavy->count]);
    ASSERT(list_empty(&heavy->waiting));
    uv_heavy_tell(env); /* who begins another job now gets the pool for it */
    ASSERT(list_empty(&heavy->finished));
    uv_close((uv_handle_t *)&heavy->bell, NULL);
    sem_destroy(&heavy->more);
    pthread_mutex_destroy(&heavy->lock);
}
