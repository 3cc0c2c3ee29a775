/* The main program of every fuzz target.
 *
 *     x_fuzz                 two runs: one from a fixed seed, one from a fresh one, which is
 * printed x_fuzz FILE...         each file once, as it is: a finding again FUZZ_SEED=n one run from
 * this seed FUZZ_EXECS=n           so many mutants in each run FUZZ_SECONDS=n         so many
 * seconds for each run
 *
 * Happy path: a child process makes the corpus, runs it as it is, then mutants of it; those that
 * reach new code join the corpus. Failure modes: the child dies (a sanitizer, an assertion), takes
 * more than a second of CPU for an input, leaks, or has too much memory allocated at a time: the
 * parent, which sees the current input in shared memory, writes it to a file and says so. */
#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    TICK_US = 250 * 1000,
    TICKS_MAX = 4,      /* of CPU for one input: one second */
    MENDED_OF_8 = 6,    /* mutants whose checksums are made to fit */
    CORPUS_MAX = 20000, /* inputs; a bound on memory, never met by the default runs */
    EXIT_FINDING = 3
};
#define FIXED_SEED UINT64_C(20260717)

/* What the child leaves for the parent. */
struct shared {
    volatile uint64_t execs;
    volatile bool finished;
    size_t seeds, kept, places, peak;
    int64_t micros;
    char reason[160];
    volatile size_t len;
    uint8_t input[];
};

static struct shared *shared;

/* ---- memory: the sanitizer's hooks ---- */

extern int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *,
                                                                         size_t),
                                                     void (*free_hook)(const volatile void *))
    __attribute__((weak));
extern size_t __sanitizer_get_allocated_size(const volatile void *pointer) __attribute__((weak));
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* Leaks are counted here, input by input; who wants to know where one comes from replays it with
 * ASAN_OPTIONS=detect_leaks=1. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0:allocator_may_return_null=0:max_allocation_size_mb=4096";
}

const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}

static struct {
    int64_t live, peak;
} memory;

static void memory_taken(const volatile void *pointer, size_t size)
{
    (void)size;
    memory.live += (int64_t)__sanitizer_get_allocated_size(pointer);
    if (memory.live > memory.peak)
        memory.peak = memory.live;
}

static void memory_given(const volatile void *pointer)
{
    if (pointer)
        memory.live -= (int64_t)__sanitizer_get_allocated_size(pointer);
}

static void memory_watch(void)
{
    if (__sanitizer_install_malloc_and_free_hooks && __sanitizer_get_allocated_size)
        __sanitizer_install_malloc_and_free_hooks(memory_taken, memory_given);
}

/* ---- the corpus ---- */

static void corpus_push(struct fuzz_corpus *corpus, uint8_t *data, size_t len)
{
    if (corpus->count == corpus->cap) {
        corpus->cap = corpus->cap ? corpus->cap * 2 : 64;
        corpus->inputs = mem_realloc(corpus->inputs, corpus->cap * sizeof(*corpus->inputs));
    }
    corpus->inputs[corpus->count++] = (struct fuzz_input){data, len};
}

void fuzz_add_tagged(struct fuzz_corpus *corpus, const void *tag, size_t tag_len, const void *data,
                     size_t len)
{
    if (tag_len > corpus->len_max)
        return;
    if (len > corpus->len_max - tag_len)
        len = corpus->len_max - tag_len;
    uint8_t *copy = mem_alloc(tag_len + len);
    if (tag_len)
        memcpy(copy, tag, tag_len);
    if (len)
        memcpy(copy + tag_len, data, len);
    corpus_push(corpus, copy, tag_len + len);
}

void fuzz_add(struct fuzz_corpus *corpus, const void *data, size_t len)
{
    fuzz_add_tagged(corpus, NULL, 0, data, len);
}

void fuzz_add_word(struct fuzz_corpus *corpus, const char *word)
{
    corpus->words = mem_realloc(corpus->words, (corpus->word_count + 1) * sizeof(*corpus->words));
    corpus->words[corpus->word_count++] = word;
}

/* ---- the child ---- */

