/* Handlers without a network: requests are made by hand, what leaves is kept as JSON, and the
 * channel to the controller keeps the command until the test answers it. The functions of
 * net/request.h and of controller_channel.h are defined here, so the linker takes none of their
 * real ones. */
#ifndef TESTS_HANDLERS_FIXTURE_H
#define TESTS_HANDLERS_FIXTURE_H

#include "../../tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/metadata.h"
#include "broker/handlers/handlers.h"
#include "broker/net/request_stream.h"
#include "kafka/api.h"
#include "tests/lib/config_maker.h"
#include "tests/lib/metadata_feed.h"

struct fixture {
    struct env *env;
    struct config *config;
    struct broker broker;
    struct request request;
    struct buf answer; /* JSON; "" while there is none */
    int failed;        /* why request_fail was called */
    int64_t opened_us; /* the connection */
    Meta__Frame *sent; /* the command that waits for its answer */
    struct controller_call *call;
    int64_t timeout_ms;
};

static struct fixture *fx;

/* ---- what handlers call ---- */

void request_reply(struct request *request, void *response,
                   void (*release)(struct request *request))
{
    struct wire_out out;
    wire_out_init(&out);
    CHECK(release == NULL);
    CHECK_INT(wire_encode(request->api->response, request->version, response, &out), 0);
    CHECK_INT(wire_print(request->api->response, request->version, response, &fx->answer), 0);
    wire_out_close(&out);
}

/* Made in one go, and read back to be printed. */
void request_stream_start(struct request *request, struct request_stream *stream)
{
    const struct wire_desc *desc = request->api->response;
    struct wire_out out;
    struct arena arena;
    size_t used;
    wire_out_init(&out);
    arena_init(&arena, 1 << 20);
    void *item = arena_alloc(&arena, stream->item->size), *copy = arena_alloc(&arena, desc->size);
    stream->request = request;
    stream->wire = (struct wire_stream){.desc = desc, .version = request->version, .out = &out};
    CHECK(item && copy && stream->begin(stream));
    CHECK_INT(wire_stream_begin(&stream->wire, stream->response, stream->array, stream->count), 0);
    for (int32_t i = 0; i < stream->count; i++) {
        wire_defaults(stream->item, item);
        CHECK(stream->fill(stream, i, &arena, item));
        CHECK_INT(wire_stream_item(&stream->wire, item), 0);
    }
    CHECK_INT(wire_stream_end(&stream->wire, stream->response), 0);
    if (stream->done)
        stream->done(stream);
    CHECK_INT(
        wire_decode(desc, request->version, out.memory.data, out.memory.len, &arena, copy, &used),
        0);
    CHECK_INT(wire_print(desc, request->version, copy, &fx->answer), 0);
    arena_close(&arena);
    wire_out_close(&out);
}

void request_fail(struct request *request, int err, const char *reason)
{
    (void)request;
    CHECK(reason != NULL);
    fx->failed = err;
}

const char *request_peer(const struct request *request)
{
    (void)request;
    return "10.0.0.1:1";
}

void request_note_software(struct request *request, enum request_software what,
                           struct wire_str text)
{
    (void)request, (void)what, (void)text;
}

const char *request_software(const struct request *request, enum request_software what)
{
    (void)request;
    return what == REQUEST_SOFTWARE_NAME ? "apache-kafka-java" : "4.1.0";
}

void request_throttle(struct request *request, int32_t wait_ms)
{
    request->throttle_ms = wait_ms;
}

size_t request_records_max(const struct request *request)
{
    (void)request;
    return SIZE_MAX;
}

bool request_may_take(struct request *request, size_t bytes)
{
    (void)request;
    return bytes > 0;
}

int64_t request_opened_us(const struct request *request)
{
    (void)request;
    return fx->opened_us;
}

void controller_channel_call(struct controller_channel *channel, struct controller_call *call,
                             Meta__Command *command, int64_t timeout_ms,
                             void (*done)(struct controller_call *call, int err,
                                          const Meta__CommandReply *reply))
{
    (void)channel;
    CHECK(fx->sent == NULL);
    fx->sent = feed_copy(command);
    fx->call = call;
    fx->timeout_ms = timeout_ms;
    call->done = done;
}

struct metadata *controller_channel_metadata(const struct controller_channel *channel)
{
    (void)channel;
    return fx->broker.metadata;
}

