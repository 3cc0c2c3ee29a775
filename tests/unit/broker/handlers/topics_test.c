/* Topics: pages of DescribeTopicPartitions, and what CreateTopics and DeleteTopics send. */
#include "fixture.h"

#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_topic_partitions.h"

/* ---- DescribeTopicPartitions ---- */

static void describe(int32_t limit, const char *topic, int32_t partition)
{
    struct describe_topic_partitions_request *body =
        fixture_request(KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, 0);
    body->response_partition_limit = limit;
    if (topic) {
        body->cursor =
            wire_struct_new(&fx->request.arena, &describe_topic_partitions_request_cursor_desc);
        CHECK(body->cursor != NULL);
        body->cursor->topic_name = wire_str_from(topic);
        body->cursor->partition_index = partition;
    }
    handle_describe_topic_partitions(&fx->request);
    CHECK_INT(fx->failed, 0);
}

static int count(const char *word)
{
    int found = 0;
    for (const char *at = buf_text(&fx->answer); (at = strstr(at, word)); at++)
        found++;
    return found;
}

/* The next cursor of the answer; false at the end. */
static bool next(char topic[16], int32_t *partition)
{
    const char *at = strstr(buf_text(&fx->answer), "\"nextCursor\":");
    CHECK(at != NULL);
    return sscanf(at, "\"nextCursor\":{\"topicName\":\"%15[^\"]\",\"partitionIndex\":%d}", topic,
                  partition) == 2;
}

static void pages_cover_each_partition_once(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(1, false);
    fixture_add_topic("a", 3);
    fixture_add_topic("b", 1);
    fixture_add_topic("c", 5);
    for (int32_t limit = -1; limit <= 11; limit++) {
        int partitions = 0, pages = 0, most = limit > 0 ? limit : 1;
        char topic[16];
        int32_t partition;
        describe(limit, NULL, 0);
        for (;;) {
            int here = count("\"partitionIndex\":") - next(topic, &partition);
            CHECK(here <= most);
            partitions += here;
            pages++;
            if (!next(topic, &partition))
                break;
            describe(limit, topic, partition);
        }
        CHECK_INT(partitions, 9);
        CHECK_INT(pages, (9 + most - 1) / most);
    }
    fixture_close(&f);
}

static void a_cursor_of_a_topic_that_went_starts_at_the_next(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(1, false);
    fixture_add_topic("a", 2);
    fixture_add_topic("c", 2);
    describe(10, "b", 7);
    CHECK(!strstr(buf_text(&f.answer), "\"name\":\"a\""));
    CHECK_INT(count("\"partitionIndex\":"), 2);
    describe(10, "c", 7);
    CHECK_INT(count("\"partitionIndex\":"), 0);
    fixture_close(&f);
}

static void a_cursor_below_all_partitions_is_refused(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("a", 2);
    describe(10, "a", -1);
    CHECK_INT(count("\"partitionIndex\""), 0);
    CHECK(strstr(buf_text(&f.answer), "\"topics\":[],\"nextCursor\":null"));
    struct describe_topic_partitions_request *body =
        fixture_request(KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, 0);
    CHECK(WIRE_ARRAY(&f.request.arena, &body->topics, 1,
                     &describe_topic_partitions_request_topic_request_desc) != NULL);
    body->topics.items[0].name = wire_str_from("a");
    body->cursor =
        wire_struct_new(&f.request.arena, &describe_topic_partitions_request_cursor_desc);
    CHECK(body->cursor != NULL);
    body->cursor->partition_index = -1;
    handle_describe_topic_partitions(&f.request);
    CHECK(strstr(buf_text(&f.answer), "[{\"errorCode\":42,\"name\":\"a\""));
    fixture_close(&f);
}

static void a_partition_is_told_as_it_is(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(1, false);
    fixture_add_broker(3, true);
    fixture_add_topic("a", 1);
    describe(10, NULL, 0);
    CHECK(strstr(buf_text(&f.answer),
                 "{\"errorCode\":0,\"partitionIndex\":0,\"leaderId\":1,\"leaderEpoch\":0,"
                 "\"replicaNodes\":[1,3],\"isrNodes\":[1],\"eligibleLeaderReplicas\":[],"
                 "\"lastKnownElr\":[],\"offlineReplicas\":[3]}"));
    int32_t replicas[] = {1, 3, 4};
    struct image_partition record = {.leader = 1,
                                     .partition_epoch = 1,
                                     .replicas = {replicas, 3},
                                     .isr = {replicas, 1},
                                     .elr = {replicas + 1, 1},
                                     .last_known_elr = {replicas + 2, 1}};
    feed_partition(fx->broker.metadata, "a", &record);
    describe(10, NULL, 0);
    CHECK(strstr(buf_text(&f.answer), "\"isrNodes\":[1],\"eligibleLeaderReplicas\":[3],"
                                      "\"lastKnownElr\":[4],"));
    fixture_add_broker(1, true);
    describe(10, NULL, 0);
    CHECK(strstr(buf_text(&f.answer), "{\"errorCode\":5,\"partitionIndex\":0,\"leaderId\":-1"));
    fixture_close(&f);
}

