/* Happy path: the client id is the request's, the software what its connection has said of itself,
 * address and port are those that it has connected from. All is copied: the connection may close
 * before the call is over. Failure mode: memory. */
#include "broker/handlers/telemetry_caller.h"

#include <string.h>

static void telemetry_caller_set(struct request *request, struct telemetry_call *call,
                                 enum config_metrics_attribute attribute, const char *text,
                                 size_t len)
{
    call->attributes[attribute] = arena_strndup(&request->arena, text, len);
}

bool telemetry_caller_fill(struct request *request, struct telemetry_call *call)
{
    const char *peer = request_peer(request), *colon = strrchr(peer, ':');
    size_t host_len = colon ? (size_t)(colon - peer) : strlen(peer);
    const char *port = colon ? colon + 1 : "";
    bool brackets = host_len > 2 && *peer == '[';
    struct wire_str id = request->client_id;
    const char *name = request_software(request, REQUEST_SOFTWARE_NAME);
    const char *version = request_software(request, REQUEST_SOFTWARE_VERSION);
    telemetry_caller_set(request, call, CONFIG_METRICS_CLIENT_ID, id.len > 0 ? id.data : "",
                         id.len > 0 ? (size_t)id.len : 0);
    telemetry_caller_set(request, call, CONFIG_METRICS_SOFTWARE_NAME, name, strlen(name));
    telemetry_caller_set(request, call, CONFIG_METRICS_SOFTWARE_VERSION, version, strlen(version));
    telemetry_caller_set(request, call, CONFIG_METRICS_SOURCE_ADDRESS, peer + brackets,
                         host_len - 2 * brackets);
    telemetry_caller_set(request, call, CONFIG_METRICS_SOURCE_PORT, port, strlen(port));
    bool whole = true;
    for (int i = CONFIG_METRICS_CLIENT_ID; i < CONFIG_METRICS_ATTRIBUTES; i++)
        whole &= call->attributes[i] != NULL;
    return whole;
}
