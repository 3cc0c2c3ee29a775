/* Reading MetricsData.
 *
 * Happy path: messages lie in each other, resources > scopes > metrics > points; each level walks
 * its fields and goes down where the number and the kind of a field say so. Depth is fixed, so
 * nothing a client sends makes it recurse. Failure modes: a length beyond the end, a number of more
 * than ten bytes, a kind that there is not: ERR_MALFORMED. A field of another kind than the format
 * says is passed over, as protobuf has it. */
#include "kafka/otlp.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

enum otlp_wire { OTLP_VARINT = 0, OTLP_FIXED64 = 1, OTLP_BYTES = 2, OTLP_FIXED32 = 5 };

/* Numbers of fields. */
enum {
    OTLP_RESOURCES = 1, /* of the message */
    OTLP_SCOPES = 2,    /* of a resource */
    OTLP_METRICS = 2,   /* of a scope */
    OTLP_NAME = 1,      /* of a metric, */
    OTLP_POINTS = 1,    /* of its data */
    OTLP_AS_DOUBLE = 4, /* of a point */
    OTLP_AS_INT = 6,
    OTLP_VARINT_MAX = 10 /* bytes */
};

/* The data of a metric is in the field of its kind. */
static const uint32_t otlp_kinds[] = {[OTLP_GAUGE] = 5,
                                      [OTLP_SUM] = 7,
                                      [OTLP_HISTOGRAM] = 9,
                                      [OTLP_EXPONENTIAL] = 10,
                                      [OTLP_SUMMARY] = 11};

STATIC_ASSERT(ARRAY_LEN(otlp_kinds) == OTLP_SUMMARY + 1, "each kind has its field");
STATIC_ASSERT(OTLP_VARINT_MAX * 7 >= 64, "a varint has seven bits a byte");
struct otlp_scan {
    const uint8_t *at, *end;
};

struct otlp_field {
    uint32_t number;
    enum otlp_wire wire;
    uint64_t value; /* OTLP_VARINT, OTLP_FIXED64 */
    struct otlp_scan bytes;
};

struct otlp {
    void (*each)(void *data, const struct otlp_point *point);
    void *data;
    size_t points;
    struct otlp_point point; /* name and kind of the metric */
};

static size_t otlp_left(const struct otlp_scan *scan)
{
    ASSERT(scan->at <= scan->end);
    return (size_t)(scan->end - scan->at);
}