/* ---- CreateTopics ---- */

static void create(int16_t version, const struct wire_str *names, int32_t asked)
{
    struct create_topics_request *body = fixture_request(KAFKA_API_CREATE_TOPICS, version);
    CHECK(WIRE_ARRAY(&fx->request.arena, &body->topics, asked,
                     &create_topics_request_creatable_topic_desc) != NULL);
    for (int32_t i = 0; i < asked; i++) {
        body->topics.items[i].name = names[i];
        body->topics.items[i].num_partitions = 2;
        body->topics.items[i].replication_factor = 1;
    }
    handle_create_topics(&fx->request);
}

static void names_that_stand_twice_are_not_sent(void)
{
    struct fixture f;
    const struct wire_str names[] = {wire_str_from("x"), wire_str_from("y"), wire_str_from("x"),
                                     wire_str_of("n\0l", 3), wire_str_from("z")};
    fixture_open(&f);
    create(7, names, 5);
    const Meta__CreateTopics *sent = f.sent->command->create_topics;
    CHECK_INT(sent->n_topics, 2);
    CHECK_STR(sent->topics[0]->name, "y");
    CHECK_STR(sent->topics[1]->name, "z");
    Meta__TopicResult y = META__TOPIC_RESULT__INIT, z = META__TOPIC_RESULT__INIT;
    Meta__TopicResult *results[] = {&y, &z};
    char text[] = "Topic 'z' already exists.";
    uint8_t id[16] = {1, 2, 3};
    y.partitions = 2;
    y.replication_factor = 1;
    y.id = (ProtobufCBinaryData){sizeof(id), id};
    z.error = err_to_wire(ERR_TOPIC_ALREADY_EXISTS);
    z.message = text;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.topics = results;
    reply.n_topics = 2;
    fixture_answer(0, &reply);
    fixture_turn();
    CHECK_INT(count("\"name\":\"x\""), 1);
    CHECK(
        strstr(buf_text(&f.answer), "\"errorCode\":42,\"errorMessage\":\"Duplicate topic name.\""));
    CHECK(strstr(buf_text(&f.answer), "{\"name\":\"y\",\"topicId\":\"AQIDAAAAAAAAAAAAAAAAAA\","
                                      "\"errorCode\":0,\"errorMessage\":null,\"numPartitions\":2,"
                                      "\"replicationFactor\":1,\"configs\":[{"));
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":17,\"errorMessage\":\"Topic name is invalid"));
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":36,\"errorMessage\":\"Topic 'z' already "
                                      "exists.\",\"numPartitions\":-1,\"replicationFactor\":-1,"
                                      "\"configs\":null"));
    fixture_close(&f);
}

/* A new topic is told with the controller's settings: the file here says other things. */
static void the_controllers_settings_are_told(void)
{
    struct fixture f;
    const struct wire_str names[] = {wire_str_from("x")};
    char keys[][20] = {"retention.ms", "flush.messages", "segment.bytes", "of.tomorrow"};
    char values[][20] = {"172800001", "9", "1048576", "1"};
    Meta__TopicDefault told[4], *list[4];
    Meta__TopicResult result = META__TOPIC_RESULT__INIT, *results[] = {&result};
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        meta__topic_default__init(&told[i]);
        told[i].key = keys[i];
        told[i].value = values[i];
        told[i].from_file = i == 0;
        list[i] = &told[i];
    }
    reply.topics = results;
    reply.n_topics = 1;
    reply.topic_defaults = list;
    reply.n_topic_defaults = ARRAY_LEN(told);
    fixture_open(&f);
    fixture_set(META__CONFIG_RECORD__RESOURCE__BROKER, "", "log.segment.bytes", "02000000");
    fixture_set(META__CONFIG_RECORD__RESOURCE__BROKER, "1", "log.segment.bytes", "3000000");
    create(7, names, 1);
    fixture_answer(0, &reply);
    while (f.answer.len == 0)
        fixture_turn();
    const char *answer = buf_text(&f.answer);
    CHECK(strstr(answer, "{\"name\":\"retention.ms\",\"value\":\"172800001\",\"readOnly\":false,"
                         "\"configSource\":4"));
    CHECK(strstr(answer, "{\"name\":\"flush.messages\",\"value\":\"9\",\"readOnly\":false,"
                         "\"configSource\":5"));
    CHECK(strstr(answer, "{\"name\":\"segment.bytes\",\"value\":\"02000000\",\"readOnly\":false,"
                         "\"configSource\":3"));
    CHECK(strstr(answer, "\"cleanup.policy\",\"value\":\"delete\"")); /* it said nothing of it */
    CHECK(!strstr(answer, "of.tomorrow"));
    fixture_close(&f);
}

