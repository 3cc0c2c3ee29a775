/* DescribeClientQuotas out of the image, and AlterClientQuotas as a command. */
#include "fixture.h"

#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/describe_client_quotas.h"

struct component {
    const char *type;
    int8_t match_type;
    const char *match;
};

static const char *describe(const struct component *components, int32_t count, bool strict)
{
    struct describe_client_quotas_request *body =
        fixture_request(KAFKA_API_DESCRIBE_CLIENT_QUOTAS, 1);
    struct describe_client_quotas_request_component_data *out =
        WIRE_ARRAY(&fx->request.arena, &body->components, count,
                   &describe_client_quotas_request_component_data_desc);
    for (int32_t i = 0; i < count; i++) {
        out[i].entity_type = wire_str_from(components[i].type);
        out[i].match_type = components[i].match_type;
        out[i].match = wire_str_from(components[i].match);
    }
    body->strict = strict;
    handle_describe_client_quotas(&fx->request);
    return buf_text(&fx->answer);
}

static void add_quotas(void)
{
    struct metadata *metadata = fx->broker.metadata;
    feed_quota(metadata, "u", NULL, NULL, "producer_byte_rate", 1);
    feed_quota(metadata, "u", "c", NULL, "producer_byte_rate", 2);
    feed_quota(metadata, "u", "", NULL, "producer_byte_rate", 3);
    feed_quota(metadata, "", NULL, NULL, "producer_byte_rate", 4);
    feed_quota(metadata, NULL, "c", NULL, "producer_byte_rate", 5);
    feed_quota(metadata, NULL, NULL, "1.2.3.4", "connection_creation_rate", 6);
}

/* The values of the answer, which name the quotas above. */
static const char *values(const char *answer)
{
    static char text[64];
    size_t len = 0;
    for (const char *at = answer; (at = strstr(at, "\"value\":")); at++)
        text[len++] = at[strlen("\"value\":")];
    text[len] = 0;
    return text;
}

static void filters_are_kafkas(void)
{
    static const struct {
        struct component components[2];
        int32_t count;
        bool strict;
        const char *values;
    } rows[] = {
        {{{0}}, 0, false, "654321"},
        {{{0}}, 0, true, ""},
        {{{"user", 0, "u"}}, 1, false, "132"},
        {{{"user", 0, "u"}}, 1, true, "1"},
        {{{"user", 1, NULL}}, 1, false, "4"},
        {{{"user", 2, NULL}}, 1, true, "41"},
        {{{"user", 0, "u"}, {"client-id", 2, NULL}}, 2, true, "32"},
        {{{"user", 0, "u"}, {"client-id", 1, NULL}}, 2, true, "3"},
        {{{"user", 0, "u"}, {"client-id", 0, "c"}}, 2, false, "2"},
        {{{"client-id", 0, "c"}}, 1, true, "5"},
        {{{"client-id", 0, ""}}, 1, false, ""},
        {{{"ip", 2, NULL}}, 1, false, "6"},
        {{{"user", 0, "nobody"}}, 1, false, ""},
    };
    struct fixture f;
    fixture_open(&f);
    add_quotas();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = values(describe(rows[i].components, rows[i].count, rows[i].strict));
        size_t len = strlen(rows[i].values);
        CHECK_INT(strlen(got), len);
        for (size_t j = 0; j < len; j++)
            CHECK(strchr(got, rows[i].values[j]) != NULL);
    }
    const struct component any = {"user", 1, NULL};
    CHECK_STR(describe(&any, 1, true),
              "{\"throttleTimeMs\":0,\"errorCode\":0,\"errorMessage\":null,\"entries\":[{"
              "\"entity\":[{\"entityType\":\"user\",\"entityName\":null}],\"values\":[{\"key\":"
              "\"producer_byte_rate\",\"value\":4.0}]}]}");
    fixture_close(&f);
}

static void bad_filters_are_refused(void)
{
    static const struct {
        struct component components[2];
        int32_t count;
        const char *sentence;
    } rows[] = {
        {{{"", 0, "u"}}, 1, "Invalid empty entity type."},
        {{{"user", 0, "u"}, {"user", 2, NULL}},
         2,
         "Entity type user cannot appear more than once in the filter."},
        {{{"usr", 0, "u"}}, 1, "Unsupported entity type usr"},
        {{{"user", 0, NULL}},
         1,
         "Request specified MATCH_TYPE_EXACT, but set match string to null."},
        {{{"user", 1, "u"}},
         1,
         "Request specified MATCH_TYPE_DEFAULT, but also specified a match string."},
        {{{"user", 3, NULL}}, 1, "Unknown match type 3"},
        {{{"user", 0, "u"}, {"ip", 2, NULL}},
         2,
         "Invalid entity filter component combination. IP filter component should not be used "
         "with user or clientId filter component."},
    };
    struct fixture f;
    fixture_open(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *answer = describe(rows[i].components, rows[i].count, false);
        CHECK(strstr(answer, rows[i].sentence) != NULL);
        CHECK(strstr(answer, "\"entries\":null") != NULL);
        CHECK(strstr(answer, i == 2 ? "\"errorCode\":35" : "\"errorCode\":42") != NULL);
    }
    fixture_close(&f);
}

