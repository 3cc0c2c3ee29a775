/* AlterConfigs: the listed settings replace all dynamic ones of a resource. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/handlers/config_alter.h"
#include "kafka/messages/alter_configs.h"

static void alter_configs_answer(struct config_alter *alter)
{
    struct request *request = alter->request;
    struct alter_configs_response response;
    wire_defaults(&alter_configs_response_desc, &response);
    struct alter_configs_response_alter_configs_resource_response *out =
        WIRE_ARRAY(&request->arena, &response.responses, alter->count,
                   &alter_configs_response_alter_configs_resource_response_desc);
    if (!out) {
        request_fail(request, ERR_NO_MEMORY, "changes more than fits in memory");
        return;
    }
    for (int32_t i = 0; i < alter->count; i++) {
        out[i].error_code = alter->resources[i].error_code;
        out[i].error_message = alter->resources[i].message;
        out[i].resource_type = alter->resources[i].type;
        out[i].resource_name = alter->resources[i].name;
    }
    request_reply(request, &response, NULL);
}

static bool alter_configs_read(struct config_alter *alter,
                               const struct alter_configs_request_alter_configs_resource *asked,
                               struct config_alter_resource *resource)
{
    struct config_alter_entry *entries =
        config_alter_entries(alter, resource, asked->configs.count);
    resource->type = asked->resource_type;
    resource->name = asked->resource_name;
    for (int32_t i = 0; entries && i < asked->configs.count; i++) {
        entries[i].name = asked->configs.items[i].name;
        entries[i].value = asked->configs.items[i].value;
    }
    return entries != NULL;
}

void handle_alter_configs(struct request *request)
{
    const struct alter_configs_request *body = request->body;
    struct config_alter *alter = config_alter_new(request, body->resources.count);
    bool ok = alter != NULL;
    for (int32_t i = 0; ok && i < body->resources.count; i++)
        ok = alter_configs_read(alter, &body->resources.items[i], &alter->resources[i]);
    if (!ok) {
        request_fail(request, ERR_NO_MEMORY, "changes more than fits in memory");
        return;
    }
    alter->replace_all = true;
    alter->validate_only = body->validate_only;
    alter->answer = alter_configs_answer;
    config_alter_run(alter);
}