static void every_version_is_answered(void)
{
    struct fixture f;
    const struct wire_str names[] = {wire_str_from("x")};
    fixture_open(&f);
    for (int16_t version = 0; version <= 7; version++) {
        create(version, names, 1);
        fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
        CHECK(strstr(buf_text(&f.answer), "\"errorCode\":7"));
        create(version, names, 0);
        CHECK(strstr(buf_text(&f.answer), "\"topics\":[]"));
    }
    fixture_close(&f);
}

/* ---- DeleteTopics ---- */

static void topics_are_deleted_by_name_or_id(void)
{
    struct fixture f;
    fixture_open(&f);
    struct delete_topics_request *body = fixture_request(KAFKA_API_DELETE_TOPICS, 6);
    CHECK(WIRE_ARRAY(&f.request.arena, &body->topics, 4,
                     &delete_topics_request_delete_topic_state_desc) != NULL);
    body->topics.items[0].name = wire_str_from("x");
    body->topics.items[1].topic_id.bytes[0] = 9;
    body->topics.items[2].name = wire_str_from("both");
    body->topics.items[2].topic_id.bytes[0] = 8;
    handle_delete_topics(&f.request);
    const Meta__DeleteTopics *sent = f.sent->command->delete_topics;
    CHECK_INT(sent->n_topics, 2);
    CHECK_STR(sent->topics[0]->name, "x");
    CHECK_INT(sent->topics[0]->id.len, 0);
    CHECK_STR(sent->topics[1]->name, "");
    CHECK_INT(sent->topics[1]->id.data[0], 9);
    Meta__TopicResult x = META__TOPIC_RESULT__INIT, nine = META__TOPIC_RESULT__INIT;
    Meta__TopicResult *results[] = {&x, &nine};
    char name[] = "nine";
    nine.name = name;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.topics = results;
    reply.n_topics = 2;
    fixture_answer(0, &reply);
    fixture_turn();
    CHECK_INT(count("\"errorCode\":0,"), 2);
    CHECK(strstr(buf_text(&f.answer), "{\"name\":\"nine\",\"topicId\":\"CQAAAAAAAAAAAAAAAAAAAA\""));
    CHECK(strstr(buf_text(&f.answer), "You may not specify both topic name and topic id."));
    CHECK(strstr(buf_text(&f.answer), "Neither topic name nor id were specified."));
    fixture_close(&f);
}

static void a_topic_named_twice_stays(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("known", 1);
    struct delete_topics_request *body = fixture_request(KAFKA_API_DELETE_TOPICS, 6);
    CHECK(WIRE_ARRAY(&f.request.arena, &body->topics, 2,
                     &delete_topics_request_delete_topic_state_desc) != NULL);
    body->topics.items[0].name = wire_str_from("known");
    memcpy(body->topics.items[1].topic_id.bytes, "known", 6); /* as the fixture makes ids */
    handle_delete_topics(&f.request);
    CHECK(f.sent == NULL);
    CHECK_INT(
        count("\"errorCode\":42,\"errorMessage\":\"The provided topic name maps to an ID that "
              "was already supplied.\""),
        2);
    fixture_close(&f);
}

/* The command may be sent again when another topic has the name. */
static void a_name_becomes_an_id_at_once(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("known", 1);
    struct delete_topics_request *body = fixture_request(KAFKA_API_DELETE_TOPICS, 6);
    CHECK(WIRE_ARRAY(&f.request.arena, &body->topics, 1,
                     &delete_topics_request_delete_topic_state_desc) != NULL);
    body->topics.items[0].name = wire_str_from("known");
    handle_delete_topics(&f.request);
    const Meta__DeleteTopics *sent = f.sent->command->delete_topics;
    CHECK_INT(sent->n_topics, 1);
    CHECK_STR(sent->topics[0]->name, "");
    CHECK_INT(sent->topics[0]->id.len, 16);
    CHECK(memcmp(sent->topics[0]->id.data, "known", 6) == 0);
    Meta__TopicResult result = META__TOPIC_RESULT__INIT, *results[] = {&result};
    result.error = err_to_wire(ERR_UNKNOWN_TOPIC_ID);
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.topics = results;
    reply.n_topics = 1;
    fixture_answer(0, &reply);
    fixture_turn();
    CHECK(strstr(buf_text(&f.answer), "\"name\":\"known\""));
    CHECK_INT(count("\"errorCode\":3,"), 1); /* UNKNOWN_TOPIC_OR_PARTITION: it was asked by name */
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(pages_cover_each_partition_once),
         TAP_TEST(a_cursor_of_a_topic_that_went_starts_at_the_next),
         TAP_TEST(a_partition_is_told_as_it_is), TAP_TEST(names_that_stand_twice_are_not_sent),
         TAP_TEST(the_controllers_settings_are_told), TAP_TEST(every_version_is_answered),
         TAP_TEST(topics_are_deleted_by_name_or_id), TAP_TEST(a_name_becomes_an_id_at_once),
         TAP_TEST(a_topic_named_twice_stays), TAP_TEST(a_cursor_below_all_partitions_is_refused))
