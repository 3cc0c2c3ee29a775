/* The table of APIs that this broker serves, made of the rows of handlers.h. The versions are all
 * that kafka/api.h knows, from 0. */
#include "broker/handlers/handlers.h"

#include "broker/handlers/known.h"

#define HANDLERS_ROW_OF(constant, name, waits, needs, of, hidden)                                  \
    [KAFKA_API_##constant] = {.key = KAFKA_API_##constant,                                         \
                              .version_max = KAFKA_API_LAST_##constant,                            \
                              .knows = waits,                                                      \
                              .untold = hidden,                                                    \
                              .handle = handle_##name,                                             \
                              .operation = ACL_##needs,                                            \
                              .resource = ACL_RESOURCE_##of},
#define HANDLERS_ROW(constant, name, waits, needs, of)                                             \
    HANDLERS_ROW_OF(constant, name, waits, needs, of, false)
#define HANDLERS_TXN_ROW(constant, name, waits, needs, of)                                         \
    HANDLERS_ROW_OF(constant, name, waits, needs, of, !HANDLERS_TXN_TOLD)
static const struct api_row handlers_rows[KAFKA_API_END] = {
    HANDLERS_LIST(HANDLERS_ROW) HANDLERS_TXN_LIST(HANDLERS_TXN_ROW)};
#undef HANDLERS_TXN_ROW
#undef HANDLERS_ROW
#undef HANDLERS_ROW_OF

const struct api_table handlers_table = {
    .rows = handlers_rows, .end = KAFKA_API_END, .known = known_handle};
