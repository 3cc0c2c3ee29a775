/* DescribeUserScramCredentials (KIP-554): no user has credentials, since nobody logs in here yet.
 * So the list of all is empty, and each user that is asked for is told to have none, in Kafka's
 * words. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "base/map.h"
#include "broker/net/request.h"
#include "kafka/messages/describe_user_scram_credentials.h"

typedef struct describe_user_scram_credentials_response_describe_user_scram_credentials_result
    scram_result;

static bool scram_say(struct request *request, scram_result *result, int err, const char *sentence)
{
    result->error_code = err_to_wire(err);
    result->error_message = wire_str_from(
        arena_printf(&request->arena, "%s%.*s", sentence, WIRE_STR_ARGS(result->user)));
    return !wire_str_is_null(result->error_message);
}

/* One answer for each name. */
static bool scram_fill(struct request *request,
                       struct describe_user_scram_credentials_response *response)
{
    const struct describe_user_scram_credentials_request *body = request->body;
    scram_result *results = WIRE_ARRAY(
        &request->arena, &response->results, body->users.count > 0 ? body->users.count : 0,
        &describe_user_scram_credentials_response_describe_user_scram_credentials_result_desc);
    struct map seen;
    bool ok = results != NULL;
    map_init(&seen);
    response->results.count = 0;
    for (int32_t i = 0; ok && i < body->users.count; i++) {
        struct wire_str name = body->users.items[i].name;
        scram_result *next = &results[response->results.count];
        scram_result *first = map_get(&seen, name.data, (size_t)name.len);
        if (first) {
            ok = scram_say(request, first, ERR_DUPLICATE_RESOURCE,
                           "Cannot describe SCRAM credentials for the same user twice in a single "
                           "request: ");
            continue;
        }
        next->user = name;
        map_put(&seen, name.data, (size_t)name.len, next);
        response->results.count++;
        ok = scram_say(request, next, ERR_RESOURCE_NOT_FOUND,
                       "Attempt to describe a user credential that does not exist: ");
    }
    map_close(&seen);
    return ok;
}

void handle_describe_user_scram_credentials(struct request *request)
{
    struct describe_user_scram_credentials_response response;
    wire_defaults(&describe_user_scram_credentials_response_desc, &response);
    response.error_message = WIRE_STR_NULL;
    if (scram_fill(request, &response))
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "names more users than fit in memory");
}
