/* Happy path: a question, its answer, a pause, the next one, mostly to the same broker. Failure
 * modes: an error or silence, then the next broker is asked. An answer that names no broker breaks
 * a rule at once: librdkafka forgets all brokers for it, and may never find one again. */
#include "cluster_asker.h"

#include "base/err.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_line.h"
#include "kafka/messages/describe_topic_partitions.h"
#include "kafka/messages/metadata.h"

enum {
    ASKER_METADATA_VERSION = 12,
    ASKER_TOPIC_VERSION = 0,
    ASKER_CHANGE = 4 /* one question in so many goes to another broker */
};

struct cluster_asker {
    struct cluster *cluster;
    struct env *env;
    struct cluster_line line;
    struct env_timer pause;
    int64_t answers;
};

static void asker_look(struct cluster_asker *asker, int16_t code)
{
    asker->answers++;
    if (code)
        cluster_fail(asker->cluster, "node %d says of the topic that is there: %s",
                     asker->line.node, err_text(err_from_wire(code)));
}

static void asker_look_at_metadata(struct cluster_asker *asker,
                                   const struct metadata_response *response)
{
    if (response->brokers.count == 0)
        cluster_fail(asker->cluster, "node %d answers metadata that names no broker",
                     asker->line.node);
    ASSERT(response->topics.count == 1);
    asker_look(asker, response->topics.items[0].error_code);
}

static void asker_look_at_topic(struct cluster_asker *asker,
                                const struct describe_topic_partitions_response *response)
{
    ASSERT(response->topics.count == 1);
    asker_look(asker, response->topics.items[0].error_code);
}

static void asker_answered(void *data, int err, struct client_answer *answer)
{
    struct cluster_asker *asker = data;
    if (!err && answer->key == KAFKA_API_METADATA)
        asker_look_at_metadata(asker, answer->response);
    else if (!err)
        asker_look_at_topic(asker, answer->response);
    client_answer_free(answer);
    if (err || env_random(asker->env) % ASKER_CHANGE == 0)
        cluster_line_next(&asker->line);
    else
        env_timer_start(&asker->pause, *asker->line.pause_ms);
}

static void asker_ask_for_topic(struct cluster_asker *asker)
{
    struct arena arena;
    struct describe_topic_partitions_request request;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&describe_topic_partitions_request_desc, &request);
    bool room = WIRE_ARRAY(&arena, &request.topics, 1,
                           &describe_topic_partitions_request_topic_request_desc);
    ASSERT(room);
    request.topics.items[0].name = wire_str_from(cluster_topic);
    cluster_line_send(&asker->line, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, ASKER_TOPIC_VERSION,
                      &request, asker_answered, asker);
    arena_close(&arena);
}

static void asker_ask_for_metadata(struct cluster_asker *asker)
{
    struct arena arena;
    struct metadata_request request;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&metadata_request_desc, &request);
    struct metadata_request_metadata_request_topic *topic =
        WIRE_ARRAY(&arena, &request.topics, 1, &metadata_request_metadata_request_topic_desc);
    ASSERT(topic);
    topic->name = wire_str_from(cluster_topic);
    request.allow_auto_topic_creation = true;
    cluster_line_send(&asker->line, KAFKA_API_METADATA, ASKER_METADATA_VERSION, &request,
                      asker_answered, asker);
    arena_close(&arena);
}

static void asker_ask(void *data)
{
    struct cluster_asker *asker = data;
    if (env_random(asker->env) % 2)
        asker_ask_for_metadata(asker);
    else
        asker_ask_for_topic(asker);
}

struct cluster_asker *cluster_asker_new(struct cluster *cluster, struct env *env,
                                        const int64_t *pause_ms)
{
    struct cluster_asker *asker = mem_alloc(sizeof(*asker));
    asker->cluster = cluster;
    asker->env = env;
    cluster_line_init(&asker->line, env, pause_ms, 0, asker_ask, asker);
    env_timer_init(env, &asker->pause, asker_ask, asker);
    cluster_line_open(&asker->line);
    return asker;
}

void cluster_asker_free(struct cluster_asker *asker)
{
    if (!asker)
        return;
    env_timer_stop(&asker->pause);
    cluster_line_close(&asker->line);
    mem_free(asker);
}

int64_t cluster_asker_answers(const struct cluster_asker *asker)
{
    return asker->answers;
}
