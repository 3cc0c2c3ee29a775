/* Metadata: topics named by id and by name, what an old client is told of dead brokers, whose
 * counts a topic gets that is made on the way, and what a broker says that has just started. */
#include "fixture.h"

#include "broker/handlers/known.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/metadata.h"

int64_t replica_manager_lost_ms(const struct replica_manager *manager, int32_t id)
{
    (void)manager;
    (void)id;
    return 0;
}

static bool current = true;

bool replica_manager_is_current(const struct replica_manager *manager)
{
    (void)manager;
    return current;
}

static const struct uuid foo_id = {.bytes = {'f', 'o', 'o'}};
static const struct uuid unknown_id = {.bytes = {'?'}};
static const struct uuid no_id = {.bytes = {0}};

static void cluster(struct fixture *f)
{
    fixture_open(f);
    fixture_add_broker(1, false);
    fixture_add_broker(3, false);
    fixture_add_topic("foo", 1);
}

/* One topic; NULL = a null name. */
static void begin(int16_t version, const struct uuid *id, const char *name, bool create)
{
    struct metadata_request *body = fixture_request(KAFKA_API_METADATA, version);
    CHECK(WIRE_ARRAY(&fx->request.arena, &body->topics, 1,
                     &metadata_request_metadata_request_topic_desc) != NULL);
    body->topics.items[0].topic_id = *id;
    body->topics.items[0].name = name ? wire_str_from(name) : WIRE_STR_NULL;
    body->allow_auto_topic_creation = create;
    known_handle(&fx->request, handle_metadata);
}

/* The answer waits for a few ms. */
static const char *ask(int16_t version, const struct uuid *id, const char *name, bool create)
{
    begin(version, id, name, create);
    while (fx->answer.len == 0 && !fx->failed && !fx->sent)
        fixture_turn();
    const char *topics = strstr(buf_text(&fx->answer), "\"topics\":");
    return topics ? topics : "";
}

static void check_found(int16_t version, const struct uuid *id, const char *name)
{
    CHECK(strstr(ask(version, id, name, false), "[{\"errorCode\":0,\"name\":\"foo\",\"topicId\":"));
}

static void check_absent(int16_t version, const struct uuid *id, const char *name, int err,
                         const char *told)
{
    char text[64];
    snprintf(text, sizeof(text), "[{\"errorCode\":%d,\"name\":%s,", err, told);
    const char *topics = ask(version, id, name, true);
    if (!strstr(topics, text))
        printf("# v%d %s: %s\n", version, name ? name : "null", topics);
    CHECK(strstr(topics, text) != NULL);
    CHECK(fx->sent == NULL); /* nothing is created */
}

static void with_an_id_the_name_does_not_count(void)
{
    struct fixture f;
    cluster(&f);
    for (int16_t version = 12; version <= 13; version++) {
        check_found(version, &foo_id, NULL);
        check_found(version, &foo_id, "");
        check_found(version, &foo_id, "wrong");
        check_found(version, &no_id, "foo");
        check_absent(version, &unknown_id, NULL, 100, "null");
        check_absent(version, &unknown_id, "", 100, "null");
        check_absent(version, &unknown_id, "foo", 100, "null");
        check_absent(version, &no_id, "", 17, "\"\"");
        check_absent(version, &no_id, NULL, -1, "\"\"");
    }
    fixture_close(&f);
}

static void ids_come_with_version_12(void)
{
    struct fixture f;
    cluster(&f);
    for (int16_t version = 10; version <= 11; version++) {
        check_absent(version, &foo_id, "foo", 42, "\"foo\"");
        check_absent(version, &unknown_id, NULL, 42, "\"\"");
        check_absent(version, &no_id, NULL, 42, "\"\"");
        check_found(version, &no_id, "foo");
    }
    fixture_close(&f);
}

static void an_internal_topic_is_internal_before_it_is_there(void)
{
    struct fixture f;
    cluster(&f);
    CHECK(strstr(ask(4, &no_id, "__consumer_offsets", true),
                 "[{\"errorCode\":3,\"name\":\"__consumer_offsets\",\"isInternal\":true,"));
    CHECK(strstr(ask(4, &no_id, "__share_group_state", true),
                 "[{\"errorCode\":3,\"name\":\"__share_group_state\",\"isInternal\":true,"));
    CHECK(fx->sent == NULL);
    fixture_close(&f);
}

