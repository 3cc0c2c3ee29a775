/* Requests: the answer is encoded at once, and waits in the request for its turn. However a request
 * ends, it comes to request_end. Failure mode: an answer that can't be encoded (a bug, or memory is
 * out) closes the connection. */
#include "broker/net/request.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "kafka/api.h"
#include "broker/net/connection.h"
#include "broker/net/request_decode.h"
#include "broker/net/request_end.h"
#include "broker/net/request_quota.h"
#include "kafka/messages/headers.h"

int request_encode_header(struct request *request, int16_t version)
{
    struct response_header header = {.correlation_id = request->correlation_id};
    ASSERT(wire_out_size(&request->out) == 0);
    wire_put_i32(&request->out, 0);
    return wire_encode(&response_header_desc,
                       kafka_api_response_header_version(request->api, version), &header,
                       &request->out);
}

int request_encoded(struct request *request)
{
    struct wire_out *out = &request->out;
    int err = wire_out_error(out);
    ASSERT(err || wire_out_size(out) >= sizeof(int32_t));
    if (!err && wire_out_size(out) - 4 > INT32_MAX)
        err = ERR_TOO_LARGE;
    if (!err)
        wire_out_set_i32(out, 0, (int32_t)(wire_out_size(out) - 4));
    return err;
}

static int request_encode(struct request *request, int16_t version, const void *response)
{
    int err = request_encode_header(request, version);
    if (!err)
        err = wire_encode(request->api->response, version, response, &request->out);
    return err ? err : request_encoded(request);
}

void request_watch(struct request *request, struct request_watch *watch)
{
    list_remove(&watch->link);
    if (request->connection)
        connection_watch(request->connection, watch);
}

static void request_free_block(struct request *request)
{
    if (!request->block)
        return;
    mem_free(request->block);
    mem_budget_give(&request->owner->budget, request->charged);
    request->block = NULL;
}

void request_release_body(struct request *request)
{
    ASSERT(!request->answered);
    request->body = NULL;
    request->client_id = (struct wire_str){0};
    request->released = true;
    arena_close(&request->arena);
    request_free_block(request);
}

static void request_finish(struct request *request)
{
    ASSERT(!request->answered);
    ASSERT(request->decode == NULL);
    request->answered = true;
    if (request->hooks)
        request->answered_us = env_now_us(request->owner->deps.env);
    if (request->connection)
        connection_answered(request->connection, request);
    else
        request_end(request, false);
}

/* The answer refers to nothing of the request: what is left until it is sent is the answer. */
static void request_shrink(struct request *request)
{
    request_free_block(request);
    request->body = NULL;
    arena_close(&request->arena);
}

/* ---- quotas ---- */

/* It is told so in the answer, and is not read from now on. */
void request_throttle(struct request *request, int32_t wait_ms)
{
    ASSERT(!request->answered);
    ASSERT(wait_ms >= 0);
    if (wait_ms > request->throttle_ms)
        request->throttle_ms = wait_ms;
    if (wait_ms > 0 && request->connection)
        connection_hold(request->connection, wait_ms);
}

void request_find_payer(struct request *request)
{
    const struct request_quota *quota = request->owner->quota;
    int32_t wait_ms = 0;
    ASSERT(request->payer == NULL);
    if (!quota || !quota->on || connection_is_brokers(request->connection))
        return;
    request->payer = quota->begin(quota->data, request, &wait_ms);
    request_throttle(request, wait_ms);
}

void request_drop_payer(struct request *request)
{
    const struct request_quota *quota = request->owner->quota;
    ASSERT(!request->payer || quota != NULL);
    if (request->payer)
        quota->end(quota->data, request->payer);
    request->payer = NULL;
}

void request_charge(struct request *request)
{
    const struct request_quota *quota = request->owner->quota;
    if (!request->payer)
        return;
    ASSERT(quota != NULL);
    int64_t spent_us = request->spent_us;
    if (!request->handled) /* its handler answers */
        spent_us = env_now_us(request->owner->deps.env) - request->begun_us;
    ASSERT(spent_us >= 0);
    request_throttle(request, quota->charge(quota->data, request->payer, request, spent_us));
}

