/* TAP for unit tests: each test is a function, main is TAP_MAIN with the list of them.
 *
 * A check that fails prints where and ends that test; the others still run. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static jmp_buf tap_jump;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                               \
            longjmp(tap_jump, 1);                                                                  \
        }                                                                                          \
    } while (0)
#define CHECK_INT(got, expected)                                                                   \
    do {                                                                                           \
        long long tap_got = (long long)(got), tap_expected = (long long)(expected);                \
        if (tap_got != tap_expected) {                                                             \
            printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, tap_got,           \
                   tap_expected);                                                                  \
            longjmp(tap_jump, 1);                                                                  \
        }                                                                                          \
    } while (0)
#define CHECK_STR(got, expected)                                                                   \
    do {                                                                                           \
        const char *tap_got = (got), *tap_expected = (expected);                                   \
        if (strcmp(tap_got, tap_expected) != 0) {                                                  \
            printf("# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, tap_got,       \
                   tap_expected);                                                                  \
            longjmp(tap_jump, 1);                                                                  \
        }                                                                                          \
    } while (0)

struct tap_test {
    const char *name;
    void (*fn)(void);
};
#define TAP_TEST(fn)                                                                               \
    {                                                                                              \
#fn, fn                                                                                    \
    }

static int tap_run(const struct tap_test *tests, int count)
{
    volatile int failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%d\n", count);
    for (volatile int i = 0; i < count; i++) {
        if (setjmp(tap_jump) == 0) {
            tests[i].fn();
            printf("ok %d - %s\n", i + 1, tests[i].name);
        } else {
            printf("not ok %d - %s\n", i + 1, tests[i].name);
            failed++;
        }
    }
    return failed > 0;
}

#define TAP_MAIN(...)                                                                              \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct tap_test tests[] = {__VA_ARGS__};                                      \
        return tap_run(tests, (int)(sizeof(tests) / sizeof(tests[0])));                            \
    }

#endif
