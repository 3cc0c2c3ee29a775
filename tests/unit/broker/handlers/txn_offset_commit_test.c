/* TxnOffsetCommit on its way to the group coordinator and back. */
#include "fixture.h"

#include "broker/group/group_manager.h"
#include "kafka/messages/txn_offset_commit.h"

static int answer_err; /* of each partition */
static int16_t version_seen;
static struct wire_str member_seen;

void group_manager_commit(struct group_manager *manager, struct group_commit *commit)
{
    const struct offset_commit_request *request = commit->request;
    (void)manager;
    CHECK(commit->transactional);
    CHECK_INT(commit->producer_id, 70);
    CHECK_INT(commit->producer_epoch, 3);
    CHECK_INT(request->topics.count, 1);
    CHECK_INT(request->topics.items[0].partitions.items[0].partition_index, 5);
    CHECK_INT(request->topics.items[0].partitions.items[0].committed_offset, 900);
    CHECK_INT(request->topics.items[0].partitions.items[0].committed_leader_epoch, 4);
    CHECK_INT(request->retention_time_ms, -1);
    CHECK_INT(request->generation_id_or_member_epoch, 6);
    CHECK(wire_str_is(request->group_id, "g"));
    version_seen = commit->version;
    member_seen = request->member_id;
    wire_defaults(&offset_commit_response_desc, &commit->response);
    struct offset_commit_response_offset_commit_response_topic *topic =
        WIRE_ARRAY(commit->arena, &commit->response.topics, 1,
                   &offset_commit_response_offset_commit_response_topic_desc);
    topic->name = request->topics.items[0].name;
    topic->topic_id = request->topics.items[0].topic_id;
    struct offset_commit_response_offset_commit_response_partition *partition =
        WIRE_ARRAY(commit->arena, &topic->partitions, 1,
                   &offset_commit_response_offset_commit_response_partition_desc);
    partition->partition_index = 5;
    partition->error_code = err_to_wire(answer_err);
    commit->done(commit);
}

static const char *ask(int16_t version, int err)
{
    struct txn_offset_commit_request *body = fixture_request(KAFKA_API_TXN_OFFSET_COMMIT, version);
    answer_err = err;
    body->group_id = wire_str_from("g");
    body->producer_id = 70;
    body->producer_epoch = 3;
    body->generation_id_or_member_epoch = 6;
    body->member_id = wire_str_from("m");
    struct txn_offset_commit_request_txn_offset_commit_request_topic *topic =
        WIRE_ARRAY(&fx->request.arena, &body->topics, 1,
                   &txn_offset_commit_request_txn_offset_commit_request_topic_desc);
    topic->name = wire_str_from("t");
    struct txn_offset_commit_request_txn_offset_commit_request_partition *partition =
        WIRE_ARRAY(&fx->request.arena, &topic->partitions, 1,
                   &txn_offset_commit_request_txn_offset_commit_request_partition_desc);
    partition->partition_index = 5;
    partition->committed_offset = 900;
    partition->committed_leader_epoch = 4;
    handle_txn_offset_commit(&fx->request);
    return buf_text(&fx->answer);
}

static void all_of_it_arrives(void)
{
    struct fixture f;
    fixture_open(&f);
    for (int16_t version = 0; version <= 6; version++) {
        CHECK(strstr(ask(version, 0), "\"partitionIndex\":5,\"errorCode\":0"));
        CHECK_INT(version_seen,
                  version < 6 ? GROUP_TXN_COMMIT_VERSION : GROUP_TXN_COMMIT_IDS_VERSION);
        CHECK(wire_str_is(member_seen, "m"));
        CHECK(strstr(ask(version, ERR_ILLEGAL_GENERATION), "\"errorCode\":22"));
    }
    fixture_close(&f);
}

/* The oldest producers give up when they hear of a load. */
static void loading_is_not_available_at_first(void)
{
    struct fixture f;
    fixture_open(&f);
    CHECK(strstr(ask(0, ERR_COORDINATOR_LOAD_IN_PROGRESS), "\"errorCode\":15"));
    CHECK(strstr(ask(1, ERR_COORDINATOR_LOAD_IN_PROGRESS), "\"errorCode\":15"));
    CHECK(strstr(ask(2, ERR_COORDINATOR_LOAD_IN_PROGRESS), "\"errorCode\":14"));
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(all_of_it_arrives), TAP_TEST(loading_is_not_available_at_first))
