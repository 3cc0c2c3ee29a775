/* Tables of APIs: rows are found by their keys. Nothing fails but the search. */
#include "broker/net/api_table.h"

#include "base/check.h"

const struct api_row *api_table_find(const struct api_table *table, int16_t key)
{
    if (key < 0 || key >= table->end || !table->rows[key].handle)
        return NULL;
    ASSERT(table->rows[key].key == key);
    return &table->rows[key];
}

const struct api_row *api_table_next(const struct api_table *table, size_t *cursor)
{
    while (*cursor < (size_t)table->end) {
        const struct api_row *row = api_table_find(table, (int16_t)(*cursor)++);
        if (row)
            return row;
    }
    return NULL;
}

void api_table_handle(const struct api_table *table, const struct api_row *row,
                      struct request *request)
{
    if (row->knows)
        table->known(request, row->handle);
    else
        row->handle(request);
}
