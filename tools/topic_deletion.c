/* DeleteTopics by names. */
#include "tools/topic_deletion.h"

#include "base/err.h"

enum { DELETION_TIMEOUT_MS = 60000, DELETION_MEMORY_MAX = 64 << 20 };

static bool deletion_moved(const void *response)
{
    const struct delete_topics_response *deleted = response;
    for (int32_t i = 0; i < deleted->responses.count; i++)
        if (err_from_wire(deleted->responses.items[i].error_code) == ERR_NOT_CONTROLLER)
            return true;
    return false;
}

/* The names stand in another field up to version 5. */
static bool deletion_fill(struct arena *arena, int version, const struct wire_str *names,
                          int32_t count, struct delete_topics_request *request)
{
    if (version < 6) {
        struct wire_str *items = WIRE_ARRAY(arena, &request->topic_names, count, NULL);
        for (int32_t i = 0; items && i < count; i++)
            items[i] = names[i];
        return items != NULL;
    }
    struct delete_topics_request_delete_topic_state *rows =
        WIRE_ARRAY(arena, &request->topics, count, &delete_topics_request_delete_topic_state_desc);
    for (int32_t i = 0; rows && i < count; i++)
        rows[i].name = names[i];
    return rows != NULL;
}

int topic_deletion_send(struct tool_run *run, const struct wire_str *names, int32_t count,
                        struct client_answer *answer)
{
    struct delete_topics_request request;
    struct arena arena;
    int version = tool_version(run, KAFKA_API_DELETE_TOPICS);
    if (version < 0)
        return 1;
    arena_init(&arena, DELETION_MEMORY_MAX);
    wire_defaults(&delete_topics_request_desc, &request);
    request.timeout_ms = DELETION_TIMEOUT_MS;
    int status =
        deletion_fill(&arena, version, names, count, &request)
            ? tool_call_controller(run, KAFKA_API_DELETE_TOPICS, version, &request, deletion_moved,
                                   answer)
            : tool_fail(run, "these are too many topics for one request: delete some at a time");
    arena_close(&arena);
    return status;
}
