/* The field lists against the reference (tests/unit/wire/protocol), field by field: name, type,
 * versions, nullable, tag, default, ignorable. The two can't drift apart unseen. */
#include "../tap.h"
#include "golden.h"

#include "kafka/api.h"
#include "kafka/messages/consumer_offsets.h"
#include "kafka/messages/consumer_protocol.h"
#include "kafka/messages/control_records.h"
#include "kafka/messages/headers.h"
#include "kafka/messages/transaction_state.h"

enum { LINES_MAX = 600, WORDS_MAX = 12 };

static char *text;
static char *lines[LINES_MAX];
static int line_count;
static int fields_seen;

static void load(const char *path)
{
    mem_free(text);
    text = golden_load(path);
    CHECK(text != NULL);
    line_count = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        CHECK(line_count < LINES_MAX);
        lines[line_count++] = line;
    }
}

static int indent_of(int line)
{
    return line < line_count ? (int)strspn(lines[line], " ") : -1;
}

/* The line that starts with `start`. */
static int find_line(const char *start)
{
    for (int i = 0; i < line_count; i++)
        if (strncmp(lines[i], start, strlen(start)) == 0)
            return i;
    printf("# no line \"%s\"\n", start);
    CHECK(false);
    return -1;
}

static void version_text(char out[16], int since, int until)
{
    if (until == WIRE_LATEST)
        snprintf(out, 16, "%d+", since);
    else if (since == until)
        snprintf(out, 16, "%d", since);
    else
        snprintf(out, 16, "%d-%d", since, until);
}

static void type_text(char out[128], const struct wire_field *field)
{
    static const char *const kinds[] = {
        [WIRE_BOOL] = "bool",     [WIRE_INT8] = "int8",       [WIRE_INT16] = "int16",
        [WIRE_UINT16] = "uint16", [WIRE_INT32] = "int32",     [WIRE_UINT32] = "uint32",
        [WIRE_INT64] = "int64",   [WIRE_FLOAT64] = "float64", [WIRE_UUID] = "uuid",
        [WIRE_STRING] = "string", [WIRE_BYTES] = "bytes",     [WIRE_RECORDS] = "records"};
    snprintf(out, 128, "%s%s", field->array ? "[]" : "",
             field->child ? field->child->name : kinds[field->kind]);
}

struct options {
    char null[24];
    char tag[24];
    const char *value; /* of default= */
    bool ignorable;
    bool not_compact;
};

static void read_option(struct options *options, const char *word)
{
    if (strncmp(word, "null:", 5) == 0)
        snprintf(options->null, sizeof(options->null), "%s", word + 5);
    else if (strncmp(word, "tag", 3) == 0)
        snprintf(options->tag, sizeof(options->tag), "%s", word + 3);
    else if (strncmp(word, "default=", 8) == 0)
        options->value = word + 8;
    else if (strcmp(word, "ign") == 0)
        options->ignorable = true;
    else if (strcmp(word, "flex:none") == 0)
        options->not_compact = true;
    else
        CHECK_STR(word, "key");
}

static void check_default(const struct wire_field *field, const char *value)
{
    CHECK(field->default_null == (strcmp(value, "null") == 0));
    long long number = strcmp(value, "true") == 0 ? 1 : strtoll(value, NULL, 0);
    CHECK_INT(field->default_int, number);
}

static void check_options(const struct wire_field *field, const struct options *options,
                          const char *versions)
{
    char expected[24] = "", tag[48];
    if (field->nullable)
        version_text(expected, field->null_since, field->null_until);
    CHECK_STR(expected, options->null);
    CHECK(!(field->kind == WIRE_POINTED) || (field->nullable && !field->array));
    CHECK(!(field->kind == WIRE_NESTED) || !field->nullable || field->array);
    snprintf(tag, sizeof(tag), "%d:%s", field->tag, versions);
    CHECK_STR(field->tagged ? tag : "", options->tag);
    check_default(field, options->value);
    CHECK(field->ignorable == options->ignorable);
    CHECK(field->not_compact == options->not_compact);
}

