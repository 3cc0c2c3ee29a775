/* SCRAM credentials, of which there are none: how they are told, and that none are taken. */
#include "fixture.h"

#include "kafka/messages/alter_user_scram_credentials.h"
#include "kafka/messages/describe_user_scram_credentials.h"

static void describe(const char *const *users, int32_t count, const char *answer)
{
    struct describe_user_scram_credentials_request *body =
        fixture_request(KAFKA_API_DESCRIBE_USER_SCRAM_CREDENTIALS, 0);
    body->users.count = -1;
    if (count >= 0)
        CHECK(WIRE_ARRAY(&fx->request.arena, &body->users, count,
                         &describe_user_scram_credentials_request_user_name_desc));
    for (int32_t i = 0; i < count; i++)
        body->users.items[i].name = wire_str_from(users[i]);
    handle_describe_user_scram_credentials(&fx->request);
    CHECK_STR(buf_text(&fx->answer), answer);
}

static void nobody_has_any(void)
{
    static const char *const two[] = {"alice", "bob"}, *const same[] = {"alice", "alice"};
    struct fixture f;
    fixture_open(&f);
    describe(NULL, -1,
             "{\"throttleTimeMs\":0,\"errorCode\":0,\"errorMessage\":null,\"results\":[]}");
    describe(two, 2,
             "{\"throttleTimeMs\":0,\"errorCode\":0,\"errorMessage\":null,\"results\":[{\"user\":"
             "\"alice\",\"errorCode\":91,\"errorMessage\":\"Attempt to describe a user credential "
             "that does not exist: alice\",\"credentialInfos\":[]},{\"user\":\"bob\",\"errorCode\":"
             "91,\"errorMessage\":\"Attempt to describe a user credential that does not exist: "
             "bob\",\"credentialInfos\":[]}]}");
    describe(same, 2,
             "{\"throttleTimeMs\":0,\"errorCode\":0,\"errorMessage\":null,\"results\":[{\"user\":"
             "\"alice\",\"errorCode\":92,\"errorMessage\":\"Cannot describe SCRAM credentials for "
             "the same user twice in a single request: alice\",\"credentialInfos\":[]}]}");
    fixture_close(&f);
}

static void none_is_taken(void)
{
    struct fixture f;
    fixture_open(&f);
    struct alter_user_scram_credentials_request *body =
        fixture_request(KAFKA_API_ALTER_USER_SCRAM_CREDENTIALS, 0);
    CHECK(WIRE_ARRAY(&f.request.arena, &body->upsertions, 1,
                     &alter_user_scram_credentials_request_scram_credential_upsertion_desc));
    CHECK(WIRE_ARRAY(&f.request.arena, &body->deletions, 2,
                     &alter_user_scram_credentials_request_scram_credential_deletion_desc));
    body->upsertions.items[0].name = wire_str_from("alice");
    body->deletions.items[0].name = wire_str_from("alice");
    body->deletions.items[1].name = wire_str_from("bob");
    handle_alter_user_scram_credentials(&f.request);
    CHECK_STR(buf_text(&f.answer),
              "{\"throttleTimeMs\":0,\"results\":[{\"user\":\"alice\",\"errorCode\":54,"
              "\"errorMessage\":\"SCRAM credentials can't be kept: authentication (SASL) is not "
              "available yet. Let only trusted hosts reach the listeners.\"},{\"user\":\"bob\","
              "\"errorCode\":91,\"errorMessage\":\"Attempt to delete a user credential that does "
              "not exist\"}]}");
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(nobody_has_any), TAP_TEST(none_is_taken))
