/* Memory: allocation, budgets and arenas. Failure modes: mem_alloc spends the reserve, and aborts
 * without one; the others return. */
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

enum {
    ARENA_BLOCK_SIZE = 4096,       /* holds the arrays of an ordinary request */
    KEEP_FREED = 32 * 1024 * 1024, /* a few dozen requests of the default largest size */
    MAP_FROM = 8 * 1024 * 1024,    /* larger blocks are mapped by themselves: they are rare */
    DROP_SLICE = 1024 * 1024,      /* pages that are given back at once: 0.1 ms or so */
    GROW_BY = 4 * 1024 * 1024      /* of the heap, above what is asked for; untouched it is free */
};

/* Nothing comes near it: it only keeps the sum of sizes from wrapping. */
#define ARENA_OWN_MAX ((size_t)1 << 40)

STATIC_ASSERT(ARENA_BLOCK_SIZE % 8 == 0, "what is given out is aligned");
STATIC_ASSERT(MAP_FROM <= KEEP_FREED, "a block that is kept is one that was not mapped");
STATIC_ASSERT(MEM_RESERVE > 0, "a process that serves has one");
struct arena_block {
    struct arena_block *next;
    size_t size;
    uint8_t data[];
};

STATIC_ASSERT(offsetof(struct arena_block, data) % 8 == 0, "what is given out is aligned");
static atomic_uint_least64_t mem_fail_counter;

/* Bytes of a page, once mem_keep_freed was called; else 0, for the allocator is not the system's:
 * simulations have their own. */
static size_t mem_page;

static bool mem_must_fail(void)
{
    uint64_t left = atomic_load_explicit(&mem_fail_counter, memory_order_relaxed);
    if (left == 0)
        return false;
    atomic_store_explicit(&mem_fail_counter, left - 1, memory_order_relaxed);
    return left == 1;
}

static _Atomic(void *) mem_reserve;

bool mem_reserve_fill(void)
{
    if (atomic_load(&mem_reserve))
        return true;
    void *block = malloc(MEM_RESERVE);
    if (!block)
        return false;
    free(atomic_exchange(&mem_reserve, block));
    return true;
}

bool mem_reserve_is_full(void)
{
    return atomic_load(&mem_reserve) != NULL;
}

/* Gives the reserve back to the system; false when there is none. */
static bool mem_reserve_spend(void)
{
    void *block = atomic_exchange(&mem_reserve, NULL);
    free(block);
    return block != NULL;
}

static _Noreturn void mem_exhausted(size_t size)
{
    fprintf(stderr, "millrace: out of memory for %zu bytes\n", size);
    abort();
}

void *mem_alloc(size_t size)
{
    void *pointer = calloc(1, size ? size : 1);
    if (!pointer && mem_reserve_spend())
        pointer = calloc(1, size ? size : 1);
    if (!pointer)
        mem_exhausted(size);
    return pointer;
}

void *mem_realloc(void *pointer, size_t size)
{
    void *moved = realloc(pointer, size ? size : 1);
    if (!moved && mem_reserve_spend())
        moved = realloc(pointer, size ? size : 1);
    if (!moved)
        mem_exhausted(size);
    return moved;
}

