/* Assertions: for our own bugs only, never compiled out. Input is checked with `if`. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <assert.h>

/* Prints the condition and where it stands on stderr, then aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(#condition, __FILE__, __LINE__);                                          \
    } while (0)

#define STATIC_ASSERT(condition, why) _Static_assert(condition, why)

/* The struct that embeds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
