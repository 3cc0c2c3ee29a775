/* ApiVersions: what this broker serves, read off the table of APIs. A version of the future (-1
 * here) is answered in v0 form with our own range, so that the client can ask again (KIP-511). */
#include "broker/handlers/handlers.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/metadata.h"
#include "broker/handlers/door_wait.h"
#include "broker/net/request.h"
#include "kafka/messages/api_versions.h"
#include "meta/features.h"

enum {
    API_VERSIONS_CLIENT_VERSION = 3,
    API_VERSIONS_ZERO_VERSION = 4, /* older clients refuse a feature that starts at 0 */
    API_VERSIONS_CLUSTER_VERSION = 5
};

STATIC_ASSERT(API_VERSIONS_CLIENT_VERSION < API_VERSIONS_ZERO_VERSION,
              "the versions follow each other");
STATIC_ASSERT(API_VERSIONS_ZERO_VERSION < API_VERSIONS_CLUSTER_VERSION,
              "the versions follow each other");
/* KIP-511: letters and digits, inside also dots and dashes. */
static bool api_versions_is_name(struct wire_str name)
{
    if (name.len <= 0)
        return false;
    for (int32_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool inside = i > 0 && i < name.len - 1;
        if (!isalnum(c) && !(inside && (c == '.' || c == '-')))
            return false;
    }
    return true;
}

/* KIP-1242: a client that was sent to the wrong cluster or node should look for its own again. */
static bool api_versions_is_elsewhere(const struct request *request,
                                      const struct api_versions_request *body)
{
    const char *cluster = controller_channel_cluster_id(request->broker->channel);
    if (!wire_str_is_empty(body->cluster_id) && cluster[0] &&
        !wire_str_is(body->cluster_id, cluster))
        return true;
    return body->node_id >= 0 && body->node_id != request->broker->node_id;
}

static int api_versions_check(const struct request *request)
{
    const struct api_versions_request *body = request->body;
    if (request->version >= API_VERSIONS_CLIENT_VERSION &&
        (!api_versions_is_name(body->client_software_name) ||
         !api_versions_is_name(body->client_software_version)))
        return ERR_INVALID_REQUEST;
    if (request->version >= API_VERSIONS_CLUSTER_VERSION &&
        api_versions_is_elsewhere(request, body))
        return ERR_REBOOTSTRAP_REQUIRED;
    return 0;
}

static bool api_versions_fill(struct request *request, struct api_versions_response *response)
{
    const struct api_table *table = handlers_table_of(request);
    int32_t count = 0;
    size_t cursor = 0;
    while (api_table_next(table, &cursor))
        count++;
    struct api_versions_response_api_version *keys = WIRE_ARRAY(
        &request->arena, &response->api_keys, count, &api_versions_response_api_version_desc);
    if (!keys)
        return false;
    cursor = 0;
    for (int32_t i = 0; i < count; i++) {
        const struct api_row *row = api_table_next(table, &cursor);
        ASSERT(row != NULL);
        keys[i].api_key = row->key;
        keys[i].min_version = row->version_min;
        keys[i].max_version = row->version_max;
    }
    return true;
}

static void api_versions_fill_supported(struct api_versions_response *response)
{
    struct api_versions_response_supported_feature_key *to = response->supported_features.items;
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        *to++ = (struct api_versions_response_supported_feature_key){
            .name = wire_str_from(features[i].name),
            .min_version = features[i].min,
            .max_version = features[i].max};
    response->supported_features.count = (int32_t)(to - response->supported_features.items);
    ASSERT(response->supported_features.count == FEATURES_COUNT);
}

/* A feature that is off is not told. */
static void api_versions_fill_finalized(const struct image *image,
                                        struct api_versions_response *response)
{
    struct api_versions_response_finalized_feature_key *to = response->finalized_features.items;
    for (size_t i = 0; i < FEATURES_COUNT; i++) {
        int16_t level = features_level(image, &features[i]);
        if (level > 0)
            *to++ = (struct api_versions_response_finalized_feature_key){
                .name = wire_str_from(features[i].name),
                .min_version_level = level,
                .max_version_level = level};
    }
    response->finalized_features.count = (int32_t)(to - response->finalized_features.items);
    ASSERT(response->finalized_features.count <= FEATURES_COUNT);
}

static bool api_versions_fill_features(struct request *request,
                                       struct api_versions_response *response)
{
    struct arena *arena = &request->arena;
    if (!WIRE_ARRAY(arena, &response->supported_features, FEATURES_COUNT,
                    &api_versions_response_supported_feature_key_desc) ||
        !WIRE_ARRAY(arena, &response->finalized_features, FEATURES_COUNT,
                    &api_versions_response_finalized_feature_key_desc))
        return false;
    api_versions_fill_supported(response);
    if (request->version < API_VERSIONS_ZERO_VERSION)
        response->supported_features.count = 0;
    api_versions_fill_finalized(metadata_image(request->broker->metadata), response);
    response->finalized_features_epoch = metadata_index(request->broker->metadata);
    return true;
}

static void api_versions_answer_future(struct request *request,
                                       struct api_versions_response *response)
{
    const struct api_row *row = api_table_find(&handlers_table, KAFKA_API_API_VERSIONS);
    struct api_versions_response_api_version own = {
        .api_key = row->key, .min_version = row->version_min, .max_version = row->version_max};
    ASSERT(row != NULL);
    response->error_code = err_to_wire(ERR_UNSUPPORTED_VERSION);
    response->api_keys.count = 1;
    response->api_keys.items = &own;
    request_reply_version(request, 0, response, NULL);
}

static void api_versions_note_client(struct request *request)
{
    const struct api_versions_request *body = request->body;
    request_note_software(request, REQUEST_SOFTWARE_NAME, body->client_software_name);
    request_note_software(request, REQUEST_SOFTWARE_VERSION, body->client_software_version);
}

static void api_versions_answer(struct request *request)
{
    struct api_versions_response response;
    wire_defaults(&api_versions_response_desc, &response);
    int err = api_versions_check(request);
    response.error_code = err_to_wire(err);
    if (!err && !(api_versions_fill(request, &response) &&
                  api_versions_fill_features(request, &response))) {
        request_fail(request, ERR_NO_MEMORY, "has no memory left");
        return;
    }
    if (!err && request->version >= API_VERSIONS_CLIENT_VERSION)
        api_versions_note_client(request);
    request_reply(request, &response, NULL);
}

void handle_api_versions(struct request *request)
{
    struct api_versions_response response;
    if (request->version < 0) {
        wire_defaults(&api_versions_response_desc, &response);
        api_versions_answer_future(request, &response);
    } else if (request->broker->at_controller) {
        door_wait(request, api_versions_answer);
    } else {
        api_versions_answer(request);
    }
}