void *mem_dup(const void *data, size_t size)
{
    ASSERT(data != NULL || size == 0);
    void *copy = mem_alloc(size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

char *mem_strdup(const char *text)
{
    ASSERT(text != NULL);
    return mem_dup(text, strlen(text) + 1);
}

char *mem_strndup(const char *text, size_t len)
{
    ASSERT(text != NULL || len == 0);
    char *copy = mem_alloc(len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *mem_printf(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    if (len < 0 && mem_reserve_spend())
        len = vasprintf(&text, format, again);
    if (len < 0)
        mem_exhausted(0);
    va_end(again);
    va_end(args);
    return text;
}

/* To unmap a block keeps the heap from growing, and so every thread from allocating, until all of
 * its pages are gone: 100 MB take 10 ms, and a worker that has to share its core takes ten times
 * that. The loop waited for it. Given back in slices first, nothing is left to wait for. */
static void mem_drop_pages(void *pointer)
{
    size_t size = malloc_usable_size(pointer);
    if (size < MAP_FROM)
        return;
    uintptr_t at = ((uintptr_t)pointer + mem_page - 1) / mem_page * mem_page;
    uintptr_t end = ((uintptr_t)pointer + size) / mem_page * mem_page;
    ASSERT(at < end);
    for (; at < end; at += DROP_SLICE)
        (void)madvise((void *)at, end - at < DROP_SLICE ? end - at : DROP_SLICE, MADV_DONTNEED);
}

void mem_free(void *pointer)
{
    if (pointer && mem_page > 0)
        mem_drop_pages(pointer);
    free(pointer);
}

void *mem_try_alloc(size_t size)
{
    return mem_must_fail() ? NULL : malloc(size ? size : 1);
}

void *mem_try_realloc(void *pointer, size_t size)
{
    return mem_must_fail() ? NULL : realloc(pointer, size ? size : 1);
}

void mem_keep_freed(void)
{
    mem_page = (size_t)sysconf(_SC_PAGESIZE);
    ASSERT(mem_page > 0 && DROP_SLICE % mem_page == 0);
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_FREED);
    (void)mallopt(M_MMAP_THRESHOLD, MAP_FROM);
    (void)mallopt(M_ARENA_MAX, 1);     /* each would keep as much */
    (void)mallopt(M_TOP_PAD, GROW_BY); /* each growth may wait for who gives memory back */
}

void mem_give_back(void)
{
    struct mallinfo2 info = mallinfo2();
    if (info.fordblks > 2 * (size_t)KEEP_FREED)
        (void)malloc_trim(KEEP_FREED);
}

void mem_settle(void)
{
    (void)malloc_trim(0);
}

bool mem_fail_at(uint64_t n)
{
    return atomic_exchange(&mem_fail_counter, n) == 0;
}

void mem_budget_init(struct mem_budget *budget, size_t limit)
{
    budget->limit = limit;
    budget->used = 0;
    budget->starved = false;
}

int mem_budget_take(struct mem_budget *budget, size_t size)
{
    ASSERT(budget->used <= budget->limit);
    if (size > budget->limit - budget->used)
        return ERR_NO_MEMORY;
    budget->used += size;
    ASSERT(budget->used <= budget->limit);
    return 0;
}

bool mem_budget_shares(const struct mem_budget *budget, size_t held, size_t whole)
{
    ASSERT(budget->used <= budget->limit);
    ASSERT(held <= budget->used);
    return whole <= (budget->limit - (budget->used - held)) / 2;
}

void mem_budget_give(struct mem_budget *budget, size_t size)
{
    ASSERT(size <= budget->used);
    ASSERT(budget->used <= budget->limit);
    budget->used -= size;
}

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_init_own(struct arena *arena)
{
    *arena = (struct arena){.limit = ARENA_OWN_MAX, .own = true};
}

static bool arena_grow(struct arena *arena, size_t size)
{
    size_t block_size = size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE;
    size_t bytes = sizeof(struct arena_block) + block_size;
    struct arena_block *block = arena->own ? mem_alloc(bytes) : mem_try_alloc(bytes);
    if (!block)
        return false;
    block->next = arena->blocks;
    block->size = block_size;
    arena->blocks = block;
    arena->used = 0;
    ASSERT(arena->blocks->size >= size);
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    ASSERT(arena->total <= arena->limit);
    if (size > arena->limit - arena->total) {
        arena->full = true;
        return NULL;
    }
    size_t rounded = (size + 7) & ~(size_t)7;
    if (!arena->blocks || arena->blocks->size - arena->used < rounded)
        if (!arena_grow(arena, rounded))
            return NULL;
    void *pointer = arena->blocks->data + arena->used;
    arena->used += rounded;
    arena->total += size;
    ASSERT(arena->used <= arena->blocks->size);
    ASSERT(((uintptr_t)pointer & 7) == 0);
    memset(pointer, 0, size);
    return pointer;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_alloc(arena, bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    ASSERT(text != NULL || len == 0);
    char *copy = arena_alloc(arena, len + 1);
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void arena_close(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        mem_free(block);
    }
    arena->used = 0;
    arena->total = 0;
    arena->full = false;
}
