/* The table of APIs: the handlers (handlers.h), found by their keys. The versions are all that
 * kafka/api.h knows. */
#include "broker/net/api_table.h"

#include "base/check.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/known.h"

#define API_ROW(constant, name, waits)                                                             \
    [KAFKA_API_##constant] = {.key = KAFKA_API_##constant, .knows = waits, .handle = handle_##name},
static const struct api_row api_rows[KAFKA_API_END] = {HANDLERS_LIST(API_ROW)};
#undef API_ROW

const struct api_row *api_table_find(int16_t key)
{
    if (key < 0 || key >= KAFKA_API_END || !api_rows[key].handle)
        return NULL;
    return &api_rows[key];
}

const struct api_row *api_table_next(size_t *cursor)
{
    while (*cursor < KAFKA_API_END) {
        const struct api_row *row = api_table_find((int16_t)(*cursor)++);
        if (row)
            return row;
    }
    return NULL;
}

void api_table_handle(const struct api_row *row, struct request *request)
{
    if (row->knows)
        known_handle(request, row->handle);
    else
        row->handle(request);
}
