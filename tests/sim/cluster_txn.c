/* Transactional producers of a simulated cluster, of two eras.
 *
 * Happy path of a hand: InitProducerId; then transactions, each with its partitions added, a few
 * batches, one at a time, and EndTxn. Each step is a request to the broker that serves it, which is
 * looked for by trying. Failure modes: an error that passes, or silence, then the same request
 * again, mostly at the next broker; a fence, then the hand sleeps and takes the id over anew; a
 * batch that nobody answered, then the transaction is aborted, and the next one begins under a new
 * epoch, since the sequence is not known any more (KIP-360).
 *
 * Half of the hands know transaction.version 2, and ask before each transaction whether it is the
 * level. Then they add nothing: batches and offsets do that, and each end gives a new epoch. Where
 * requests may come late, a batch or an end now and then stays behind on a connection that its hand
 * gives up (cluster_late). */
#include "cluster_txn.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/state.h"
#include "cluster.h"
#include "cluster_book.h"
#include "cluster_late.h"
#include "cluster_line.h"
#include "kafka/batch.h"
#include "kafka/messages/add_offsets_to_txn.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/txn_offset_commit.h"
#include "tests/lib/batch_maker.h"

enum {
    TXN_IDS = BOOK_IDS,
    TXN_HANDS = 2, /* of each id */
    HAND_COORDINATORS = 2,
    TXN_FIND_VERSION = 3,
    TXN_INIT_VERSION = 4,
    TXN_ADD_VERSION = 3,
    TXN_PRODUCE_VERSION = 9,
    TXN_END_VERSION = 3,
    TXN_ADD_OFFSETS_VERSION = 3,
    TXN_OFFSETS_VERSION = 3,
    TXN_LEVEL_VERSION = 4, /* of ApiVersions */
    TXN_LEVEL = 2,         /* of transaction.version, from which on: */
    TXN_PRODUCE_ADDS_VERSION = 12,
    TXN_OFFSETS_ADDS_VERSION = 5,
    TXN_END_BUMPS_VERSION = 5,
    TXN_BATCHES_MAX = 6,    /* of a transaction */
    TXN_ABORT_ONE_IN = 3,   /* transactions end so */
    TXN_OFFSET_ONE_IN = 2,  /* commit an offset */
    TXN_SLEEP_ONE_IN = 8,   /* the hand sleeps after its transaction */
    TXN_CRASH_ONE_IN = 16,  /* or in the middle of one */
    TXN_GIVE_UP_ONE_IN = 2, /* of the batches that nobody answered */
    TXN_STAY_ONE_IN = 4,    /* errors are tried again at the same broker */
    TXN_KNOW_ONE_IN = 2,    /* lives of a hand know transaction.version 2 */
    TXN_LATE_ONE_IN = 10,   /* batches and ends come late */
    TXN_SLEEP_MAX_MS = 2000,
    TXN_TIMEOUT_WHOLE_MS = 60 * 1000 /* with this or more, none times out in a run */
};

enum hand_step {
    HAND_ASLEEP,
    HAND_FIND,
    HAND_INIT,
    HAND_LEVEL,
    HAND_ADD,
    HAND_WRITE,
    HAND_ADD_OFFSETS,
    HAND_OFFSETS,
    HAND_END,
    HAND_DONE,
    HAND_STEPS
};

struct hand {
    struct cluster_txn *txn;
    int id; /* which transactional id it works for */
    uint8_t step;
    struct cluster_line coordinator;
    struct cluster_line group; /* its coordinator */
    struct cluster_line leaders[CLUSTER_PARTITIONS];
    struct env_timer pause;
    bool in_flight;
    bool knows; /* transaction.version 2, */
    bool newer; /* and acts by it in this transaction */
    int found;  /* coordinators: first that of the transactions, then that of the group */
    int64_t producer_id;
    int16_t epoch;
    int32_t sequence[CLUSTER_PARTITIONS]; /* of the next batch */
    int64_t inits;      /* of its id, when the one that gave it its epoch was sent, */
    int64_t inits_sent; /* and when its last one was */
    bool rival;         /* one that was sent before the first may have arrived later; */
    bool rival_sent;    /* the same for the last */
    bool init_lost;     /* one of its own may still arrive */
    bool orphan;        /* it crashed in a transaction: its next start ends that */
    bool doubt;         /* of a batch nobody knows whether it is there */
    int entry;          /* in the book; -1 = none */
    bool commits;       /* so it is to end */
    bool end_lost;      /* an end that was sent may still arrive */
    int left;           /* batches */
    int partition;      /* of the next one */
    int made[CLUSTER_PARTITIONS];
    bool added[CLUSTER_PARTITIONS];
};

