/* Questions to coordinators of transactions: see the header.
 *
 * Happy path: a question waits until the end of the turn, goes to the broker that leads the
 * partition of its id, and ends with what the answer says of its partition. Answers come in the
 * order of what was asked, as each coordinator here gives them. Failure modes: nobody leads the
 * partition, the broker can't be reached, or it answers something else than what it was asked: the
 * question ends with an error, and its caller has the client ask again. */
#include "broker/txn/txn_verifier.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "broker/cluster/broker_lines.h"
#include "broker/coordinator/coordinator_key.h"
#include "kafka/api.h"

enum { VERIFY_VERSION_MIN = 4, VERIFY_VERSION_MAX = 5 };

typedef struct add_partitions_to_txn_request_add_partitions_to_txn_transaction asked_txn;
typedef struct add_partitions_to_txn_request_add_partitions_to_txn_topic asked_topic;
typedef struct add_partitions_to_txn_response_add_partitions_to_txn_topic_result topic_result;

/* One of the questions of a request, in the order of its partitions. */
struct verify_asked {
    struct txn_verify *verify; /* NULL: nobody waits any more */
    int32_t partition;
};

/* A request on its way. */
struct verify_call {
    struct broker_call call;
    struct verify_node *node;
    struct add_partitions_to_txn_request request;
    struct arena arena; /* of the request, with copies of the names */
    struct verify_asked *asked;
    int32_t count;
};

/* A broker that coordinates. */
struct verify_node {
    struct txn_verifier *verifier;
    int32_t broker_id;
    struct list waiting;      /* struct txn_verify */
    struct verify_call *call; /* NULL: none is on its way */
};

struct txn_verifier {
    struct txn_verifier_deps deps;
    struct map nodes;  /* broker id -> struct verify_node */
    struct list fresh; /* questions of this turn */
    struct env_timer timer;
    struct list later; /* that are asked again */
    struct env_timer later_timer;
    bool wanted;
};

/* ---- questions ---- */

/* It is its caller's again. */
static void verify_close(struct txn_verify *verify)
{
    ASSERT(verify->open);
    list_remove(&verify->link);
    if (verify->call)
        verify->call->asked[verify->place].verify = NULL;
    verify->call = NULL;
    verify->open = false;
}

static void verify_end(struct txn_verify *verify, int err)
{
    ASSERT(err <= 0);
    ASSERT(verify->done != NULL);
    verify_close(verify);
    verify->done(verify, err);
}

static void verify_end_all(struct list *all, int err)
{
    struct list ended, *step;
    list_init(&ended);
    list_splice(&ended, all);
    while ((step = list_pop(&ended)))
        verify_end(LIST_ENTRY(step, struct txn_verify, link), err);
}

void txn_verify_cancel(struct txn_verify *verify)
{
    if (verify->open)
        verify_close(verify);
}

/* ---- the order in a request ---- */

static int verify_compare_text(struct wire_str a, struct wire_str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len > 0 ? memcmp(a.data, b.data, (size_t)a.len) : 0;
}

static int verify_compare_producers(const struct txn_verify *a, const struct txn_verify *b)
{
    int order = verify_compare_text(a->producer.id, b->producer.id);
    if (order)
        return order;
    if (a->producer.producer_id != b->producer.producer_id)
        return a->producer.producer_id < b->producer.producer_id ? -1 : 1;
    if (a->producer.epoch != b->producer.epoch)
        return a->producer.epoch < b->producer.epoch ? -1 : 1;
    return (int)a->add - (int)b->add;
}

