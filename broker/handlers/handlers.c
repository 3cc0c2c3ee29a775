/* The table of APIs that this broker serves, made of the rows of handlers.h. The versions are all
 * that kafka/api.h knows. */
#include "broker/handlers/handlers.h"

#include "broker/handlers/known.h"

#define HANDLERS_ROW(constant, name, waits)                                                        \
    [KAFKA_API_##constant] = {.key = KAFKA_API_##constant, .knows = waits, .handle = handle_##name},
static const struct api_row handlers_rows[KAFKA_API_END] = {HANDLERS_LIST(HANDLERS_ROW)};
#undef HANDLERS_ROW

const struct api_table handlers_table = {
    .rows = handlers_rows, .end = KAFKA_API_END, .known = known_handle};
