/* C11's threads by those of POSIX, for programs under ThreadSanitizer: librdkafka uses the former,
 * which ThreadSanitizer does not know. A callback on such a thread ended the program, and what its
 * locks order looked like a race. The program's functions come before those of libc; in glibc the
 * types are one and the same. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "base/mem.h"

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "glibc: a mutex is a mutex");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "glibc: a condition is a condition");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "glibc: a thread is a thread");

struct c11_start {
    thrd_start_t fn;
    void *data;
};

static int c11_result(int err)
{
    return err == 0           ? thrd_success
           : err == EBUSY     ? thrd_busy
           : err == ETIMEDOUT ? thrd_timedout
           : err == ENOMEM    ? thrd_nomem
                              : thrd_error;
}

static void *c11_main(void *data)
{
    struct c11_start start = *(struct c11_start *)data;
    mem_free(data);
    return (void *)(intptr_t)start.fn(start.data);
}

int thrd_create(thrd_t *thread, thrd_start_t fn, void *data)
{
    struct c11_start *start = mem_alloc(sizeof(*start));
    ASSERT(fn);
    start->fn = fn;
    start->data = data;
    int err = pthread_create(thread, NULL, c11_main, start);
    if (err)
        mem_free(start);
    return c11_result(err);
}

int thrd_join(thrd_t thread, int *result)
{
    void *returned = NULL;
    int err = pthread_join(thread, &returned);
    if (result)
        *result = (int)(intptr_t)returned;
    return c11_result(err);
}

int thrd_detach(thrd_t thread)
{
    return c11_result(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int err = pthread_mutex_init((pthread_mutex_t *)mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return c11_result(err);
}

int mtx_lock(mtx_t *mutex)
{
    return c11_result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return c11_result(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return c11_result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int cnd_init(cnd_t *condition)
{
    return c11_result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_signal(cnd_t *condition)
{
    return c11_result(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return c11_result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return c11_result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    return c11_result(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}
