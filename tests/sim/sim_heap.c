/* The heap of the simulation's programs, in place of the C library's: a run of a cluster gives back
 * and takes a block every few hundred nanoseconds, and has one thread.
 *
 * Happy path: a block comes from the list of its size class, and goes back to it. A class is a
 * power of two or one of the three sizes between it and the next; what is larger than the largest
 * has its own mapping. Failure modes: a block that is given back twice, or whose front was
 * overwritten, ends the program. Under a sanitizer this file is empty: those bring a heap. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

enum {
    HEAP_ALIGN = 16,
    HEAP_SMALL = 1024, /* classes of HEAP_ALIGN bytes up to it, */
    HEAP_SMALL_CLASSES = HEAP_SMALL / HEAP_ALIGN,
    HEAP_STEPS = 4, /* and so many between two powers of two above it */
    HEAP_LARGEST_LOG2 = 20,
    HEAP_SMALL_LOG2 = 10,
    HEAP_CLASSES = HEAP_SMALL_CLASSES + (HEAP_LARGEST_LOG2 - HEAP_SMALL_LOG2) * HEAP_STEPS,
    HEAP_REGION = 8 << 20, /* taken from the system at a time */
    HEAP_TAKEN = 0x7a6b,
    HEAP_FREE = 0x0f1e
};

struct heap_block {
    uint64_t size;  /* room for the caller's bytes */
    uint16_t class; /* HEAP_CLASSES = mapped by itself */
    uint16_t state;
    uint32_t spare;
};
_Static_assert(sizeof(struct heap_block) == HEAP_ALIGN, "what follows a front is aligned");

struct heap_free {
    struct heap_free *next;
};

static struct heap_free *heap_lists[HEAP_CLASSES];
static uint8_t *heap_at, *heap_end;

static unsigned heap_class(size_t size)
{
    if (size <= HEAP_SMALL)
        return size ? (unsigned)((size - 1) / HEAP_ALIGN) : 0;
    unsigned log2 = 63 - (unsigned)__builtin_clzll(size - 1);
    unsigned step = (unsigned)((size - 1) >> (log2 - 2)) & (HEAP_STEPS - 1);
    return HEAP_SMALL_CLASSES + (log2 - HEAP_SMALL_LOG2) * HEAP_STEPS + step;
}

static size_t heap_class_size(unsigned class)
{
    if (class < HEAP_SMALL_CLASSES)
        return (class + 1) * (size_t)HEAP_ALIGN;
    unsigned large = class - HEAP_SMALL_CLASSES;
    size_t power = (size_t)1 << (HEAP_SMALL_LOG2 + large / HEAP_STEPS);
    return power + power / HEAP_STEPS * (large % HEAP_STEPS + 1);
}

static void *heap_map(size_t size)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

static void *heap_open(struct heap_block *block, unsigned class, size_t size)
{
    if (!block) {
        errno = ENOMEM;
        return NULL;
    }
    *block = (struct heap_block){.size = size, .class = (uint16_t) class, .state = HEAP_TAKEN};
    return block + 1;
}

/* Cut from the region; what is left of one that has too little is wasted. */
static void *heap_cut(unsigned class)
{
    size_t size = heap_class_size(class), need = size + sizeof(struct heap_block);
    if ((size_t)(heap_end - heap_at) < need) {
        heap_at = heap_map(HEAP_REGION);
        heap_end = heap_at ? heap_at + HEAP_REGION : NULL;
    }
    struct heap_block *block = heap_at ? (struct heap_block *)heap_at : NULL;
    heap_at += block ? need : 0;
    return heap_open(block, class, size);
}

static struct heap_block *heap_block_of(void *pointer)
{
    struct heap_block *block = (struct heap_block *)pointer - 1;
    ASSERT(block->state == HEAP_TAKEN);
    return block;
}

static void *heap_take(size_t size)
{
    if (size > (size_t)1 << HEAP_LARGEST_LOG2)
        return size > PTRDIFF_MAX
                   ? heap_open(NULL, 0, 0)
                   : heap_open(heap_map(size + sizeof(struct heap_block)), HEAP_CLASSES, size);
    unsigned class = heap_class(size);
    struct heap_free *first = heap_lists[class];
    if (!first)
        return heap_cut(class);
    heap_lists[class] = first->next;
    ((struct heap_block *)first - 1)->state = HEAP_TAKEN;
    return first;
}

static void heap_give(void *pointer)
{
    if (!pointer)
        return;
    struct heap_block *block = heap_block_of(pointer);
    if (block->class == HEAP_CLASSES) {
        (void)munmap(block, block->size + sizeof(*block));
        return;
    }
    block->state = HEAP_FREE;
    struct heap_free *first = pointer;
    first->next = heap_lists[block->class];
    heap_lists[block->class] = first;
}

static void *heap_take_zeroed(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return heap_open(NULL, 0, 0);
    void *pointer = heap_take(bytes);
    if (pointer && heap_block_of(pointer)->class != HEAP_CLASSES)
        memset(pointer, 0, bytes);
    return pointer;
}

static void *heap_resize(void *pointer, size_t size)
{
    if (!pointer)
        return heap_take(size);
    size_t room = heap_block_of(pointer)->size;
    if (size <= room && size >= room / 4)
        return pointer;
    void *moved = heap_take(size);
    if (moved) {
        memcpy(moved, pointer, size < room ? size : room);
        heap_give(pointer);
    }
    return moved;
}

/* Under names that the compiler does not know, since it takes what it knows of the real ones for
 * true inside them as well. */
void *malloc(size_t size) __attribute__((alias("heap_take")));
void free(void *pointer) __attribute__((alias("heap_give")));
void *calloc(size_t count, size_t size) __attribute__((alias("heap_take_zeroed")));
void *realloc(void *pointer, size_t size) __attribute__((alias("heap_resize")));

#endif
