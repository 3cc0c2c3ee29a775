/* The quota controller_mutation_rate, with a clock that stands still until the test moves it: what
 * the active controller lets through, and how long it has clients wait. */
#include "../unit/controller/fixture.h"

#include "controller/mutations.h"
#include "sim.h"

enum { SECOND = 1000 * 1000, WINDOW_S = 10, STRICT = 1 };

static struct sim *sim;
static struct env *env;

static void open_world(void)
{
    begin();
    sim = sim_new(1);
    env = sim_env_new(sim_node_new(sim, "a"));
    rules.mutations = mutations_new(env, WINDOW_S);
    add_brokers(1, false);
}

static void close_world(void)
{
    mutations_free(rules.mutations);
    finish();
    sim_free(sim);
}

/* NULL: of all users, of any client. */
static void limit(const char *user, const char *client_id, double rate)
{
    Meta__QuotaPart bodies[2], *parts[2];
    Meta__ClientQuotaRecord *record = decision_alloc(&decision, 1, sizeof(*record));
    const char *const names[] = {user, client_id}, *const types[] = {"user", "client-id"};
    meta__client_quota_record__init(record);
    record->parts = parts;
    for (int i = 0; i < 2; i++) {
        if (!names[i])
            continue;
        meta__quota_part__init(&bodies[i]);
        bodies[i].type = (char *)(uintptr_t)types[i];
        bodies[i].name = (char *)(uintptr_t)names[i];
        bodies[i].everyone = names[i][0] == 0;
        parts[record->n_parts++] = &bodies[i];
    }
    record->key = "controller_mutation_rate";
    record->value = rate;
    decision_emit(&decision, META__RECORD__FACT_CLIENT_QUOTA, record);
}

struct outcome {
    int error;
    int wait_ms;
};

static struct outcome decide(Meta__Command *command, const char *user, const char *client_id,
                             bool strict)
{
    command->principal = decision_text(&decision, "User:%s", user);
    command->client_id = (char *)(uintptr_t)client_id;
    command->strict = strict;
    const Meta__CommandReply *reply = commands_decide(&decision, command);
    CHECK_INT(reply->n_topics, 1);
    return (struct outcome){reply->topics[0]->error, reply->throttle_ms};
}

static struct outcome make(const char *user, const char *client_id, const char *name,
                           int32_t partitions, bool strict)
{
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__CreateTopics create_topics = META__CREATE_TOPICS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    topic.name = (char *)(uintptr_t)name;
    topic.partitions = partitions;
    topic.replication_factor = 1;
    create_topics.n_topics = 1;
    create_topics.topics = topics;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &create_topics;
    return decide(&command, user, client_id, strict);
}

static struct outcome grow(const char *name, int32_t count, bool strict)
{
    Meta__CreatePartitions__Topic topic = META__CREATE_PARTITIONS__TOPIC__INIT;
    Meta__CreatePartitions__Topic *topics[] = {&topic};
    Meta__CreatePartitions create_partitions = META__CREATE_PARTITIONS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    topic.name = (char *)(uintptr_t)name;
    topic.count = count;
    create_partitions.n_topics = 1;
    create_partitions.topics = topics;
    command.body_case = META__COMMAND__BODY_CREATE_PARTITIONS;
    command.create_partitions = &create_partitions;
    return decide(&command, "u", "c", strict);
}

static struct outcome drop(const char *name, bool strict)
{
    Meta__DeleteTopics__Topic topic = META__DELETE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__DeleteTopics delete_topics = META__DELETE_TOPICS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    topic.name = (char *)(uintptr_t)name;
    delete_topics.n_topics = 1;
    delete_topics.topics = topics;
    command.body_case = META__COMMAND__BODY_DELETE_TOPICS;
    command.delete_topics = &delete_topics;
    return decide(&command, "u", "c", strict);
}

static void check(struct outcome outcome, int error, int wait_ms)
{
    CHECK_INT(outcome.error, wire(error));
    CHECK_INT(outcome.wait_ms, wait_ms);
}

