/* DescribeClientQuotas (KIP-546): the quotas that a filter matches, as the metadata says.
 *
 * Happy path: what matches is copied when the answer's turn comes. Failure modes: a filter that
 * makes no sense is refused with Kafka's sentence; more than fits in memory closes the
 * connection. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/err.h"
#include "broker/handlers/nodes.h"
#include "broker/net/request.h"
#include "broker/net/request_stream.h"
#include "kafka/messages/describe_client_quotas.h"
#include "meta/quota.h"

enum { QUOTAS_MATCH_EXACT = 0, QUOTAS_MATCH_DEFAULT = 1, QUOTAS_MATCH_ANY = 2 };

typedef struct describe_client_quotas_request_component_data quotas_component;
typedef struct describe_client_quotas_response_entry_data quotas_entry;

struct quotas_asked {
    struct request_stream stream;
    struct describe_client_quotas_response response;
    const quotas_component *filter[QUOTA_PARTS]; /* NULL: it may have any, or none */
    bool strict;
    int parts; /* that the filter names */
    struct image_quota *found;
};

static enum quota_part quotas_part_of(struct wire_str type)
{
    int part = 0;
    while (part < QUOTA_PARTS && !wire_str_is(type, quota_part_name((enum quota_part)part)))
        part++;
    return (enum quota_part)part;
}

/* Kafka's sentence; NULL when the component is fine, and counts. */
static const char *quotas_add_component(struct quotas_asked *asked, struct request *request,
                                        const quotas_component *component, int *err)
{
    static const char *const names[] = {"MATCH_TYPE_EXACT", "MATCH_TYPE_DEFAULT",
                                        "MATCH_TYPE_SPECIFIED"};
    enum quota_part part = quotas_part_of(component->entity_type);
    *err = ERR_INVALID_REQUEST;
    if (wire_str_is_empty(component->entity_type))
        return "Invalid empty entity type.";
    if (part < QUOTA_PARTS && asked->filter[part])
        return arena_printf(&request->arena,
                            "Entity type %s cannot appear more than once in the filter.",
                            quota_part_name(part));
    if (part == QUOTA_PARTS) {
        *err = ERR_UNSUPPORTED_VERSION;
        return arena_printf(&request->arena, "Unsupported entity type %.*s",
                            WIRE_STR_ARGS(component->entity_type));
    }
    if (component->match_type < QUOTAS_MATCH_EXACT || component->match_type > QUOTAS_MATCH_ANY)
        return arena_printf(&request->arena, "Unknown match type %d", component->match_type);
    if (component->match_type == QUOTAS_MATCH_EXACT && wire_str_is_null(component->match))
        return "Request specified MATCH_TYPE_EXACT, but set match string to null.";
    if (component->match_type != QUOTAS_MATCH_EXACT && !wire_str_is_null(component->match))
        return arena_printf(&request->arena,
                            "Request specified %s, but also specified a match "
                            "string.",
                            names[component->match_type]);
    asked->filter[part] = component;
    asked->parts++;
    return NULL;
}

static const char *quotas_read_filter(struct quotas_asked *asked, struct request *request, int *err)
{
    const struct describe_client_quotas_request *body = request->body;
    const char *why = NULL;
    asked->strict = body->strict;
    for (int32_t i = 0; !why && i < body->components.count; i++)
        why = quotas_add_component(asked, request, &body->components.items[i], err);
    if (!why && asked->filter[QUOTA_IP] && asked->parts > 1) {
        *err = ERR_INVALID_REQUEST;
        why = "Invalid entity filter component combination. IP filter component should not be "
              "used with user or clientId filter component.";
    }
    return why;
}

static bool quotas_part_matches(const quotas_component *component, const char *part)
{
    if (!part)
        return false;
    if (component->match_type == QUOTAS_MATCH_ANY)
        return true;
    bool is_default = part[0] == 0;
    if (component->match_type == QUOTAS_MATCH_DEFAULT || is_default)
        return is_default && component->match_type == QUOTAS_MATCH_DEFAULT;
    return wire_str_is(component->match, part);
}

