/* Rows of named cells, printed as Kafka's text, as a table or as JSON.
 *
 * The cells are kept with their types, one row behind the other, and all three forms are made of
 * them at the end. */
#include "tools/report.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { REPORT_COLUMNS_MAX = 24 };

enum report_kind { REPORT_NONE, REPORT_TEXT, REPORT_NUMBER, REPORT_FLAG, REPORT_VALUE };

struct report_cell {
    enum report_kind kind;
    int64_t number; /* or a flag */
    char *text;
    json_t *value;
    char *as; /* as text; NULL = as the value is */
};

struct report {
    const char *name;
    const char *pattern;
    enum table_style style;
    const struct report_column *columns[REPORT_COLUMNS_MAX];
    bool hidden[REPORT_COLUMNS_MAX];
    size_t column_count;
    struct report_cell *cells;
    size_t cell_count, cell_room;
};

int report_check_format(const struct tool_run *run)
{
    const char *text = options_get(run->options, "format");
    bool stream = options_takes(run->options, "format", "json");
    if (!text || strcmp(text, "json") == 0 || (strcmp(text, "table") == 0 && !stream))
        return 0;
    if (stream && strcmp(text, "table") == 0)
        return tool_misuse(run, "--format table: what is printed has no end, and so no table: "
                                "give json, or leave it out");
    return tool_misuse(run, "--format %s: write json%s", text, stream ? "" : " or table");
}

enum report_format report_format(const struct tool_run *run)
{
    const char *text = options_get(run->options, "format");
    if (!text)
        return REPORT_KAFKA;
    return text[0] == 'j' ? REPORT_JSON : REPORT_TABLE;
}

struct report *report_new(const char *name)
{
    struct report *report = mem_alloc(sizeof(*report));
    report->name = name;
    report->style = TABLE_SPACES;
    return report;
}

void report_style(struct report *report, enum table_style style)
{
    report->style = style;
}

void report_lines(struct report *report, const char *pattern)
{
    report->pattern = pattern;
}

void report_clear(struct report *report)
{
    for (size_t i = 0; i < report->cell_count; i++) {
        mem_free(report->cells[i].text);
        mem_free(report->cells[i].as);
        json_decref(report->cells[i].value);
    }
    report->cell_count = 0;
}

void report_free(struct report *report)
{
    report_clear(report);
    mem_free(report->cells);
    mem_free(report);
}

void report_columns(struct report *report, const struct report_column *columns)
{
    ASSERT(report->cell_count == 0);
    for (; columns->name; columns++) {
        ASSERT(report->column_count < REPORT_COLUMNS_MAX);
        report->columns[report->column_count++] = columns;
    }
}

static size_t report_find(const struct report *report, const char *name, size_t len)
{
    for (size_t i = 0; i < report->column_count; i++)
        if (strlen(report->columns[i]->name) == len &&
            memcmp(report->columns[i]->name, name, len) == 0)
            return i;
    ASSERT(!"the name of a column");
    return 0;
}

void report_show(struct report *report, const char *name, bool shown)
{
    report->hidden[report_find(report, name, strlen(name))] = !shown;
}

size_t report_rows(const struct report *report)
{
    ASSERT(report->cell_count % report->column_count == 0);
    return report->cell_count / report->column_count;
}

/* ---- cells ---- */

static struct report_cell *report_add(struct report *report, enum report_kind kind)
{
    ASSERT(report->column_count > 0);
    if (report->cell_count == report->cell_room) {
        report->cell_room = report->cell_room ? report->cell_room * 2 : 64;
        report->cells = mem_realloc(report->cells, report->cell_room * sizeof(*report->cells));
    }
    struct report_cell *cell = &report->cells[report->cell_count++];
    *cell = (struct report_cell){.kind = kind};
    return cell;
}

void report_none(struct report *report)
{
    report_add(report, REPORT_NONE);
}

void report_text(struct report *report, const char *text)
{
    if (text)
        report_add(report, REPORT_TEXT)->text = mem_strdup(text);
    else
        report_none(report);
}

static char *report_format_text(const char *format, va_list args)
{
    struct buf text;
    buf_init(&text);
    buf_vprintf(&text, format, args);
    char *copy = mem_strdup(buf_text(&text));
    buf_close(&text);
    return copy;
}

