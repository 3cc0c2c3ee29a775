/* The reserve: small objects still find memory when large requests have taken all of it. And what
 * threads have freed goes back to the system. */
#include <pthread.h>
#include <string.h>

#include "../tap.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum { BLOCKS_MAX = 100000, SMALL = 1000, SMALLS = 1000 };
enum { THREADS = 8, BLOCK = 4096, BLOCKS_EACH = 4000, KEPT_MAX = 72 << 20 };
enum { SETTLED_MIN = 8 << 20 }; /* half of all blocks */

static void *blocks[BLOCKS_MAX];

/* The exit status says what went wrong; an abort is a signal. */
static int with_little_memory(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!mem_reserve_fill() || !file || fscanf(file, "%ld", &pages) != 1)
        return 1;
    fclose(file);
    rlim_t limit = (rlim_t)(pages + 4096) * (rlim_t)sysconf(_SC_PAGESIZE);
    if (setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}))
        return 2;
    size_t count = 0;
    for (size_t size = 1 << 20; size >= 64; size /= 2)
        while (count < BLOCKS_MAX && (blocks[count] = mem_try_alloc(size)))
            count++;
    if (!mem_reserve_is_full())
        return 3; /* what a peer chooses the size of does not touch it */
    for (int i = 0; i < SMALLS; i++)
        if (!mem_alloc(SMALL))
            return 4;
    if (mem_reserve_is_full())
        return 5;
    while (count > 0)
        mem_free(blocks[--count]);
    return mem_reserve_fill() ? 0 : 6;
}

static void small_objects_have_a_reserve(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    CHECK(with_little_memory != NULL); /* a sanitizer's own memory is beyond any limit */
#else
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(with_little_memory());
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
#endif
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static pthread_barrier_t all_have_theirs;

/* Holds 16 MB at the same time as the others, and frees them. */
static void *work(void *unused)
{
    (void)unused;
    void *held[BLOCKS_EACH];
    for (int i = 0; i < BLOCKS_EACH; i++)
        held[i] = memset(mem_alloc(BLOCK), 1, BLOCK);
    pthread_barrier_wait(&all_have_theirs);
    for (int i = 0; i < BLOCKS_EACH; i++)
        mem_free(held[i]);
    return NULL;
}

static long resident_bytes(void)
{
    long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%ld %ld", &all, &resident) == 2);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

/* In a process that serves: its workers end with it, and what each of them kept for itself would
 * add up. Nothing is given back below 64 MB: what threads free one after the other may be less. */
static int with_busy_threads(void)
{
    mem_keep_freed();
    long before = resident_bytes();
    pthread_t threads[THREADS];
    pthread_barrier_init(&all_have_theirs, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    mem_give_back();
    return resident_bytes() - before < KEPT_MAX ? 0 : 2;
}

/* Below what lives on there are pages that only mem_settle finds. */
static int after_a_start(void)
{
    mem_keep_freed();
    for (int i = 0; i < BLOCKS_EACH; i++)
        blocks[i] = memset(mem_alloc(BLOCK), 1, BLOCK);
    long full = resident_bytes();
    for (int i = 0; i < BLOCKS_EACH - 1; i++)
        mem_free(blocks[i]);
    mem_give_back();
    if (full - resident_bytes() > SETTLED_MIN)
        return 1; /* then the rest says nothing */
    mem_settle();
    long left = full - resident_bytes();
    mem_free(blocks[BLOCKS_EACH - 1]);
    return left > SETTLED_MIN ? 0 : 2;
}
#endif

static void what_a_start_freed_goes_back(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    CHECK(SETTLED_MIN > 0);
#else
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(after_a_start());
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
#endif
}

static void what_threads_freed_goes_back(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    CHECK(THREADS > 0);
#else
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(with_busy_threads());
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
#endif
}

static void text_in_an_arena(void)
{
    struct arena arena;
    arena_init(&arena, 64);
    const char *text = arena_printf(&arena, "%s-%d", "abc", 7);
    CHECK(text && strcmp(text, "abc-7") == 0);
    CHECK(!arena_printf(&arena, "%100d", 7));
    CHECK_STR(text, "abc-7");
    arena_close(&arena);
}

/* Allocations whose size a peer chooses fail; what has its bounds already goes on. */
static void an_own_arena_does_not_fail(void)
{
    struct arena own, other;
    arena_init_own(&own);
    arena_init(&other, 64);
    mem_fail_at(1);
    CHECK(arena_alloc(&own, 100000) != NULL);
    CHECK(arena_alloc(&other, 1) == NULL);
    mem_fail_at(0);
    CHECK(arena_alloc(&other, 1) != NULL);
    arena_close(&own);
    arena_close(&other);
}

static void budgets_have_shares(void)
{
    struct mem_budget budget;
    mem_budget_init(&budget, 1000);
    CHECK(!mem_budget_shares(&budget, 0, 501));
    CHECK(mem_budget_shares(&budget, 0, 500));
    CHECK_INT(mem_budget_take(&budget, 300), 0);
    CHECK(!mem_budget_shares(&budget, 300, 501));
    CHECK(mem_budget_shares(&budget, 300, 500));
    /* Another one has half of what is left. */
    CHECK(!mem_budget_shares(&budget, 0, 351));
    CHECK(mem_budget_shares(&budget, 0, 350));
    CHECK_INT(mem_budget_take(&budget, 700), 0);
    CHECK(!mem_budget_shares(&budget, 0, 1));
}

TAP_MAIN(TAP_TEST(small_objects_have_a_reserve), TAP_TEST(what_threads_freed_goes_back),
         TAP_TEST(what_a_start_freed_goes_back), TAP_TEST(text_in_an_arena),
         TAP_TEST(an_own_arena_does_not_fail), TAP_TEST(budgets_have_shares))