struct cluster_txn {
    struct cluster *cluster;
    struct env *env;
    struct cluster_book *book;
    struct cluster_late *late; /* NULL: nothing comes late */
    int32_t timeout_ms;
    bool draining;
    int64_t ended;
    int64_t inits[TXN_IDS]; /* sent for each id */
    const char *problem;
    struct hand hands[TXN_IDS * TXN_HANDS];
};

static const struct state_row hand_steps[] = {
    [HAND_ASLEEP] = {"asleep", STATE_BIT(HAND_FIND) | STATE_BIT(HAND_DONE)},
    [HAND_FIND] = {"finding its coordinators", STATE_BIT(HAND_INIT)},
    [HAND_INIT] = {"taking its id", STATE_BIT(HAND_LEVEL) | STATE_BIT(HAND_ADD) |
                                        STATE_BIT(HAND_ASLEEP) | STATE_BIT(HAND_DONE)},
    [HAND_LEVEL] = {"asking for the level", STATE_BIT(HAND_ADD) | STATE_BIT(HAND_WRITE)},
    [HAND_ADD] = {"adding a partition",
                  STATE_BIT(HAND_WRITE) | STATE_BIT(HAND_END) | STATE_BIT(HAND_ASLEEP)},
    [HAND_WRITE] = {"writing", STATE_BIT(HAND_ADD) | STATE_BIT(HAND_WRITE) | STATE_BIT(HAND_END) |
                                   STATE_BIT(HAND_ADD_OFFSETS) | STATE_BIT(HAND_OFFSETS) |
                                   STATE_BIT(HAND_ASLEEP)},
    [HAND_ADD_OFFSETS] = {"adding offsets",
                          STATE_BIT(HAND_OFFSETS) | STATE_BIT(HAND_END) | STATE_BIT(HAND_ASLEEP)},
    [HAND_OFFSETS] = {"committing offsets", STATE_BIT(HAND_END) | STATE_BIT(HAND_ASLEEP)},
    [HAND_END] = {"ending", STATE_BIT(HAND_LEVEL) | STATE_BIT(HAND_ADD) | STATE_BIT(HAND_INIT) |
                                STATE_BIT(HAND_END) | STATE_BIT(HAND_ASLEEP) |
                                STATE_BIT(HAND_DONE)},
    [HAND_DONE] = {"done", 0}};

static void hand_move(struct hand *hand, enum hand_step to)
{
    STATE_MOVE(hand_steps, hand->step, to);
}

static bool hand_draws(const struct hand *hand, int one_in)
{
    return env_random(hand->txn->env) % (uint64_t)one_in == 0;
}

static const char *hand_id(const struct hand *hand)
{
    static const char *const ids[TXN_IDS] = {"t0", "t1"};
    return ids[hand->id];
}

/* Another hand may have taken the id, an own request may arrive late, or the time was up. */
static bool hand_may_be_fenced(const struct hand *hand)
{
    return hand->txn->inits[hand->id] > hand->inits || hand->init_lost || hand->rival ||
           hand->txn->timeout_ms < TXN_TIMEOUT_WHOLE_MS;
}

/* ---- between the requests ---- */

static void hand_pump(void *data);

static void hand_pause(struct hand *hand, int64_t ms)
{
    env_timer_start(&hand->pause, ms);
}

