/* Coverage without clang: gcc calls __sanitizer_cov_trace_pc at each basic block, and the others at
 * each comparison. A place is a pair of consecutive blocks, with how often it was taken, roughly.
 *
 * Happy path: a block costs one increment. Failure mode: two places may share a counter; then the
 * second one is not noticed. This file itself is compiled without the instrumentation. */
#include "fuzz.h"

#include <string.h>

enum { COVER_PLACES = 1 << 16, COVER_PAIRS = 1 << 10 };

static uint8_t cover_hits[COVER_PLACES] __attribute__((aligned(8)));
static uint8_t cover_seen[COVER_PLACES]; /* one bit for each class of counts */
static uint64_t cover_last;
static size_t cover_total;
static struct fuzz_pair cover_pairs[COVER_PAIRS];
static size_t cover_pair_count;

/* The start of the program in memory, so that a place has the same number in each run. */
extern const char __executable_start[] __attribute__((weak));

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b);
void __sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b);
void __sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b);
void __sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b);
void __sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b);
void __sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b);
void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b);
void __sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b);
void __sanitizer_cov_trace_cmpf(float a, float b);
void __sanitizer_cov_trace_cmpd(double a, double b);
void __sanitizer_cov_trace_switch(uint64_t value, void *table);

void __sanitizer_cov_trace_pc(void)
{
    uint64_t at = (uint64_t)((const char *)__builtin_return_address(0) - __executable_start);
    uint64_t place = (at * UINT64_C(0x9e3779b97f4a7c15)) >> 48;
    uint8_t *hits = &cover_hits[(place ^ cover_last) % COVER_PLACES];
    *hits = (uint8_t)(*hits + (*hits < UINT8_MAX));
    cover_last = place >> 1;
}

static void cover_compare(uint64_t a, uint64_t b, int width)
{
    if (a == b)
        return;
    cover_pairs[cover_pair_count++ % COVER_PAIRS] = (struct fuzz_pair){a, b, width};
}

void __sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b)
{
    (void)a;
    (void)b; /* single bytes are found by chance */
}

void __sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b)
{
    cover_compare(a, b, 2);
}

void __sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b)
{
    cover_compare(a, b, 4);
}

void __sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b)
{
    cover_compare(a, b, 8);
}

void __sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b)
{
    (void)a;
    (void)b;
}

void __sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b)
{
    cover_compare(b, a, 2);
}

void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b)
{
    cover_compare(b, a, 4);
}

void __sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b)
{
    cover_compare(b, a, 8);
}

void __sanitizer_cov_trace_cmpf(float a, float b)
{
    (void)a;
    (void)b;
}

void __sanitizer_cov_trace_cmpd(double a, double b)
{
    (void)a;
    (void)b;
}

/* The table: the number of cases, the bits of the value, then the cases. */
void __sanitizer_cov_trace_switch(uint64_t value, void *table)
{
    const uint64_t *cases = table;
    if (cases[1] > 8 && cases[0] > 0)
        cover_compare(value, cases[2 + cover_pair_count % cases[0]], (int)cases[1] / 8);
}

void fuzz_cover_begin(void)
{
    memset(cover_hits, 0, sizeof(cover_hits));
    cover_last = 0;
}

/* Counts fall into classes, so that a loop of 40 rounds instead of 41 is nothing new. */
static uint8_t cover_class(uint8_t hits)
{
    static const uint8_t least[] = {1, 2, 3, 4, 8, 16, 32, 128};
    uint8_t class = 0;
    while (class < 7 && hits >= least[class + 1])
        class ++;
    return (uint8_t)(1 << class);
}

static size_t cover_take(size_t place)
{
    uint8_t class = cover_class(cover_hits[place]);
    if (cover_seen[place] & class)
        return 0;
    cover_total += cover_seen[place] == 0;
    cover_seen[place] |= class;
    return 1;
}

size_t fuzz_cover_end(void)
{
    size_t fresh = 0;
    for (size_t i = 0; i < COVER_PLACES; i += 8) {
        uint64_t word;
        memcpy(&word, cover_hits + i, sizeof(word));
        for (size_t k = 0; word != 0 && k < 8; k++)
            if (cover_hits[i + k])
                fresh += cover_take(i + k);
    }
    return fresh;
}

size_t fuzz_cover_total(void)
{
    return cover_total;
}

bool fuzz_cover_pair(uint64_t random, struct fuzz_pair *pair)
{
    size_t count = cover_pair_count < COVER_PAIRS ? cover_pair_count : COVER_PAIRS;
    if (count == 0)
        return false;
    *pair = cover_pairs[random % count];
    return true;
}
