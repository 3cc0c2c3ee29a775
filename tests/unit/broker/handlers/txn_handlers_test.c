/* The APIs of transactions: what of a request gets to the coordinator, and how each version is told
 * what it said. */
#include "fixture.h"

#include "broker/cluster/producer_ids.h"
#include "broker/txn/txn_manager.h"
#include "kafka/messages/add_offsets_to_txn.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/end_txn.h"

/* ---- the coordinator ---- */

static struct {
    int err;  /* that it answers */
    int adds; /* partitions that were asked for, in all */
    int ends;
    int verifies;
    bool commit;
    bool bumps;
    bool later; /* the answer comes later */
    struct txn_add *add;
    struct txn_add *question;
    int64_t opened_us;
    struct txn_producer producer;
    char topic[64];
    int32_t partition;
} asked;

void txn_manager_add(struct txn_manager *manager, struct txn_add *add)
{
    (void)manager;
    for (int32_t i = 0; i < add->topic_count; i++)
        asked.adds += add->topics[i].partitions.count;
    asked.producer = add->producer;
    snprintf(asked.topic, sizeof(asked.topic), "%.*s", WIRE_STR_ARGS(add->topics[0].name));
    asked.partition = add->topics[0].partitions.items[0];
    asked.add = add;
    asked.opened_us = add->opened_us;
    if (!asked.later)
        add->done(add, asked.err);
}

void txn_manager_verify(struct txn_manager *manager, struct txn_add *add)
{
    (void)manager;
    asked.producer = add->producer;
    asked.question = add;
    if (!asked.later)
        add->verified(add, NULL, 0);
}

int txn_verify_partition(const struct txn *txn, struct wire_str topic, int32_t partition)
{
    (void)txn;
    (void)topic;
    asked.verifies++;
    return partition == 1 ? asked.err : 0;
}

void txn_manager_end(struct txn_manager *manager, struct txn_end *end)
{
    (void)manager;
    asked.ends++;
    asked.producer = end->producer;
    asked.commit = end->commit;
    asked.bumps = end->bumps;
    asked.opened_us = end->opened_us;
    end->new_producer_id = 8;
    end->new_epoch = 3;
    end->done(end, asked.err);
}

/* ---- the world ---- */

static void open_world(struct fixture *f)
{
    memset(&asked, 0, sizeof(asked));
    fixture_open(f);
    f->broker.txns = (struct txn_manager *)&asked; /* nobody looks into it */
    fixture_add_topic("t", 2);
}

static bool told(const char *text)
{
    return strstr(buf_text(&fx->answer), text) != NULL;
}

static int code(int err, const char *name, char *text, size_t size)
{
    return snprintf(text, size, "\"%s\":%d", name, err_to_wire(err));
}

#define CHECK_TOLD(name, err)                                                                      \
    do {                                                                                           \
        char text_[64];                                                                            \
        code(err, name, text_, sizeof(text_));                                                     \
        CHECK(told(text_));                                                                        \
    } while (0)

/* ---- AddPartitionsToTxn ---- */

typedef struct add_partitions_to_txn_request_add_partitions_to_txn_topic named_topic;

static int32_t both[] = {0, 1};

static void name_topic(named_topic *topic, const char *name)
{
    topic->name = wire_str_from(name);
    topic->partitions.items = both;
    topic->partitions.count = 2;
}

static struct add_partitions_to_txn_request *add_request(int16_t version, named_topic *topics,
                                                         int32_t count)
{
    struct add_partitions_to_txn_request *body =
        fixture_request(KAFKA_API_ADD_PARTITIONS_TO_TXN, version);
    body->v3_and_below_transactional_id = wire_str_from("a");
    body->v3_and_below_producer_id = 7;
    body->v3_and_below_producer_epoch = 2;
    body->v3_and_below_topics.items = topics;
    body->v3_and_below_topics.count = count;
    return body;
}

static void partitions_are_added(void)
{
    struct fixture f;
    named_topic topic;
    open_world(&f);
    name_topic(&topic, "t");
    for (int16_t version = 0; version <= 3; version++) {
        asked.adds = 0;
        f.opened_us = 42;
        add_request(version, &topic, 1);
        handle_add_partitions_to_txn(&fx->request);
        CHECK_INT(asked.opened_us, 42);
        CHECK_INT(asked.adds, 2);
        CHECK(wire_str_is(asked.producer.id, "a"));
        CHECK_INT(asked.producer.producer_id, 7);
        CHECK_INT(asked.producer.epoch, 2);
        CHECK(told("\"partitionIndex\":0,\"partitionErrorCode\":0"));
        CHECK(told("\"partitionIndex\":1,\"partitionErrorCode\":0"));
    }
    fixture_close(&f);
}