static void hand_sleep(struct hand *hand)
{
    hand->entry = -1;
    hand_move(hand, HAND_ASLEEP);
    hand_pause(hand, 1 + (int64_t)(env_random(hand->txn->env) % TXN_SLEEP_MAX_MS));
}

/* What the transaction is for the book, when its producer hears no more of it. */
static void hand_lose(struct hand *hand)
{
    struct cluster_book *book = hand->txn->book;
    if (hand->entry < 0)
        return;
    cluster_book_move(book, hand->entry, hand->end_lost ? BOOK_UNKNOWN : BOOK_ABORTED);
    hand->entry = -1;
}

static void hand_next_batch(struct hand *hand)
{
    hand->partition = (int)(env_random(hand->txn->env) % CLUSTER_PARTITIONS);
    hand_move(hand, hand->newer || hand->added[hand->partition] ? HAND_WRITE : HAND_ADD);
    hand_pause(hand, *hand->coordinator.pause_ms / 4);
}

static void hand_begin(struct hand *hand)
{
    memset(hand->made, 0, sizeof(hand->made));
    memset(hand->added, 0, sizeof(hand->added));
    hand->doubt = hand->end_lost = false;
    hand->entry = cluster_book_begin(hand->txn->book, hand->id);
    hand->commits = !hand_draws(hand, TXN_ABORT_ONE_IN);
    hand->left = 1 + (int)(env_random(hand->txn->env) % TXN_BATCHES_MAX);
    hand_next_batch(hand);
}

static void hand_rest(struct hand *hand)
{
    if (hand->txn->draining)
        hand_move(hand, HAND_DONE);
    else if (hand_draws(hand, TXN_SLEEP_ONE_IN))
        hand_sleep(hand);
    else if (hand->knows)
        hand_move(hand, HAND_LEVEL);
    else
        hand_begin(hand);
}

static void hand_wake(struct hand *hand)
{
    hand_move(hand, hand->txn->draining && !hand->orphan ? HAND_DONE : HAND_FIND);
    hand->found = 0;
    hand->producer_id = -1;
    hand->epoch = -1;
    hand->knows = hand_draws(hand, TXN_KNOW_ONE_IN);
    hand->newer = false;
}

static void hand_fenced(struct hand *hand, int err)
{
    if (!hand_may_be_fenced(hand)) {
        cluster_note(hand->txn->cluster, -1, "%s: fenced while %s: %s", hand_id(hand),
                     hand_steps[hand->step].name, err_text(err));
        hand->txn->problem = "a producer was fenced that nobody has fenced";
    }
    hand_lose(hand);
    hand_sleep(hand);
}

/* ---- answers ---- */

static void hand_initialized(struct hand *hand)
{
    hand->inits = hand->inits_sent;
    hand->rival = hand->rival_sent;
    hand->orphan = false;
    memset(hand->sequence, 0, sizeof(hand->sequence));
    hand_rest(hand);
}

static void hand_wrote(struct hand *hand, int64_t offset)
{
    int p = hand->partition;
    cluster_acknowledged(hand->txn->cluster, p, offset);
    cluster_book_acked(hand->txn->book, hand->entry, p, hand->made[p]);
    hand->made[p]++;
    hand->sequence[p]++;
    hand->left--;
    if (hand_draws(hand, TXN_CRASH_ONE_IN)) {
        hand->orphan = true;
        hand_lose(hand);
        hand_sleep(hand);
    } else if (hand->left > 0) {
        hand_next_batch(hand);
    } else {
        enum hand_step offsets = hand->newer ? HAND_OFFSETS : HAND_ADD_OFFSETS;
        hand_move(hand, hand_draws(hand, TXN_OFFSET_ONE_IN) ? offsets : HAND_END);
    }
}

static void hand_ended(struct hand *hand)
{
    cluster_book_move(hand->txn->book, hand->entry, hand->commits ? BOOK_COMMITTED : BOOK_ABORTED);
    hand->entry = -1;
    hand->txn->ended++;
    if (hand->doubt && !hand->newer)
        hand_move(hand, HAND_INIT); /* with its id and epoch: a new epoch */
    else
        hand_rest(hand);
}

