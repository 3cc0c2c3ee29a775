/* AlterClientQuotas (KIP-546): a command to the controller, which decides each entry. Failure mode:
 * more than one command may change, which is refused here. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"
#include "broker/net/request.h"
#include "broker/net/request_stream.h"
#include "kafka/messages/alter_client_quotas.h"
#include "meta/quota.h"

typedef struct alter_client_quotas_request_entry_data quotas_asked;
typedef struct alter_client_quotas_response_entry_data quotas_answer;

struct quotas_change {
    struct request *request;
    struct alter_client_quotas_response response;
    Meta__AlterClientQuotas command;
    quotas_answer **sent; /* where the answer to each entry of the command goes */
    struct request_stream refusal;
};

static void quotas_result(void *data, int err, const char *sentence,
                          const Meta__CommandReply *reply)
{
    struct quotas_change *change = data;
    struct arena *arena = &change->request->arena;
    for (size_t i = 0; i < change->command.n_entries; i++) {
        const Meta__QuotaResult *decided = !err && i < reply->n_quotas ? reply->quotas[i] : NULL;
        change->sent[i]->error_code =
            decided ? (int16_t)decided->error : err_to_wire(err ? err : ERR_UNKNOWN_SERVER_ERROR);
        change->sent[i]->error_message = command_keep(arena, decided ? decided->message : sentence);
    }
}

static void quotas_finish(void *data, int err)
{
    struct quotas_change *change = data;
    (void)err;
    request_reply(change->request, &change->response, NULL);
}

static const struct command_events quotas_events = {.result = quotas_result,
                                                    .finish = quotas_finish};

/* 0, ERR_INVALID for a text that the controller would see otherwise, ERR_NO_MEMORY. */
static int quotas_add_parts(struct arena *arena, const quotas_asked *asked,
                            Meta__AlterClientQuotas__Entry *entry)
{
    entry->parts =
        command_messages(arena, (size_t)asked->entity.count, &meta__quota_part__descriptor);
    int err = entry->parts ? 0 : ERR_NO_MEMORY;
    for (int32_t i = 0; !err && i < asked->entity.count; i++) {
        const struct alter_client_quotas_request_entity_data *entity = &asked->entity.items[i];
        Meta__QuotaPart *part = entry->parts[entry->n_parts++];
        part->everyone = wire_str_is_null(entity->entity_name);
        err = command_text(arena, entity->entity_type, &part->type);
        if (!err)
            err = command_text(arena, entity->entity_name, &part->name);
    }
    return err;
}

static int quotas_add_ops(struct arena *arena, const quotas_asked *asked,
                          Meta__AlterClientQuotas__Entry *entry)
{
    entry->ops = command_messages(arena, (size_t)asked->ops.count,
                                  &meta__alter_client_quotas__op__descriptor);
    int err = entry->ops ? 0 : ERR_NO_MEMORY;
    for (int32_t i = 0; !err && i < asked->ops.count; i++) {
        Meta__AlterClientQuotas__Op *op = entry->ops[entry->n_ops++];
        op->value = asked->ops.items[i].value;
        op->remove = asked->ops.items[i].remove;
        err = command_text(arena, asked->ops.items[i].key, &op->key);
    }
    return err;
}

static bool quotas_fill_answer(struct arena *arena, const quotas_asked *asked,
                               quotas_answer *answer)
{
    struct alter_client_quotas_response_entity_data *entity =
        WIRE_ARRAY(arena, &answer->entity, asked->entity.count,
                   &alter_client_quotas_response_entity_data_desc);
    answer->error_message = WIRE_STR_NULL;
    for (int32_t i = 0; entity && i < asked->entity.count; i++) {
        entity[i].entity_type = asked->entity.items[i].entity_type;
        entity[i].entity_name = asked->entity.items[i].entity_name;
    }
    return entity != NULL;
}

