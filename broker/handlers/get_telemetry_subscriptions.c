/* GetTelemetrySubscriptions (KIP-714): which metrics a client has to push, and how often. A client
 * that has no id yet is given one. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/telemetry_caller.h"
#include "kafka/compress.h"
#include "kafka/messages/get_telemetry_subscriptions.h"

struct get_telemetry {
    struct telemetry_call call;
    struct request *request;
    struct get_telemetry_subscriptions_response response;
};

static bool get_telemetry_fill_wanted(struct get_telemetry *get)
{
    const struct telemetry_call *call = &get->call;
    struct arena *arena = &get->request->arena;
    int32_t count = 0;
    for (size_t at = 0; at < call->wanted_len; at += strlen(call->wanted + at) + 1)
        count++;
    get->response.requested_metrics.items =
        arena_alloc_array(arena, (size_t)count, sizeof(struct wire_str));
    if (!get->response.requested_metrics.items)
        return false;
    for (size_t at = 0; at < call->wanted_len; at += strlen(call->wanted + at) + 1)
        get->response.requested_metrics.items[get->response.requested_metrics.count++] =
            wire_str_from(call->wanted + at);
    ASSERT(get->response.requested_metrics.count == count);
    return true;
}

static void get_telemetry_done(struct telemetry_call *call, int err)
{
    /* Kafka's order: a client takes the first that it can. */
    static int8_t codecs[] = {COMPRESS_ZSTD, COMPRESS_LZ4, COMPRESS_GZIP, COMPRESS_SNAPPY};
    struct get_telemetry *get = CONTAINER_OF(call, struct get_telemetry, call);
    struct request *request = get->request;
    struct get_telemetry_subscriptions_response *response = &get->response;
    if (err == ERR_BROKER_NOT_AVAILABLE) {
        request_fail(request, err, "finds this broker stopping");
        return;
    }
    response->error_code = err_to_wire(err);
    if (!err) {
        response->client_instance_id = call->id;
        response->subscription_id = call->subscription_id;
        response->push_interval_ms = call->interval_ms;
        response->accepted_compression_types.items = codecs;
        response->accepted_compression_types.count = ARRAY_LEN(codecs);
        response->telemetry_max_bytes =
            (int32_t)config_int(request->broker->config, CONFIG_TELEMETRY_MAX_BYTES);
        response->delta_temporality = true;
    }
    if (!err && !get_telemetry_fill_wanted(get))
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
    else
        request_reply(request, response, NULL);
}

void handle_get_telemetry_subscriptions(struct request *request)
{
    const struct get_telemetry_subscriptions_request *body = request->body;
    struct get_telemetry *get = request_alloc(request, sizeof(*get));
    if (!get)
        return;
    get->request = request;
    get->call.id = body->client_instance_id;
    get->call.done = get_telemetry_done;
    wire_defaults(&get_telemetry_subscriptions_response_desc, &get->response);
    if (telemetry_caller_fill(request, &get->call))
        telemetry_ask(request->broker->telemetry, &get->call);
    else
        request_fail(request, ERR_NO_MEMORY, "has no memory left");
}
