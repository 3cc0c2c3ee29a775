/* What the active controller says to changes of client quotas. */
#include "fixture.h"

#include <math.h>

#include "controller/quotas.h"
#include "meta/quota.h"

struct part {
    const char *type, *name; /* NULL: everyone */
};

/* One entry with one value; the sentence of its refusal, "" when it was taken. */
static const char *set(const struct part *of, size_t count, const char *key, double value)
{
    Meta__QuotaPart bodies[4], *parts[4];
    Meta__AlterClientQuotas__Op op = META__ALTER_CLIENT_QUOTAS__OP__INIT, *ops[] = {&op};
    Meta__AlterClientQuotas__Entry entry = META__ALTER_CLIENT_QUOTAS__ENTRY__INIT;
    Meta__AlterClientQuotas__Entry *entries[] = {&entry};
    Meta__AlterClientQuotas command = META__ALTER_CLIENT_QUOTAS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    for (size_t i = 0; i < count; i++) {
        meta__quota_part__init(&bodies[i]);
        bodies[i].type = (char *)(uintptr_t)of[i].type;
        bodies[i].everyone = of[i].name == NULL;
        bodies[i].name = (char *)(uintptr_t)(of[i].name ? of[i].name : "");
        parts[i] = &bodies[i];
    }
    entry.n_parts = count;
    entry.parts = parts;
    entry.n_ops = 1;
    entry.ops = ops;
    op.key = (char *)(uintptr_t)key;
    op.value = value;
    op.remove = value == -1;
    command.n_entries = 1;
    command.entries = entries;
    quotas_command(&decision, &command, &reply);
    CHECK_INT((int)reply.n_quotas, 1);
    CHECK((reply.quotas[0]->error == 0) == (reply.quotas[0]->message[0] == 0));
    return reply.quotas[0]->message;
}

static void unregister(int32_t id)
{
    Meta__UnregisterBroker command = META__UNREGISTER_BROKER__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    command.broker_id = id;
    brokers_unregister(&decision, &command, &reply);
    CHECK(!image_broker(image, id));
}

static const struct {
    struct part parts[2];
    size_t count;
    const char *key;
    double value;
    const char *sentence;
} rows[] = {
    {{{"user", "u"}}, 1, "producer_byte_rate", 1, ""},
    {{{"user", NULL}}, 1, "request_percentage", 0.5, ""},
    {{{"user", "u"}, {"client-id", NULL}}, 2, "controller_mutation_rate", 0.5, ""},
    {{{"client-id", "c"}}, 1, "consumer_byte_rate", 9e18, ""},
    {{{"ip", "10.0.0.1"}}, 1, "connection_creation_rate", 5, ""},
    {{{"ip", NULL}}, 1, "connection_creation_rate", 2147483647, ""},
    {{{"user", "u"}}, 1, "no_such_thing", -1, ""},
    {{{"user", "u"}},
     1,
     "a_key_that_is_longer_than_any_key_of_a_quota_has_ever_been_before_0123456789",
     -1,
     "Invalid configuration key "
     "a_key_that_is_longer_than_any_key_of_a_quota_has_ever_been_befor..."},
    {{{"", NULL}}, 0, "producer_byte_rate", 1, "Invalid empty client quota entity"},
    {{{"usr", "u"}}, 1, "producer_byte_rate", 1, "Unhandled client quota entity type: usr"},
    {{{"user", ""}}, 1, "producer_byte_rate", 1, "Empty user not supported"},
    {{{"user", "u"}, {"user", "v"}},
     2,
     "producer_byte_rate",
     1,
     "Invalid empty client quota entity, duplicate entity entry user"},
    {{{"user", "u"}, {"ip", "10.0.0.1"}},
     2,
     "producer_byte_rate",
     1,
     "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"},
    {{{"ip", "10.0.0"}},
     1,
     "connection_creation_rate",
     1,
     "10.0.0 is not a valid IP or resolvable host."},
    {{{"user", "u"}}, 1, "producer_byte_rat", 1, "Invalid configuration key producer_byte_rat"},
    {{{"user", "u"}},
     1,
     "connection_creation_rate",
     1,
     "Invalid configuration key connection_creation_rate"},
    {{{"ip", "::1"}}, 1, "producer_byte_rate", 1, "Invalid configuration key producer_byte_rate"},
    {{{"user", "u"}},
     1,
     "producer_byte_rate",
     0,
     "Quota producer_byte_rate must be greater than 0"},
    {{{"user", "u"}},
     1,
     "request_percentage",
     -2,
     "Quota request_percentage must be greater than 0"},
    {{{"user", "u"}},
     1,
     "request_percentage",
     NAN,
     "Quota request_percentage must be greater than 0"},
    {{{"user", "u"}},
     1,
     "producer_byte_rate",
     1.5,
     "producer_byte_rate cannot be a fractional value."},
    {{{"user", "u"}},
     1,
     "producer_byte_rate",
     1e19,
     "Proposed value for producer_byte_rate is too large for a LONG."},
    {{{"ip", NULL}},
     1,
     "connection_creation_rate",
     2147483648.0,
     "Proposed value for connection_creation_rate is too large for an INT."},
};

