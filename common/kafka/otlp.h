/* Metrics as clients push them (KIP-714): OpenTelemetry's MetricsData, a protobuf message. Only
 * what is asked for is read, in place; the rest is looked at for its shape and passed over. Source:
 * the OpenTelemetry protocol, opentelemetry.proto.metrics.v1. */
#ifndef KAFKA_OTLP_H
#define KAFKA_OTLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum otlp_kind { OTLP_GAUGE, OTLP_SUM, OTLP_HISTOGRAM, OTLP_EXPONENTIAL, OTLP_SUMMARY };

/* Borrowed from the message. */
struct otlp_point {
    const char *name; /* of its metric; not NUL-terminated */
    size_t name_len;
    enum otlp_kind kind;
    bool has_value;        /* it is one number: of a gauge or a sum */
    double value;          /* whole numbers too */
    const uint8_t *labels; /* the point as it came, for who wants its attributes */
    size_t labels_len;
};

/* Calls `each` (may be NULL) for all points in their order. 0, or ERR_MALFORMED: it is no such
 * message, or one is cut off. What was called before that stays called. */
int otlp_read(const uint8_t *bytes, size_t len,
              void (*each)(void *data, const struct otlp_point *point), void *data,
              size_t *points) MUST_CHECK;

#endif
