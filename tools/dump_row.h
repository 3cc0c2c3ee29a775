/* What files say, as rows of named values, for the forms of kafka-dump-log's output: Kafka's text
 * ("name: value name: value"), one JSON object a line, a table for each run of rows of a type.
 *
 * Rows leave as they come, since a file may have millions; a table, which needs its rows for the
 * widths, ends after some thousand and begins anew. */
#ifndef TOOLS_DUMP_ROW_H
#define TOOLS_DUMP_ROW_H

#include "wire/str.h"
#include "tools/report.h"

struct dump_rows;

struct dump_rows *dump_rows_new(enum report_format format);
/* Prints what is left of a table. */
void dump_rows_free(struct dump_rows *rows);
/* The rows that follow are of this file; borrowed. */
void dump_rows_file(struct dump_rows *rows, const char *path);
/* A line that stands in Kafka's text only: headings, remarks. */
void dump_rows_note(const struct dump_rows *rows, const char *format, ...) PRINTF_LIKE(2, 3);

/* Begins a row, after which come its values. `type` is told to programs; `mark`, such as "|",
 * stands before Kafka's text (NULL: nothing). Both are static. */
void dump_row(struct dump_rows *rows, const char *type, const char *mark);
void dump_row_end(struct dump_rows *rows);
bool dump_row_is_open(const struct dump_rows *rows);

/* Values of the row. The names are static. */
void dump_number(struct dump_rows *rows, const char *name, int64_t number);
/* A number that may be missing; in Kafka's text "OptionalLong[7]" or "OptionalLong.empty". */
void dump_optional(struct dump_rows *rows, const char *name, bool there, int64_t number);
void dump_flag(struct dump_rows *rows, const char *name, bool flag);
void dump_string(struct dump_rows *rows, const char *name, const char *text);
/* As text. Nothing at all in Kafka's text, and null, when there are none. */
void dump_bytes(struct dump_rows *rows, const char *name, struct wire_bytes bytes);
/* "CreateTime: 7"; elsewhere the name is a value of its own, timestampType. */
void dump_time(struct dump_rows *rows, const char *type, int64_t ms);
/* Any JSON, which the rows own from now on; `text` is how it stands in Kafka's text (NULL: as
 * JSON). */
void dump_json(struct dump_rows *rows, const char *name, json_t *value, const char *text);
/* In Kafka's text it stands in the place of that value; elsewhere its name is error. */
void dump_error(struct dump_rows *rows, const char *name, const char *sentence);
/* What has no name in Kafka's text. */
void dump_bare(struct dump_rows *rows, const char *name, json_t *value);
/* A name that comes from the file: "name: value" in Kafka's text, else both are values. */
void dump_pair(struct dump_rows *rows, const char *name, const char *value);

#endif
