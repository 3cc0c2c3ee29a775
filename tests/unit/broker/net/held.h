/* A table of three APIs whose requests are held until the test answers them: SyncGroup, ApiVersions
 * and Fetch. */
#ifndef TESTS_UNIT_BROKER_NET_HELD_H
#define TESTS_UNIT_BROKER_NET_HELD_H

#include "fixture.h"

enum { HELD_MAX = 200, HELD_LARGE = 20000 /* assignments */ };

static struct request *held[HELD_MAX];
static int held_count;

static void held_handle(struct request *request)
{
    CHECK(held_count < HELD_MAX);
    held[held_count++] = request;
}

static void held_handle_fetch(struct request *request)
{
    const struct fetch_request *body = request->body;
    if (body->replica_state.replica_id >= 0)
        request_note_follower(request, body->replica_state.replica_id);
    held_handle(request);
}

static const struct api_row held_rows[] = {
    [KAFKA_API_SYNC_GROUP] = {.key = KAFKA_API_SYNC_GROUP,
                              .version_min = 1,
                              .version_max = SYNC_VERSION,
                              .operation = ACL_READ,
                              .resource = ACL_RESOURCE_GROUP,
                              .handle = held_handle},
    [KAFKA_API_API_VERSIONS] = {.key = KAFKA_API_API_VERSIONS,
                                .version_max = KAFKA_API_LAST_API_VERSIONS,
                                .handle = held_handle},
    [KAFKA_API_FETCH] = {.key = KAFKA_API_FETCH,
                         .version_max = FETCH_VERSION,
                         .operation = ACL_READ,
                         .resource = ACL_RESOURCE_TOPIC,
                         .handle = held_handle_fetch},
};

static const struct api_table held_table = {.rows = held_rows, .end = ARRAY_LEN(held_rows)};

/* Answers a SyncGroup with `size` bytes. */
static inline void held_answer(int i, size_t size)
{
    struct sync_group_response response;
    struct request *request = held[i];
    uint8_t *bytes = mem_alloc(size + 1);
    held[i] = NULL;
    wire_defaults(&sync_group_response_desc, &response);
    response.assignment = (struct wire_bytes){bytes, (int32_t)size};
    request_reply(request, &response, NULL);
    mem_free(bytes);
}

/* A SyncGroup with more assignments than the loop decodes. */
static inline void held_ask_large(struct client *client, int32_t correlation_id)
{
    struct sync_group_request request;
    struct arena arena;
    arena_init(&arena, 16 << 20);
    wire_defaults(&sync_group_request_desc, &request);
    request.group_id = wire_str_from("large");
    CHECK(WIRE_ARRAY(&arena, &request.assignments, HELD_LARGE,
                     &sync_group_request_sync_group_request_assignment_desc));
    request.assignments.items[HELD_LARGE - 1].member_id = wire_str_from("the last one");
    client_send(client, KAFKA_API_SYNC_GROUP, SYNC_VERSION, correlation_id, &request);
    arena_close(&arena);
}

static inline void held_open(struct fixture *f, const char *settings)
{
    held_count = 0;
    fixture_open(f, &held_table, settings);
}

/* Answers what is left, so that nothing is owed to the server. */
static inline void held_close(struct fixture *f)
{
    server_close(f->server);
    for (int i = 0; i < held_count; i++)
        if (held[i])
            request_reply_none(held[i]);
    fixture_close(f);
}

#endif