size_t request_records_max(const struct request *request)
{
    const struct request_quota *quota = request->owner ? request->owner->quota : NULL;
    return request->payer ? quota->answer_max(quota->data, request->payer) : SIZE_MAX;
}

bool request_may_take(struct request *request, size_t bytes)
{
    const struct request_quota *quota = request->owner->quota;
    bool refused = false;
    ASSERT(!request->answered);
    if (request->payer)
        request_throttle(request,
                         quota->take(quota->data, request->payer, request, bytes, &refused));
    return !refused;
}

/* ---- answers ---- */

/* The one place where answers get their throttle time, and are looked at for hooks. */
void request_look(struct request *request, int16_t version, void *response)
{
    const struct wire_desc *desc = request->api->response;
    int32_t *throttle_ms = NULL;
    ASSERT(!request->answered);
    request_charge(request);
    if (request->throttle_ms > 0)
        throttle_ms = wire_find_int32(desc, version, response, "ThrottleTimeMs");
    if (throttle_ms)
        *throttle_ms = request->throttle_ms;
    if (request->hooks)
        request->error = wire_first_int16(desc, version, response, "ErrorCode");
}

void request_look_at(struct request *request, const struct wire_desc *item, const void *value)
{
    ASSERT(!request->answered);
    if (request->hooks && !request->error)
        request->error = wire_first_int16(item, request->version, value, "ErrorCode");
}

void request_complete(struct request *request)
{
    ASSERT(!request->answered);
    ASSERT(request->out.piece_count == 0);
    request_shrink(request);
    request_finish(request);
}

void request_reply_version(struct request *request, int16_t version, void *response,
                           void (*release)(struct request *request))
{
    ASSERT(!request->answered);
    ASSERT(response != NULL);
    request->release = release;
    request_look(request, version, response);
    if (request->connection) {
        int err = request_encode(request, version, response);
        if (err) {
            request_fail(request, err, "the answer can't be encoded");
            return;
        }
        if (!release && request->out.piece_count == 0)
            request_shrink(request);
    }
    request_finish(request);
}

void request_reply(struct request *request, void *response,
                   void (*release)(struct request *request))
{
    request_reply_version(request, request->version, response, release);
}

void request_reply_none(struct request *request)
{
    ASSERT(!request->answered);
    request_charge(request);
    request->silent = true;
    request_finish(request);
}

void request_fail(struct request *request, int err, const char *reason)
{
    ASSERT(err < 0);
    ASSERT(reason != NULL);
    if (request->connection) {
        request_warn(request, "closing the connection of %s: %s %s: %s",
                     connection_peer(request->connection), request->api->name, reason,
                     err_text(err));
        connection_close_soon(request->connection);
    }
    request->silent = true;
    request->failed = true;
    request->error = err_to_wire(err);
    request_finish(request);
}

const char *request_peer(const struct request *request)
{
    return request->connection ? connection_peer(request->connection) : "?";
}

int64_t request_opened_us(const struct request *request)
{
    return request->connection ? connection_opened_us(request->connection) : 0;
}

const char *request_host(const struct request *request)
{
    return request->connection ? connection_host(request->connection) : "/?";
}

void request_note_software(struct request *request, enum request_software what,
                           struct wire_str text)
{
    ASSERT(what < REQUEST_SOFTWARES);
    if (request->connection)
        connection_note_software(request->connection, what, text);
}

const char *request_software(const struct request *request, enum request_software what)
{
    const char *text = request->connection ? connection_software(request->connection, what) : NULL;
    return text ? text : "unknown";
}

void request_note_follower(struct request *request, int32_t replica_id)
{
    if (!request->connection)
        return;
    connection_note_follower(request->connection, replica_id);
    if (connection_is_brokers(request->connection))
        request_drop_payer(request);
}

void request_note_moved(struct request *request)
{
    if (request->connection)
        connection_note_moved(request->connection);
}

