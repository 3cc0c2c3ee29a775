/* Two clients that make one topic and delete it, each with a line of its own.
 *
 * Happy path: the maker asks until the topic is there or its answer says that it is; the other asks
 * once for each deletion. Failure modes: an error or silence, then the next broker is asked, by the
 * maker only. One request deletes one topic at most: when the topic is made anew, some request must
 * have deleted the one before, and that one deletes nothing more. What was answered by then does
 * not delete the new one; what has no answer may. */
#include "cluster_topics.h"

#include "base/err.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_line.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"

enum { TOPICS_CREATE_VERSION = 7, TOPICS_DELETE_VERSION = 6, TOPICS_PARTITIONS_MAX = 3 };

static const char topics_name[] = "anew";

struct topics_client {
    struct cluster_topics *topics;
    struct cluster_line line;
    struct env_timer turn;
    void (*send)(void *data);
    bool wanted, asking;
};

struct cluster_topics {
    struct cluster *cluster;
    struct env *env;
    struct topics_client maker, remover;
    bool made;
    int open;    /* requests to delete that have no answer, and may still take effect */
    int crossed; /* that were answered while the maker asked */
    int can_hit; /* that can have deleted the topic since it was made */
};

/* Whether it has something to ask for, and can. */
static bool topics_client_can(struct topics_client *client)
{
    if (!client->wanted || client->asking || !client->line.usable)
        return false;
    if (client_conn_usable(client->line.conn))
        return true;
    cluster_line_next(&client->line);
    return false;
}

static void topics_client_ready(void *data)
{
    struct topics_client *client = data;
    client->asking = false; /* what was in flight went with the line before */
    client->send(client);
}

static int topics_made(struct cluster_topics *topics, int err)
{
    if (err)
        return err;
    if (topics->made && topics->can_hit == 0)
        cluster_fail(topics->cluster,
                     "the topic %s is gone, and no request to delete it can have done that",
                     topics_name);
    if (topics->made)
        topics->can_hit--;
    if (topics->can_hit > topics->open + topics->crossed)
        topics->can_hit = topics->open + topics->crossed;
    topics->made = true;
    return 0;
}

static void topics_create_answered(void *data, int err, struct client_answer *answer)
{
    struct topics_client *client = data;
    client->asking = false;
    if (!err) {
        const struct create_topics_response *response = answer->response;
        err = topics_made(client->topics, err_from_wire(response->topics.items[0].error_code));
    }
    cluster_note(client->topics->cluster, -1, "  %s is made: %s", topics_name,
                 err ? err_text(err) : "done");
    client_answer_free(answer);
    client->wanted = err && err != ERR_TOPIC_ALREADY_EXISTS;
    if (client->wanted)
        cluster_line_next(&client->line);
    else
        client->topics->crossed = 0;
}

static void topics_create_send(void *data)
{
    struct topics_client *client = data;
    struct arena arena;
    struct create_topics_request request;
    if (!topics_client_can(client))
        return;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&create_topics_request_desc, &request);
    struct create_topics_request_creatable_topic *topic =
        WIRE_ARRAY(&arena, &request.topics, 1, &create_topics_request_creatable_topic_desc);
    ASSERT(topic);
    topic->name = wire_str_from(topics_name);
    topic->num_partitions = 1 + (int32_t)(env_random(client->topics->env) % TOPICS_PARTITIONS_MAX);
    topic->replication_factor = CLUSTER_NODES;
    request.timeout_ms = CLUSTER_LINE_TIMEOUT_MS;
    client->asking = true;
    cluster_line_send(&client->line, KAFKA_API_CREATE_TOPICS, TOPICS_CREATE_VERSION, &request,
                      topics_create_answered, client);
    arena_close(&arena);
}

static void topics_delete_answered(void *data, int err, struct client_answer *answer)
{
    struct topics_client *client = data;
    client->asking = false;
    if (!err) {
        const struct delete_topics_response *response = answer->response;
        err = err_from_wire(response->responses.items[0].error_code);
    }
    cluster_note(client->topics->cluster, -1, "  %s is deleted: %s", topics_name,
                 err ? err_text(err) : "done");
    client_answer_free(answer);
    if (err && err != ERR_UNKNOWN_TOPIC_OR_PARTITION) {
        cluster_line_next(&client->line);
        return;
    }
    client->topics->open--;
    client->topics->crossed += client->topics->maker.wanted;
}

static void topics_delete_send(void *data)
{
    struct topics_client *client = data;
    struct arena arena;
    struct delete_topics_request request;
    if (!topics_client_can(client))
        return;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&delete_topics_request_desc, &request);
    struct delete_topics_request_delete_topic_state *topic =
        WIRE_ARRAY(&arena, &request.topics, 1, &delete_topics_request_delete_topic_state_desc);
    ASSERT(topic);
    topic->name = wire_str_from(topics_name);
    request.timeout_ms = CLUSTER_LINE_TIMEOUT_MS;
    client->wanted = false;
    client->asking = true;
    cluster_note(client->topics->cluster, -1, "  node %d is asked to delete %s", client->line.node,
                 topics_name);
    client->topics->open++;
    client->topics->can_hit++;
    cluster_line_send(&client->line, KAFKA_API_DELETE_TOPICS, TOPICS_DELETE_VERSION, &request,
                      topics_delete_answered, client);
    arena_close(&arena);
}

/* ---- life ---- */

static void topics_client_init(struct cluster_topics *topics, struct topics_client *client,
                               const int64_t *pause_ms, void (*send)(void *data))
{
    client->topics = topics;
    int node = (int)(env_random(topics->env) % CLUSTER_NODES);
    client->send = send;
    cluster_line_init(&client->line, topics->env, pause_ms, node, topics_client_ready, client);
    env_timer_init(topics->env, &client->turn, send, client);
    cluster_line_open(&client->line);
}

struct cluster_topics *cluster_topics_new(struct cluster *cluster, struct env *env,
                                          const int64_t *pause_ms)
{
    struct cluster_topics *topics = mem_alloc(sizeof(*topics));
    topics->cluster = cluster;
    topics->env = env;
    topics_client_init(topics, &topics->maker, pause_ms, topics_create_send);
    topics_client_init(topics, &topics->remover, pause_ms, topics_delete_send);
    return topics;
}

void cluster_topics_free(struct cluster_topics *topics)
{
    if (!topics)
        return;
    env_timer_stop(&topics->maker.turn);
    env_timer_stop(&topics->remover.turn);
    cluster_line_close(&topics->maker.line);
    cluster_line_close(&topics->remover.line);
    mem_free(topics);
}

/* The next turn of the client's loop, since the one that asks is no event of it. */
static void topics_client_want(struct topics_client *client)
{
    client->wanted = true;
    env_timer_start(&client->turn, 0);
}

void cluster_topics_create(struct cluster_topics *topics)
{
    topics_client_want(&topics->maker);
}

void cluster_topics_delete(struct cluster_topics *topics)
{
    topics_client_want(&topics->remover);
}