static void version_0_leaves_out_dead_brokers(void)
{
    struct fixture f;
    cluster(&f);
    CHECK(strstr(ask(0, &no_id, "foo", false),
                 "\"partitions\":[{\"errorCode\":0,\"partitionIndex\":0,\"leaderId\":1,"
                 "\"replicaNodes\":[1,3],\"isrNodes\":[1]}]"));
    fixture_add_broker(3, true);
    CHECK(strstr(ask(0, &no_id, "foo", false),
                 "\"partitions\":[{\"errorCode\":9,\"partitionIndex\":0,\"leaderId\":1,"
                 "\"replicaNodes\":[1],\"isrNodes\":[1]}]"));
    CHECK(strstr(ask(1, &no_id, "foo", false),
                 "\"partitions\":[{\"errorCode\":0,\"partitionIndex\":0,\"leaderId\":1,"
                 "\"replicaNodes\":[1,3],\"isrNodes\":[1]}]"));
    fixture_close(&f);
}

static void check_created(int32_t partitions, int32_t replicas)
{
    (void)ask(4, &no_id, "new", true);
    CHECK(fx->sent != NULL);
    const Meta__CreateTopics__Topic *topic = fx->sent->command->create_topics->topics[0];
    CHECK_STR(topic->name, "new");
    CHECK_INT(topic->partitions, partitions);
    CHECK_INT(topic->replication_factor, replicas);
    fixture_answer(ERR_BROKER_NOT_AVAILABLE, NULL); /* no more is asked */
}

static void own_counts_are_those_of_the_file(void)
{
    struct fixture f;
    cluster(&f);
    check_created(-1, -1); /* the controller's */
    fixture_settings("broker.id=1\nnum.partitions=5\n");
    check_created(5, -1);
    fixture_settings("broker.id=1\nnum.partitions=5\ndefault.replication.factor=2\n");
    check_created(5, 2);
    fixture_close(&f);
}

/* Not even the topic that is there, and no answer without a broker in it. */
static void a_broker_that_starts_creates_nothing(void)
{
    struct fixture f;
    fixture_open(&f);
    current = false;
    begin(4, &no_id, "foo", true);
    CHECK(fx->sent == NULL);
    fixture_add_topic("foo", 1);
    fixture_add_broker(1, true);
    current = true;
    fixture_add_broker(3, true);
    CHECK(fx->sent == NULL && fx->answer.len == 0 && !fx->failed);
    fixture_add_broker(1, false);
    while (fx->answer.len == 0 && !fx->failed && !fx->sent)
        fixture_turn();
    CHECK(strstr(buf_text(&fx->answer), "\"brokers\":[{\"nodeId\":1,") != NULL);
    CHECK(strstr(buf_text(&fx->answer), "[{\"errorCode\":0,\"name\":\"foo\",") != NULL);
    CHECK(fx->sent == NULL);
    fixture_close(&f);
}

/* What was known when the creation began need not be when it ends. */
static void a_creation_ends_with_a_broker_to_name(void)
{
    struct fixture f;
    cluster(&f);
    begin(4, &no_id, "new", true);
    CHECK(fx->sent != NULL);
    fixture_add_broker(1, true);
    fixture_add_broker(3, true);
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    CHECK(fx->answer.len == 0 && !fx->failed);
    fixture_add_broker(1, false);
    CHECK(strstr(buf_text(&fx->answer), "\"brokers\":[{\"nodeId\":1,") != NULL);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_broker_that_starts_creates_nothing),
         TAP_TEST(a_creation_ends_with_a_broker_to_name),
         TAP_TEST(with_an_id_the_name_does_not_count), TAP_TEST(ids_come_with_version_12),
         TAP_TEST(an_internal_topic_is_internal_before_it_is_there),
         TAP_TEST(version_0_leaves_out_dead_brokers), TAP_TEST(own_counts_are_those_of_the_file))