bool request_is_heard(const struct request *request)
{
    return request->connection != NULL;
}

void *request_take_block(struct request *request)
{
    void *block = request->block;
    if (block)
        mem_budget_give(&request->owner->budget, request->charged);
    request->block = NULL;
    return block;
}

struct request_kept *request_kept(struct request *request)
{
    ASSERT(request->connection);
    return connection_kept(request->connection);
}

/* ---- the end ---- */

const char *request_outcome_name(enum request_outcome outcome)
{
    static const char *const names[REQUEST_OUTCOMES] = {"answered", "silent", "failed", "lost"};
    ASSERT(outcome < REQUEST_OUTCOMES);
    return names[outcome];
}

static struct request_asker *request_new_asker(const struct request *request)
{
    struct request_asker *asker = mem_alloc(sizeof(*asker));
    int32_t len = request->client_id.len;
    snprintf(asker->peer, sizeof(asker->peer), "%s", request_peer(request));
    asker->client_id_len = len < REQUEST_CLIENT_ID_MAX ? len : REQUEST_CLIENT_ID_MAX;
    if (len > 0)
        memcpy(asker->client_id, request->client_id.data, (size_t)asker->client_id_len);
    ASSERT(asker->client_id_len <= REQUEST_CLIENT_ID_MAX);
    return asker;
}

void request_begin(struct request *request)
{
    const struct connection_owner *owner = request->owner;
    ASSERT(request->hooks == 0);
    ASSERT(request->asker == NULL);
    ASSERT(owner->hook_count <= (int)(8 * sizeof(request->hooks)));
    for (int i = 0; i < owner->hook_count; i++)
        if (owner->hooks[i]->wants(owner->hooks[i]->data, request))
            request->hooks |= (uint8_t)(1 << i);
    if (request->hooks)
        request->asker = request_new_asker(request);
    request_find_payer(request);
}

void request_handled(struct request *request)
{
    ASSERT(!request->handled);
    ASSERT(!request->answered);
    request->handled = true;
    if (!request->hooks && !request->payer)
        return;
    int64_t now_us = env_now_us(request->owner->deps.env);
    request->spent_us = now_us - request->begun_us;
    ASSERT(request->spent_us >= 0);
    if (request->hooks)
        request->handled_us = now_us;
}

static enum request_outcome request_outcome(const struct request *request, bool taken)
{
    if (request->failed)
        return REQUEST_FAILED;
    if (request->silent)
        return REQUEST_SILENT;
    return taken ? REQUEST_ANSWERED : REQUEST_LOST;
}

static void request_tell(const struct request *request, bool taken)
{
    const struct connection_owner *owner = request->owner;
    int64_t now_us = env_now_us(owner->deps.env);
    int64_t answered_us = request->answered ? request->answered_us : now_us;
    int64_t handled_us = request->handled_us ? request->handled_us : answered_us;
    ASSERT(request->hooks != 0);
    ASSERT(request->asker);
    ASSERT(request->received_us <= handled_us && handled_us <= answered_us);
    struct request_end end = {.outcome = request_outcome(request, taken),
                              .handling_us = handled_us - request->received_us,
                              .waiting_us = answered_us - handled_us,
                              .sending_us = now_us - answered_us,
                              .request_bytes = request->bytes,
                              .answer_bytes = request->silent ? 0 : wire_out_size(&request->out),
                              .error = request->error,
                              .asker = request->asker};
    for (int i = 0; i < owner->hook_count; i++)
        if (request->hooks & 1 << i)
            owner->hooks[i]->ended(owner->hooks[i]->data, request, &end);
}

void request_end(struct request *request, bool taken)
{
    ASSERT(list_empty(&request->link)); /* no connection will find it */
    if (request->hooks)
        request_tell(request, taken);
    request_drop_payer(request);
    if (request->decode)
        request_decode_abandon(request);
    if (request->release)
        request->release(request);
    request_free_block(request);
    wire_out_close(&request->out);
    arena_close(&request->arena);
    mem_free(request->asker);
    mem_free(request);
}