/* It can't be committed any more. */
static void hand_give_up(struct hand *hand)
{
    hand->commits = false;
    if (hand->step != HAND_END)
        hand_move(hand, HAND_END);
}

static bool hand_is_fence(int err)
{
    return err == ERR_INVALID_PRODUCER_EPOCH || err == ERR_PRODUCER_FENCED ||
           err == ERR_INVALID_PRODUCER_ID_MAPPING;
}

/* Its transaction can only be aborted. A leader that was cut off and has not heard of its
 * successors knows less than they, and may say so. */
static bool hand_is_lost_cause(const struct hand *hand, const struct cluster_line *line, int err)
{
    if (err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && !hand_may_be_fenced(hand) &&
        cluster_leads_last(hand->txn->cluster, hand->partition, line->node))
        hand->txn->problem = "the next batch of a transaction was refused as out of order";
    bool ended = err == ERR_TRANSACTION_ABORTABLE || err == ERR_INVALID_TXN_STATE;
    /* What is written adds its partition, and only a fence ends the transaction meanwhile. */
    if (ended && hand->newer && !hand_may_be_fenced(hand))
        hand->txn->problem = "a transaction that nobody has ended was told that it is not open";
    return ended || (err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && hand_may_be_fenced(hand));
}

/* The request of this step failed; `lost`: it may still take effect. */
static void hand_failed(struct hand *hand, struct cluster_line *line, int err, bool lost)
{
    cluster_note(hand->txn->cluster, -1, "%s (epoch %d) at n%d, %s: %s", hand_id(hand), hand->epoch,
                 line->node, hand_steps[hand->step].name, err_text(err));
    bool waits = err == ERR_CONCURRENT_TRANSACTIONS || err == ERR_COORDINATOR_LOAD_IN_PROGRESS;
    hand->init_lost |= lost && hand->step == HAND_INIT;
    /* Also a coordinator that says that it is none any more may have written it before. */
    hand->end_lost |= hand->step == HAND_END && hand->commits && !hand_is_fence(err);
    if (hand_is_fence(err)) {
        hand_fenced(hand, err);
    } else if (hand->step == HAND_END && err == ERR_INVALID_TXN_STATE) {
        hand_fenced(hand, err); /* it ended in another way */
    } else if (hand->entry >= 0 && hand_is_lost_cause(hand, line, err)) {
        hand->doubt = true;
        hand_give_up(hand);
    } else if (hand->step == HAND_WRITE && lost && hand_draws(hand, TXN_GIVE_UP_ONE_IN)) {
        hand->doubt = true;
        hand_give_up(hand);
        cluster_line_next(line);
    } else if (!waits && (lost || !hand_draws(hand, TXN_STAY_ONE_IN))) {
        cluster_line_next(line);
    }
    if (!env_timer_running(&hand->pause))
        hand_pause(hand, *line->pause_ms / 4);
}

/* Each answer ends so: the request of the step failed, or `next` goes on. */
static void hand_heard(struct hand *hand, struct cluster_line *line, struct client_answer *answer,
                       int err, int said, void (*next)(struct hand *hand))
{
    hand->in_flight = false;
    client_answer_free(answer);
    if (err || said)
        hand_failed(hand, line, err ? err : said, err != 0 && hand->step != HAND_FIND);
    else
        next(hand);
    hand_pump(hand);
}

static void hand_found(struct hand *hand)
{
    if (++hand->found == HAND_COORDINATORS)
        hand_move(hand, HAND_INIT);
}

static void hand_find_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    const struct find_coordinator_response *response = answer->response;
    int said = err ? 0 : err_from_wire(response->error_code);
    hand_heard(hand, &hand->coordinator, answer, err, said, hand_found);
}

static void hand_init_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    const struct init_producer_id_response *response = answer->response;
    int said = err ? 0 : err_from_wire(response->error_code);
    if (!err && !said) {
        hand->producer_id = response->producer_id;
        hand->epoch = response->producer_epoch;
    }
    hand_heard(hand, &hand->coordinator, answer, err, said, hand_initialized);
}