static void check_field(const struct wire_field *field, char *line)
{
    char versions[16], type[128], *words[WORDS_MAX], *save;
    struct options options = {.value = "0"};
    int count = 0;
    char *gone = strstr(line, " [gone in 4.x]");
    if (gone)
        *gone = '\0';
    for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    CHECK(count >= 3);
    CHECK_STR(field->name, words[0]);
    type_text(type, field);
    CHECK_STR(type, words[1]);
    version_text(versions, field->since, field->until);
    CHECK_STR(versions, words[2]);
    for (int i = 3; i < count; i++)
        read_option(&options, words[i]);
    check_options(field, &options, versions);
    fields_seen++;
}

/* The fields of `desc` start at *line, `indent` deep; leaves *line behind them. */
static void check_struct(const struct wire_desc *desc, int *line, int indent)
{
    unsigned i = 0;
    for (; indent_of(*line) == indent; i++) {
        CHECK(i < desc->field_count);
        check_field(&desc->fields[i], lines[*line]);
        ++*line;
        if (desc->fields[i].child)
            check_struct(desc->fields[i].child, line, indent + 2);
    }
    if (i != desc->field_count)
        printf("# %s has %u fields, not %u\n", desc->name, desc->field_count, i);
    CHECK_INT(i, desc->field_count);
}

/* "flexible" of the reference: "9+" or "none". */
static void check_flexible(const struct wire_desc *desc, const char *flexible)
{
    CHECK_INT(desc->flexible_since, flexible[0] == 'n' ? WIRE_NEVER : atoi(flexible));
}

static void check_api_versions(const struct kafka_api *api)
{
    char request[16], response[16];
    int last = 0, one;
    for (char *at = lines[1]; (at = strpbrk(at, "|:")); at++)
        if (sscanf(at + 1, " %*s %*d-%d", &one) == 1 && one > last)
            last = one;
    CHECK_INT(sscanf(lines[2], "flexible: request %15[^,], response %15s", request, response), 2);
    check_flexible(api->request, request);
    check_flexible(api->response, response);
    CHECK_INT(api->flexible_since, api->request->flexible_since);
    CHECK_INT(api->request->version_max, last);
    CHECK_INT(api->response->version_max, last);
    CHECK_INT(api->min, 0);
    /* Version 6 of InitProducerId is unstable: known, but not announced. */
    CHECK_INT(api->max, api->key == KAFKA_API_INIT_PRODUCER_ID ? 5 : last);
}

static void check_api(const struct kafka_api *api)
{
    char path[128], name[80];
    snprintf(path, sizeof(path), "tests/unit/wire/protocol/%03d-%s.txt", api->key, api->name);
    load(path);
    check_api_versions(api);
    snprintf(name, sizeof(name), "%sRequest", api->name);
    CHECK_STR(api->request->name, name);
    snprintf(name, sizeof(name), "%sResponse", api->name);
    CHECK_STR(api->response->name, name);
    int line = find_line("request") + 1;
    check_struct(api->request, &line, 2);
    CHECK_STR(lines[line], "response");
    line++;
    check_struct(api->response, &line, 2);
    CHECK_INT(line, line_count);
}

static void apis_equal_the_reference(void)
{
    int apis = 0;
    fields_seen = 0;
    for (int16_t key = -1; key <= KAFKA_API_END; key++) {
        const struct kafka_api *api = kafka_api_find(key);
        if (!api)
            continue;
        CHECK_INT(api->key, key);
        check_api(api);
        apis++;
    }
    CHECK_INT(apis, 58);
    CHECK_INT(fields_seen, 942);
}

static void check_data(const struct wire_desc *desc)
{
    char start[96], versions[16], flexible[16];
    snprintf(start, sizeof(start), "%s (", desc->name);
    int line = find_line(start);
    CHECK_INT(sscanf(strchr(lines[line], ')'), ") versions %15s flexible %15s", versions, flexible),
              2);
    check_flexible(desc, flexible);
    const char *dash = strchr(versions, '-');
    CHECK_INT(desc->version_max, atoi(dash ? dash + 1 : versions));
    line++;
    check_struct(desc, &line, 2);
}

