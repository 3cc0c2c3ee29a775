/* Rows of named cells, printed as a table or as JSON.
 *
 * The rows are kept as a JSON array and a table is made of them at the end, so that both forms say
 * the same. */
#include "tools/report.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "tools/table.h"

enum { REPORT_COLUMNS_MAX = 16 };

struct report {
    const char *name;
    const char *columns[REPORT_COLUMNS_MAX];
    int column_count;
    int cell; /* how many of the last row are there */
    json_t *rows;
};

int report_format(const struct tool_run *run, enum report_format *format)
{
    const char *text = options_get(run->options, "format");
    *format = REPORT_KAFKA;
    if (!text)
        return 0;
    if (strcmp(text, "json") != 0 && strcmp(text, "table") != 0)
        return tool_misuse(run, "--format %s: write json or table", text);
    *format = text[0] == 'j' ? REPORT_JSON : REPORT_TABLE;
    return 0;
}

struct report *report_new(const char *name)
{
    struct report *report = mem_alloc(sizeof(*report));
    report->name = name;
    report->rows = json_array();
    return report;
}

void report_free(struct report *report)
{
    json_decref(report->rows);
    mem_free(report);
}

void report_column(struct report *report, const char *name)
{
    ASSERT(report->column_count < REPORT_COLUMNS_MAX);
    ASSERT(json_array_size(report->rows) == 0);
    report->columns[report->column_count++] = name;
}

static void report_add(struct report *report, json_t *value)
{
    if (report->cell == report->column_count || json_array_size(report->rows) == 0) {
        json_array_append_new(report->rows, json_object());
        report->cell = 0;
    }
    json_t *row = json_array_get(report->rows, json_array_size(report->rows) - 1);
    json_object_set_new(row, report->columns[report->cell++], value);
}

void report_text(struct report *report, const char *text)
{
    report_add(report, text ? report_json_text(text, strlen(text)) : json_null());
}

void report_number(struct report *report, int64_t number)
{
    report_add(report, json_integer(number));
}

/* ---- printing ---- */

json_t *report_json_text(const char *text, size_t len)
{
    json_t *value = json_stringn(text, len);
    if (value)
        return value;
    char *plain = mem_strndup(text, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)plain[i] >= 0x80 || plain[i] == '\0')
            plain[i] = '?';
    value = json_stringn(plain, len);
    mem_free(plain);
    return value;
}

void report_json_print(json_t *value, FILE *out)
{
    json_dumpf(value, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(value);
}

static void report_print_cell(struct table *table, const json_t *value)
{
    if (json_is_integer(value))
        table_cell(table, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        table_cell(table, "%s", json_is_string(value) ? json_string_value(value) : "-");
}

static void report_print_table(const struct report *report, FILE *out)
{
    struct table *table = table_new(TABLE_SPACES);
    char *titles[REPORT_COLUMNS_MAX];
    for (int i = 0; i < report->column_count; i++) {
        titles[i] = mem_strdup(report->columns[i]);
        for (char *c = titles[i]; *c; c++)
            *c = *c == '_' ? '-' : (char)toupper((unsigned char)*c);
        table_column(table, titles[i], 0);
    }
    for (size_t row = 0; row < json_array_size(report->rows); row++)
        for (int i = 0; i < report->column_count; i++)
            report_print_cell(
                table, json_object_get(json_array_get(report->rows, row), report->columns[i]));
    table_print(table, out);
    table_free(table);
    for (int i = 0; i < report->column_count; i++)
        mem_free(titles[i]);
}

void report_print(const struct report *report, enum report_format format, FILE *out)
{
    if (format == REPORT_TABLE) {
        report_print_table(report, out);
        return;
    }
    json_t *whole = json_object();
    json_object_set(whole, report->name, report->rows);
    report_json_print(whole, out);
}
