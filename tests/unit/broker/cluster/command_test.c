/* Commands: the order of the callbacks, the bounded wait, and every way to fail. */
#include "../handlers/fixture.h"

#include "broker/cluster/command.h"
#include "meta/channel.h"

struct outcome {
    int results;
    int finishes;
    int err;
    int finish_err;
    int64_t index;
    char sentence[64];
};

static void on_result(void *data, int err, const char *sentence, const Meta__CommandReply *reply)
{
    struct outcome *outcome = data;
    CHECK_INT(outcome->finishes, 0);
    outcome->results++;
    outcome->err = err;
    outcome->index = reply ? reply->index : -1;
    snprintf(outcome->sentence, sizeof(outcome->sentence), "%s", sentence);
}

static void on_finish(void *data, int err)
{
    struct outcome *outcome = data;
    CHECK_INT(outcome->results, 1);
    outcome->finishes++;
    outcome->finish_err = err;
}

static const struct command_events events = {on_result, on_finish};
static const struct command_origin nobody = {REQUEST_ANONYMOUS, WIRE_STR_NULL};

static void send_unregister(struct outcome *outcome, int64_t timeout_ms)
{
    Meta__UnregisterBroker body = META__UNREGISTER_BROKER__INIT;
    Meta__Command command = META__COMMAND__INIT;
    body.broker_id = 5;
    command.body_case = META__COMMAND__BODY_UNREGISTER_BROKER;
    command.unregister_broker = &body;
    *outcome = (struct outcome){0};
    struct command_origin origin = {"User:alice", wire_str_of("me!!", 2)};
    command_send(fx->broker.channel, origin, &command, timeout_ms, &events, outcome);
}

static void success_waits_for_the_metadata(void)
{
    struct fixture f;
    struct outcome outcome;
    fixture_open(&f);
    send_unregister(&outcome, 3000);
    CHECK_STR(f.sent->command->principal, "User:alice");
    CHECK_STR(f.sent->command->client_id, "me");
    CHECK_INT(f.sent->command->unregister_broker->broker_id, 5);
    CHECK_INT(f.timeout_ms, 3000);
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.index = 2;
    fixture_answer(0, &reply);
    CHECK_INT(outcome.results, 1);
    CHECK_INT(outcome.err, 0);
    CHECK_INT(outcome.index, 2);
    fixture_add_broker(1, false);
    fixture_turn();
    CHECK_INT(outcome.finishes, 0);
    fixture_add_broker(2, false);
    fixture_turn();
    CHECK_INT(outcome.finishes, 1);
    CHECK_INT(outcome.finish_err, 0);
    fixture_close(&f);
}

static void what_is_applied_already_finishes(void)
{
    struct fixture f;
    struct outcome outcome;
    fixture_open(&f);
    fixture_add_broker(1, false);
    send_unregister(&outcome, 0);
    CHECK_INT(f.timeout_ms, COMMAND_TIMEOUT_MIN_MS);
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.index = 1;
    fixture_answer(0, &reply);
    fixture_turn();
    CHECK_INT(outcome.finishes, 1);
    fixture_close(&f);
}

static void a_refusal_finishes_at_once(void)
{
    struct fixture f;
    struct outcome outcome;
    char text[] = "no such broker";
    fixture_open(&f);
    send_unregister(&outcome, INT64_MAX);
    CHECK_INT(f.timeout_ms, COMMAND_TIMEOUT_MAX_MS);
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.message = text;
    fixture_answer(ERR_BROKER_ID_NOT_REGISTERED, &reply);
    CHECK_INT(outcome.finishes, 1);
    CHECK_INT(outcome.err, ERR_BROKER_ID_NOT_REGISTERED);
    CHECK_INT(outcome.finish_err, ERR_BROKER_ID_NOT_REGISTERED);
    CHECK_INT(outcome.index, -1);
    CHECK_STR(outcome.sentence, text);
    send_unregister(&outcome, 1);
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    CHECK_INT(outcome.finishes, 1);
    CHECK_STR(outcome.sentence, err_text(ERR_REQUEST_TIMED_OUT));
    fixture_close(&f);
}

static void a_broker_that_stops_tells_it(void)
{
    struct fixture f;
    struct outcome outcome;
    fixture_open(&f);
    send_unregister(&outcome, 1000);
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.index = 100;
    fixture_answer(0, &reply);
    live_settings_free(f.broker.live); /* it listens to the metadata */
    f.broker.live = NULL;
    metadata_free(f.broker.metadata);
    f.broker.metadata = NULL;
    CHECK_INT(outcome.finishes, 1);
    CHECK_INT(outcome.finish_err, ERR_BROKER_NOT_AVAILABLE);
    fixture_close(&f);
}

