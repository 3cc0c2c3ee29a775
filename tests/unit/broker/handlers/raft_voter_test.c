/* AddRaftVoter, RemoveRaftVoter, UpdateRaftVoter, UnregisterController: what becomes of a request
 * on its way to the controller, and of the controller's word on the way back. */
#include "fixture.h"

#include "kafka/messages/add_raft_voter.h"
#include "kafka/messages/remove_raft_voter.h"
#include "kafka/messages/unregister_controller.h"
#include "kafka/messages/update_raft_voter.h"

static const struct uuid directory = {"directory-of-it"};

static bool says(const char *text)
{
    return strstr(buf_text(&fx->answer), text) != NULL;
}

static void answer(int err, const char *message)
{
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.message = (char *)(uintptr_t)message;
    fixture_answer(err, &reply);
    while (fx->answer.len == 0)
        fixture_turn();
}

static struct add_raft_voter_request *add_request(struct wire_str host)
{
    struct add_raft_voter_request *body = fixture_request(KAFKA_API_ADD_RAFT_VOTER, 1);
    CHECK(WIRE_ARRAY(&fx->request.arena, &body->listeners, 1,
                     &add_raft_voter_request_listener_desc) != NULL);
    body->cluster_id = WIRE_STR_NULL;
    body->voter_id = 7;
    body->voter_directory_id = directory;
    body->listeners.items[0].name = wire_str_from("CONTROLLER");
    body->listeners.items[0].host = host;
    body->listeners.items[0].port = 9093;
    return body;
}

/* The controller would see another host, and dial it. */
static void a_text_with_a_nul_is_refused(void)
{
    static const struct wire_str cut = {"good\0evil", 9};
    struct fixture f;
    fixture_open(&f);
    add_request(cut);
    handle_add_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42") && says("NUL"));
    add_request(wire_str_from("host"))->cluster_id = cut;
    handle_add_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42"));
    struct remove_raft_voter_request *remove = fixture_request(KAFKA_API_REMOVE_RAFT_VOTER, 0);
    remove->cluster_id = cut;
    handle_remove_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42"));
    fixture_close(&f);
}

static void a_voter_is_added(void)
{
    struct fixture f;
    fixture_open(&f);
    add_request(wire_str_from("host"));
    handle_add_raft_voter(&f.request);
    const Meta__AddVoter *sent = f.sent->command->add_voter;
    CHECK_STR(sent->voter->host, "host");
    CHECK_STR(sent->cluster_id, "");
    CHECK_INT(sent->voter->id, 7);
    CHECK_INT(sent->voter->port, 9093);
    answer(ERR_DUPLICATE_VOTER, "it votes");
    CHECK(says("\"errorCode\":126") && says("it votes"));
    fixture_close(&f);
}

static struct update_raft_voter_request *update_request(int32_t listeners)
{
    struct update_raft_voter_request *body = fixture_request(KAFKA_API_UPDATE_RAFT_VOTER, 0);
    CHECK(WIRE_ARRAY(&fx->request.arena, &body->listeners, listeners,
                     &update_raft_voter_request_listener_desc) != NULL);
    body->cluster_id = wire_str_from("cluster");
    body->current_leader_epoch = 5;
    body->voter_id = 7;
    body->voter_directory_id = directory;
    body->k_raft_version_feature.max_supported_version = 1;
    for (int32_t i = 0; i < listeners; i++) {
        body->listeners.items[i].name = wire_str_from("CONTROLLER");
        body->listeners.items[i].host = wire_str_from("host");
        body->listeners.items[i].port = 9093;
    }
    return body;
}

