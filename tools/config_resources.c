/* Resources with settings. Happy path: one ListConfigResources request. Failure mode: an error of
 * the broker. */
#include "tools/config_resources.h"

#include "base/err.h"
#include "kafka/messages/list_config_resources.h"

enum { RESOURCES_TYPES_VERSION = 1 };

int config_resources_each(struct tool_run *run, int8_t type,
                          int (*each)(void *data, const char *name), void *data)
{
    struct list_config_resources_request request;
    struct client_answer answer = {0};
    struct buf text;
    int version = tool_version(run, KAFKA_API_LIST_CONFIG_RESOURCES);
    if (version < 0)
        return 1;
    wire_defaults(&list_config_resources_request_desc, &request);
    request.resource_types.items = &type;
    request.resource_types.count = version >= RESOURCES_TYPES_VERSION;
    if (tool_call(run, CLIENT_ANY, KAFKA_API_LIST_CONFIG_RESOURCES, version, &request, &answer))
        return 1;
    const struct list_config_resources_response *response = answer.response;
    buf_init(&text);
    int status =
        response->error_code
            ? tool_fail(run, "%s", tool_error_text(response->error_code, WIRE_STR_NULL, &text))
            : 0;
    for (int32_t i = 0; status == 0 && i < response->config_resources.count; i++) {
        char *name = wire_str_dup(response->config_resources.items[i].resource_name);
        status = each(data, name);
        mem_free(name);
    }
    buf_close(&text);
    client_answer_free(&answer);
    return status;
}