static void hand_added(struct hand *hand)
{
    hand->added[hand->partition] = true;
    hand_move(hand, HAND_WRITE);
}

static void hand_add_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    const struct add_partitions_to_txn_response *response = answer->response;
    int said = 0;
    if (!err) {
        const struct add_partitions_to_txn_response_add_partitions_to_txn_topic_result *topic =
            &response->results_by_topic_v3_and_below.items[0];
        said = err_from_wire(topic->results_by_partition.items[0].partition_error_code);
    }
    hand_heard(hand, &hand->coordinator, answer, err, said, hand_added);
}

static void hand_write_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    bool lost = err != 0;
    int64_t offset = -1;
    hand->in_flight = false;
    if (!err) {
        const struct produce_response *response = answer->response;
        const struct produce_response_partition_produce_response *item =
            &response->responses.items[0].partition_responses.items[0];
        err = err_from_wire(item->error_code);
        offset = item->base_offset;
        /* It is in the log, and may become committed yet. */
        lost = err == ERR_REQUEST_TIMED_OUT || err == ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    }
    client_answer_free(answer);
    if (err)
        hand_failed(hand, &hand->leaders[hand->partition], err, lost);
    else
        hand_wrote(hand, offset);
    hand_pump(hand);
}

static void hand_offsets_added(struct hand *hand)
{
    hand_move(hand, HAND_OFFSETS);
}

static void hand_add_offsets_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    const struct add_offsets_to_txn_response *response = answer->response;
    int said = err ? 0 : err_from_wire(response->error_code);
    hand_heard(hand, &hand->coordinator, answer, err, said, hand_offsets_added);
}

static void hand_offsets_taken(struct hand *hand)
{
    cluster_book_offset_acked(hand->txn->book, hand->entry);
    hand_move(hand, HAND_END);
}

static void hand_offsets_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    const struct txn_offset_commit_response *response = answer->response;
    int said = err ? 0 : err_from_wire(response->topics.items[0].partitions.items[0].error_code);
    hand_heard(hand, &hand->group, answer, err, said, hand_offsets_taken);
}

static void hand_end_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    const struct end_txn_response *response = answer->response;
    int said = err ? 0 : err_from_wire(response->error_code);
    if (!err && !said && hand->newer) {
        hand->producer_id = response->producer_id;
        hand->epoch = response->producer_epoch;
        memset(hand->sequence, 0, sizeof(hand->sequence));
    }
    hand_heard(hand, &hand->coordinator, answer, err, said, hand_ended);
}

static void hand_level_answered(void *data, int err, struct client_answer *answer)
{
    struct hand *hand = data;
    const struct api_versions_response *response = answer->response;
    int said = err ? 0 : err_from_wire(response->error_code);
    hand->newer = false;
    for (int32_t i = 0; !err && i < response->finalized_features.count; i++) {
        const struct api_versions_response_finalized_feature_key *feature =
            &response->finalized_features.items[i];
        if (wire_str_is(feature->name, "transaction.version"))
            hand->newer = feature->max_version_level >= TXN_LEVEL;
    }
    hand_heard(hand, &hand->coordinator, answer, err, said, hand_begin);
}

/* ---- requests ---- */

static const char *hand_group(const struct hand *hand)
{
    static const char *const groups[TXN_IDS] = {"g0", "g1"};
    return groups[hand->id];
}

static bool hand_has_rival(const struct hand *hand)
{
    const struct hand *hands = hand->txn->hands;
    for (int i = 0; i < TXN_IDS * TXN_HANDS; i++)
        if (&hands[i] != hand && hands[i].id == hand->id &&
            (hands[i].init_lost || (hands[i].step == HAND_INIT && hands[i].in_flight)))
            return true;
    return false;
}

