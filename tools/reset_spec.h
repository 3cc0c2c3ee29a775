/* What an offset reset is told: points in time, lengths of time, and the rows of a plan in CSV. */
#ifndef TOOLS_RESET_SPEC_H
#define TOOLS_RESET_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/* "2026-01-31T23:59:59.250" -> ms since 1970. Fractions and seconds' zone may be left out; without
 * a zone (Z, +01:00, +0100, +01) it is UTC, as in Kafka's tool. False when it is no such text. */
bool reset_spec_datetime(const char *text, int64_t *ms) MUST_CHECK;

/* "P1DT2H3M4.5S" -> ms; any part may be left out, but not all; parts may be negative (ISO 8601 as
 * java.time.Duration reads it, which is what --by-duration takes). */
bool reset_spec_duration(const char *text, int64_t *ms) MUST_CHECK;

/* A row of a plan: [group,]topic,partition,offset. */
struct reset_spec_row {
    char *group; /* NULL when the row has three cells */
    char *topic;
    int32_t partition;
    int64_t offset;
};

/* Reads the line of `len` bytes, without its end. Cells may be quoted as CSV has it. The strings
 * are the caller's to mem_free (reset_spec_row_free). False when it is no such row. */
bool reset_spec_row(const char *line, size_t len, struct reset_spec_row *row) MUST_CHECK;
void reset_spec_row_free(struct reset_spec_row *row);

/* A cell as CSV has it: quoted when the text holds a comma, a quote or a line's end. The caller's
 * to mem_free. */
char *reset_spec_cell(const char *text);

#endif
