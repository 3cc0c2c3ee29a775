/* A fuzz target: one function that is given bytes, and the inputs to begin with, which the target
 * makes itself. fuzz_main.c mutates those inputs, runs the function, keeps the mutants that reach
 * new code, and reports a crash, a leak, an input that takes more than a second, or one that takes
 * more memory than the target allows.
 *
 * fuzz_one may also be driven by libFuzzer: compile with -DFUZZ_LIBFUZZER and link without
 * fuzz_main.c and fuzz_cover.c. It keeps no state from one input to the next, so that an input
 * alone repeats what it did. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef FUZZ_LIBFUZZER
#define fuzz_one LLVMFuzzerTestOneInput
#endif

struct fuzz_corpus;

struct fuzz_target {
    const char *what;  /* for the report: "each codec's decompression" */
    size_t len_max;    /* longest input */
    size_t memory_max; /* most bytes that one input may have allocated at a time */
    uint64_t execs;    /* mutants of one run, unless FUZZ_EXECS or FUZZ_SECONDS says otherwise */
    void (*seed)(struct fuzz_corpus *corpus);
    /* May be NULL. Makes checksums fit, so that mutants get past them; most of them are mended. */
    void (*mend)(uint8_t *data, size_t len);
};

extern const struct fuzz_target fuzz_target;

/* Always 0. The bytes are in memory of exactly that size. */
int fuzz_one(const uint8_t *data, size_t len);

/* An input to begin with; copied, and cut at len_max. */
void fuzz_add(struct fuzz_corpus *corpus, const void *data, size_t len);
/* The same with a few bytes in front, as targets have them that take a choice from there. */
void fuzz_add_tagged(struct fuzz_corpus *corpus, const void *tag, size_t tag_len, const void *data,
                     size_t len);
/* A piece of text that mutants may contain. Borrowed. */
void fuzz_add_word(struct fuzz_corpus *corpus, const char *word);

/* What must hold for every input; a target's own check. */
#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);       \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- fuzz_cover.c: what the compiler's instrumentation saw (COVER in the Makefile) ---- */

/* Two numbers that the code compared. */
struct fuzz_pair {
    uint64_t a, b;
    int width; /* bytes */
};

void fuzz_cover_begin(void);
/* Places reached since fuzz_cover_begin that no input reached before. */
size_t fuzz_cover_end(void);
/* All places reached so far. */
size_t fuzz_cover_total(void);
/* One of the newest comparisons; false when there are none. */
bool fuzz_cover_pair(uint64_t random, struct fuzz_pair *pair);

/* ---- fuzz_mutate.c ---- */

struct fuzz_input {
    uint8_t *data;
    size_t len;
};

struct fuzz_corpus {
    struct fuzz_input *inputs;
    size_t count, cap;
    size_t seeds; /* the first ones, made by the target */
    const char **words;
    size_t word_count;
    size_t len_max;
};

uint64_t fuzz_random(uint64_t *state);
/* Changes the input in `data` (room for corpus->len_max bytes) in place. Returns the new length. */
size_t fuzz_mutate(const struct fuzz_corpus *corpus, uint64_t *random, uint8_t *data, size_t len);

#endif
