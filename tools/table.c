/* Tables for people. The cells are kept as text; printing finds the widths. */
#include "tools/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { TABLE_COLUMNS_MAX = 24 };

struct table {
    enum table_style style;
    const char *titles[TABLE_COLUMNS_MAX];
    int widths[TABLE_COLUMNS_MAX];
    int column_count;
    char **cells;
    size_t cell_count;
};

struct table *table_new(enum table_style style)
{
    struct table *table = mem_alloc(sizeof(*table));
    table->style = style;
    return table;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        mem_free(table->cells[i]);
    mem_free(table->cells);
    mem_free(table);
}

static void table_widen(struct table *table, int column, const char *text)
{
    int len = (int)strlen(text);
    if (table->widths[column] < len)
        table->widths[column] = len;
}

void table_column(struct table *table, const char *title, int width)
{
    ASSERT(table->column_count < TABLE_COLUMNS_MAX);
    table->titles[table->column_count] = title;
    table->widths[table->column_count] = width;
    table_widen(table, table->column_count, title);
    table->column_count++;
}

void table_cell(struct table *table, const char *format, ...)
{
    struct buf text;
    va_list args;
    buf_init(&text);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    table->cells = mem_realloc(table->cells, (table->cell_count + 1) * sizeof(*table->cells));
    table->cells[table->cell_count] = mem_strdup(buf_text(&text));
    buf_close(&text);
    table_widen(table, (int)(table->cell_count % (size_t)table->column_count),
                table->cells[table->cell_count]);
    table->cell_count++;
}

static void table_print_cell(const struct table *table, int column, const char *text, FILE *out)
{
    bool last = column == table->column_count - 1;
    if (table->style == TABLE_TABS)
        fprintf(out, "%-*s\t", table->widths[column], text);
    else if (last)
        fprintf(out, "%-*s", table->style == TABLE_PADDED ? table->widths[column] : 0, text);
    else
        fprintf(out, "%-*s ", table->widths[column], text);
    if (last)
        fputc('\n', out);
}

void table_print(const struct table *table, FILE *out)
{
    for (int i = 0; i < table->column_count; i++)
        table_print_cell(table, i, table->titles[i], out);
    for (size_t i = 0; i < table->cell_count; i++)
        table_print_cell(table, (int)(i % (size_t)table->column_count), table->cells[i], out);
}
