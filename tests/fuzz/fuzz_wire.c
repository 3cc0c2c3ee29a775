/* Golden vectors as seeds, and the round trip of a message.
 *
 * Failure modes: what does not decode is nobody's concern; what decodes must encode, must decode
 * again, and then encode to the same bytes. */
#include "fuzz_wire.h"

#include <string.h>

#include "../unit/wire/golden.h"
#include "base/err.h"

enum {
    /* Decoded, an item is a struct of pointers and lengths: at most so many bytes for each byte
     * that announces it. CreateTopics has the largest item for its size. */
    WIRE_GROWTH_MAX = 64,
    WIRE_ARENA_MAX = 64 << 20 /* as a connection's */
};

void fuzz_wire_golden(void (*fn)(struct fuzz_corpus *corpus, const char *name, int16_t version,
                                 const uint8_t *bytes, size_t len),
                      struct fuzz_corpus *corpus)
{
    glob_t files;
    char *columns[GOLDEN_COLUMNS];
    if (glob("tests/unit/wire/golden/*.tsv.gz", 0, NULL, &files) != 0) {
        fprintf(stderr, "# run it from the root: tests/unit/wire/golden is not here\n");
        abort();
    }
    for (size_t i = 0; i < files.gl_pathc; i++) {
        if (strstr(files.gl_pathv[i], "crc32c"))
            continue;
        char *text = golden_load(files.gl_pathv[i]), *at = text;
        FUZZ_REQUIRE(text != NULL);
        while (golden_line(&at, columns) == GOLDEN_COLUMNS) {
            size_t len;
            uint8_t *bytes = golden_bytes(columns[3], &len);
            fn(corpus, columns[0], (int16_t)strtol(columns[1], NULL, 10), bytes, len);
            mem_free(bytes);
        }
        mem_free(text);
    }
    globfree(&files);
}

static uint8_t *flat_copy(const struct wire_out *out)
{
    struct env_chunk chunk;
    size_t cursor = 0, at = 0;
    uint8_t *bytes = mem_alloc(wire_out_size(out));
    while (wire_out_next(out, &cursor, &chunk)) {
        if (chunk.len)
            memcpy(bytes + at, chunk.data, chunk.len);
        at += chunk.len;
    }
    FUZZ_REQUIRE(at == wire_out_size(out));
    return bytes;
}

/* Encodes the message; fresh memory. */
static uint8_t *encode(const struct wire_desc *desc, int16_t version, const void *message,
                       size_t *len)
{
    struct wire_out out;
    size_t measured;
    wire_out_init(&out);
    int err = wire_encode(desc, version, message, &out);
    FUZZ_REQUIRE(err == 0);
    FUZZ_REQUIRE(wire_measure(desc, version, message, &measured) == 0);
    *len = wire_out_size(&out);
    FUZZ_REQUIRE(measured == *len);
    uint8_t *bytes = flat_copy(&out);
    wire_out_close(&out);
    return bytes;
}

static void check_again(const struct wire_desc *desc, int16_t version, const void *message)
{
    struct arena arena;
    struct buf json;
    size_t len, len_again, used;
    buf_init(&json);
    FUZZ_REQUIRE(wire_print(desc, version, message, &json) == 0);
    buf_close(&json);
    uint8_t *bytes = encode(desc, version, message, &len);
    arena_init(&arena, WIRE_ARENA_MAX);
    void *again = mem_alloc(desc->size);
    int err = wire_decode(desc, version, bytes, len, &arena, again, &used);
    FUZZ_REQUIRE(err == 0);
    FUZZ_REQUIRE(used == len);
    uint8_t *bytes_again = encode(desc, version, again, &len_again);
    FUZZ_REQUIRE(len_again == len && memcmp(bytes_again, bytes, len) == 0);
    mem_free(bytes_again);
    mem_free(again);
    arena_close(&arena);
    mem_free(bytes);
}

size_t fuzz_wire_message(const struct wire_desc *desc, int16_t version, const uint8_t *bytes,
                         size_t len)
{
    struct arena arena;
    size_t used = 0;
    uint8_t *copy = mem_dup(bytes, len);
    void *message = mem_alloc(desc->size);
    memset(message, 0xa5, desc->size);
    arena_init(&arena, WIRE_ARENA_MAX);
    int err = wire_decode(desc, version, copy, len, &arena, message, &used);
    FUZZ_REQUIRE(err == 0 || err == ERR_MALFORMED);
    FUZZ_REQUIRE(used <= len);
    FUZZ_REQUIRE(arena.total <= desc->size + (len + 1) * WIRE_GROWTH_MAX);
    if (!err)
        check_again(desc, version, message);
    arena_close(&arena);
    mem_free(message);
    mem_free(copy);
    return err ? 0 : used;
}