static void child_tick(int signum)
{
    static uint64_t seen = UINT64_MAX;
    static int ticks;
    (void)signum;
    ticks = shared->execs == seen ? ticks + 1 : 0;
    seen = shared->execs;
    if (ticks < TICKS_MAX)
        return;
    static const char text[] = "took more than a second";
    memcpy(shared->reason, text, sizeof(text));
    _exit(EXIT_FINDING);
}

static void child_watch_time(void)
{
    struct sigaction action = {.sa_handler = child_tick, .sa_flags = SA_RESTART};
    struct itimerval every = {{0, TICK_US}, {0, TICK_US}};
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &every, NULL);
}

static _Noreturn void child_found(const char *what, int64_t bytes)
{
    snprintf(shared->reason, sizeof(shared->reason), "%s: %" PRId64 " bytes", what, bytes);
    _exit(EXIT_FINDING);
}

/* Runs the input in memory of its own size, so that one byte past it is seen. Returns how much of
 * what it allocated is still there. */
static int64_t child_call(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    if (len)
        memcpy(copy, data, len);
    int64_t before = memory.live;
    memory.peak = before;
    (void)fuzz_one(copy, len);
    int64_t peak = memory.peak - before, kept = memory.live - before;
    free(copy);
    if (peak > (int64_t)shared->peak)
        shared->peak = (size_t)peak;
    if (peak > (int64_t)fuzz_target.memory_max)
        child_found("allocated too much", peak);
    return kept;
}

/* Returns whether the input reached new code. */
static bool child_run(const uint8_t *data, size_t len)
{
    if (len)
        memcpy(shared->input, data, len);
    shared->len = len;
    fuzz_cover_begin();
    int64_t kept = child_call(data, len);
    size_t fresh = fuzz_cover_end();
    /* Something made once and kept is no leak; each time is. */
    if (kept > 0 && child_call(data, len) > 0) {
        if (__lsan_do_recoverable_leak_check)
            (void)__lsan_do_recoverable_leak_check();
        child_found("leaked", kept);
    }
    shared->execs++;
    return fresh > 0;
}

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Seeds half of the time, else what was found on the way, the newest more often. */
static const struct fuzz_input *child_choose(const struct fuzz_corpus *corpus, uint64_t *random)
{
    size_t found = corpus->count - corpus->seeds;
    uint64_t draw = fuzz_random(random);
    if (found == 0 || draw % 2 == 0)
        return &corpus->inputs[fuzz_random(random) % corpus->seeds];
    size_t back = (size_t)(fuzz_random(random) % found);
    if (draw % 4 == 1)
        back = (size_t)(fuzz_random(random) % (back + 1));
    return &corpus->inputs[corpus->count - 1 - back];
}

static void child_mutants(struct fuzz_corpus *corpus, uint64_t seed, uint64_t execs,
                          int64_t seconds)
{
    uint64_t random = seed;
    int64_t end_us = now_us() + seconds * 1000000;
    uint8_t *data = mem_alloc(corpus->len_max);
    for (uint64_t i = 0; i < execs; i++) {
        if (seconds > 0 && i % 64 == 0 && now_us() >= end_us)
            break;
        const struct fuzz_input *from = child_choose(corpus, &random);
        if (from->len)
            memcpy(data, from->data, from->len);
        size_t len = fuzz_mutate(corpus, &random, data, from->len);
        if (fuzz_target.mend && fuzz_random(&random) % 8 < MENDED_OF_8)
            fuzz_target.mend(data, len);
        if (child_run(data, len) && corpus->count < CORPUS_MAX) {
            corpus_push(corpus, mem_dup(data, len), len);
            shared->kept++;
        }
    }
    mem_free(data);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static _Noreturn void child_main(uint64_t seed)
{
    struct fuzz_corpus corpus = {.len_max = fuzz_target.len_max};
    uint64_t seconds = number_from("FUZZ_SECONDS", 0);
    uint64_t execs = number_from("FUZZ_EXECS", seconds ? UINT64_MAX : fuzz_target.execs);
    int64_t start_us = now_us();
    fuzz_target.seed(&corpus);
    if (corpus.count == 0)
        fuzz_add(&corpus, "", 0);
    shared->seeds = corpus.seeds = corpus.count;
    memory_watch();
    child_watch_time();
    for (size_t i = 0; i < corpus.seeds; i++)
        (void)child_run(corpus.inputs[i].data, corpus.inputs[i].len);
    child_mutants(&corpus, seed, execs, (int64_t)seconds);
    shared->places = fuzz_cover_total();
    shared->micros = now_us() - start_us;
    shared->finished = true;
    _exit(0);
}

/* ---- the parent ---- */

static void shared_reset(void)
{
    shared->execs = shared->seeds = shared->kept = shared->places = shared->peak = shared->len = 0;
    shared->finished = false;
    shared->reason[0] = 0;
}

static void write_finding(const char *program, uint64_t seed)
{
    char path[4096];
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < shared->len; i++)
        hash = (hash ^ shared->input[i]) * 1099511628211u;
    snprintf(path, sizeof(path), "%s.finding-%016" PRIx64, program, hash);
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(shared->input, 1, shared->len, file) == shared->len;
    if (file && fclose(file) != 0)
        written = false;
    printf("# seed %" PRIu64 ", input %" PRIu64 ", %zu bytes: %s\n", seed, shared->execs,
           shared->len, shared->reason);
    if (written)
        printf("# again with: %s %s\n", program, path);
    else
        printf("# the input could not be written to %s: %s\n", path, strerror(errno));
}