static void versions_know_their_errors(void)
{
    struct fixture f;
    named_topic topic;
    open_world(&f);
    name_topic(&topic, "t");
    asked.err = ERR_PRODUCER_FENCED;
    for (int16_t version = 0; version <= 3; version++) {
        add_request(version, &topic, 1);
        handle_add_partitions_to_txn(&fx->request);
        CHECK_TOLD("partitionErrorCode",
                   version < 2 ? ERR_INVALID_PRODUCER_EPOCH : ERR_PRODUCER_FENCED);
    }
    fixture_close(&f);
}

/* One that can't be added keeps the others out. */
static void all_or_none_is_added(void)
{
    const char *const wrong[] = {"none", "__consumer_offsets", "__transaction_state"};
    struct fixture f;
    named_topic topics[2];
    open_world(&f);
    fixture_add_topic("__consumer_offsets", 2);
    fixture_add_topic("__transaction_state", 2);
    name_topic(&topics[0], "t");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        name_topic(&topics[1], wrong[i]);
        add_request(3, topics, 2);
        handle_add_partitions_to_txn(&fx->request);
        CHECK_TOLD("partitionErrorCode", ERR_OPERATION_NOT_ATTEMPTED);
        CHECK_TOLD("partitionErrorCode",
                   i == 0 ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_INVALID_TOPIC_EXCEPTION);
    }
    CHECK_INT(asked.adds, 0);
    fixture_close(&f);
}

/* Two transactions of one request, one to be verified and one to be added. */
static void check_batched(int16_t version, int err, int told_err)
{
    struct fixture f;
    named_topic topic;
    struct add_partitions_to_txn_request_add_partitions_to_txn_transaction txns[2];
    open_world(&f);
    name_topic(&topic, "t");
    for (int i = 0; i < 2; i++) {
        wire_defaults(&add_partitions_to_txn_request_add_partitions_to_txn_transaction_desc,
                      &txns[i]);
        txns[i].transactional_id = wire_str_from(i ? "b" : "a");
        txns[i].verify_only = i == 0;
        txns[i].topics.items = &topic;
        txns[i].topics.count = 1;
    }
    struct add_partitions_to_txn_request *body =
        fixture_request(KAFKA_API_ADD_PARTITIONS_TO_TXN, version);
    body->transactions.items = txns;
    body->transactions.count = 2;
    asked.err = err;
    asked.later = true;
    f.opened_us = 42;
    handle_add_partitions_to_txn(&fx->request);
    CHECK_INT(asked.verifies, 0);
    asked.question->verified(asked.question, NULL, 0);
    CHECK_STR(buf_text(&f.answer), ""); /* one is on its way */
    CHECK_INT(asked.opened_us, 0);      /* it is another broker's connection */
    CHECK_INT(asked.verifies, 2);
    asked.add->done(asked.add, 0);
    CHECK(told("\"transactionalId\":\"a\""));
    CHECK(told("\"transactionalId\":\"b\""));
    CHECK(told("\"partitionIndex\":0,\"partitionErrorCode\":0"));
    CHECK_TOLD("partitionErrorCode", told_err);
    fixture_close(&f);
}

static void brokers_ask_for_many(void)
{
    check_batched(4, ERR_TRANSACTION_ABORTABLE, ERR_INVALID_TXN_STATE);
    check_batched(5, ERR_TRANSACTION_ABORTABLE, ERR_TRANSACTION_ABORTABLE);
    check_batched(5, ERR_PRODUCER_FENCED, ERR_PRODUCER_FENCED);
    check_batched(4, 0, 0);
}

/* What would hold the loop for long is refused before anything is looked up. */
static void a_request_names_so_many_partitions(void)
{
    static int32_t indexes[60000];
    struct fixture f;
    open_world(&f);
    struct add_partitions_to_txn_request_add_partitions_to_txn_topic topic = {
        .name = wire_str_from("t"), .partitions = {60000, indexes}};
    struct add_partitions_to_txn_request *body =
        fixture_request(KAFKA_API_ADD_PARTITIONS_TO_TXN, 3);
    body->v3_and_below_transactional_id = wire_str_from("a");
    body->v3_and_below_topics.items = &topic;
    body->v3_and_below_topics.count = 1;
    handle_add_partitions_to_txn(&fx->request);
    CHECK_INT(f.failed, ERR_NO_MEMORY);
    CHECK_INT(asked.adds, 0);
    fixture_close(&f);
}

/* ---- AddOffsetsToTxn ---- */

static void add_offsets(int16_t version, const char *group)
{
    struct add_offsets_to_txn_request *body =
        fixture_request(KAFKA_API_ADD_OFFSETS_TO_TXN, version);
    body->transactional_id = wire_str_from("a");
    body->producer_id = 7;
    body->producer_epoch = 2;
    body->group_id = wire_str_from(group);
    handle_add_offsets_to_txn(&fx->request);
}