/* Others of the voter's listeners may come first; controllers don't reach it by them. */
static void the_listener_of_controllers_counts(void)
{
    struct fixture f;
    fixture_open(&f);
    struct add_raft_voter_request *add = add_request(wire_str_from("here"));
    CHECK(WIRE_ARRAY(&fx->request.arena, &add->listeners, 2,
                     &add_raft_voter_request_listener_desc) != NULL);
    add->listeners.items[0].name = wire_str_from("PLAINTEXT");
    add->listeners.items[0].host = wire_str_from("elsewhere");
    add->listeners.items[1].name = wire_str_from("controller");
    add->listeners.items[1].host = wire_str_from("here");
    add->listeners.items[1].port = 9093;
    handle_add_raft_voter(&f.request);
    CHECK_STR(f.sent->command->add_voter->voter->host, "here");
    answer(0, "");
    struct update_raft_voter_request *update = update_request(2);
    update->listeners.items[0].name = wire_str_from("PLAINTEXT");
    update->listeners.items[1].host = wire_str_from("there");
    handle_update_raft_voter(&f.request);
    CHECK_STR(f.sent->command->update_voter->voter->host, "there");
    answer(0, "");
    fixture_settings("broker.id=1\ncontroller.listener.names=QUORUM,CONTROLLER\n");
    add_request(wire_str_from("host"));
    handle_add_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42") && says("no listener QUORUM"));
    update_request(1);
    handle_update_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42"));
    fixture_close(&f);
}

/* Null means whichever cluster is asked; "" is given, and none has it. */
static void an_empty_cluster_id_is_of_another_cluster(void)
{
    struct fixture f;
    fixture_open(&f);
    add_request(wire_str_from("host"))->cluster_id = wire_str_from("");
    handle_add_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":104"));
    struct remove_raft_voter_request *remove = fixture_request(KAFKA_API_REMOVE_RAFT_VOTER, 0);
    remove->cluster_id = wire_str_from("");
    handle_remove_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":104"));
    update_request(1)->cluster_id = wire_str_from("");
    handle_update_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":104"));
    fixture_close(&f);
}

/* The answer names who leads: node 2 of the fixture's quorum. */
static void a_voter_is_updated(void)
{
    struct fixture f;
    fixture_open(&f);
    update_request(1);
    handle_update_raft_voter(&f.request);
    const Meta__UpdateVoter *sent = f.sent->command->update_voter;
    CHECK_INT(sent->leader_epoch, 5);
    CHECK_STR(sent->cluster_id, "cluster");
    CHECK_STR(sent->voter->host, "host");
    CHECK_INT(sent->voter->id, 7);
    CHECK_INT(sent->voter->directory_id.len, 16);
    answer(0, "");
    CHECK(says("\"errorCode\":0") && says("\"leaderId\":2,\"leaderEpoch\":6,\"host\":\"two\""));
    update_request(1);
    handle_update_raft_voter(&f.request);
    answer(ERR_FENCED_LEADER_EPOCH, "older");
    CHECK(says("\"errorCode\":74") && says("\"leaderId\":2,\"leaderEpoch\":6"));
    fixture_close(&f);
}

static void an_update_that_can_not_be_is_refused(void)
{
    struct fixture f;
    fixture_open(&f);
    update_request(0);
    handle_update_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42"));
    update_request(1)->k_raft_version_feature.max_supported_version = 0;
    handle_update_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42"));
    update_request(1)->k_raft_version_feature.min_supported_version = 2;
    handle_update_raft_voter(&f.request);
    CHECK(!f.sent && says("\"errorCode\":42"));
    fixture_close(&f);
}

static void a_controller_is_unregistered(void)
{
    struct fixture f;
    fixture_open(&f);
    struct unregister_controller_request *body =
        fixture_request(KAFKA_API_UNREGISTER_CONTROLLER, 0);
    body->controller_id = 7;
    handle_unregister_controller(&f.request);
    CHECK_INT(f.sent->command->unregister_controller->id, 7);
    answer(ERR_BROKER_ID_NOT_REGISTERED, "no such controller");
    CHECK(says("\"errorCode\":102") && says("no such controller"));
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(a_text_with_a_nul_is_refused), TAP_TEST(a_voter_is_added),
         TAP_TEST(the_listener_of_controllers_counts),
         TAP_TEST(an_empty_cluster_id_is_of_another_cluster), TAP_TEST(a_voter_is_updated),
         TAP_TEST(an_update_that_can_not_be_is_refused), TAP_TEST(a_controller_is_unregistered))