int32_t controller_channel_active(const struct controller_channel *channel)
{
    (void)channel;
    return 2;
}

int64_t controller_channel_active_epoch(const struct controller_channel *channel)
{
    (void)channel;
    return 6;
}

const char *controller_channel_cluster_id(const struct controller_channel *channel)
{
    (void)channel;
    return "cluster";
}

size_t controller_channel_quorum(const struct controller_channel *channel,
                                 struct controller_address *controllers, size_t max)
{
    (void)channel;
    CHECK(max >= 2);
    controllers[0] = (struct controller_address){2, "two", 9092};
    controllers[1] = (struct controller_address){3, "three", 9093};
    return 2;
}

/* ---- the cluster ---- */

static inline void fixture_apply(Meta__Record__FactCase fact, void *body)
{
    feed_record(fx->broker.metadata, fact, body);
}

static inline void fixture_add_broker(int32_t id, bool fenced)
{
    feed_broker(fx->broker.metadata, id, 0, (uint16_t)(9000 + id), fenced);
}

/* Broker 1 leads, 1 and 3 are the replicas. */
static inline void fixture_add_topic(const char *name, int32_t partitions)
{
    int32_t replicas[] = {1, 3};
    feed_topic(fx->broker.metadata, name);
    for (int32_t i = 0; i < partitions; i++) {
        struct image_partition record = {
            .index = i, .leader = 1, .replicas = {replicas, 2}, .isr = {replicas, 1}};
        feed_partition(fx->broker.metadata, name, &record);
    }
}

static inline void fixture_set(Meta__ConfigRecord__Resource resource, const char *name,
                               const char *key, const char *value)
{
    feed_setting(fx->broker.metadata, resource, name, key, value);
}

/* ---- requests ---- */

/* A new request with a body at its defaults; what an earlier one left is dropped. */
static inline void *fixture_request(int16_t key, int16_t version)
{
    struct request *request = &fx->request;
    arena_close(&request->arena);
    *request = (struct request){.broker = &fx->broker,
                                .logger = &fx->broker.client_lines.logger,
                                .principal = REQUEST_ANONYMOUS,
                                .api = kafka_api_find(key)};
    request->version = version;
    request->client_id = wire_str_from("tester");
    arena_init(&request->arena, 1 << 20);
    request->body = arena_alloc(&request->arena, request->api->request->size);
    CHECK(request->body != NULL);
    wire_defaults(request->api->request, request->body);
    fx->answer.len = 0;
    fx->failed = 0;
    return request->body;
}

static inline void fixture_answer(int err, const Meta__CommandReply *reply)
{
    struct controller_call *call = fx->call;
    CHECK(call != NULL);
    fx->call = NULL;
    meta__frame__free_unpacked(fx->sent, NULL);
    fx->sent = NULL;
    call->done(call, err, reply);
}

static inline void fixture_stop(void *data)
{
    env_stop(data);
}

/* One turn of the loop, in which timers of 0 ms fire. */
static inline void fixture_turn(void)
{
    struct env_timer timer;
    env_timer_init(fx->env, &timer, fixture_stop, fx->env);
    env_timer_start(&timer, 1);
    env_run(fx->env);
}

/* Another settings file than the one of fixture_open. */
static inline void fixture_settings(const char *text)
{
    live_settings_free(fx->broker.live);
    if (fx->config)
        config_free(fx->config);
    fx->config = config_make(text);
    fx->broker.config = fx->config;
    fx->broker.live = live_settings_new(fx->config, fx->broker.metadata, fx->broker.node_id);
}

static inline void fixture_open(struct fixture *f)
{
    fx = f;
    *f = (struct fixture){0};
    buf_init(&f->answer);
    CHECK_INT(env_new(&f->env), 0);
    arena_init(&f->request.arena, 1);
    f->broker.env = f->env;
    f->broker.node_id = 1;
    f->broker.metadata = metadata_new(f->env, NULL);
    fixture_settings("broker.id=1\nlog.retention.hours=48\nlog.cleanup.policy=delete\n"
                     "max.request.partition.size.limit=50\n");
}

static inline void fixture_close(struct fixture *f)
{
    live_settings_free(f->broker.live);
    if (f->broker.metadata)
        metadata_free(f->broker.metadata);
    arena_close(&f->request.arena);
    buf_close(&f->answer);
    config_free(f->config);
    env_free(f->env);
}

#endif