static void the_partition_of_a_group_is_added(void)
{
    struct fixture f;
    open_world(&f);
    fixture_add_topic("__consumer_offsets", 50);
    f.opened_us = 42;
    add_offsets(3, "group-1");
    CHECK_INT(asked.opened_us, 42);
    CHECK_STR(asked.topic, "__consumer_offsets");
    CHECK_INT(asked.partition, 49);
    CHECK(told("\"errorCode\":0"));
    asked.err = ERR_PRODUCER_FENCED;
    add_offsets(1, "group-1");
    CHECK_TOLD("errorCode", ERR_INVALID_PRODUCER_EPOCH);
    add_offsets(2, "group-1");
    CHECK_TOLD("errorCode", ERR_PRODUCER_FENCED);
    fixture_close(&f);
}

/* A transaction may come before the group: the topic is made, and may be refused. */
static void the_topic_of_groups_is_made(void)
{
    struct fixture f;
    open_world(&f);
    fixture_add_broker(1, false); /* the topic has three replicas */
    fixture_add_broker(3, false);
    add_offsets(3, "g");
    CHECK_STR(buf_text(&f.answer), "");
    CHECK(f.sent != NULL);
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    CHECK_TOLD("errorCode", ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(asked.adds, 0);
    fixture_close(&f);
}

/* What waited for the topic is called once more when the broker ends. */
static void a_broker_that_ends_adds_nothing(void)
{
    struct fixture f;
    open_world(&f);
    fixture_add_topic("__consumer_offsets", 50);
    f.broker.txns = NULL;
    add_offsets(3, "g");
    CHECK_TOLD("errorCode", ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(asked.adds, 0);
    fixture_close(&f);
}

/* ---- EndTxn ---- */

static void a_transaction_is_ended(void)
{
    struct fixture f;
    open_world(&f);
    for (int16_t version = 0; version <= 4; version++) {
        struct end_txn_request *body = fixture_request(KAFKA_API_END_TXN, version);
        body->transactional_id = wire_str_from("a");
        body->producer_id = 7;
        body->producer_epoch = 2;
        body->committed = version % 2;
        asked.err = version == 4 ? 0 : ERR_PRODUCER_FENCED;
        handle_end_txn(&fx->request);
        CHECK_INT(asked.commit, version % 2);
        CHECK_INT(asked.producer.producer_id, 7);
        CHECK_TOLD("errorCode", version == 4  ? 0
                                : version < 2 ? ERR_INVALID_PRODUCER_EPOCH
                                              : ERR_PRODUCER_FENCED);
    }
    CHECK_INT(asked.ends, 5);
    CHECK(!asked.bumps);
    fixture_close(&f);
}

/* From v5 on the answer says as whom the producer goes on. */
static void an_end_says_who_goes_on(void)
{
    struct fixture f;
    open_world(&f);
    for (int err = 0; err <= 1; err++) {
        struct end_txn_request *body = fixture_request(KAFKA_API_END_TXN, 5);
        body->transactional_id = wire_str_from("a");
        asked.err = err ? ERR_PRODUCER_FENCED : 0;
        handle_end_txn(&fx->request);
        CHECK(asked.bumps);
        CHECK(told(err ? "\"errorCode\":90,\"producerId\":-1,\"producerEpoch\":-1"
                       : "\"errorCode\":0,\"producerId\":8,\"producerEpoch\":3"));
    }
    fixture_close(&f);
}

/* The coordinator hears how old the producer's connection is; one whose end came late is closed. */
static void a_late_end_is_not_answered(void)
{
    struct fixture f;
    open_world(&f);
    fixture_request(KAFKA_API_END_TXN, 3);
    f.opened_us = 42;
    asked.err = ERR_CAME_LATE;
    handle_end_txn(&fx->request);
    CHECK_INT(asked.opened_us, 42);
    CHECK_INT(f.failed, ERR_CAME_LATE);
    CHECK_INT((int)f.answer.len, 0);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_late_end_is_not_answered), TAP_TEST(partitions_are_added),
         TAP_TEST(versions_know_their_errors), TAP_TEST(all_or_none_is_added),
         TAP_TEST(brokers_ask_for_many), TAP_TEST(a_request_names_so_many_partitions),
         TAP_TEST(the_partition_of_a_group_is_added), TAP_TEST(the_topic_of_groups_is_made),
         TAP_TEST(a_broker_that_ends_adds_nothing), TAP_TEST(a_transaction_is_ended),
         TAP_TEST(an_end_says_who_goes_on))