/* The entry with a NUL is answered here, the others go to the controller in their order. */
static void the_controller_decides(void)
{
    struct fixture f;
    fixture_open(&f);
    struct alter_client_quotas_request *body = fixture_request(KAFKA_API_ALTER_CLIENT_QUOTAS, 1);
    struct alter_client_quotas_request_entry_data *entries = WIRE_ARRAY(
        &fx->request.arena, &body->entries, 3, &alter_client_quotas_request_entry_data_desc);
    static const char *const names[] = {"u", "nul", NULL};
    for (int i = 0; i < 3; i++) {
        struct alter_client_quotas_request_entity_data *entity =
            WIRE_ARRAY(&fx->request.arena, &entries[i].entity, 1,
                       &alter_client_quotas_request_entity_data_desc);
        struct alter_client_quotas_request_op_data *op = WIRE_ARRAY(
            &fx->request.arena, &entries[i].ops, 1, &alter_client_quotas_request_op_data_desc);
        entity->entity_type = wire_str_from("user");
        entity->entity_name = i == 1 ? wire_str_of("n\0l", 3) : wire_str_from(names[i]);
        op->key = wire_str_from("producer_byte_rate");
        op->value = i + 1;
        op->remove = i == 2;
    }
    body->validate_only = true;
    handle_alter_client_quotas(&fx->request);
    const Meta__AlterClientQuotas *sent = f.sent->command->alter_client_quotas;
    CHECK_INT((int)sent->n_entries, 2);
    CHECK(sent->validate_only);
    CHECK_STR(sent->entries[0]->parts[0]->name, "u");
    CHECK(!sent->entries[0]->parts[0]->everyone && sent->entries[1]->parts[0]->everyone);
    CHECK(sent->entries[0]->ops[0]->value == 1 && sent->entries[1]->ops[0]->remove);
    Meta__QuotaResult fine = META__QUOTA_RESULT__INIT, bad = META__QUOTA_RESULT__INIT;
    Meta__QuotaResult *results[] = {&fine, &bad};
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    bad.error = 42;
    bad.message = "why";
    reply.n_quotas = 2;
    reply.quotas = results;
    fixture_answer(0, &reply);
    while (f.answer.len == 0)
        fixture_turn();
    CHECK(strstr(buf_text(&f.answer), "{\"errorCode\":0,\"errorMessage\":null,\"entity\":[{"
                                      "\"entityType\":\"user\",\"entityName\":\"u\"}]}") != NULL);
    CHECK(strstr(buf_text(&f.answer), "has a NUL in it") != NULL);
    CHECK(strstr(buf_text(&f.answer), "{\"errorCode\":42,\"errorMessage\":\"why\",\"entity\":[{"
                                      "\"entityType\":\"user\",\"entityName\":null}]}") != NULL);
    fixture_close(&f);
}

/* They are refused here: nothing goes to the controller. */
static void too_many_are_refused(void)
{
    static const struct {
        int entries, parts, ops;
        bool refused;
    } rows[] = {
        {1001, 0, 0, true}, {1000, 0, 0, false}, {1, 1001, 0, true},
        {1, 0, 1001, true}, {400, 1, 2, true},   {500, 1, 1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        fixture_open(&f);
        struct alter_client_quotas_request *body =
            fixture_request(KAFKA_API_ALTER_CLIENT_QUOTAS, 1);
        struct arena *arena = &fx->request.arena;
        struct alter_client_quotas_request_entry_data *entries = WIRE_ARRAY(
            arena, &body->entries, rows[i].entries, &alter_client_quotas_request_entry_data_desc);
        for (int j = 0; j < rows[i].entries; j++) {
            CHECK(WIRE_ARRAY(arena, &entries[j].entity, rows[i].parts,
                             &alter_client_quotas_request_entity_data_desc));
            CHECK(WIRE_ARRAY(arena, &entries[j].ops, rows[i].ops,
                             &alter_client_quotas_request_op_data_desc));
        }
        handle_alter_client_quotas(&fx->request);
        CHECK_INT(f.sent == NULL, rows[i].refused);
        CHECK_INT(strstr(buf_text(&f.answer), "{\"errorCode\":44,\"errorMessage\":\"A request may "
                                              "name at most 1000 parts") != NULL,
                  rows[i].refused);
        if (f.sent) {
            Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
            fixture_answer(0, &reply);
            while (f.answer.len == 0)
                fixture_turn();
        }
        fixture_close(&f);
    }
}

TAP_MAIN(TAP_TEST(filters_are_kafkas), TAP_TEST(bad_filters_are_refused),
         TAP_TEST(the_controller_decides), TAP_TEST(too_many_are_refused))