/* What it answers is not looked at: the brokers are tried. But it makes the topics. */
static void hand_send_find(struct hand *hand)
{
    struct find_coordinator_request request;
    wire_defaults(&find_coordinator_request_desc, &request);
    request.key_type = hand->found == 0;
    request.key = wire_str_from(hand->found == 0 ? hand_id(hand) : hand_group(hand));
    cluster_line_send(&hand->coordinator, KAFKA_API_FIND_COORDINATOR, TXN_FIND_VERSION, &request,
                      hand_find_answered, hand);
}

static void hand_send_init(struct hand *hand)
{
    struct init_producer_id_request request;
    wire_defaults(&init_producer_id_request_desc, &request);
    request.transactional_id = wire_str_from(hand_id(hand));
    request.transaction_timeout_ms = hand->txn->timeout_ms;
    request.producer_id = hand->producer_id;
    request.producer_epoch = hand->epoch;
    hand->inits_sent = ++hand->txn->inits[hand->id];
    hand->rival_sent = hand_has_rival(hand);
    cluster_line_send(&hand->coordinator, KAFKA_API_INIT_PRODUCER_ID, TXN_INIT_VERSION, &request,
                      hand_init_answered, hand);
}

static void hand_send_add(struct hand *hand)
{
    struct arena arena;
    struct add_partitions_to_txn_request request;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&add_partitions_to_txn_request_desc, &request);
    request.v3_and_below_transactional_id = wire_str_from(hand_id(hand));
    request.v3_and_below_producer_id = hand->producer_id;
    request.v3_and_below_producer_epoch = hand->epoch;
    struct add_partitions_to_txn_request_add_partitions_to_txn_topic *topic =
        WIRE_ARRAY(&arena, &request.v3_and_below_topics, 1,
                   &add_partitions_to_txn_request_add_partitions_to_txn_topic_desc);
    ASSERT(topic);
    topic->name = wire_str_from(cluster_topic);
    topic->partitions.items = &hand->partition;
    topic->partitions.count = 1;
    cluster_line_send(&hand->coordinator, KAFKA_API_ADD_PARTITIONS_TO_TXN, TXN_ADD_VERSION,
                      &request, hand_add_answered, hand);
    arena_close(&arena);
}

static struct buf hand_batch(const struct hand *hand)
{
    char text[BOOK_TEXT_MAX];
    int p = hand->partition;
    cluster_book_text(hand->entry, hand->made[p], text, sizeof(text));
    return batch_make((struct batch_spec){.count = 1,
                                          .value = text,
                                          .timestamp = env_wall_ms(hand->txn->env),
                                          .producer_id = hand->producer_id,
                                          .idempotent = true,
                                          .epoch = hand->epoch,
                                          .sequence = hand->sequence[p],
                                          .attributes = BATCH_TRANSACTIONAL,
                                          .leader_epoch = -1});
}

static struct cluster_line *hand_line(struct hand *hand)
{
    if (hand->step == HAND_WRITE)
        return &hand->leaders[hand->partition];
    return hand->step == HAND_OFFSETS ? &hand->group : &hand->coordinator;
}

/* What comes late may take the place of these two. */
static struct late_request hand_request(struct hand *hand)
{
    struct late_request request = {.key = KAFKA_API_PRODUCE,
                                   .version =
                                       hand->newer ? TXN_PRODUCE_ADDS_VERSION : TXN_PRODUCE_VERSION,
                                   .id = hand_id(hand),
                                   .producer_id = hand->producer_id,
                                   .epoch = hand->epoch,
                                   .commits = hand->commits,
                                   .partition = hand->partition};
    buf_init(&request.batch);
    if (hand->step == HAND_WRITE) {
        request.batch = hand_batch(hand);
        return request;
    }
    request.key = KAFKA_API_END_TXN;
    request.version = hand->newer ? TXN_END_BUMPS_VERSION : TXN_END_VERSION;
    if (hand->commits && cluster_book_end(hand->txn->book, hand->entry) == BOOK_OPEN)
        cluster_book_move(hand->txn->book, hand->entry, BOOK_COMMITTING);
    return request;
}

