/* Memory: the only place that calls the C allocator, and the accounting of what peers may use.
 *
 * Small control objects use mem_alloc, which aborts when the machine has no memory left, and the
 * reserve is spent. Anything whose size a peer chooses uses mem_try_alloc and a budget, and reports
 * ERR_NO_MEMORY. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/* Zeroed memory; aborts when there is none. mem_free(NULL) does nothing. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *pointer, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((returns_nonnull));
char *mem_strndup(const char *text, size_t len) __attribute__((returns_nonnull));
void *mem_dup(const void *data, size_t size) __attribute__((returns_nonnull));
/* printf into fresh memory. */
char *mem_printf(const char *format, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));
void mem_free(void *pointer);

/* Memory that is not zeroed, or NULL; on failure mem_try_realloc leaves the old block as it was. */
void *mem_try_alloc(size_t size) MUST_CHECK;
void *mem_try_realloc(void *pointer, size_t size) MUST_CHECK;

/* A process that serves keeps a reserve for small objects: the large ones of peers fail first, and
 * what they cause (an answer, a line of the log, a close) still works. False when there is no
 * memory for it now; while it is not full nothing new should be begun. Any thread. */
enum { MEM_RESERVE = 16 << 20 }; /* untouched it costs address space only */
bool mem_reserve_fill(void);
bool mem_reserve_is_full(void);

/* Once, at the start of a process that serves: the allocator keeps up to 32 MiB of freed memory. By
 * default it gives blocks the size of a large request back to the kernel at every free, and each
 * new one is paid for in page faults (measured with frames of 1 MB: 0.9 GB/s, then 4 to 7). All
 * threads share what is kept: after a burst each worker held another 12 MB. */
void mem_keep_freed(void);

/* Gives freed memory back to the system when there is much of it: after a burst. Looks through the
 * allocator's lists, so not for every turn. */
void mem_give_back(void);
/* All of it, as far as it fills whole pages: a start needs much that is not needed later. The next
 * burst pays for it in page faults, so once a minute at most. */
void mem_settle(void);

/* For tests: the n-th mem_try_* call from now fails (1 = the next one); 0 switches it off. Returns
 * whether the failure of the previous setting has happened. */
bool mem_fail_at(uint64_t n);

/* A budget of bytes that one thread hands out; never locks. */
struct mem_budget {
    size_t limit;
    size_t used;
    bool starved; /* somebody could not be paid since this was last set to false */
};

void mem_budget_init(struct mem_budget *budget, size_t limit);
/* 0, or ERR_NO_MEMORY when the bytes would pass the limit (nothing is taken then). */
int mem_budget_take(struct mem_budget *budget, size_t size) MUST_CHECK;
/* Whether one of several who share a budget may have `whole` bytes in place of the `held` ones that
 * it has: at most half of what the others leave. So a few who keep all that they can get leave room
 * for many small ones. */
bool mem_budget_shares(const struct mem_budget *budget, size_t held, size_t whole);
void mem_budget_give(struct mem_budget *budget, size_t size);

/* An arena: many small blocks, freed at once. Blocks are 8-byte aligned and zeroed. */
struct arena_block;
struct arena {
    struct arena_block *blocks; /* the newest first */
    size_t used;                /* bytes in the newest block */
    size_t total;               /* bytes handed out */
    size_t limit;               /* largest total */
    bool own;                   /* from mem_alloc */
    bool full;                  /* the limit, and not a lack of memory, has refused something */
};

/* `limit` is the largest number of bytes that it ever hands out. Allocates nothing yet. */
void arena_init(struct arena *arena, size_t limit);
/* For what has its bounds already: it may spend the reserve, and aborts as mem_alloc does. */
void arena_init_own(struct arena *arena);
/* NULL when the limit would be passed or memory is out. */
void *arena_alloc(struct arena *arena, size_t size) MUST_CHECK;
/* count * size with overflow checked. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size) MUST_CHECK;
/* Copy of `len` bytes plus a NUL; NULL as above. */
char *arena_strndup(struct arena *arena, const char *text, size_t len) MUST_CHECK;
/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* Frees every block; the arena may be used again. */
void arena_close(struct arena *arena);

#endif