static int verify_compare(const void *left, const void *right)
{
    const struct txn_verify *a = ((const struct verify_asked *)left)->verify;
    const struct txn_verify *b = ((const struct verify_asked *)right)->verify;
    int order = verify_compare_producers(a, b);
    if (!order)
        order = verify_compare_text(a->topic, b->topic);
    return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static bool verify_same_txn(const struct txn_verify *a, const struct txn_verify *b)
{
    return verify_compare_producers(a, b) == 0;
}

static bool verify_same_topic(const struct txn_verify *a, const struct txn_verify *b)
{
    return verify_same_txn(a, b) && verify_compare_text(a->topic, b->topic) == 0;
}

/* So many from there on are alike; how many such runs there are. */
static int32_t verify_run(const struct verify_asked *asked, int32_t count,
                          bool (*same)(const struct txn_verify *a, const struct txn_verify *b))
{
    int32_t end = 1;
    ASSERT(count > 0);
    while (end < count && same(asked->verify, asked[end].verify))
        end++;
    return end;
}

static int32_t verify_runs(const struct verify_asked *asked, int32_t count,
                           bool (*same)(const struct txn_verify *a, const struct txn_verify *b))
{
    int32_t runs = 0;
    for (int32_t i = 0; i < count; i += verify_run(asked + i, count - i, same))
        runs++;
    return runs;
}

/* ---- answers ---- */

/* Walks over the partitions of an answer. */
struct verify_mark {
    const struct add_partitions_to_txn_response *response;
    int32_t txn, topic, partition;
};

/* The error of the next one, which should be this. */
static int verify_next_err(struct verify_mark *mark, int32_t partition)
{
    const struct add_partitions_to_txn_response *response = mark->response;
    ASSERT(mark->txn >= 0);
    ASSERT(mark->topic >= 0);
    ASSERT(mark->partition >= 0);
    while (mark->txn < response->results_by_transaction.count) {
        const struct add_partitions_to_txn_response_add_partitions_to_txn_result *txn =
            &response->results_by_transaction.items[mark->txn];
        const topic_result *topic = &txn->topic_results.items[mark->topic];
        if (mark->topic >= txn->topic_results.count) {
            mark->txn++;
            mark->topic = mark->partition = 0;
        } else if (mark->partition >= topic->results_by_partition.count) {
            mark->topic++;
            mark->partition = 0;
        } else {
            const struct add_partitions_to_txn_response_add_partitions_to_txn_partition_result *at =
                &topic->results_by_partition.items[mark->partition++];
            return at->partition_index == partition ? err_from_wire(at->partition_error_code)
                                                    : ERR_UNKNOWN_SERVER_ERROR;
        }
    }
    return ERR_UNKNOWN_SERVER_ERROR;
}

static void verify_call_free(struct verify_call *call)
{
    ASSERT(call->node->call == call);
    broker_call_cancel(&call->call);
    call->node->call = NULL;
    arena_close(&call->arena);
    mem_free(call->asked);
    mem_free(call);
}

static void verify_wake(struct txn_verifier *verifier)
{
    if (!env_timer_running(&verifier->timer))
        env_timer_start_soon(&verifier->timer);
}

/* Whether the answer is one that may soon be another. */
static bool verify_is_passing(const struct txn_verifier *verifier, const struct txn_verify *verify,
                              int err)
{
    const struct txn_verifier_deps *deps = &verifier->deps;
    return verify->add && err == ERR_CONCURRENT_TRANSACTIONS &&
           env_now_ms(deps->env) + deps->retry_ms - verify->asked_ms <= deps->retry_max_ms;
}

static bool verify_is_outdated(const struct txn_verify *verify, int err)
{
    return verify->add && !err && verify->outdated && verify->outdated(verify) &&
           !MUTATION(TXN_OVERTAKEN);
}

/* One question is answered. */
static void verify_told(struct txn_verifier *verifier, struct txn_verify *verify, int err)
{
    bool outdated = verify_is_outdated(verify, err);
    ASSERT(verify->call != NULL);
    ASSERT(err <= 0);
    if (outdated)
        err = ERR_CONCURRENT_TRANSACTIONS;
    if (!verify_is_passing(verifier, verify, err)) {
        verify_end(verify, err);
        return;
    }
    verify->call->asked[verify->place].verify = NULL;
    verify->call = NULL;
    /* The transaction is open by now: there is nothing to wait for. */
    list_push(outdated ? &verifier->fresh : &verifier->later, &verify->link);
    if (outdated)
        return;
    if (!env_timer_running(&verifier->later_timer))
        env_timer_start(&verifier->later_timer, verifier->deps.retry_ms);
}

static void verify_again(void *data)
{
    struct txn_verifier *verifier = data;
    list_splice(&verifier->fresh, &verifier->later);
    verify_wake(verifier);
}

static void verify_answered(struct broker_call *broker_call, int err, const void *body)
{
    struct verify_call *call = CONTAINER_OF(broker_call, struct verify_call, call);
    struct txn_verifier *verifier = call->node->verifier;
    struct verify_mark mark = {.response = body};
    ASSERT(err <= 0);
    ASSERT(err || body);
    if (!err && mark.response->error_code)
        err = err_from_wire(mark.response->error_code);
    for (int32_t i = 0; i < call->count; i++) {
        int one = err ? err : verify_next_err(&mark, call->asked[i].partition);
        if (call->asked[i].verify)
            verify_told(verifier, call->asked[i].verify, one);
    }
    verify_call_free(call);
    verify_wake(verifier); /* for what came meanwhile, or is asked again */
}

/* ---- requests ---- */

/* False when memory is out, as below. */
static bool verify_fill_topic(struct verify_call *call, asked_topic *out,
                              const struct verify_asked *asked, int32_t count)
{
    int32_t *indexes = WIRE_ARRAY(&call->arena, &out->partitions, count, NULL);
    out->name = asked->verify->topic;
    for (int32_t i = 0; indexes && i < count; i++)
        indexes[i] = asked[i].partition;
    return indexes && wire_str_keep(&call->arena, &out->name);
}

static bool verify_fill_txn(struct verify_call *call, asked_txn *out,
                            const struct verify_asked *asked, int32_t count)
{
    const struct txn_verify *first = asked->verify;
    int32_t topics = verify_runs(asked, count, verify_same_topic);
    ASSERT(count > 0);
    asked_topic *topic =
        WIRE_ARRAY(&call->arena, &out->topics, topics,
                   &add_partitions_to_txn_request_add_partitions_to_txn_topic_desc);
    out->transactional_id = first->producer.id;
    out->producer_id = first->producer.producer_id;
    out->producer_epoch = first->producer.epoch;
    out->verify_only = !first->add;
    if (!topic || !wire_str_keep(&call->arena, &out->transactional_id))
        return false;
    for (int32_t i = 0, run; i < count; i += run, topic++) {
        run = verify_run(asked + i, count - i, verify_same_topic);
        if (!verify_fill_topic(call, topic, asked + i, run))
            return false;
    }
    return true;
}

static bool verify_fill(struct verify_call *call)
{
    ASSERT(call->count > 0);
    wire_defaults(&add_partitions_to_txn_request_desc, &call->request);
    asked_txn *txn =
        WIRE_ARRAY(&call->arena, &call->request.transactions,
                   verify_runs(call->asked, call->count, verify_same_txn),
                   &add_partitions_to_txn_request_add_partitions_to_txn_transaction_desc);
    if (!txn)
        return false;
    for (int32_t i = 0, run; i < call->count; i += run, txn++) {
        run = verify_run(call->asked + i, call->count - i, verify_same_txn);
        if (!verify_fill_txn(call, txn, call->asked + i, run))
            return false;
    }
    return true;
}

/* What a question adds to a request, at most, that has the one before it: a partition, or a topic
 * and a transaction as well, with what is around the names. */
static size_t verify_bytes(const struct txn_verify *verify, const struct txn_verify *before)
{
    enum { PARTITION_BYTES = sizeof(int32_t), AROUND_BYTES = 48 };
    if (before && verify_same_topic(verify, before))
        return PARTITION_BYTES;
    return (size_t)verify->producer.id.len + (size_t)verify->topic.len + AROUND_BYTES;
}

/* Takes questions of the node, as many as a request may have: one in any case. */
static void verify_take(struct verify_node *node, struct verify_call *call)
{
    ASSERT(!list_empty(&node->waiting));
    ASSERT(call->count == 0);
    call->asked = mem_alloc(TXN_VERIFIER_CALL_MAX * sizeof(*call->asked));
    const struct txn_verify *before = NULL;
    size_t bytes = 0;
    while (call->count < TXN_VERIFIER_CALL_MAX && !list_empty(&node->waiting)) {
        struct txn_verify *verify = LIST_ENTRY(node->waiting.next, struct txn_verify, link);
        bytes += verify_bytes(verify, before);
        if (before && bytes > TXN_VERIFIER_BYTES_MAX)
            break;
        before = verify;
        list_remove(&verify->link);
        if (verify->asking)
            verify->asking(verify);
        call->asked[call->count++] = (struct verify_asked){verify, verify->partition};
    }
    qsort(call->asked, (size_t)call->count, sizeof(*call->asked), verify_compare);
    ASSERT(call->count > 0);
    ASSERT(call->count <= TXN_VERIFIER_CALL_MAX);
    for (int32_t i = 0; i < call->count; i++) {
        call->asked[i].verify->call = call;
        call->asked[i].verify->place = i;
    }
}

static void verify_send(struct verify_node *node)
{
    ASSERT(!node->call);
    struct verify_call *call = mem_alloc(sizeof(*call));
    call->node = node;
    node->call = call;
    arena_init_own(&call->arena);
    verify_take(node, call);
    bool filled = verify_fill(call);
    ASSERT(filled); /* what is asked has its bounds: names of requests that are in memory */
    call->call.broker_id = node->broker_id;
    call->call.key = KAFKA_API_ADD_PARTITIONS_TO_TXN;
    call->call.version_min = VERIFY_VERSION_MIN;
    call->call.version_max = VERIFY_VERSION_MAX;
    call->call.request = &call->request;
    call->call.timeout_ms = TXN_VERIFIER_TIMEOUT_MS;
    call->call.done = verify_answered;
    broker_lines_call(node->verifier->deps.lines, &call->call);
}

/* ---- the turn ---- */

/* Who coordinates the id; IMAGE_NO_NODE: nobody now. */
static int32_t verify_coordinator(const struct txn_verifier *verifier, struct wire_str id)
{
    const struct image_topic *topic = image_topic_by_name(metadata_image(verifier->deps.metadata),
                                                          TXN_STATE_TOPIC, strlen(TXN_STATE_TOPIC));
    if (!topic || topic->partition_count == 0)
        return IMAGE_NO_NODE;
    int32_t index = coordinator_key_partition(id, topic->partition_count);
    return image_partition(topic, index)->leader;
}

static struct verify_node *verify_node_of(struct txn_verifier *verifier, int32_t broker_id)
{
    struct verify_node *node = map_get_u64(&verifier->nodes, (uint32_t)broker_id);
    if (node)
        return node;
    node = mem_alloc(sizeof(*node));
    node->verifier = verifier;
    node->broker_id = broker_id;
    list_init(&node->waiting);
    map_put_u64(&verifier->nodes, (uint32_t)broker_id, node);
    return node;
}

static void verify_turn(void *data)
{
    struct txn_verifier *verifier = data;
    struct verify_node *node;
    struct list lost, *step;
    size_t cursor = 0;
    list_init(&lost);
    while ((step = list_pop(&verifier->fresh))) {
        struct txn_verify *verify = LIST_ENTRY(step, struct txn_verify, link);
        int32_t id = verify_coordinator(verifier, verify->producer.id);
        list_push(id == IMAGE_NO_NODE ? &lost : &verify_node_of(verifier, id)->waiting, step);
    }
    while ((node = map_next(&verifier->nodes, &cursor, NULL, NULL)))
        if (!node->call && !list_empty(&node->waiting))
            verify_send(node);
    verify_end_all(&lost, ERR_COORDINATOR_NOT_AVAILABLE);
}

void txn_verifier_ask(struct txn_verifier *verifier, struct txn_verify *verify)
{
    ASSERT(!verify->open);
    ASSERT(verify->done != NULL);
    verify->open = true;
    verify->call = NULL;
    verify->asked_ms = env_now_ms(verifier->deps.env);
    list_push(&verifier->fresh, &verify->link);
    verify_wake(verifier);
}

void txn_verifier_set_wanted(struct txn_verifier *verifier, bool wanted)
{
    verifier->wanted = wanted;
}

bool txn_verifier_is_wanted(const struct txn_verifier *verifier)
{
    return verifier->wanted && !MUTATION(TXN_UNVERIFIED);
}

/* ---- life ---- */

struct txn_verifier *txn_verifier_new(const struct txn_verifier_deps *deps)
{
    struct txn_verifier *verifier = mem_alloc(sizeof(*verifier));
    ASSERT(deps->metadata != NULL);
    ASSERT(deps->env != NULL);
    verifier->deps = *deps;
    verifier->wanted = true;
    map_init(&verifier->nodes);
    list_init(&verifier->fresh);
    list_init(&verifier->later);
    env_timer_init(deps->env, &verifier->timer, verify_turn, verifier);
    env_timer_init(deps->env, &verifier->later_timer, verify_again, verifier);
    return verifier;
}

void txn_verifier_free(struct txn_verifier *verifier)
{
    struct verify_node *node;
    size_t cursor = 0;
    env_timer_stop(&verifier->timer);
    env_timer_stop(&verifier->later_timer);
    while ((node = map_next(&verifier->nodes, &cursor, NULL, NULL))) {
        for (int32_t i = 0; node->call && i < node->call->count; i++)
            if (node->call->asked[i].verify)
                verify_end(node->call->asked[i].verify, ERR_COORDINATOR_NOT_AVAILABLE);
        if (node->call)
            verify_call_free(node->call);
        verify_end_all(&node->waiting, ERR_COORDINATOR_NOT_AVAILABLE);
        mem_free(node);
    }
    verify_end_all(&verifier->fresh, ERR_COORDINATOR_NOT_AVAILABLE);
    verify_end_all(&verifier->later, ERR_COORDINATOR_NOT_AVAILABLE);
    map_close(&verifier->nodes);
    mem_free(verifier);
}
