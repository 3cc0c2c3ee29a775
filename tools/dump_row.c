/* Rows of named values, printed as they come.
 *
 * Happy path: Kafka's text goes to stdout value by value; JSON is gathered for one row, a table for
 * so many rows as its widths are worth. Failure modes: none of its own; main.c tells when stdout
 * can't be written. */
#include "tools/dump_row.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

enum {
    DUMP_COLUMNS_MAX = 24,   /* as many as a table has; a batch has 19 */
    DUMP_TABLE_ROWS = 10000, /* some megabytes */
};

struct dump_cell {
    const char *name;
    char *text; /* of the row that is under way */
    char *title;
};

struct dump_rows {
    enum report_format format;
    const char *file;
    const char *type; /* of the row that is under way; NULL: none is */
    bool first;       /* no value of it was printed */
    json_t *object;
    struct dump_cell cells[DUMP_COLUMNS_MAX];
    size_t cell_count;
    /* A table's rows are of one type, and have the same names. */
    struct table *table;
    const char *table_type;
    size_t table_columns, table_rows;
};

struct dump_rows *dump_rows_new(enum report_format format)
{
    struct dump_rows *rows = mem_alloc(sizeof(*rows));
    rows->format = format;
    return rows;
}

static void dump_rows_flush(struct dump_rows *rows)
{
    if (!rows->table)
        return;
    table_print(rows->table, stdout);
    putchar('\n');
    table_free(rows->table);
    rows->table = NULL;
}

static void dump_rows_forget(struct dump_rows *rows)
{
    for (size_t i = 0; i < DUMP_COLUMNS_MAX; i++) {
        mem_free(rows->cells[i].text);
        mem_free(rows->cells[i].title);
        rows->cells[i] = (struct dump_cell){0};
    }
    rows->cell_count = 0;
}

void dump_rows_free(struct dump_rows *rows)
{
    ASSERT(!rows->type);
    dump_rows_flush(rows);
    dump_rows_forget(rows);
    mem_free(rows);
}

void dump_rows_file(struct dump_rows *rows, const char *path)
{
    ASSERT(!rows->type);
    dump_rows_flush(rows);
    rows->file = path;
    if (rows->format != REPORT_JSON)
        printf("Dumping %s\n", path);
}