static void hand_send_request(struct hand *hand)
{
    struct arena arena;
    struct late_request request = hand_request(hand);
    arena_init(&arena, SIZE_MAX);
    cluster_line_send(hand_line(hand), request.key, request.version,
                      late_request_fill(&request, &arena),
                      hand->step == HAND_WRITE ? hand_write_answered : hand_end_answered, hand);
    arena_close(&arena);
    buf_close(&request.batch);
}

/* The connection is given up, and what is sent now arrives later on it. */
static bool hand_sends_late(struct hand *hand)
{
    if (!hand->txn->late || (hand->step != HAND_WRITE && hand->step != HAND_END) ||
        !hand_draws(hand, TXN_LATE_ONE_IN))
        return false;
    struct cluster_line *line = hand_line(hand);
    struct late_request request = hand_request(hand);
    cluster_late_send(hand->txn->late, cluster_line_leave(line), &request);
    hand_failed(hand, line, ERR_TIMED_OUT, true);
    return true;
}

static void hand_send_add_offsets(struct hand *hand)
{
    struct add_offsets_to_txn_request request;
    wire_defaults(&add_offsets_to_txn_request_desc, &request);
    request.transactional_id = wire_str_from(hand_id(hand));
    request.producer_id = hand->producer_id;
    request.producer_epoch = hand->epoch;
    request.group_id = wire_str_from(hand_group(hand));
    cluster_line_send(&hand->coordinator, KAFKA_API_ADD_OFFSETS_TO_TXN, TXN_ADD_OFFSETS_VERSION,
                      &request, hand_add_offsets_answered, hand);
}

static void hand_send_offsets(struct hand *hand)
{
    struct arena arena;
    struct txn_offset_commit_request request;
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&txn_offset_commit_request_desc, &request);
    request.transactional_id = wire_str_from(hand_id(hand));
    request.group_id = wire_str_from(hand_group(hand));
    request.producer_id = hand->producer_id;
    request.producer_epoch = hand->epoch;
    struct txn_offset_commit_request_txn_offset_commit_request_topic *topic =
        WIRE_ARRAY(&arena, &request.topics, 1,
                   &txn_offset_commit_request_txn_offset_commit_request_topic_desc);
    ASSERT(topic);
    topic->name = wire_str_from(cluster_topic);
    struct txn_offset_commit_request_txn_offset_commit_request_partition *partition =
        WIRE_ARRAY(&arena, &topic->partitions, 1,
                   &txn_offset_commit_request_txn_offset_commit_request_partition_desc);
    ASSERT(partition);
    partition->committed_offset = hand->entry + 1;
    partition->committed_metadata = wire_str_from("");
    cluster_line_send(&hand->group, KAFKA_API_TXN_OFFSET_COMMIT,
                      hand->newer ? TXN_OFFSETS_ADDS_VERSION : TXN_OFFSETS_VERSION, &request,
                      hand_offsets_answered, hand);
    arena_close(&arena);
}

/* What the transaction.version is now, as a client asks that knows 2. */
static void hand_send_level(struct hand *hand)
{
    struct api_versions_request request;
    wire_defaults(&api_versions_request_desc, &request);
    request.client_software_name = request.client_software_version = wire_str_from("sim");
    cluster_line_send(&hand->coordinator, KAFKA_API_API_VERSIONS, TXN_LEVEL_VERSION, &request,
                      hand_level_answered, hand);
}

/* Sends the request of the step, when nothing has to be waited for. */
static void hand_pump(void *data)
{
    static void (*const sends[HAND_STEPS])(struct hand *) = {
        [HAND_FIND] = hand_send_find,       [HAND_INIT] = hand_send_init,
        [HAND_LEVEL] = hand_send_level,     [HAND_ADD] = hand_send_add,
        [HAND_WRITE] = hand_send_request,   [HAND_ADD_OFFSETS] = hand_send_add_offsets,
        [HAND_OFFSETS] = hand_send_offsets, [HAND_END] = hand_send_request};
    struct hand *hand = data;
    if (hand->in_flight || env_timer_running(&hand->pause))
        return;
    if (hand->step == HAND_ASLEEP)
        hand_wake(hand);
    struct cluster_line *line = hand_line(hand);
    if (hand->step == HAND_DONE || !line->usable || hand_sends_late(hand))
        return;
    sends[hand->step](hand);
    hand->in_flight = line->usable; /* else the line has moved on, and will be ready again */
}

