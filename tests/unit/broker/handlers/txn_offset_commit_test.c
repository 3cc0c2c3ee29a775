/* TxnOffsetCommit on its way to the group coordinator and back. */
#include "fixture.h"

#include "broker/group/group_manager.h"
#include "broker/txn/txn_verifier.h"
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

static int guard_err, guards;

int group_manager_guard(struct group_manager *manager, struct group_commit *commit)
{
    (void)manager;
    CHECK(commit->transactional);
    guards += !guard_err;
    return guard_err;
}

static bool outdated;

bool group_manager_is_outdated(const struct group_commit *commit)
{
    CHECK(commit->transactional);
    return outdated;
}

static int verdict; /* of the coordinator of the transaction */
static bool verifier_is_off;
static struct txn_verify asked;

bool txn_verifier_is_wanted(const struct txn_verifier *verifier)
{
    (void)verifier;
    return !verifier_is_off;
}

void txn_verifier_ask(struct txn_verifier *verifier, struct txn_verify *verify)
{
    (void)verifier;
    asked = *verify;
    CHECK(guards > 0); /* before it is asked */
    verify->asking(verify);
    CHECK_INT(guards, 2);
    CHECK_INT(verify->outdated(verify), outdated);
    verify->done(verify, verdict);
}

static const char *ask(int16_t version, int err)
{
    struct txn_offset_commit_request *body = fixture_request(KAFKA_API_TXN_OFFSET_COMMIT, version);
    answer_err = err;
    guards = 0;
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

/* Whether the group's partition is in the transaction: each version is told in its words. */
static void check_verdict(int16_t version, int err, int code)
{
    char text[32];
    snprintf(text, sizeof(text), "\"errorCode\":%d", code);
    verdict = err;
    version_seen = -1;
    CHECK(strstr(ask(version, 0), text));
    CHECK_INT(version_seen >= 0, err == 0);
    CHECK_INT(asked.add, version >= 5);
    CHECK(wire_str_is(asked.topic, "__consumer_offsets"));
    CHECK_INT(asked.producer.producer_id, 70);
    verdict = 0;
}

static void the_coordinator_of_the_transaction_is_asked(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_topic("__consumer_offsets", 50);
    for (int16_t version = 0; version <= 6; version++) {
        check_verdict(version, 0, 0);
        check_verdict(version, ERR_TRANSACTION_ABORTABLE, version < 4 ? 48 : 120);
        check_verdict(version, ERR_PRODUCER_FENCED, 47);
        check_verdict(version, ERR_INVALID_PRODUCER_ID_MAPPING, 49);
        check_verdict(version, ERR_CONCURRENT_TRANSACTIONS, version < 2 ? 15 : 14);
        check_verdict(version, ERR_RESET, version < 2 ? 15 : 14);
    }
    outdated = true; /* the verifier decides what that means */
    check_verdict(5, 0, 0);
    outdated = false;
    verifier_is_off = true;
    asked.topic = WIRE_STR_NULL;
    ask(4, 0);
    CHECK(wire_str_is_null(asked.topic));
    check_verdict(5, 0, 0); /* nobody else adds it */
    verifier_is_off = false;
    /* The transaction ended after the coordinator was asked. */
    CHECK(strstr(ask(3, ERR_INVALID_TXN_STATE), "\"errorCode\":48"));
    CHECK(strstr(ask(4, ERR_INVALID_TXN_STATE), "\"errorCode\":120"));
    /* The group is not led here: the group coordinator says so. */
    guard_err = ERR_NOT_COORDINATOR;
    asked.topic = WIRE_STR_NULL;
    CHECK(strstr(ask(4, ERR_NOT_COORDINATOR), "\"errorCode\":16"));
    CHECK(wire_str_is_null(asked.topic));
    guard_err = 0;
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(the_coordinator_of_the_transaction_is_asked), TAP_TEST(all_of_it_arrives),
         TAP_TEST(loading_is_not_available_at_first))
