/* ListPartitionReassignments: no answer is older than its question. */
#include "fixture.h"

#include "kafka/messages/list_partition_reassignments.h"

static void ask(void)
{
    struct list_partition_reassignments_request *body =
        fixture_request(KAFKA_API_LIST_PARTITION_REASSIGNMENTS, 0);
    body->topics.count = -1;
    handle_list_partition_reassignments(&fx->request);
}

static void controller_is_at(int64_t index)
{
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.index = index;
    fixture_answer(0, &reply);
}

static void move_begins(void)
{
    int32_t ids[] = {1, 3, 4};
    struct image_partition record = {.leader = 1,
                                     .partition_epoch = 1,
                                     .replicas = {ids, 3},
                                     .isr = {ids, 2},
                                     .adding = {ids + 2, 1},
                                     .removing = {ids, 1}};
    feed_partition(fx->broker.metadata, "t", &record);
}

static void what_the_controller_knows_is_awaited(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("t", 2);
    ask();
    CHECK(f.sent != NULL);
    CHECK_INT(f.sent->command->body_case, META__COMMAND__BODY_DESCRIBE_QUORUM);
    CHECK_INT(f.timeout_ms, 4000);
    controller_is_at(metadata_index(f.broker.metadata) + 1); /* the move that this broker lacks */
    fixture_turn();
    CHECK_INT(f.answer.len, 0);
    move_begins();
    while (f.answer.len == 0)
        fixture_turn();
    CHECK(strstr(buf_text(&f.answer),
                 "\"errorCode\":0,\"errorMessage\":null,\"topics\":[{\"name\":\"t\",\"partitions\":"
                 "[{\"partitionIndex\":0,\"replicas\":[1,3,4],\"addingReplicas\":[4],"
                 "\"removingReplicas\":[1]}]}]") != NULL);
    fixture_close(&f);
}

/* Nobody is told that nothing moves. */
static void without_a_controller_there_is_an_error(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("t", 1);
    move_begins();
    ask();
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":7,") != NULL);
    CHECK(strstr(buf_text(&f.answer), "\"topics\":[]") != NULL);
    /* This node stops while it waits. */
    ask();
    controller_is_at(metadata_index(f.broker.metadata) + 1);
    metadata_end_waits(f.broker.metadata);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":8,") != NULL);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(what_the_controller_knows_is_awaited),
         TAP_TEST(without_a_controller_there_is_an_error))