void report_printf(struct report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_add(report, REPORT_TEXT)->text = report_format_text(format, args);
    va_end(args);
}

void report_string(struct report *report, struct wire_str text)
{
    if (wire_str_is_empty(text))
        report_none(report);
    else
        report_add(report, REPORT_TEXT)->text = wire_str_dup(text);
}

void report_number(struct report *report, int64_t number)
{
    report_add(report, REPORT_NUMBER)->number = number;
}

void report_number_unless(struct report *report, int64_t number, int64_t none)
{
    if (number == none)
        report_none(report);
    else
        report_number(report, number);
}

void report_flag(struct report *report, bool flag)
{
    report_add(report, REPORT_FLAG)->number = flag;
}

void report_value(struct report *report, json_t *value)
{
    report_add(report, REPORT_VALUE)->value = value;
}

void report_ids(struct report *report, const int32_t *ids, int32_t count)
{
    if (count < 0) {
        report_none(report);
        return;
    }
    json_t *list = json_array();
    struct buf text;
    buf_init(&text);
    for (int32_t i = 0; i < count; i++) {
        json_array_append_new(list, json_integer(ids[i]));
        buf_printf(&text, i ? ",%d" : "%d", ids[i]);
    }
    report_value(report, list);
    report_as(report, "%s", buf_text(&text));
    buf_close(&text);
}

void report_as(struct report *report, const char *format, ...)
{
    ASSERT(report->cell_count > 0);
    struct report_cell *cell = &report->cells[report->cell_count - 1];
    va_list args;
    va_start(args, format);
    mem_free(cell->as);
    cell->as = report_format_text(format, args);
    va_end(args);
}

/* ---- as text ---- */

static int report_dump(const char *text, size_t len, void *out)
{
    buf_printf(out, "%.*s", (int)len, text);
    return 0;
}

static void report_cell_text(const struct report_cell *cell, struct buf *out)
{
    out->len = 0;
    if (cell->as) {
        buf_printf(out, "%s", cell->as);
    } else if (cell->kind == REPORT_NUMBER) {
        buf_printf(out, "%" PRId64, cell->number);
    } else if (cell->kind == REPORT_FLAG) {
        buf_printf(out, "%s", cell->number ? "true" : "false");
    } else if (cell->kind == REPORT_TEXT) {
        buf_printf(out, "%s", cell->text);
    } else if (cell->kind == REPORT_VALUE) {
        json_dump_callback(cell->value, report_dump, out, JSON_ENCODE_ANY);
    } else {
        buf_printf(out, "-");
    }
}

/* As Kafka's tool prints it. */
static void report_kafka_text(const struct report *report, size_t cell, struct buf *out)
{
    const struct report_column *column = report->columns[cell % report->column_count];
    const struct report_cell *at = &report->cells[cell];
    out->len = 0;
    if (at->kind == REPORT_NONE && !at->as && column->none)
        buf_printf(out, "%s", column->none);
    else
        report_cell_text(at, out);
}

static void report_print_line(const struct report *report, size_t row, FILE *out)
{
    struct buf text;
    buf_init(&text);
    for (const char *at = report->pattern; *at;) {
        size_t plain = strcspn(at, "{");
        fwrite(at, 1, plain, out);
        at += plain;
        if (*at == '\0')
            break;
        size_t len = 0;
        while (isalpha((unsigned char)at[1 + len]))
            len++;
        if (at[1 + len] != '}') { /* it is Kafka's own */
            fputc(*at++, out);
            continue;
        }
        size_t column = report_find(report, at + 1, len);
        report_kafka_text(report, row * report->column_count + column, &text);
        fputs(buf_text(&text), out);
        at += len + 2;
    }
    fputc('\n', out);
    buf_close(&text);
}

static void report_print_kafka_table(const struct report *report, FILE *out)
{
    struct table *table = table_new(report->style);
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < report->column_count; i++)
        if (report->columns[i]->title && !report->hidden[i])
            table_column(table, report->columns[i]->title, report->columns[i]->width);
    for (size_t i = 0; i < report->cell_count; i++) {
        size_t column = i % report->column_count;
        if (!report->columns[column]->title || report->hidden[column])
            continue;
        report_kafka_text(report, i, &text);
        table_cell(table, "%s", buf_text(&text));
    }
    table_print(table, out);
    table_free(table);
    buf_close(&text);
}

