/* The tables of APIs that are served, made of the rows of handlers.h. The versions are all that
 * kafka/api.h knows, from 0. */
#include "broker/handlers/handlers.h"

#include "broker/broker.h"
#include "broker/handlers/known.h"
#include "broker/net/request.h"

#define HANDLERS_IS(constant, key)  || (key) == KAFKA_API_##constant
#define HANDLERS_AT_CONTROLLER(key) (false HANDLERS_CONTROLLER_LIST(HANDLERS_IS, key))
#define HANDLERS_ALWAYS(key)        true

#define HANDLERS_ROW_OF(constant, name, waits, needs, of, served)                                  \
    [KAFKA_API_##constant] = {.key = KAFKA_API_##constant,                                         \
                              .version_max = KAFKA_API_LAST_##constant,                            \
                              .knows = waits,                                                      \
                              .handle = served(KAFKA_API_##constant) ? handle_##name : NULL,       \
                              .operation = ACL_##needs,                                            \
                              .resource = ACL_RESOURCE_##of},
#define HANDLERS_ROW(constant, name, waits, needs, of)                                             \
    HANDLERS_ROW_OF(constant, name, waits, needs, of, HANDLERS_ALWAYS)
#define HANDLERS_CONTROLLER_ROW(constant, name, waits, needs, of)                                  \
    HANDLERS_ROW_OF(constant, name, waits, needs, of, HANDLERS_AT_CONTROLLER)
static const struct api_row handlers_rows[KAFKA_API_END] = {HANDLERS_LIST(HANDLERS_ROW)};
static const struct api_row handlers_controller_rows[KAFKA_API_END] = {
    HANDLERS_LIST(HANDLERS_CONTROLLER_ROW) HANDLERS_QUORUM_LIST(HANDLERS_ROW)};

const struct api_table handlers_table = {
    .rows = handlers_rows, .end = KAFKA_API_END, .known = known_handle};
const struct api_table handlers_controller_table = {
    .rows = handlers_controller_rows, .end = KAFKA_API_END, .known = known_handle};

const struct api_table *handlers_table_of(const struct request *request)
{
    return request->broker->at_controller ? &handlers_controller_table : &handlers_table;
}