static void what_no_controller_takes_is_refused_here(void)
{
    struct fixture f;
    struct outcome outcome = {0};
    fixture_open(&f);
    char *name = mem_alloc(CHANNEL_COMMAND_MAX + 1);
    memset(name, 'x', CHANNEL_COMMAND_MAX);
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT;
    Meta__CreateTopics__Topic *topics[] = {&topic};
    Meta__CreateTopics body = META__CREATE_TOPICS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    topic.name = name;
    body.topics = topics;
    body.n_topics = 1;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &body;
    command_send(f.broker.channel, nobody, &command, 1000, &events, &outcome);
    CHECK(f.sent == NULL);
    CHECK_INT(outcome.finishes, 1);
    CHECK_INT(outcome.err, ERR_INVALID_REQUEST);
    mem_free(name);
    fixture_close(&f);
}

/* ---- topics for the broker itself ---- */

struct creation {
    int calls;
    int err;
    int errors[2];
};

static void on_created(void *data, int err, const int *errors)
{
    struct creation *creation = data;
    creation->calls++;
    creation->err = err;
    CHECK(!err == !!errors);
    for (int i = 0; errors && i < 2; i++)
        creation->errors[i] = errors[i];
}

static void create_two(struct creation *creation)
{
    static const struct command_setting settings[] = {{"cleanup.policy", "compact"},
                                                      {"segment.bytes", "1000"}};
    static const struct command_topic topics[] = {
        {.name = "a",
         .partitions = 50,
         .replication_factor = 3,
         .settings = settings,
         .setting_count = 2},
        {.name = "b", .partitions = -1, .replication_factor = -1}};
    *creation = (struct creation){0};
    command_create_topics(fx->broker.channel, nobody, topics, 2, 5000, on_created, creation);
}

static void topics_are_created_for_the_broker(void)
{
    struct fixture f;
    struct creation creation;
    fixture_open(&f);
    create_two(&creation);
    const Meta__CreateTopics *sent = f.sent->command->create_topics;
    CHECK_INT(sent->n_topics, 2);
    CHECK_STR(sent->topics[0]->name, "a");
    CHECK_INT(sent->topics[0]->partitions, 50);
    CHECK_INT(sent->topics[0]->n_configs, 2);
    CHECK_STR(sent->topics[0]->configs[1]->key, "segment.bytes");
    CHECK_STR(sent->topics[0]->configs[1]->value, "1000");
    CHECK_INT(sent->topics[1]->replication_factor, -1);
    Meta__TopicResult first = META__TOPIC_RESULT__INIT, second = META__TOPIC_RESULT__INIT;
    Meta__TopicResult *results[] = {&first, &second};
    first.error = err_to_wire(ERR_TOPIC_ALREADY_EXISTS);
    second.error = err_to_wire(ERR_INVALID_REPLICATION_FACTOR);
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    reply.topics = results;
    reply.n_topics = 2;
    fixture_answer(0, &reply);
    fixture_turn();
    CHECK_INT(creation.calls, 1);
    CHECK_INT(creation.err, 0);
    CHECK_INT(creation.errors[0], 0);
    CHECK_INT(creation.errors[1], ERR_INVALID_REPLICATION_FACTOR);
    create_two(&creation);
    fixture_answer(ERR_REQUEST_TIMED_OUT, NULL);
    CHECK_INT(creation.calls, 1);
    CHECK_INT(creation.err, ERR_REQUEST_TIMED_OUT);
    fixture_close(&f);
}

static void texts_with_a_nul_are_refused(void)
{
    struct arena arena;
    char *text;
    arena_init(&arena, 8);
    CHECK_INT(command_text(&arena, wire_str_of("a\0b", 3), &text), ERR_INVALID);
    CHECK_INT(command_text(&arena, wire_str_of("abc", 2), &text), 0);
    CHECK_STR(text, "ab");
    CHECK_INT(command_text(&arena, WIRE_STR_NULL, &text), 0);
    CHECK_STR(text, "");
    CHECK_INT(command_text(&arena, wire_str_from("too long for it"), &text), ERR_NO_MEMORY);
    CHECK(wire_str_is_null(command_keep(&arena, "")));
    arena_close(&arena);
}

TAP_MAIN(TAP_TEST(success_waits_for_the_metadata), TAP_TEST(what_is_applied_already_finishes),
         TAP_TEST(a_refusal_finishes_at_once), TAP_TEST(a_broker_that_stops_tells_it),
         TAP_TEST(what_no_controller_takes_is_refused_here),
         TAP_TEST(topics_are_created_for_the_broker), TAP_TEST(texts_with_a_nul_are_refused))