static bool quotas_prepare(struct quotas_change *change)
{
    const struct alter_client_quotas_request *body = change->request->body;
    struct arena *arena = &change->request->arena;
    size_t count = (size_t)body->entries.count;
    wire_defaults(&alter_client_quotas_response_desc, &change->response);
    meta__alter_client_quotas__init(&change->command);
    change->command.validate_only = body->validate_only;
    change->command.entries =
        command_messages(arena, count, &meta__alter_client_quotas__entry__descriptor);
    change->sent = arena_alloc_array(arena, count, sizeof(*change->sent));
    quotas_answer *answers = WIRE_ARRAY(arena, &change->response.entries, body->entries.count,
                                        &alter_client_quotas_response_entry_data_desc);
    if (!change->command.entries || !change->sent || !answers)
        return false;
    for (int32_t i = 0; i < body->entries.count; i++) {
        const quotas_asked *asked = &body->entries.items[i];
        Meta__AlterClientQuotas__Entry *entry = change->command.entries[change->command.n_entries];
        if (!quotas_fill_answer(arena, asked, &answers[i]))
            return false;
        int err = quotas_add_parts(arena, asked, entry);
        if (!err)
            err = quotas_add_ops(arena, asked, entry);
        if (err == ERR_NO_MEMORY)
            return false;
        if (err) {
            meta__alter_client_quotas__entry__init(entry);
            answers[i].error_code = err_to_wire(ERR_INVALID_REQUEST);
            answers[i].error_message = wire_str_from("A name in the entry has a NUL in it");
            continue;
        }
        change->sent[change->command.n_entries++] = &answers[i];
    }
    return true;
}

/* ---- more than may be ---- */

static bool quotas_too_many(const struct alter_client_quotas_request *body)
{
    int64_t count = 0;
    for (int32_t i = 0; i < body->entries.count && count <= QUOTA_CHANGES_MAX; i++) {
        const quotas_asked *asked = &body->entries.items[i];
        int64_t own = (int64_t)asked->entity.count + asked->ops.count;
        count += own > 0 ? own : 1;
    }
    return count > QUOTA_CHANGES_MAX;
}

static bool quotas_begin_refusal(struct request_stream *stream)
{
    struct quotas_change *change = CONTAINER_OF(stream, struct quotas_change, refusal);
    wire_defaults(&alter_client_quotas_response_desc, &change->response);
    return true;
}

/* One that has too many parts by itself is not named. */
static bool quotas_fill_refusal(struct request_stream *stream, int32_t index, struct arena *arena,
                                void *item)
{
    const struct alter_client_quotas_request *body = stream->request->body;
    const quotas_asked *asked = &body->entries.items[index];
    quotas_answer *answer = item;
    if (asked->entity.count <= QUOTA_CHANGES_MAX && !quotas_fill_answer(arena, asked, answer))
        return false;
    answer->error_code = err_to_wire(ERR_POLICY_VIOLATION);
    answer->error_message = wire_str_from(QUOTA_TOO_MANY);
    return true;
}

/* In turns: there may be hundreds of thousands. */
static void quotas_refuse(struct quotas_change *change)
{
    const struct alter_client_quotas_request *body = change->request->body;
    change->refusal = (struct request_stream){.array = "Entries",
                                              .item = &alter_client_quotas_response_entry_data_desc,
                                              .response = &change->response,
                                              .count = body->entries.count,
                                              .begin = quotas_begin_refusal,
                                              .fill = quotas_fill_refusal};
    request_stream_start(change->request, &change->refusal);
}

void handle_alter_client_quotas(struct request *request)
{
    struct quotas_change *change = request_alloc(request, sizeof(*change));
    if (!change)
        return;
    change->request = request;
    if (quotas_too_many(request->body)) {
        quotas_refuse(change);
        return;
    }
    if (!quotas_prepare(change)) {
        request_fail(request, ERR_NO_MEMORY, "names more quotas than fit in memory");
        return;
    }
    if (change->command.n_entries == 0) {
        request_reply(request, &change->response, NULL);
        return;
    }
    ASSERT(change->command.n_entries <= (size_t)change->response.entries.count);
    Meta__Command command = META__COMMAND__INIT;
    command.body_case = META__COMMAND__BODY_ALTER_CLIENT_QUOTAS;
    command.alter_client_quotas = &change->command;
    command_send(request->broker->channel, origin_of(request), &command, COMMAND_TIMEOUT_DEFAULT_MS,
                 &quotas_events, change);
}