static void check_file(const char *name, const struct wire_desc *const *descs, size_t count)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/unit/wire/protocol/%s.txt", name);
    load(path);
    for (size_t i = 0; i < count; i++)
        check_data(descs[i]);
}

static void other_structures_equal_the_reference(void)
{
    static const struct wire_desc *const headers[] = {&request_header_desc, &response_header_desc};
    static const struct wire_desc *const protocol[] = {&consumer_protocol_subscription_desc,
                                                       &consumer_protocol_assignment_desc};
    static const struct wire_desc *const control[] = {&control_record_type_schema_desc,
                                                      &end_txn_marker_desc,
                                                      &leader_change_message_desc,
                                                      &snapshot_header_record_desc,
                                                      &snapshot_footer_record_desc,
                                                      &kraft_version_record_desc,
                                                      &voters_record_desc,
                                                      &aborted_txn_desc};
    static const struct wire_desc *const offsets[] = {
        &legacy_offset_commit_key_desc,
        &legacy_offset_commit_value_desc,
        &offset_commit_key_desc,
        &offset_commit_value_desc,
        &group_metadata_key_desc,
        &group_metadata_value_desc,
        &consumer_group_metadata_key_desc,
        &consumer_group_metadata_value_desc,
        &consumer_group_partition_metadata_key_desc,
        &consumer_group_partition_metadata_value_desc,
        &consumer_group_member_metadata_key_desc,
        &consumer_group_member_metadata_value_desc,
        &consumer_group_target_assignment_metadata_key_desc,
        &consumer_group_target_assignment_metadata_value_desc,
        &consumer_group_target_assignment_member_key_desc,
        &consumer_group_target_assignment_member_value_desc,
        &consumer_group_current_member_assignment_key_desc,
        &consumer_group_current_member_assignment_value_desc,
        &consumer_group_regular_expression_key_desc,
        &consumer_group_regular_expression_value_desc};
    static const struct wire_desc *const transactions[] = {&transaction_log_key_desc,
                                                           &transaction_log_value_desc};
    fields_seen = 0;
    check_file("headers", headers, ARRAY_LEN(headers));
    check_file("consumer-protocol", protocol, ARRAY_LEN(protocol));
    check_file("control-records", control, ARRAY_LEN(control));
    check_file("log-consumer-offsets", offsets, ARRAY_LEN(offsets));
    check_file("log-transaction-state", transactions, ARRAY_LEN(transactions));
    CHECK(fields_seen > 100);
    mem_free(text);
    text = NULL;
}

static void header_versions_follow_the_api(void)
{
    const struct kafka_api *produce = kafka_api_find(KAFKA_API_PRODUCE);
    const struct kafka_api *versions = kafka_api_find(KAFKA_API_API_VERSIONS);
    const struct kafka_api *sasl = kafka_api_find(KAFKA_API_SASL_HANDSHAKE);
    CHECK_INT(kafka_api_request_header_version(produce, 8), 1);
    CHECK_INT(kafka_api_response_header_version(produce, 8), 0);
    CHECK_INT(kafka_api_request_header_version(produce, 9), 2);
    CHECK_INT(kafka_api_response_header_version(produce, 9), 1);
    CHECK_INT(kafka_api_request_header_version(versions, 3), 2);
    CHECK_INT(kafka_api_response_header_version(versions, 3), 0);
    CHECK_INT(kafka_api_request_header_version(sasl, 1), 1);
    CHECK(kafka_api_find(-1) == NULL);
    CHECK(kafka_api_find(4) == NULL);
    CHECK(kafka_api_find(KAFKA_API_END) == NULL);
}

TAP_MAIN(TAP_TEST(apis_equal_the_reference), TAP_TEST(other_structures_equal_the_reference),
         TAP_TEST(header_versions_follow_the_api))
