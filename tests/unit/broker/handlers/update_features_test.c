/* UpdateFeatures as a command for the controller, and what ApiVersions tells after it. */
#include "fixture.h"

#include "kafka/messages/update_features.h"

static struct update_features_request *ask(int16_t version, const char *name, int16_t level)
{
    struct update_features_request *body = fixture_request(KAFKA_API_UPDATE_FEATURES, version);
    struct update_features_request_feature_update_key *key =
        WIRE_ARRAY(&fx->request.arena, &body->feature_updates, 1,
                   &update_features_request_feature_update_key_desc);
    key->feature = wire_str_from(name);
    key->max_version_level = level;
    return body;
}

static void the_controller_decides(void)
{
    struct fixture f;
    fixture_open(&f);
    for (int16_t version = 0; version <= 2; version++) {
        struct update_features_request *body = ask(version, "group.version", 0);
        body->feature_updates.items[0].upgrade_type = 3;
        body->feature_updates.items[0].allow_downgrade = true;
        body->validate_only = version == 1;
        handle_update_features(&fx->request);
        const Meta__UpdateFeatures *sent = f.sent->command->update_features;
        CHECK_INT((int)sent->n_updates, 1);
        CHECK_STR(sent->updates[0]->name, "group.version");
        CHECK_INT(sent->updates[0]->level, 0);
        CHECK_INT(sent->updates[0]->way, version == 0
                                             ? META__UPDATE_FEATURES__WAY__SAFE_DOWNGRADE
                                             : META__UPDATE_FEATURES__WAY__UNSAFE_DOWNGRADE);
        CHECK(sent->validate_only == (version == 1));
        Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
        reply.message = version == 2 ? "why" : "";
        fixture_answer(version == 2 ? ERR_INVALID_UPDATE_VERSION : 0, &reply);
        while (f.answer.len == 0)
            fixture_turn();
        CHECK(strstr(buf_text(&f.answer),
                     version == 2 ? "\"errorCode\":95,\"errorMessage\":\"why\"}"
                                  : "\"results\":[{\"feature\":\"group.version\",\"errorCode\":0"));
    }
    fixture_close(&f);
}

static const char *refused(void)
{
    handle_update_features(&fx->request);
    CHECK(strstr(buf_text(&fx->answer), "\"errorCode\":42"));
    return buf_text(&fx->answer);
}

static void nonsense_is_refused_here(void)
{
    struct fixture f;
    fixture_open(&f);
    ask(2, "", 1);
    CHECK(strstr(refused(), "needs a name"));
    for (int16_t version = 1; version <= 2; version++) {
        ask(version, "a", 1)->feature_updates.items[0].upgrade_type = version == 1 ? 0 : 4;
        handle_update_features(&fx->request);
        CHECK(strstr(buf_text(&fx->answer), "\"errorCode\":95"));
        CHECK(strstr(buf_text(&fx->answer),
                     "Invalid update version 1 for feature a. The controller "
                     "does not support the given upgrade type."));
    }
    struct update_features_request *body = ask(2, "a", 1);
    struct update_features_request_feature_update_key *keys =
        WIRE_ARRAY(&fx->request.arena, &body->feature_updates, 65,
                   &update_features_request_feature_update_key_desc);
    keys[0].feature = keys[1].feature = wire_str_from("a");
    CHECK(strstr(refused(), "more features than there can be"));
    body->feature_updates.count = 2;
    CHECK(strstr(refused(), "stands twice"));
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(the_controller_decides), TAP_TEST(nonsense_is_refused_here))