/* ---- life ---- */

static void hand_init(struct cluster_txn *txn, int i, const int64_t *pause_ms)
{
    struct hand *hand = &txn->hands[i];
    hand->txn = txn;
    hand->id = i % TXN_IDS;
    hand->entry = -1;
    cluster_line_init(&hand->coordinator, txn->env, pause_ms, i % CLUSTER_NODES, hand_pump, hand);
    cluster_line_init(&hand->group, txn->env, pause_ms, i % CLUSTER_NODES, hand_pump, hand);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        cluster_line_init(&hand->leaders[p], txn->env, pause_ms, (i + p) % CLUSTER_NODES, hand_pump,
                          hand);
    env_timer_init(txn->env, &hand->pause, hand_pump, hand);
}

struct cluster_txn *cluster_txn_new(struct cluster *cluster, struct env *env,
                                    const int64_t *pause_ms, int32_t timeout_ms, bool late,
                                    struct cluster_book *book)
{
    struct cluster_txn *txn = mem_alloc(sizeof(*txn));
    txn->cluster = cluster;
    txn->env = env;
    txn->book = book;
    txn->timeout_ms = timeout_ms;
    txn->late = late ? cluster_late_new(cluster, env) : NULL;
    for (int i = 0; i < TXN_IDS * TXN_HANDS; i++)
        hand_init(txn, i, pause_ms);
    return txn;
}

void cluster_txn_free(struct cluster_txn *txn)
{
    if (!txn)
        return;
    cluster_txn_stop(txn);
    if (txn->late)
        cluster_late_free(txn->late);
    mem_free(txn);
}

/* The first hands at once, the others when they wake up. */
void cluster_txn_start(struct cluster_txn *txn)
{
    for (int i = 0; i < TXN_IDS * TXN_HANDS; i++) {
        struct hand *hand = &txn->hands[i];
        cluster_line_open(&hand->coordinator);
        cluster_line_open(&hand->group);
        for (int p = 0; p < CLUSTER_PARTITIONS; p++)
            cluster_line_open(&hand->leaders[p]);
        hand_pause(hand, i < TXN_IDS ? 0 : (int64_t)(env_random(txn->env) % TXN_SLEEP_MAX_MS));
    }
}

void cluster_txn_drain(struct cluster_txn *txn)
{
    txn->draining = true;
}

bool cluster_txn_idle(const struct cluster_txn *txn)
{
    for (int i = 0; i < TXN_IDS * TXN_HANDS; i++)
        if (txn->hands[i].step != HAND_DONE)
            return false;
    return !txn->late || cluster_late_idle(txn->late);
}

void cluster_txn_stop(struct cluster_txn *txn)
{
    for (int i = 0; i < TXN_IDS * TXN_HANDS; i++) {
        struct hand *hand = &txn->hands[i];
        cluster_line_close(&hand->coordinator);
        cluster_line_close(&hand->group);
        for (int p = 0; p < CLUSTER_PARTITIONS; p++)
            cluster_line_close(&hand->leaders[p]);
        env_timer_stop(&hand->pause);
    }
}

int64_t cluster_txn_ended(const struct cluster_txn *txn)
{
    return txn->ended;
}

const char *cluster_txn_problem(const struct cluster_txn *txn)
{
    return txn->problem;
}

void cluster_txn_tell(const struct cluster_txn *txn)
{
    for (int i = 0; i < TXN_IDS * TXN_HANDS; i++) {
        const struct hand *hand = &txn->hands[i];
        printf("# hand %d of %s: %s, %s, producer %lld epoch %d\n", i / TXN_IDS, hand_id(hand),
               hand_steps[hand->step].name, hand->in_flight ? "asked" : "waits",
               (long long)hand->producer_id, hand->epoch);
    }
}
