/* UpdateFeatures (KIP-584): the levels of the cluster's features. The controller decides. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/err.h"
#include "broker/cluster/command.h"
#include "broker/handlers/verdict.h"
#include "kafka/messages/update_features.h"
#include "meta/image.h"

enum {
    UPDATE_FEATURES_WAY_VERSION = 1,   /* below, a flag allows a downgrade */
    UPDATE_FEATURES_WHOLE_VERSION = 2, /* from here on no feature has a result of its own */
    UPDATE_FEATURES_UPGRADE = 1,       /* UpgradeType; the others follow, in the channel's order */
    UPDATE_FEATURES_UNSAFE = 3
};

struct update_features {
    struct verdict verdict;
    struct update_features_response response;
};

typedef struct update_features_request_feature_update_key update_key;

/* Of what the client says. Its names and types are checked here, the rest by the controller. */
static const char *update_features_why_not(const struct request *request)
{
    const struct update_features_request *body = request->body;
    if (body->feature_updates.count > IMAGE_FEATURES_MAX)
        return "the request names more features than there can be";
    for (int32_t i = 0; i < body->feature_updates.count; i++) {
        const update_key *key = &body->feature_updates.items[i];
        if (wire_str_is_empty(key->feature) ||
            memchr(key->feature.data, '\0', (size_t)key->feature.len))
            return "a feature needs a name";
        for (int32_t j = 0; j < i; j++)
            if (wire_str_equal(key->feature, body->feature_updates.items[j].feature))
                return "a feature stands twice in the request";
    }
    return NULL;
}

/* Kafka's sentence for the first update of a type that there is not; NULL when all are known. */
static const char *update_features_unknown_type(struct request *request)
{
    const struct update_features_request *body = request->body;
    for (int32_t i = 0; i < body->feature_updates.count; i++) {
        const update_key *key = &body->feature_updates.items[i];
        if (request->version >= UPDATE_FEATURES_WAY_VERSION &&
            (key->upgrade_type < UPDATE_FEATURES_UPGRADE ||
             key->upgrade_type > UPDATE_FEATURES_UNSAFE))
            return arena_printf(&request->arena,
                                "The update failed for all features since the following feature "
                                "had an error: Invalid update version %d for feature %.*s. The "
                                "controller does not support the given upgrade type.",
                                key->max_version_level, WIRE_STR_ARGS(key->feature));
    }
    return NULL;
}

static Meta__UpdateFeatures__Way update_features_way(const struct request *request,
                                                     const update_key *key)
{
    if (request->version < UPDATE_FEATURES_WAY_VERSION)
        return key->allow_downgrade ? META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE
                                    : META__UPDATE_FEATURES__WAY__UPGRADE;
    return (Meta__UpdateFeatures__Way)(key->upgrade_type - UPDATE_FEATURES_UPGRADE);
}

static bool update_features_fill(struct request *request, Meta__UpdateFeatures *message)
{
    const struct update_features_request *body = request->body;
    size_t count = (size_t)body->feature_updates.count;
    Meta__UpdateFeatures__Update *updates = arena_alloc(&request->arena, count * sizeof(*updates));
    message->updates = arena_alloc(&request->arena, count * sizeof(Meta__UpdateFeatures__Update *));
    if (!updates || !message->updates)
        return false;
    for (size_t i = 0; i < count; i++) {
        const update_key *key = &body->feature_updates.items[i];
        meta__update_features__update__init(&updates[i]);
        updates[i].name =
            arena_strndup(&request->arena, key->feature.data, (size_t)key->feature.len);
        updates[i].level = key->max_version_level;
        updates[i].way = update_features_way(request, key);
        message->updates[message->n_updates++] = &updates[i];
        if (!updates[i].name)
            return false;
    }
    message->validate_only = body->validate_only;
    return true;
}

/* Before v2 each feature has a row, which says the same. */
static bool update_features_rows(struct request *request, struct update_features_response *response)
{
    const struct update_features_request *body = request->body;
    if (request->version >= UPDATE_FEATURES_WHOLE_VERSION)
        return true;
    struct update_features_response_updatable_feature_result *rows =
        WIRE_ARRAY(&request->arena, &response->results, body->feature_updates.count,
                   &update_features_response_updatable_feature_result_desc);
    for (int32_t i = 0; rows && i < body->feature_updates.count; i++) {
        rows[i].feature = body->feature_updates.items[i].feature;
        rows[i].error_message = WIRE_STR_NULL;
    }
    return rows != NULL;
}

void handle_update_features(struct request *request)
{
    const struct update_features_request *body = request->body;
    struct update_features *update = request_alloc(request, sizeof(*update));
    Meta__UpdateFeatures message = META__UPDATE_FEATURES__INIT;
    if (!update)
        return;
    wire_defaults(&update_features_response_desc, &update->response);
    const char *wrong = update_features_why_not(request);
    int err = wrong ? ERR_INVALID_REQUEST : ERR_INVALID_UPDATE_VERSION;
    if (!wrong)
        wrong = update_features_unknown_type(request);
    if (wrong) {
        update->response.error_code = err_to_wire(err);
        update->response.error_message = wire_str_from(wrong);
        request_reply(request, &update->response, NULL);
        return;
    }
    if (!update_features_rows(request, &update->response) ||
        !update_features_fill(request, &message)) {
        request_fail(request, ERR_NO_MEMORY, "has no memory left");
        return;
    }
    update->verdict = (struct verdict){.request = request,
                                       .response = &update->response,
                                       .error_code = &update->response.error_code,
                                       .error_message = &update->response.error_message};
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_UPDATE_FEATURES;
    command.update_features = &message;
    verdict_ask(&update->verdict, &command, body->timeout_ms);
}
