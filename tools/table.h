/* Tables for people: rows of cells, padded to the widest of their column. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdio.h>

#include "base/check.h"

enum table_style {
    TABLE_SPACES, /* cells padded, one blank between, nothing behind the last (consumer-groups) */
    TABLE_TABS,   /* cells padded, a tab behind each, the last too (metadata-quorum) */
    TABLE_PADDED  /* as TABLE_SPACES, and the last is padded too (groups) */
};

struct table;

struct table *table_new(enum table_style style);
void table_free(struct table *table);
/* A column, with its least width; `title` is borrowed. All columns come before the first cell. */
void table_column(struct table *table, const char *title, int width);
/* The next cell; a row is full when each column has one. */
void table_cell(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);
/* Title line and rows. */
void table_print(const struct table *table, FILE *out);

#endif
