/* Lines about requests, in JSON behind a word or two. A level that is off costs one look at it for
 * each request. Nothing fails: a line too long for the logger is cut. */
#include "broker/net/request_trace.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/net/api_table.h"

/* What is known from the beginning. */
static void request_trace_put_head(struct buf *line, const struct request_trace *trace,
                                   const struct request *request, const char *peer,
                                   struct wire_str client_id)
{
    ASSERT(request->listener >= 0);
    ASSERT(request->principal != NULL);
    ASSERT(request->row != NULL);
    buf_printf(line,
               "{\"requestHeader\":{\"requestApiKey\":%d,\"requestApiVersion\":%d,"
               "\"correlationId\":%d,\"clientId\":",
               request->api->key, request->version, request->correlation_id);
    wire_print_string(client_id, line);
    buf_printf(line,
               ",\"requestApiKeyName\":\"%s\"},\"connection\":\"%s\",\"listener\":\"%s\","
               "\"principal\":",
               request->api->constant, peer, trace->listeners[request->listener].name);
    wire_print_string(wire_str_from(request->principal), line);
    buf_printf(line, ",\"operation\":\"%s\",\"resourceType\":\"%s\"",
               acl_operation_name(request->row->operation),
               acl_resource_name(request->row->resource));
}

/* Whether the list is empty or has the name; a * at the end of an element stands for any rest. */
static bool request_trace_has(const char *list, const char *name, size_t name_len)
{
    const char *element;
    size_t len;
    bool empty = true;
    while (config_next_element(&list, &element, &len)) {
        bool prefix = len > 0 && element[len - 1] == '*';
        len -= prefix;
        if ((prefix ? name_len >= len : name_len == len) && memcmp(element, name, len) == 0)
            return true;
        empty = false;
    }
    return empty;
}

static bool request_trace_is_wanted(const struct request_trace *trace,
                                    const struct request *request)
{
    size_t len = request->client_id.len > 0 ? (size_t)request->client_id.len : 0;
    return request_trace_has(trace->client_ids, len ? request->client_id.data : "", len) &&
           request_trace_has(trace->apis, request->api->name, strlen(request->api->name));
}

static double request_trace_ms(int64_t us)
{
    return (double)us / 1000;
}

static bool request_trace_wants(void *data, const struct request *request)
{
    const struct request_trace *trace = data;
    if (!logger_wants(trace->logger, LOGGER_DEBUG) || !request_trace_is_wanted(trace, request))
        return false;
    if (!logger_wants(trace->logger, LOGGER_TRACE))
        return true;
    struct buf line;
    struct wire_str id = request->client_id;
    id.len = id.len < REQUEST_CLIENT_ID_MAX ? id.len : REQUEST_CLIENT_ID_MAX;
    buf_init(&line);
    request_trace_put_head(&line, trace, request, request_peer(request), id);
    buf_printf(&line, ",\"requestSizeInBytes\":%zu}", request->bytes);
    logger_trace(trace->logger, "Received request:%s", buf_text(&line));
    buf_close(&line);
    return true;
}

static void request_trace_ended(void *data, const struct request *request,
                                const struct request_end *end)
{
    const struct request_trace *trace = data;
    const struct request_asker *asker = end->asker;
    ASSERT(asker != NULL);
    ASSERT(end->outcome < REQUEST_OUTCOMES);
    if (!logger_wants(trace->logger, LOGGER_DEBUG)) /* any more */
        return;
    struct buf line;
    buf_init(&line);
    request_trace_put_head(&line, trace, request, asker->peer,
                           wire_str_of(asker->client_id, asker->client_id_len));
    buf_printf(&line,
               ",\"totalTimeMs\":%.3f,\"localTimeMs\":%.3f,\"remoteTimeMs\":%.3f,"
               "\"sendTimeMs\":%.3f,\"throttleTimeMs\":%d,\"requestSizeInBytes\":%zu,"
               "\"responseSizeInBytes\":%zu,\"outcome\":\"%s\",\"errorCode\":%d,\"error\":\"%s\"}",
               request_trace_ms(end->handling_us + end->waiting_us + end->sending_us),
               request_trace_ms(end->handling_us), request_trace_ms(end->waiting_us),
               request_trace_ms(end->sending_us), request->throttle_ms, end->request_bytes,
               end->answer_bytes, request_outcome_name(end->outcome), end->error,
               err_name(err_from_wire(end->error)));
    logger_debug(trace->logger, "Completed request:%s", buf_text(&line));
    buf_close(&line);
}

void request_trace_init(struct request_trace *trace, struct logger *logger,
                        const struct config_listener *listeners)
{
    ASSERT(logger && listeners);
    *trace = (struct request_trace){
        .hook = {.wants = request_trace_wants, .ended = request_trace_ended, .data = trace},
        .logger = logger,
        .listeners = listeners,
        .client_ids = mem_strdup(""),
        .apis = mem_strdup(""),
    };
}

void request_trace_restrict(struct request_trace *trace, const char *client_ids, const char *apis)
{
    ASSERT(client_ids != NULL);
    ASSERT(apis != NULL);
    request_trace_close(trace);
    trace->client_ids = mem_strdup(client_ids);
    trace->apis = mem_strdup(apis);
}

void request_trace_close(struct request_trace *trace)
{
    mem_free(trace->client_ids);
    mem_free(trace->apis);
}