/* Why the child ended, when it did not say so itself. */
static void read_status(int status)
{
    if (shared->reason[0])
        return;
    if (WIFSIGNALED(status))
        snprintf(shared->reason, sizeof(shared->reason), "died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(shared->reason, sizeof(shared->reason), "ended with status %d",
                 WEXITSTATUS(status));
}

static bool run_child(void (*body)(void *data), void *data)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        printf("# fork: %s\n", strerror(errno));
        return false;
    }
    if (pid == 0) {
        body(data);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!shared->finished)
        read_status(status);
    return shared->finished;
}

static void fuzz_body(void *data)
{
    child_main(*(const uint64_t *)data);
}

static bool fuzz_from(const char *program, uint64_t seed, int number)
{
    shared_reset();
    bool passed = run_child(fuzz_body, &seed);
    if (passed)
        printf("# seed %" PRIu64 ": %" PRIu64
               " inputs (%zu to begin with, %zu kept), %zu places, at "
               "most %zu KiB, %.1f s\n",
               seed, shared->execs, shared->seeds, shared->kept, shared->places,
               shared->peak / 1024, (double)shared->micros / 1e6);
    else
        write_finding(program, seed);
    printf("%sok %d - %s, seed %" PRIu64 "\n", passed ? "" : "not ", number, fuzz_target.what,
           seed);
    return passed;
}

static void replay_body(void *data)
{
    FILE *file = fopen(data, "rb");
    if (!file) {
        snprintf(shared->reason, sizeof(shared->reason), "can't be opened: %s", strerror(errno));
        _exit(EXIT_FINDING);
    }
    uint8_t *bytes = mem_alloc(fuzz_target.len_max);
    size_t len = fread(bytes, 1, fuzz_target.len_max, file);
    fclose(file);
    memory_watch();
    child_watch_time();
    (void)child_run(bytes, len);
    shared->finished = true;
}

static int replay(int count, char **paths)
{
    int failed = 0;
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        shared_reset();
        bool passed = run_child(replay_body, paths[i]);
        if (!passed)
            printf("# %s\n", shared->reason);
        printf("%sok %d - %s\n", passed ? "" : "not ", i + 1, paths[i]);
        failed += !passed;
    }
    return failed > 0;
}

int main(int argc, char **argv)
{
    size_t size = sizeof(*shared) + fuzz_target.len_max;
    shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    if (argc > 1)
        return replay(argc - 1, argv + 1);
    uint64_t given = number_from("FUZZ_SEED", 0), fresh = 0;
    if (given) {
        printf("1..1\n");
        return !fuzz_from(argv[0], given, 1);
    }
    if (getrandom(&fresh, sizeof(fresh), 0) != sizeof(fresh))
        fresh = (uint64_t)getpid();
    fresh = (fresh >> 16) + 1; /* short enough to type */
    printf("1..2\n");
    bool passed = fuzz_from(argv[0], FIXED_SEED, 1);
    passed = fuzz_from(argv[0], fresh, 2) && passed;
    return !passed;
}
