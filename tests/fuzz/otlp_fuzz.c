/* The metrics that a client pushes: whatever the bytes are, points lie within them, and as many are
 * told as are counted. */
#include "fuzz.h"

#include "base/err.h"
#include "kafka/otlp.h"

struct otlp_seen {
    const uint8_t *bytes;
    size_t len, points;
};

static void seed(struct fuzz_corpus *corpus)
{
    /* Resource, scope, a metric with its name, a gauge, a point; then one of each other kind. */
    static const uint8_t gauge[] = "\12\24\22\22\22\20\12\1m\52\13\12\11\61\1\1\1\1\1\1\1\1";
    static const uint8_t sum[] = "\12\24\22\22\22\20\72\13\12\11\41\0\0\0\0\0\0\360\77\12\1m";
    static const uint8_t others[] = "\12\26\22\24\22\22\12\1m\112\3\12\1\0\122\2\12\0\132\2\12\0";
    fuzz_add(corpus, gauge, sizeof(gauge) - 1);
    fuzz_add(corpus, sum, sizeof(sum) - 1);
    fuzz_add(corpus, others, sizeof(others) - 1);
}

const struct fuzz_target fuzz_target = {.what = "metrics that clients push",
                                        .len_max = 4096,
                                        .memory_max = 1 << 20,
                                        .execs = 50000,
                                        .seed = seed};

static bool is_within(const struct otlp_seen *seen, const void *at, size_t len)
{
    const uint8_t *first = at;
    return first >= seen->bytes && len <= (size_t)(seen->bytes + seen->len - first);
}

static void look(void *data, const struct otlp_point *point)
{
    struct otlp_seen *seen = data;
    FUZZ_REQUIRE(point->kind <= OTLP_SUMMARY);
    FUZZ_REQUIRE(point->name_len == 0 || is_within(seen, point->name, point->name_len));
    FUZZ_REQUIRE(is_within(seen, point->labels, point->labels_len));
    seen->points++;
}

int fuzz_one(const uint8_t *data, size_t len)
{
    struct otlp_seen seen = {data, len, 0};
    size_t points;
    int err = otlp_read(data, len, look, &seen, &points);
    FUZZ_REQUIRE(err == 0 || err == ERR_MALFORMED);
    FUZZ_REQUIRE(points == seen.points);
    return 0;
}
