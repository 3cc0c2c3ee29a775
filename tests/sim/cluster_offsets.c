/* Where the groups of the transactional ids are.
 *
 * Happy path: a question, its answer, a pause. Failure modes: an error or silence, then the next
 * broker is asked; an offset that is not stable yet, then the same one again. */
#include "cluster_offsets.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_book.h"
#include "cluster_line.h"
#include "kafka/messages/offset_fetch.h"

enum { OFFSETS_VERSION = 7, OFFSETS_STABLE_ONE_IN = 2 };

struct offsets_lane {
    struct cluster_offsets *offsets;
    struct cluster_line line;
    struct env_timer pause;
    int id;
    int64_t newest; /* answered; 0 = none */
};

struct cluster_offsets {
    struct env *env;
    struct cluster_book *book;
    const char *problem;
    struct offsets_lane lanes[BOOK_IDS];
};

static int lane_read(struct offsets_lane *lane, const struct offset_fetch_response *response)
{
    if (response->error_code)
        return err_from_wire(response->error_code);
    const struct offset_fetch_response_offset_fetch_response_partition *item =
        &response->topics.items[0].partitions.items[0];
    if (item->error_code)
        return err_from_wire(item->error_code);
    lane->newest = item->committed_offset < 0 ? 0 : item->committed_offset;
    const char *problem = cluster_book_offset_shown(lane->offsets->book, lane->id, lane->newest);
    if (problem)
        lane->offsets->problem = problem;
    return 0;
}

static void lane_answered(void *data, int err, struct client_answer *answer)
{
    struct offsets_lane *lane = data;
    if (!err)
        err = lane_read(lane, answer->response);
    client_answer_free(answer);
    if (err && err != ERR_UNSTABLE_OFFSET_COMMIT)
        cluster_line_next(&lane->line);
    else
        env_timer_start(&lane->pause, *lane->line.pause_ms);
}

static void lane_ask(void *data)
{
    static const char *const groups[BOOK_IDS] = {"g0", "g1"};
    struct offsets_lane *lane = data;
    int32_t partition = 0;
    struct arena arena;
    struct offset_fetch_request request;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&offset_fetch_request_desc, &request);
    request.group_id = wire_str_from(groups[lane->id]);
    request.require_stable = env_random(lane->offsets->env) % OFFSETS_STABLE_ONE_IN == 0;
    struct offset_fetch_request_offset_fetch_request_topic *topic = WIRE_ARRAY(
        &arena, &request.topics, 1, &offset_fetch_request_offset_fetch_request_topic_desc);
    ASSERT(topic);
    topic->name = wire_str_from(cluster_topic);
    topic->partition_indexes.items = &partition;
    topic->partition_indexes.count = 1;
    cluster_line_send(&lane->line, KAFKA_API_OFFSET_FETCH, OFFSETS_VERSION, &request, lane_answered,
                      lane);
    arena_close(&arena);
}

struct cluster_offsets *cluster_offsets_new(struct env *env, const int64_t *pause_ms,
                                            struct cluster_book *book)
{
    struct cluster_offsets *offsets = mem_alloc(sizeof(*offsets));
    offsets->env = env;
    offsets->book = book;
    for (int i = 0; i < BOOK_IDS; i++) {
        struct offsets_lane *lane = &offsets->lanes[i];
        lane->offsets = offsets;
        lane->id = i;
        cluster_line_init(&lane->line, env, pause_ms, i % CLUSTER_NODES, lane_ask, lane);
        env_timer_init(env, &lane->pause, lane_ask, lane);
    }
    return offsets;
}

void cluster_offsets_free(struct cluster_offsets *offsets)
{
    if (!offsets)
        return;
    for (int i = 0; i < BOOK_IDS; i++) {
        cluster_line_close(&offsets->lanes[i].line);
        env_timer_stop(&offsets->lanes[i].pause);
    }
    mem_free(offsets);
}

void cluster_offsets_start(struct cluster_offsets *offsets)
{
    for (int i = 0; i < BOOK_IDS; i++)
        cluster_line_open(&offsets->lanes[i].line);
}

bool cluster_offsets_fit(const struct cluster_offsets *offsets)
{
    for (int i = 0; i < BOOK_IDS; i++)
        if (offsets->lanes[i].newest != cluster_book_offset(offsets->book, i))
            return false;
    return true;
}

void cluster_offsets_tell(const struct cluster_offsets *offsets)
{
    for (int i = 0; i < BOOK_IDS; i++)
        printf("# group %d: at %lld, must be at %lld\n", i, (long long)offsets->lanes[i].newest,
               (long long)cluster_book_offset(offsets->book, i));
}

const char *cluster_offsets_problem(const struct cluster_offsets *offsets)
{
    return offsets->problem;
}
