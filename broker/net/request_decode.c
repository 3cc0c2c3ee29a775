/* Bodies of requests, small ones at once and large ones on a worker.
 *
 * The arrays of a body are what it costs: a limit for their memory is a limit for the time. Who
 * ends before its worker has done leaves the block of bytes to the job, and gives its room in the
 * budget back. */
#include "broker/net/request_decode.h"

#include "base/check.h"
#include "base/err.h"
#include "broker/net/connection.h"
#include "kafka/api.h"

struct request_decode {
    struct env_work work;
    struct request *request; /* NULL: it has ended */
    const struct wire_desc *desc;
    int16_t version;
    uint8_t *bytes;
    size_t len;
    void *block; /* of an ended request */
    struct arena arena;
    void *body;
    int err;
    void (*done)(struct request *request, int err);
};

static int decode_body(const struct wire_desc *desc, int16_t version, uint8_t *bytes, size_t len,
                       struct arena *arena, void **body)
{
    size_t used;
    ASSERT(desc->size > 0);
    *body = arena_alloc(arena, desc->size);
    return *body ? wire_decode(desc, version, bytes, len, arena, *body, &used) : ERR_NO_MEMORY;
}

int request_decode(struct request *request, uint8_t *bytes, size_t len, bool *later)
{
    ASSERT(request->body == NULL);
    ASSERT(request->arena.total == 0);
    request->arena.limit = REQUEST_ARENA_LOOP;
    int err = decode_body(request->api->request, request->version, bytes, len, &request->arena,
                          &request->body);
    *later = err == ERR_NO_MEMORY && request->arena.full;
    request->arena.limit = REQUEST_ARENA_MAX;
    if (err) {
        arena_close(&request->arena);
        request->body = NULL;
    }
    ASSERT(!*later || err);
    return err;
}

static void decode_run(struct env_work *work)
{
    struct request_decode *decode = CONTAINER_OF(work, struct request_decode, work);
    decode->err = decode_body(decode->desc, decode->version, decode->bytes, decode->len,
                              &decode->arena, &decode->body);
}

static void decode_done(struct env_work *work)
{
    struct request_decode *decode = CONTAINER_OF(work, struct request_decode, work);
    struct request *request = decode->request;
    int err = decode->err;
    ASSERT(err <= 0);
    ASSERT(!request || request->decode == decode);
    ASSERT(err || decode->body);
    void (*done)(struct request *, int) = decode->done;
    if (request && !err) {
        request->arena = decode->arena;
        request->body = decode->body;
    } else {
        arena_close(&decode->arena);
        mem_free(decode->block);
    }
    mem_free(decode);
    if (!request)
        return;
    request->decode = NULL;
    done(request, err);
}

void request_decode_later(struct request *request, uint8_t *bytes, size_t len,
                          void (*done)(struct request *request, int err))
{
    struct request_decode *decode = mem_alloc(sizeof(*decode));
    ASSERT(done != NULL);
    ASSERT(request->block);
    ASSERT(!request->body);
    ASSERT(!request->decode);
    decode->request = request;
    decode->desc = request->api->request;
    decode->version = request->version;
    decode->bytes = bytes;
    decode->len = len;
    decode->done = done;
    arena_init(&decode->arena, REQUEST_ARENA_MAX);
    request->decode = decode;
    env_work_submit_heavy(request->owner->deps.env, &decode->work, decode_run, decode_done);
}

void request_decode_abandon(struct request *request)
{
    struct request_decode *decode = request->decode;
    ASSERT(decode != NULL);
    ASSERT(decode->request == request);
    decode->request = NULL;
    decode->block = request_take_block(request);
    request->decode = NULL;
    ASSERT(request->block == NULL);
}
