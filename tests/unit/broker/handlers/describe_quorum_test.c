/* DescribeQuorum: what all is well looks like, and the directories of brokers that only watch. */
#include "fixture.h"

#include "kafka/messages/describe_quorum.h"

static void ask(int16_t version, int32_t partition)
{
    struct describe_quorum_request *body = fixture_request(KAFKA_API_DESCRIBE_QUORUM, version);
    struct arena *arena = &fx->request.arena;
    CHECK(WIRE_ARRAY(arena, &body->topics, 1, &describe_quorum_request_topic_data_desc) != NULL);
    body->topics.items[0].topic_name = wire_str_from("__cluster_metadata");
    CHECK(WIRE_ARRAY(arena, &body->topics.items[0].partitions, 1,
                     &describe_quorum_request_partition_data_desc) != NULL);
    body->topics.items[0].partitions.items[0].partition_index = partition;
    handle_describe_quorum(&fx->request);
}

static void answer(void)
{
    Meta__QuorumState__Replica voter = META__QUORUM_STATE__REPLICA__INIT, *voters[] = {&voter};
    Meta__QuorumState__Replica observer = voter, *observers[] = {&observer};
    Meta__QuorumState state = META__QUORUM_STATE__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    voter.id = 2;
    observer.id = 3;
    state.n_voters = state.n_observers = 1;
    state.voters = voters;
    state.observers = observers;
    reply.quorum = &state;
    fixture_answer(0, &reply);
    while (fx->answer.len == 0)
        fixture_turn();
}

static void all_is_well_has_no_sentence(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(3, false);
    ask(2, 0);
    answer();
    const char *text = buf_text(&f.answer);
    CHECK(strstr(text, "{\"errorCode\":0,\"errorMessage\":\"\",\"topics\""));
    CHECK(strstr(text, "\"partitionIndex\":0,\"errorCode\":0,\"errorMessage\":\"\""));
    ask(2, 1);
    CHECK(strstr(buf_text(&f.answer), "\"errorCode\":3,\"errorMessage\":\"This server does not "
                                      "host this topic-partition.\""));
    fixture_close(&f);
}

static void observers_have_directories(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_broker(3, false);
    ask(2, 0);
    answer();
    const char *text = buf_text(&f.answer);
    CHECK(strstr(text, "\"currentVoters\":[{\"replicaId\":2,\"replicaDirectoryId\":"
                       "\"AAAAAAAAAAAAAAAAAAAAAA\""));
    CHECK(strstr(text, "\"observers\":[{\"replicaId\":3,\"replicaDirectoryId\":"
                       "\"ZGlyAwAAAAAAAAAAAAAAAA\""));
    ask(1, 0);
    answer();
    CHECK(strstr(buf_text(&f.answer), "\"observers\":[{\"replicaId\":3,\"logEndOffset\""));
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(all_is_well_has_no_sentence), TAP_TEST(observers_have_directories))