void dump_rows_note(const struct dump_rows *rows, const char *format, ...)
{
    va_list args;
    if (rows->format != REPORT_KAFKA)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* ---- rows ---- */

void dump_row(struct dump_rows *rows, const char *type, const char *mark)
{
    ASSERT(!rows->type && type);
    rows->type = type;
    rows->first = !mark;
    rows->cell_count = 0;
    if (rows->format == REPORT_KAFKA && mark)
        fputs(mark, stdout);
    if (rows->format != REPORT_JSON)
        return;
    rows->object = json_object();
    json_object_set_new(rows->object, "file", report_json_text(rows->file, strlen(rows->file)));
    json_object_set_new(rows->object, "type", json_string(type));
}

/* Whether the row has the table's columns. Their names are kept with the cells. */
static bool dump_row_fits(const struct dump_rows *rows)
{
    if (!rows->table || rows->table_rows == DUMP_TABLE_ROWS ||
        rows->table_columns != rows->cell_count || strcmp(rows->table_type, rows->type) != 0)
        return false;
    for (size_t i = 0; i < rows->cell_count; i++) {
        char *title = report_title(rows->cells[i].name);
        bool same = rows->cells[i].title && strcmp(title, rows->cells[i].title) == 0;
        mem_free(title);
        if (!same)
            return false;
    }
    return true;
}

static void dump_row_table(struct dump_rows *rows)
{
    if (!dump_row_fits(rows)) {
        dump_rows_flush(rows);
        rows->table = table_new(TABLE_SPACES);
        rows->table_type = rows->type;
        rows->table_columns = rows->cell_count;
        rows->table_rows = 0;
        for (size_t i = 0; i < rows->cell_count; i++) {
            mem_free(rows->cells[i].title);
            rows->cells[i].title = report_title(rows->cells[i].name);
            table_column(rows->table, rows->cells[i].title, 0);
        }
    }
    for (size_t i = 0; i < rows->cell_count; i++)
        table_cell(rows->table, "%s", rows->cells[i].text);
    rows->table_rows++;
}

void dump_row_end(struct dump_rows *rows)
{
    ASSERT(rows->type);
    if (rows->format == REPORT_KAFKA)
        putchar('\n');
    else if (rows->format == REPORT_JSON)
        report_json_print(rows->object, stdout);
    else if (rows->cell_count > 0)
        dump_row_table(rows);
    rows->object = NULL;
    rows->type = NULL;
}

bool dump_row_is_open(const struct dump_rows *rows)
{
    return rows->type != NULL;
}

/* ---- values ---- */

static void dump_cell_put(struct dump_rows *rows, const char *name, char *text)
{
    ASSERT(rows->cell_count < DUMP_COLUMNS_MAX);
    struct dump_cell *cell = &rows->cells[rows->cell_count++];
    mem_free(cell->text);
    cell->name = name;
    cell->text = text;
}

/* "name: " in Kafka's text, with a blank in front of all but the first; NULL: no name. */
static void dump_print_name(struct dump_rows *rows, const char *name)
{
    ASSERT(rows->type);
    if (!rows->first)
        putchar(' ');
    rows->first = false;
    if (name)
        printf("%s: ", name);
}

void dump_number(struct dump_rows *rows, const char *name, int64_t number)
{
    if (rows->format == REPORT_JSON) {
        json_object_set_new(rows->object, name, json_integer(number));
    } else if (rows->format == REPORT_TABLE) {
        dump_cell_put(rows, name, mem_printf("%" PRId64, number));
    } else {
        dump_print_name(rows, name);
        printf("%" PRId64, number);
    }
}

void dump_optional(struct dump_rows *rows, const char *name, bool there, int64_t number)
{
    if (rows->format != REPORT_KAFKA) {
        if (there)
            dump_number(rows, name, number);
        else
            dump_json(rows, name, json_null(), NULL);
        return;
    }
    dump_print_name(rows, name);
    if (there)
        printf("OptionalLong[%" PRId64 "]", number);
    else
        fputs("OptionalLong.empty", stdout);
}

void dump_flag(struct dump_rows *rows, const char *name, bool flag)
{
    dump_json(rows, name, json_boolean(flag), NULL);
}

void dump_string(struct dump_rows *rows, const char *name, const char *text)
{
    if (rows->format == REPORT_JSON) {
        json_object_set_new(rows->object, name, report_json_text(text, strlen(text)));
    } else if (rows->format == REPORT_TABLE) {
        dump_cell_put(rows, name, mem_strdup(text));
    } else {
        dump_print_name(rows, name);
        fputs(text, stdout);
    }
}

void dump_bytes(struct dump_rows *rows, const char *name, struct wire_bytes bytes)
{
    if (rows->format == REPORT_KAFKA) {
        dump_print_name(rows, name);
        if (bytes.len > 0)
            fwrite(bytes.data, 1, (size_t)bytes.len, stdout);
        return;
    }
    const char *text = (const char *)bytes.data;
    dump_json(rows, name, bytes.len < 0 ? json_null() : report_json_text(text, (size_t)bytes.len),
              NULL);
}

void dump_time(struct dump_rows *rows, const char *type, int64_t ms)
{
    if (rows->format == REPORT_KAFKA) {
        dump_number(rows, type, ms);
        return;
    }
    dump_string(rows, "timestampType", type);
    dump_number(rows, "timestamp", ms);
}

/* As JSON, except that a text has no quotes and nothing is a dash. */
static char *dump_json_text(const json_t *value)
{
    if (json_is_string(value))
        return mem_strdup(json_string_value(value));
    if (json_is_null(value))
        return mem_strdup("-");
    size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = mem_alloc(size + 1);
    json_dumpb(value, text, size, JSON_COMPACT | JSON_ENCODE_ANY);
    return text;
}

static void dump_print_json(struct dump_rows *rows, const char *name, json_t *value,
                            const char *text)
{
    char *own = text ? NULL : dump_json_text(value);
    dump_print_name(rows, name);
    fputs(text ? text : own, stdout);
    mem_free(own);
    json_decref(value);
}

void dump_json(struct dump_rows *rows, const char *name, json_t *value, const char *text)
{
    if (rows->format == REPORT_JSON) {
        json_object_set_new(rows->object, name, value);
    } else if (rows->format == REPORT_TABLE) {
        dump_cell_put(rows, name, dump_json_text(value));
        json_decref(value);
    } else {
        dump_print_json(rows, name, value, text);
    }
}

void dump_error(struct dump_rows *rows, const char *name, const char *sentence)
{
    dump_string(rows, rows->format == REPORT_KAFKA ? name : "error", sentence);
}

void dump_bare(struct dump_rows *rows, const char *name, json_t *value)
{
    if (rows->format == REPORT_KAFKA)
        dump_print_json(rows, NULL, value, NULL);
    else
        dump_json(rows, name, value, NULL);
}

void dump_pair(struct dump_rows *rows, const char *name, const char *value)
{
    if (rows->format == REPORT_KAFKA) {
        dump_string(rows, name, value);
        return;
    }
    dump_string(rows, "name", name);
    dump_string(rows, "value", value);
}