static bool quotas_match(const struct quotas_asked *asked, const struct image_quota *quota)
{
    int parts = 0;
    for (int i = 0; i < QUOTA_PARTS; i++) {
        parts += quota->parts[i] != NULL;
        if (asked->filter[i] && !quotas_part_matches(asked->filter[i], quota->parts[i]))
            return false;
    }
    /* As in Kafka, a strict filter of nothing matches nothing: each quota has a part. */
    return !asked->strict || parts == asked->parts;
}

static bool quotas_keep(struct arena *arena, struct image_quota *copy,
                        const struct image_quota *quota)
{
    *copy = *quota;
    for (int i = 0; i < QUOTA_PARTS; i++) {
        if (!quota->parts[i])
            continue;
        copy->parts[i] = arena_strndup(arena, quota->parts[i], strlen(quota->parts[i]));
        if (!copy->parts[i])
            return false;
    }
    return true;
}

/* The image may change before the last item is made, so what matches is copied. */
static bool quotas_begin(struct request_stream *stream)
{
    struct quotas_asked *asked = CONTAINER_OF(stream, struct quotas_asked, stream);
    struct request *request = stream->request;
    const struct image *image = nodes_image(request);
    const struct image_quota *quota;
    size_t cursor = 0, count = 0;
    while ((quota = image_next_quota(image, &cursor)))
        count += quotas_match(asked, quota);
    asked->found = arena_alloc_array(&request->arena, count, sizeof(*asked->found));
    if (!asked->found)
        return false;
    cursor = 0;
    while ((quota = image_next_quota(image, &cursor)))
        if (quotas_match(asked, quota) &&
            !quotas_keep(&request->arena, &asked->found[stream->count++], quota))
            return false;
    return true;
}

static bool quotas_fill(struct request_stream *stream, int32_t index, struct arena *arena,
                        void *item)
{
    const struct quotas_asked *asked = CONTAINER_OF(stream, struct quotas_asked, stream);
    const struct image_quota *quota = &asked->found[index];
    quotas_entry *entry = item;
    struct describe_client_quotas_response_entity_data *entity = WIRE_ARRAY(
        arena, &entry->entity, QUOTA_PARTS, &describe_client_quotas_response_entity_data_desc);
    struct describe_client_quotas_response_value_data *values = WIRE_ARRAY(
        arena, &entry->values, QUOTA_KEYS, &describe_client_quotas_response_value_data_desc);
    if (!entity || !values)
        return false;
    entry->entity.count = entry->values.count = 0;
    for (int i = 0; i < QUOTA_PARTS; i++) {
        const char *name = quota->parts[i];
        if (!name)
            continue;
        entity->entity_type = wire_str_from(quota_part_name((enum quota_part)i));
        entity->entity_name = name[0] ? wire_str_from(name) : WIRE_STR_NULL;
        entity++;
        entry->entity.count++;
    }
    for (int i = 0; i < QUOTA_KEYS; i++) {
        if (!(quota->has & 1u << i))
            continue;
        values->key = wire_str_from(quota_rows[i].name);
        values->value = quota->values[i];
        values++;
        entry->values.count++;
    }
    return true;
}

void handle_describe_client_quotas(struct request *request)
{
    struct quotas_asked *asked = request_alloc(request, sizeof(*asked));
    int err;
    if (!asked)
        return;
    wire_defaults(&describe_client_quotas_response_desc, &asked->response);
    asked->response.error_message = WIRE_STR_NULL;
    const char *why = quotas_read_filter(asked, request, &err);
    if (why) {
        asked->response.error_code = err_to_wire(err);
        asked->response.error_message = wire_str_from(why);
        asked->response.entries.count = -1;
        request_reply(request, &asked->response, NULL);
        return;
    }
    asked->stream =
        (struct request_stream){.array = "Entries",
                                .item = &describe_client_quotas_response_entry_data_desc,
                                .response = &asked->response,
                                .begin = quotas_begin,
                                .fill = quotas_fill};
    request_stream_start(request, &asked->stream);
}