static void refusals_are_kafkas(void)
{
    begin();
    add_brokers(1, false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(set(rows[i].parts, rows[i].count, rows[i].key, rows[i].value), rows[i].sentence);
    CHECK_INT(image_quota_count(image), 6);
    finish();
}

static void what_changes_nothing_is_not_written(void)
{
    static const struct part u = {"user", "u"}, ip = {"ip", "0:0:0:0:0:0:0:1"};
    begin();
    add_brokers(1, false);
    size_t before = decision.record_count;
    CHECK_STR(set(&u, 1, "producer_byte_rate", 5), "");
    CHECK_STR(set(&u, 1, "producer_byte_rate", 5), "");
    CHECK_INT((int)(decision.record_count - before), 1);
    CHECK_STR(set(&u, 1, "consumer_byte_rate", -1), "");
    CHECK_INT((int)(decision.record_count - before), 1);
    CHECK_STR(set(&u, 1, "producer_byte_rate", -1), "");
    CHECK_INT((int)(decision.record_count - before), 2);
    CHECK_INT(image_quota_count(image), 0);
    CHECK_STR(set(&ip, 1, "connection_creation_rate", 5), "");
    size_t cursor = 0;
    CHECK_STR(image_next_quota(image, &cursor)->parts[QUOTA_IP], "::1");
    finish();
}

/* They could not read the records, and would drop the line to the controller again and again. */
static void older_brokers_forbid_quotas(void)
{
    static const struct part u = {"user", "u"};
    begin();
    add_brokers(2, false);
    Meta__BrokerRecord *older = decision_broker(&decision, image_broker(image, 1));
    older->features_step = FEATURES_STEP_LEVELS;
    decision_emit(&decision, META__RECORD__FACT_BROKER, older);
    CHECK(strstr(set(&u, 1, "producer_byte_rate", 5), "Broker 1 is of a build that does not know"));
    CHECK_INT(image_quota_count(image), 0);
    older->features_step = FEATURES_STEP;
    decision_emit(&decision, META__RECORD__FACT_BROKER, older);
    CHECK_STR(set(&u, 1, "producer_byte_rate", 5), "");
    finish();
}

/* Nor can one come when there are quotas. */
static void quotas_forbid_older_brokers(void)
{
    static const struct part u = {"user", "u"};
    begin();
    add_brokers(1, false);
    step_of_next = FEATURES_STEP_LEVELS;
    CHECK_STR(add_broker_as(1, 1, "").message, "");
    unregister(1);
    CHECK_STR(set(&u, 1, "producer_byte_rate", 5), "");
    error_of_next = ERR_INVALID_REGISTRATION;
    Meta__Registered refused = add_broker_as(1, 1, "");
    CHECK_INT(refused.error, wire(ERR_INVALID_REGISTRATION));
    CHECK(strstr(refused.message, "there are client quotas, which its build does not know"));
    CHECK(!image_broker(image, 1));
    error_of_next = 0;
    CHECK_STR(set(&u, 1, "producer_byte_rate", -1), "");
    CHECK_STR(add_broker_as(1, 1, "").message, "");
    step_of_next = FEATURES_STEP;
    finish();
}

/* An entry with one bad value changes nothing; the others go through. */
static void a_bad_value_refuses_its_entry_only(void)
{
    Meta__QuotaPart parts[2], *of[2][1] = {{&parts[0]}, {&parts[1]}};
    Meta__AlterClientQuotas__Op ops[2], *changes[] = {&ops[0], &ops[1]};
    Meta__AlterClientQuotas__Entry bodies[2], *entries[] = {&bodies[0], &bodies[1]};
    Meta__AlterClientQuotas command = META__ALTER_CLIENT_QUOTAS__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    char *names[] = {"u", "v"}, *keys[] = {"producer_byte_rate", "consumer_byte_rate"};
    begin();
    add_brokers(1, false);
    for (int i = 0; i < 2; i++) {
        meta__quota_part__init(&parts[i]);
        parts[i].type = "user";
        parts[i].name = names[i];
        meta__alter_client_quotas__op__init(&ops[i]);
        ops[i].key = keys[i];
        ops[i].value = i == 0 ? 10 : 0.5;
        meta__alter_client_quotas__entry__init(&bodies[i]);
        bodies[i].n_parts = 1;
        bodies[i].parts = of[i];
        bodies[i].ops = changes;
        bodies[i].n_ops = i == 0 ? 2 : 1;
    }
    command.entries = entries;
    command.n_entries = 2;
    command.validate_only = true;
    quotas_command(&decision, &command, &reply);
    CHECK_INT(reply.quotas[0]->error, wire(ERR_INVALID_REQUEST));
    CHECK_INT(reply.quotas[1]->error, 0);
    CHECK_INT(image_quota_count(image), 0);
    command.validate_only = false;
    meta__command_reply__init(&reply);
    quotas_command(&decision, &command, &reply);
    size_t cursor = 0;
    CHECK_INT(image_quota_count(image), 1);
    CHECK_STR(image_next_quota(image, &cursor)->parts[QUOTA_USER], "v");
    keys[1] = keys[0];
    ops[1].key = keys[0];
    meta__command_reply__init(&reply);
    quotas_command(&decision, &command, &reply);
    CHECK(strstr(reply.quotas[0]->message, "Duplicate quota key producer_byte_rate"));
    bodies[1].n_ops = 1000; /* and a part of its entity */
    meta__command_reply__init(&reply);
    quotas_command(&decision, &command, &reply);
    CHECK_INT(reply.quotas[1]->error, wire(ERR_POLICY_VIOLATION));
    finish();
}

/* When no more fit, what is there can be taken back, and what is not there as well. */
static void when_it_is_full_quotas_can_be_removed(void)
{
    char name[16];
    struct part part = {"client-id", name};
    begin();
    add_brokers(1, false);
    for (int i = 0; i < IMAGE_QUOTAS_MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        set(&part, 1, "producer_byte_rate", 5);
    }
    snprintf(name, sizeof(name), "new");
    CHECK(strstr(set(&part, 1, "producer_byte_rate", 5), "no more can be kept"));
    CHECK_STR(set(&part, 1, "producer_byte_rate", -1), "");
    finish();
}

TAP_MAIN(TAP_TEST(refusals_are_kafkas), TAP_TEST(what_changes_nothing_is_not_written),
         TAP_TEST(older_brokers_forbid_quotas), TAP_TEST(quotas_forbid_older_brokers),
         TAP_TEST(a_bad_value_refuses_its_entry_only),
         TAP_TEST(when_it_is_full_quotas_can_be_removed))