char *report_title(const char *name)
{
    struct buf title;
    buf_init(&title);
    for (const char *c = name; *c; c++)
        buf_printf(&title, isupper((unsigned char)*c) ? "-%c" : "%c", toupper((unsigned char)*c));
    char *copy = mem_strdup(buf_text(&title));
    buf_close(&title);
    return copy;
}

/* One row: a line for each cell. */
static void report_print_fields(const struct report *report, FILE *out)
{
    struct table *table = table_new(TABLE_SPACES);
    struct buf text;
    buf_init(&text);
    table_column(table, "FIELD", 0);
    table_column(table, "VALUE", 0);
    for (size_t i = 0; i < report->cell_count; i++) {
        char *title = report_title(report->columns[i]->name);
        report_cell_text(&report->cells[i], &text);
        table_cell(table, "%s", title);
        table_cell(table, "%s", buf_text(&text));
        mem_free(title);
    }
    table_print(table, out);
    table_free(table);
    buf_close(&text);
}

static void report_print_table(const struct report *report, FILE *out)
{
    if (!report->name) {
        report_print_fields(report, out);
        return;
    }
    struct table *table = table_new(TABLE_SPACES);
    char *titles[REPORT_COLUMNS_MAX];
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < report->column_count; i++) {
        titles[i] = report_title(report->columns[i]->name);
        if (!report->hidden[i])
            table_column(table, titles[i], 0);
    }
    for (size_t i = 0; i < report->cell_count; i++) {
        if (report->hidden[i % report->column_count])
            continue;
        report_cell_text(&report->cells[i], &text);
        table_cell(table, "%s", buf_text(&text));
    }
    table_print(table, out);
    table_free(table);
    for (size_t i = 0; i < report->column_count; i++)
        mem_free(titles[i]);
    buf_close(&text);
}

/* ---- as JSON ---- */

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

static json_t *report_json_cell(const struct report_cell *cell)
{
    if (cell->kind == REPORT_NUMBER)
        return json_integer(cell->number);
    if (cell->kind == REPORT_FLAG)
        return json_boolean(cell->number);
    if (cell->kind == REPORT_VALUE)
        return json_incref(cell->value);
    return cell->kind == REPORT_TEXT ? report_json_text(cell->text, strlen(cell->text))
                                     : json_null();
}

/* Puts the row's cells into the object. */
static void report_json_row(const struct report *report, size_t row, json_t *object)
{
    for (size_t i = 0; i < report->column_count; i++)
        json_object_set_new(object, report->columns[i]->name,
                            report_json_cell(&report->cells[row * report->column_count + i]));
}

static void report_json_into(const struct report *report, json_t *whole)
{
    if (!report->name) {
        ASSERT(report_rows(report) == 1);
        report_json_row(report, 0, whole);
        return;
    }
    json_t *rows = json_array();
    for (size_t row = 0; row < report_rows(report); row++) {
        json_t *object = json_object();
        report_json_row(report, row, object);
        json_array_append_new(rows, object);
    }
    json_object_set_new(whole, report->name, rows);
}

/* ---- printing ---- */

void report_print_all(const struct report *const *reports, size_t count, enum report_format format,
                      FILE *out)
{
    json_t *whole = json_object();
    for (size_t i = 0; i < count; i++) {
        if (format == REPORT_JSON) {
            report_json_into(reports[i], whole);
            continue;
        }
        if (i > 0)
            fputc('\n', out);
        report_print_table(reports[i], out);
    }
    if (format == REPORT_JSON)
        report_json_print(whole, out);
    else
        json_decref(whole);
}

void report_print(const struct report *report, enum report_format format, FILE *out)
{
    if (format != REPORT_KAFKA)
        report_print_all(&report, 1, format, out);
    else if (!report->pattern)
        report_print_kafka_table(report, out);
    for (size_t row = 0; format == REPORT_KAFKA && report->pattern && row < report_rows(report);
         row++)
        report_print_line(report, row, out);
}