static bool otlp_varint(struct otlp_scan *scan, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < OTLP_VARINT_MAX && scan->at < scan->end; i++) {
        uint8_t byte = *scan->at++;
        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool otlp_fixed(struct otlp_scan *scan, size_t width, uint64_t *value)
{
    ASSERT(width == sizeof(uint32_t) || width == sizeof(uint64_t));
    if (otlp_left(scan) < width)
        return false;
    *value = 0;
    for (size_t i = 0; i < width; i++)
        *value |= (uint64_t)scan->at[i] << 8 * i;
    scan->at += width;
    return true;
}

static bool otlp_bytes(struct otlp_scan *scan, struct otlp_scan *bytes)
{
    uint64_t len;
    if (!otlp_varint(scan, &len) || len > otlp_left(scan))
        return false;
    *bytes = (struct otlp_scan){scan->at, scan->at + len};
    scan->at += len;
    return true;
}

/* 1: a field; 0: the end; ERR_MALFORMED. */
static int otlp_next(struct otlp_scan *scan, struct otlp_field *field)
{
    uint64_t tag;
    bool good;
    if (scan->at == scan->end)
        return 0;
    if (!otlp_varint(scan, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
        return ERR_MALFORMED;
    field->number = (uint32_t)(tag >> 3);
    field->wire = (enum otlp_wire)(tag & 7);
    switch (field->wire) {
    case OTLP_VARINT:
        good = otlp_varint(scan, &field->value);
        break;
    case OTLP_FIXED64:
        good = otlp_fixed(scan, 8, &field->value);
        break;
    case OTLP_FIXED32:
        good = otlp_fixed(scan, 4, &field->value);
        break;
    case OTLP_BYTES:
        good = otlp_bytes(scan, &field->bytes);
        break;
    default: /* groups have been given up before this format was made */
        good = false;
    }
    return good ? 1 : ERR_MALFORMED;
}

static bool otlp_is(const struct otlp_field *field, uint32_t number)
{
    return field->number == number && field->wire == OTLP_BYTES;
}

static double otlp_double(uint64_t bits)
{
    double value;
    STATIC_ASSERT(sizeof(value) == sizeof(bits), "a double of OTLP has 64 bits");
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static int otlp_read_point(struct otlp *otlp, struct otlp_scan scan)
{
    struct otlp_point *point = &otlp->point;
    struct otlp_field field;
    bool number = point->kind == OTLP_GAUGE || point->kind == OTLP_SUM;
    int next;
    point->labels = scan.at;
    point->labels_len = otlp_left(&scan);
    point->has_value = false;
    point->value = 0;
    while ((next = otlp_next(&scan, &field)) > 0) {
        if (!number || field.wire != OTLP_FIXED64)
            continue;
        if (field.number == OTLP_AS_DOUBLE)
            point->value = otlp_double(field.value);
        else if (field.number == OTLP_AS_INT)
            point->value = (double)(int64_t)field.value;
        point->has_value |= field.number == OTLP_AS_DOUBLE || field.number == OTLP_AS_INT;
    }
    if (next == 0) {
        otlp->points++;
        if (otlp->each)
            otlp->each(otlp->data, point);
    }
    return next;
}

/* Reads all that is in the field of that number. */
static int otlp_read_each(struct otlp *otlp, struct otlp_scan scan, uint32_t number,
                          int (*read)(struct otlp *otlp, struct otlp_scan scan))
{
    struct otlp_field field;
    int next;
    while ((next = otlp_next(&scan, &field)) > 0)
        if (otlp_is(&field, number) && (next = read(otlp, field.bytes)) < 0)
            break;
    ASSERT(next <= 0);
    return next;
}

/* Its name may stand behind its data. */
static int otlp_find_name(struct otlp *otlp, struct otlp_scan scan)
{
    struct otlp_field field;
    int next;
    otlp->point.name = "";
    otlp->point.name_len = 0;
    while ((next = otlp_next(&scan, &field)) > 0) {
        if (!otlp_is(&field, OTLP_NAME))
            continue;
        otlp->point.name = (const char *)field.bytes.at;
        otlp->point.name_len = otlp_left(&field.bytes);
    }
    ASSERT(next <= 0);
    return next;
}

static int otlp_read_metric(struct otlp *otlp, struct otlp_scan scan)
{
    struct otlp_field field;
    int next = otlp_find_name(otlp, scan);
    while (next == 0 && (next = otlp_next(&scan, &field)) > 0) {
        next = 0;
        for (size_t kind = 0; next == 0 && kind < ARRAY_LEN(otlp_kinds); kind++) {
            otlp->point.kind = (enum otlp_kind)kind;
            ASSERT(kind < ARRAY_LEN(otlp_kinds));
            if (otlp_is(&field, otlp_kinds[kind]))
                next = otlp_read_each(otlp, field.bytes, OTLP_POINTS, otlp_read_point);
        }
    }
    return next;
}

static int otlp_read_scope(struct otlp *otlp, struct otlp_scan scan)
{
    return otlp_read_each(otlp, scan, OTLP_METRICS, otlp_read_metric);
}

static int otlp_read_resource(struct otlp *otlp, struct otlp_scan scan)
{
    return otlp_read_each(otlp, scan, OTLP_SCOPES, otlp_read_scope);
}

int otlp_read(const uint8_t *bytes, size_t len,
              void (*each)(void *data, const struct otlp_point *point), void *data, size_t *points)
{
    struct otlp otlp = {.each = each, .data = data};
    struct otlp_scan scan = {bytes, bytes + len};
    int err = otlp_read_each(&otlp, scan, OTLP_RESOURCES, otlp_read_resource);
    ASSERT(points != NULL);
    ASSERT(len == 0 || bytes != NULL);
    *points = otlp.points;
    return err;
}