/* A full bucket is 20: what is asked when there is anything goes, and who is below zero waits. */
static void a_bucket_gives_what_it_has_and_once_more(void)
{
    open_world();
    limit("u", NULL, 2);
    check(make("u", "c", "a", 20, STRICT), 0, 0);
    check(make("u", "c", "b", 10, STRICT), 0, 0);
    check(make("u", "c", "c", 1, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 5001);
    CHECK(!image_topic_by_name(image, "c", 1));
    check(grow("a", 21, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 5001);
    check(drop("a", STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 5001);
    check(make("v", "c", "v", 100, STRICT), 0, 0); /* another user has no quota */
    sim_run_for(sim, 5 * SECOND);
    check(grow("a", 21, STRICT), 0, 0);
    sim_run_for(sim, 1 * SECOND);
    check(drop("a", STRICT), 0, 0); /* 21 at once */
    check(drop("b", STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 10001);
    sim_run_for(sim, 100 * (int64_t)SECOND);
    check(make("u", "c", "d", 21, STRICT), 0, 0); /* no more than a full bucket has gathered */
    check(make("u", "c", "e", 1, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 501);
    close_world();
}

static void older_clients_are_told_to_wait(void)
{
    open_world();
    limit("", NULL, 1);
    check(make("u", "c", "a", 10, !STRICT), 0, 0);
    check(make("u", "c", "b", 5, !STRICT), 0, 5001);
    check(make("u", "c", "c", 5, !STRICT), 0, 10001);
    CHECK(image_topic_by_name(image, "c", 1));
    close_world();
}

/* As with the other quotas, the most exact one counts (KIP-55). */
static void quotas_are_shared_as_they_are_written(void)
{
    open_world();
    limit(NULL, "", 1);
    limit(NULL, "c", 2);
    check(make("u", "c", "a", 21, STRICT), 0, 0);
    check(make("w", "c", "b", 1, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 501); /* by all users */
    check(make("u", "d", "e", 11, STRICT), 0, 0);
    check(make("u", "d", "f", 1, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 1001);
    limit("u", "c", 4);
    check(make("u", "c", "f", 41, STRICT), 0, 0); /* a bucket of its own */
    check(make("u", "c", "g", 1, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 251);
    close_world();
}

static void what_fails_costs_nothing(void)
{
    open_world();
    limit("u", NULL, 1);
    check(make("u", "c", "a", 0, STRICT), ERR_INVALID_PARTITIONS, 0);
    check(make("u", "c", ".", 10000, STRICT), ERR_INVALID_TOPIC_EXCEPTION, 0);
    check(make("u", "c", "a", 10, STRICT), 0, 0);
    check(make("u", "c", "b", 1, STRICT), 0, 0); /* there were exactly ten */
    check(make("u", "c", "c", 1, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 1001);
    close_world();
}

/* One that is forgotten begins with a full one. */
static void buckets_are_bounded(void)
{
    char client_id[16], name[16];
    open_world();
    limit("", "", 1);
    check(make("u", "first", "a", 11, STRICT), 0, 0);
    check(make("u", "first", "b", 1, STRICT), ERR_THROTTLING_QUOTA_EXCEEDED, 1001);
    for (int i = 0; i < MUTATIONS_BUCKETS_MAX; i++) {
        snprintf(client_id, sizeof(client_id), "c%d", i);
        snprintf(name, sizeof(name), "t%d", i);
        check(make("u", client_id, name, 1, STRICT), 0, 0);
    }
    check(make("u", "first", "b", 1, STRICT), 0, 0);
    close_world();
}

TAP_MAIN(TAP_TEST(a_bucket_gives_what_it_has_and_once_more),
         TAP_TEST(older_clients_are_told_to_wait), TAP_TEST(quotas_are_shared_as_they_are_written),
         TAP_TEST(what_fails_costs_nothing), TAP_TEST(buckets_are_bounded))
