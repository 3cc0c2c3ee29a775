/* Golden batches and message sets, and comparing what is read with their JSON. */
#ifndef TESTS_UNIT_KAFKA_GOLDEN_BATCHES_H
#define TESTS_UNIT_KAFKA_GOLDEN_BATCHES_H

#include "../tap.h"
#include "../wire/golden.h"

#include "wire/str.h"

#define GOLDEN_BATCHES "tests/unit/wire/golden/batches.tsv.gz"

/* Calls fn for each one of that name; there are `expected`. */
static inline void each_line(const char *what, int expected,
                             void (*fn)(const char *kind, uint8_t *bytes, size_t len, json_t *json))
{
    char *text = golden_load(GOLDEN_BATCHES), *at = text, *columns[GOLDEN_COLUMNS];
    volatile int seen = 0;
    CHECK(text != NULL);
    while (golden_line(&at, columns) == GOLDEN_COLUMNS) {
        if (strcmp(columns[0], what) != 0)
            continue;
        size_t len;
        uint8_t *bytes = golden_bytes(columns[3], &len);
        json_t *json = json_loads(columns[4], JSON_ALLOW_NUL, NULL);
        CHECK(json != NULL);
        fn(columns[2], bytes, len, json);
        json_decref(json);
        mem_free(bytes);
        seen++;
    }
    mem_free(text);
    CHECK_INT(seen, expected);
}

static inline int64_t number(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    CHECK(json_is_integer(value));
    return json_integer_value(value);
}

static inline void check_bytes(struct wire_bytes got, const json_t *expected)
{
    size_t len;
    uint8_t *bytes = golden_base64(expected, &len);
    CHECK_INT(got.len, bytes ? (long long)len : -1);
    CHECK(!len || memcmp(got.data, bytes, len) == 0);
    mem_free(bytes);
}

#endif
