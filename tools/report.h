/* What a tool found, as rows of named cells, for --format: a table for people, or one JSON object
 * for programs. Without the option a tool prints what Kafka's prints. */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <jansson.h>

#include "tools/tool.h"

enum report_format { REPORT_KAFKA, REPORT_JSON, REPORT_TABLE };

#define REPORT_OPTION                                                                              \
    OPTION("format", "json|table",                                                                 \
           "One JSON object, or a table, instead of what Kafka's tool prints.")

/* The format of REPORT_OPTION. 0, or 1 with the message printed. */
int report_format(const struct tool_run *run, enum report_format *format);

struct report;

/* `name` is that of the array in the JSON object; borrowed. */
struct report *report_new(const char *name);
void report_free(struct report *report);
/* A column, such as "low_watermark", whose title in a table is LOW-WATERMARK. `name` is borrowed.
 * All columns come before the first cell. */
void report_column(struct report *report, const char *name);
/* The next cell; a row is full when each column has one. NULL: nothing is there. */
void report_text(struct report *report, const char *text);
void report_number(struct report *report, int64_t number);
void report_print(const struct report *report, enum report_format format, FILE *out);

/* Text as a JSON string; what is no UTF-8 becomes question marks. */
json_t *report_json_text(const char *text, size_t len);
/* One line; `value` is given back to jansson. */
void report_json_print(json_t *value, FILE *out);

#endif
