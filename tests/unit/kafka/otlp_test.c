/* Reading MetricsData: what a client pushes, whole, cut at each byte, and not of that format. */
#include "../tap.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "kafka/otlp.h"

/* ---- writing one ---- */

static void put_varint(struct buf *out, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        buf_put(out, &byte, 1);
        value >>= 7;
    } while (value);
}

static void put_bytes(struct buf *out, uint32_t number, const void *data, size_t len)
{
    put_varint(out, number << 3 | 2);
    put_varint(out, len);
    buf_put(out, data, len);
}

static void put_fixed(struct buf *out, uint32_t number, const void *bits)
{
    put_varint(out, number << 3 | 1);
    buf_put(out, bits, 8);
}

/* Takes what is in `inner` as a field of `out`. */
static void wrap(struct buf *out, uint32_t number, struct buf *inner)
{
    put_bytes(out, number, inner->data, inner->len);
    buf_close(inner);
    buf_init(inner);
}

/* A metric of one point; `name_last` as nothing forbids. */
static void put_metric(struct buf *scope, const char *name, uint32_t kind, uint32_t value_field,
                       const void *bits, bool name_last)
{
    struct buf point, data, metric;
    buf_init(&point);
    buf_init(&data);
    buf_init(&metric);
    if (!name_last)
        put_bytes(&metric, 1, name, strlen(name));
    put_fixed(&point, 3, "\1\2\3\4\5\6\7\0"); /* its time */
    if (bits)
        put_fixed(&point, value_field, bits);
    put_bytes(&point, 7, "\12\1k", 3); /* an attribute */
    wrap(&data, 1, &point);
    put_varint(&data, 2 << 3); /* the temporality */
    put_varint(&data, 1);
    wrap(&metric, kind, &data);
    if (name_last)
        put_bytes(&metric, 1, name, strlen(name));
    wrap(scope, 2, &metric);
    buf_close(&point);
    buf_close(&data);
    buf_close(&metric);
}

static void make(struct buf *out)
{
    const double gauge = 2.5;
    const int64_t sum = -3;
    struct buf scope, resource;
    buf_init(&scope);
    buf_init(&resource);
    put_metric(&scope, "a.gauge", 5, 4, &gauge, false);
    put_metric(&scope, "a.sum", 7, 6, &sum, true);
    put_metric(&scope, "a.histogram", 9, 4, NULL, false);
    wrap(&resource, 2, &scope);
    put_bytes(&resource, 3, "schema", 6);
    wrap(out, 1, &resource);
    buf_close(&scope);
    buf_close(&resource);
}

/* ---- reading it ---- */

static struct otlp_point seen[8];
static int count;

static void note(void *data, const struct otlp_point *point)
{
    CHECK(data == &count);
    CHECK(count < 8);
    seen[count++] = *point;
}

static int read_it(const void *bytes, size_t len, size_t *points)
{
    count = 0;
    return otlp_read(bytes, len, note, &count, points);
}

static void check_point(int i, const char *name, enum otlp_kind kind, bool has, double value)
{
    CHECK_INT(seen[i].name_len, strlen(name));
    CHECK(memcmp(seen[i].name, name, strlen(name)) == 0);
    CHECK_INT(seen[i].kind, kind);
    CHECK_INT(seen[i].has_value, has);
    CHECK(seen[i].value == value);
    CHECK(seen[i].labels_len > 0);
}

static void points_are_read(void)
{
    struct buf message;
    size_t points;
    buf_init(&message);
    make(&message);
    CHECK_INT(read_it(message.data, message.len, &points), 0);
    CHECK_INT(points, 3);
    CHECK_INT(count, 3);
    check_point(0, "a.gauge", OTLP_GAUGE, true, 2.5);
    check_point(1, "a.sum", OTLP_SUM, true, -3);
    check_point(2, "a.histogram", OTLP_HISTOGRAM, false, 0);
    CHECK_INT(otlp_read(message.data, message.len, NULL, NULL, &points), 0);
    CHECK_INT(points, 3);
    buf_close(&message);
}

static void cut_off_it_is_refused(void)
{
    struct buf message;
    size_t points;
    buf_init(&message);
    make(&message);
    CHECK_INT(read_it(message.data, 0, &points), 0); /* nothing is pushed */
    for (size_t len = 1; len < message.len; len++) {
        uint8_t *part = mem_dup(message.data, len); /* so that a byte too far is found */
        CHECK_INT(read_it(part, len, &points), ERR_MALFORMED);
        mem_free(part);
    }
    buf_close(&message);
}

static void what_is_none_is_refused(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"hello", 5},                                       /* a group */
        {"\0", 1},                                          /* field 0 */
        {"\12\377\377\377\377\377\377\377\377\377\1", 11},  /* a length of all bits */
        {"\377\377\377\377\377\377\377\377\377\377\1", 11}, /* a number of 11 bytes */
        {"\12\2\22\5", 4},                                  /* longer than what it is in */
        {"\15\1\2", 3},                                     /* half a number */
    };
    size_t points;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_INT(read_it(bad[i].bytes, bad[i].len, &points), ERR_MALFORMED);
    CHECK_INT(read_it("\20\1\35\1\2\3\4", 7, &points), 0); /* fields that nobody knows */
    CHECK_INT(points, 0);
}

TAP_MAIN(TAP_TEST(points_are_read), TAP_TEST(cut_off_it_is_refused),
         TAP_TEST(what_is_none_is_refused))
