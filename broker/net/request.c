/* Requests: the answer is encoded at once, and waits in the request for its turn. Failure mode: an
 * answer that can't be encoded (a bug, or memory is out) closes the connection. */
#include "broker/net/request.h"

#include "base/err.h"
#include "kafka/api.h"
#include "broker/net/connection.h"
#include "kafka/messages/headers.h"

static int request_encode(struct request *request, int16_t version, const void *response)
{
    const struct kafka_api *api = request->api;
    struct wire_out *out = &request->out;
    struct response_header header = {.correlation_id = request->correlation_id};
    wire_put_i32(out, 0);
    int err = wire_encode(&response_header_desc, kafka_api_response_header_version(api, version),
                          &header, out);
    if (!err)
        err = wire_encode(api->response, version, response, out);
    if (!err)
        err = wire_out_error(out);
    if (!err && wire_out_size(out) - 4 > INT32_MAX)
        err = ERR_TOO_LARGE;
    if (!err)
        wire_out_set_i32(out, 0, (int32_t)(wire_out_size(out) - 4));
    return err;
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
    mem_budget_give(request->budget, request->charged);
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
    request->answered = true;
    if (request->connection)
        connection_answered(request->connection, request);
    else
        request_free(request);
}

/* The answer refers to nothing of the request: what is left until it is sent is the answer. */
static void request_shrink(struct request *request)
{
    if (request->block) {
        mem_free(request->block);
        mem_budget_give(request->budget, request->charged);
        request->block = NULL;
    }
    request->body = NULL;
    arena_close(&request->arena);
}

void request_reply_version(struct request *request, int16_t version, const void *response,
                           void (*release)(struct request *request))
{
    ASSERT(!request->answered);
    ASSERT(response != NULL);
    request->release = release;
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

void request_reply(struct request *request, const void *response,
                   void (*release)(struct request *request))
{
    request_reply_version(request, request->version, response, release);
}

void request_reply_none(struct request *request)
{
    ASSERT(!request->answered);
    request->silent = true;
    request_finish(request);
}

void request_fail(struct request *request, int err, const char *reason)
{
    if (request->connection) {
        request_warn(request, "closing the connection of %s: %s %s: %s",
                     connection_peer(request->connection), request->api->name, reason,
                     err_text(err));
        connection_close_soon(request->connection);
    }
    request->silent = true;
    request_finish(request);
}

const char *request_peer(const struct request *request)
{
    return request->connection ? connection_peer(request->connection) : "?";
}

const char *request_host(const struct request *request)
{
    return request->connection ? connection_host(request->connection) : "/?";
}

void request_note_follower(struct request *request, int32_t replica_id)
{
    if (request->connection)
        connection_note_follower(request->connection, replica_id);
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
        mem_budget_give(request->budget, request->charged);
    request->block = NULL;
    return block;
}

struct log_check_line *request_check_line(struct request *request)
{
    ASSERT(request->connection);
    return connection_check_line(request->connection);
}

struct refused *request_refused(struct request *request)
{
    ASSERT(request->connection);
    return connection_refused(request->connection);
}

void request_free(struct request *request)
{
    ASSERT(list_empty(&request->link)); /* no connection will find it */
    if (request->release)
        request->release(request);
    request_free_block(request);
    wire_out_close(&request->out);
    arena_close(&request->arena);
    mem_free(request);
}
