/* What a tool found, as rows of named cells, for all forms of its output: Kafka's text, which is
 * what is printed without --format, a table for people, one JSON object for programs.
 *
 * A tool names its columns, fills rows, and prints; the three forms say the same. Kafka's text is
 * either a table of some of the columns, or a line for each row, made of a pattern. Everything that
 * is no data (progress, remarks) goes with Kafka's text only, or to stderr. */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <jansson.h>

#include "tools/table.h"
#include "tools/tool.h"

enum report_format { REPORT_KAFKA, REPORT_JSON, REPORT_TABLE };

#define REPORT_OPTION                                                                              \
    OPTION("format", "json|table",                                                                 \
           "One JSON object, or a table, instead of what Kafka's tool prints.")
/* For tools in which only some actions print data. */
#define REPORT_OPTION_WITH(actions)                                                                \
    OPTION_WITH(actions, "format", "json|table",                                                   \
                "One JSON object, or a table, instead of what Kafka's tool prints.")
/* For tools whose output has no end, hence no table. */
#define REPORT_OPTION_LINES OPTION("format", "json", "One JSON object a line, instead of text.")

/* Whether --format names a form, if it is given: main.c asks. 0, or 1 with the message printed. */
int report_check_format(const struct tool_run *run);
enum report_format report_format(const struct tool_run *run);

struct report_column {
    const char *name;  /* in JSON, in camelCase; in a table the title of lowWatermark is
                          LOW-WATERMARK */
    const char *title; /* in Kafka's table; NULL: it has no such column */
    int width;         /* the least in Kafka's table */
    const char *none;  /* how Kafka's text says that nothing is there; NULL: "-" */
};

#define REPORT_END                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct report;

/* `name` is that of the array in the JSON object. NULL: there is one row only, whose cells are
 * those of the object; in a table each is a line. Borrowed, as are the columns and the pattern. */
struct report *report_new(const char *name);
void report_free(struct report *report);
/* Kafka's text is a table of this style (TABLE_SPACES where neither is called), or lines of this
 * pattern, in which {name} stands for a cell. */
void report_style(struct report *report, enum table_style style);
void report_lines(struct report *report, const char *pattern);
/* `columns` ends with REPORT_END. All columns come before the first cell. */
void report_columns(struct report *report, const struct report_column *columns);

/* The next cell; a row is full when each column has one. */
void report_none(struct report *report);
void report_text(struct report *report, const char *text); /* NULL: nothing is there */
void report_printf(struct report *report, const char *format, ...) PRINTF_LIKE(2, 3);
void report_string(struct report *report, struct wire_str text); /* nothing when it is empty */
void report_number(struct report *report, int64_t number);
/* Nothing is there when the number is `none`. */
void report_number_unless(struct report *report, int64_t number, int64_t none);
void report_flag(struct report *report, bool flag);
/* An array; in a table "1,2". Nothing is there when the count is negative. */
void report_ids(struct report *report, const int32_t *ids, int32_t count);
/* Any JSON, which the report owns from now on. */
void report_value(struct report *report, json_t *value);
/* How the last cell stands in Kafka's text and in a table, where that is not its value. */
void report_as(struct report *report, const char *format, ...) PRINTF_LIKE(2, 3);

/* Whether a column stands in both tables, as it does at first; JSON always has all. */
void report_show(struct report *report, const char *name, bool shown);

size_t report_rows(const struct report *report);
/* Forgets the rows: Kafka's text of many can be printed piece by piece. */
void report_clear(struct report *report);
void report_print(const struct report *report, enum report_format format, FILE *out);
/* Several in one JSON object, or as tables with an empty line between. Not for Kafka's text. */
void report_print_all(const struct report *const *reports, size_t count, enum report_format format,
                      FILE *out);

/* "lowWatermark" as LOW-WATERMARK; the caller's to mem_free. */
char *report_title(const char *name);
/* Text as a JSON string; what is no UTF-8 becomes question marks. */
json_t *report_json_text(const char *text, size_t len);
/* One line; `value` is given back to jansson. */
void report_json_print(json_t *value, FILE *out);

#endif
