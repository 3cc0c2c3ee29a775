/* kafka-configs for users, clients and ips.
 *
 * Happy path: describe asks DescribeClientQuotas for exactly the kind of entity that was named,
 * alter sends AlterClientQuotas, after a look at what there is to take back. Failure modes:
 * entities that don't go together, a quota that there is not, one to take back that was not set. */
#include "tools/configs_quotas.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/describe_client_quotas.h"
#include "meta/quota.h"
#include "tools/config_changes.h"
#include "tools/report.h"

enum { QUOTAS_MATCH_EXACT = 0, QUOTAS_MATCH_DEFAULT = 1, QUOTAS_MATCH_ANY = 2 };

/* How --entity-type calls it, the options that stand for it, and the words of Kafka's text. */
static const struct quotas_kind {
    enum quota_part part;
    const char *word, *one, *option, *defaults, *title;
} quotas_kinds[] = {
    {QUOTA_CLIENT_ID, "clients", "client", "client", "client-defaults", "client-id"},
    {QUOTA_USER, "users", "user", "user", "user-defaults", "user-principal"},
    {QUOTA_IP, "ips", "ip", "ip", "ip-defaults", "ip"},
};

struct quotas_tool {
    struct tool_run *run;
    const struct quotas_kind *kinds[QUOTA_PARTS]; /* in the order of the command line */
    const char *names[QUOTA_PARTS];               /* NULL = each one; "" = the default */
    int count, named;
};

typedef struct describe_client_quotas_response_entry_data quotas_entry;

/* ---- what it is about ---- */

static const struct quotas_kind *quotas_kind_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(quotas_kinds); i++)
        if (strcmp(quotas_kinds[i].word, word) == 0)
            return &quotas_kinds[i];
    return NULL;
}

bool configs_quotas_are_meant(const struct tool_run *run)
{
    const char *type;
    size_t cursor = 0;
    while ((type = options_next(run->options, "entity-type", &cursor)))
        if (quotas_kind_of(type))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(quotas_kinds); i++)
        if (options_has(run->options, quotas_kinds[i].option) ||
            options_has(run->options, quotas_kinds[i].defaults))
            return true;
    return false;
}

static int quotas_add_kind(struct quotas_tool *q, const struct quotas_kind *kind)
{
    for (int i = 0; i < q->count; i++) {
        if (q->kinds[i] == kind)
            return tool_misuse(q->run, "%s are named twice", kind->word);
        if (kind->part == QUOTA_IP || q->kinds[i]->part == QUOTA_IP)
            return tool_misuse(q->run, "only users and clients may be named together");
    }
    q->kinds[q->count++] = kind;
    return 0;
}

static int quotas_add_name(struct quotas_tool *q, const char *name)
{
    uint8_t bytes[16];
    if (q->named == q->count)
        return tool_misuse(q->run, "there are more names than entity types");
    if (q->kinds[q->named]->part == QUOTA_IP && name[0] &&
        inet_pton(strchr(name, ':') ? AF_INET6 : AF_INET, name, bytes) != 1)
        return tool_misuse(q->run, "%s is not an IP address", name);
    q->names[q->named++] = name;
    return 0;
}

/* --entity-name and --entity-default, in the order in which they stand: each is for the
 * --entity-type at the same place. */
static int quotas_read_names(struct quotas_tool *q)
{
    size_t cursor = 0;
    int status = 0;
    for (int i = 0; status == 0 && i < q->run->argc; i++) {
        const char *word = q->run->argv[i];
        word += strspn(word, "-");
        if (word == q->run->argv[i])
            continue;
        if (strcmp(word, "entity-default") == 0)
            status = quotas_add_name(q, "");
        else if (strncmp(word, "entity-name", strlen("entity-name")) == 0)
            status = quotas_add_name(q, options_next(q->run->options, "entity-name", &cursor));
    }
    return status;
}

static int quotas_read_types(struct quotas_tool *q)
{
    const char *type;
    size_t cursor = 0;
    while ((type = options_next(q->run->options, "entity-type", &cursor))) {
        const struct quotas_kind *kind = quotas_kind_of(type);
        if (!kind)
            return tool_misuse(q->run,
                               "--entity-type %s: only users and clients may be named "
                               "together",
                               type);
        if (quotas_add_kind(q, kind))
            return 1;
    }
    return 0;
}

/* As Kafka does, those with names come first. */
static int quotas_read_short(struct quotas_tool *q, bool defaults)
{
    const struct options *options = q->run->options;
    int status = 0;
    for (size_t i = 0; status == 0 && i < ARRAY_LEN(quotas_kinds); i++) {
        const struct quotas_kind *kind = &quotas_kinds[i];
        if (!options_has(options, defaults ? kind->defaults : kind->option))
            continue;
        status = quotas_add_kind(q, kind);
        if (status == 0)
            status = quotas_add_name(q, defaults ? "" : options_get(options, kind->option));
    }
    return status;
}

static int quotas_read_entity(struct quotas_tool *q)
{
    static const char *const others[] = {"topic", "broker",         "broker-defaults",
                                         "group", "client-metrics", "broker-logger"};
    const struct options *options = q->run->options;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (options_has(options, others[i]))
            return tool_misuse(q->run, "--%s goes with neither users nor clients nor ips",
                               others[i]);
    if (quotas_read_types(q) || quotas_read_names(q))
        return 1;
    bool spelled = q->count > 0;
    if (quotas_read_short(q, false) || quotas_read_short(q, true))
        return 1;
    if (spelled && q->count > q->named && options_has(options, "alter"))
        return tool_misuse(q->run,
                           "--alter needs --entity-name NAME or --entity-default for each type");
    bool both = spelled && !options_has(options, "entity-type");
    return both ? tool_misuse(q->run, "give --entity-type or a short form of it, not both") : 0;
}

/* ---- describe ---- */

static int quotas_ask(const struct quotas_tool *q, struct client_answer *answer)
{
    struct describe_client_quotas_request request;
    struct describe_client_quotas_request_component_data components[QUOTA_PARTS];
    struct buf text;
    int version = tool_version(q->run, KAFKA_API_DESCRIBE_CLIENT_QUOTAS);
    if (version < 0)
        return 1;
    wire_defaults(&describe_client_quotas_request_desc, &request);
    for (int i = 0; i < q->count; i++) {
        const char *name = i < q->named ? q->names[i] : NULL;
        wire_defaults(&describe_client_quotas_request_component_data_desc, &components[i]);
        components[i].entity_type = wire_str_from(quota_part_name(q->kinds[i]->part));
        components[i].match_type = !name     ? QUOTAS_MATCH_ANY
                                   : name[0] ? QUOTAS_MATCH_EXACT
                                             : QUOTAS_MATCH_DEFAULT;
        components[i].match = name && name[0] ? wire_str_from(name) : WIRE_STR_NULL;
    }
    request.components.items = components;
    request.components.count = q->count;
    request.strict = true;
    int status =
        tool_call(q->run, CLIENT_ANY, KAFKA_API_DESCRIBE_CLIENT_QUOTAS, version, &request, answer);
    if (status)
        return status;
    const struct describe_client_quotas_response *response = answer->response;
    buf_init(&text);
    if (response->error_code)
        status = tool_fail(q->run, "%s",
                           tool_error_text(response->error_code, response->error_message, &text));
    buf_close(&text);
    return status;
}

static const struct describe_client_quotas_response_entity_data *
quotas_part_of(const quotas_entry *entry, enum quota_part part)
{
    for (int32_t i = 0; i < entry->entity.count; i++)
        if (wire_str_is(entry->entity.items[i].entity_type, quota_part_name(part)))
            return &entry->entity.items[i];
    return NULL;
}

static void quotas_print(const quotas_entry *entry, const char *values)
{
    static const char *const titles[QUOTA_PARTS] = {"user-principal", "client-id", "ip"};
    const char *comma = "";
    fputs("Quota configs for ", stdout);
    for (int part = 0; part < QUOTA_PARTS; part++) {
        const struct describe_client_quotas_response_entity_data *entity =
            quotas_part_of(entry, (enum quota_part)part);
        if (!entity)
            continue;
        if (wire_str_is_null(entity->entity_name))
            printf("%sthe default %s", comma, titles[part]);
        else
            printf("%s%s '%.*s'", comma, titles[part], WIRE_STR_ARGS(entity->entity_name));
        comma = ", ";
    }
    printf(" are %s\n", values);
}

static void quotas_put_row(struct report *report, const quotas_entry *entry, const char *values)
{
    json_t *object = json_object();
    for (int part = 0; part < QUOTA_PARTS; part++) {
        const struct describe_client_quotas_response_entity_data *entity =
            quotas_part_of(entry, (enum quota_part)part);
        if (!entity)
            report_none(report);
        else if (wire_str_is_null(entity->entity_name))
            report_text(report, "<default>");
        else
            report_string(report, entity->entity_name);
    }
    for (int32_t i = 0; i < entry->values.count; i++) {
        char *key = wire_str_dup(entry->values.items[i].key);
        json_object_set_new(object, key, json_real(entry->values.items[i].value));
        mem_free(key);
    }
    report_value(report, object);
    report_as(report, "%s", values);
}

static int quotas_describe(const struct quotas_tool *q)
{
    static const struct report_column columns[] = {
        {.name = "user"}, {.name = "clientId"}, {.name = "ip"}, {.name = "quotas"}, REPORT_END};
    enum report_format format = report_format(q->run);
    struct client_answer answer = {0};
    int status = quotas_ask(q, &answer);
    const struct describe_client_quotas_response *response = answer.response;
    struct report *report = report_new("quotas");
    report_columns(report, columns);
    for (int32_t i = 0; status == 0 && i < response->entries.count; i++) {
        const quotas_entry *entry = &response->entries.items[i];
        struct buf values;
        buf_init(&values);
        for (int32_t j = 0; j < entry->values.count; j++) {
            buf_printf(&values, "%s%.*s=", j ? ", " : "",
                       WIRE_STR_ARGS(entry->values.items[j].key));
            config_print_double(entry->values.items[j].value, &values);
        }
        if (format == REPORT_KAFKA)
            quotas_print(entry, buf_text(&values));
        else
            quotas_put_row(report, entry, buf_text(&values));
        buf_close(&values);
    }
    if (status == 0 && format != REPORT_KAFKA)
        report_print(report, format, stdout);
    report_free(report);
    client_answer_free(&answer);
    return status;
}

/* ---- alter ---- */

/* What can be set for the entity; SCRAM is told apart, since Kafka's tool makes users with it. */
static int quotas_check_names(const struct quotas_tool *q, const struct config_changes *changes)
{
    bool ip = q->kinds[0]->part == QUOTA_IP;
    for (int i = 0; i < changes->count; i++) {
        struct wire_str name = changes->rows[i].name;
        int key = 0;
        while (key < QUOTA_KEYS && !wire_str_is(name, quota_rows[key].name))
            key++;
        if (key < QUOTA_KEYS && quota_rows[key].of_ip == ip)
            continue;
        if (name.len > 6 && memcmp(name.data, "SCRAM-", 6) == 0)
            return tool_fail(q->run,
                             "%.*s: there are no users with passwords yet, every client is "
                             "User:ANONYMOUS; quotas can be set",
                             WIRE_STR_ARGS(name));
        return tool_fail(q->run, "%.*s is no quota of %s", WIRE_STR_ARGS(name), q->kinds[0]->word);
    }
    return 0;
}

/* A quota to take back that is not set is a mistake in the name, which the cluster would let
 * pass. */
static int quotas_check_set(const struct quotas_tool *q, const struct config_changes *changes)
{
    struct client_answer answer = {0};
    struct buf unknown;
    int status = quotas_ask(q, &answer);
    const struct describe_client_quotas_response *response = answer.response;
    const quotas_entry *entry =
        status == 0 && response->entries.count > 0 ? response->entries.items : NULL;
    buf_init(&unknown);
    for (int i = 0; status == 0 && i < changes->count; i++) {
        bool set = changes->rows[i].config_operation == CONFIG_CHANGE_SET;
        for (int32_t j = 0; entry && !set && j < entry->values.count; j++)
            set = wire_str_equal(entry->values.items[j].key, changes->rows[i].name);
        if (!set)
            buf_printf(&unknown, "%s%.*s", unknown.len > 0 ? "," : "",
                       WIRE_STR_ARGS(changes->rows[i].name));
    }
    if (unknown.len > 0)
        status = tool_fail(q->run, "Invalid config(s): %s", buf_text(&unknown));
    buf_close(&unknown);
    client_answer_free(&answer);
    return status;
}

static int quotas_fill_ops(const struct quotas_tool *q, const struct config_changes *changes,
                           struct alter_client_quotas_request_op_data *ops)
{
    for (int i = 0; i < changes->count; i++) {
        wire_defaults(&alter_client_quotas_request_op_data_desc, &ops[i]);
        ops[i].key = changes->rows[i].name;
        ops[i].remove = changes->rows[i].config_operation != CONFIG_CHANGE_SET;
        if (ops[i].remove)
            continue;
        char *text = wire_str_dup(changes->rows[i].value), *end;
        ops[i].value = strtod(text, &end);
        bool number = end != text && *end == '\0' && isfinite(ops[i].value);
        mem_free(text);
        if (!number)
            return tool_fail(q->run, "Cannot parse quota configuration value for %.*s: %.*s",
                             WIRE_STR_ARGS(ops[i].key), WIRE_STR_ARGS(changes->rows[i].value));
    }
    return 0;
}

static bool quotas_moved(const void *response)
{
    const struct alter_client_quotas_response *altered = response;
    for (int32_t i = 0; i < altered->entries.count; i++)
        if (err_from_wire(altered->entries.items[i].error_code) == ERR_NOT_CONTROLLER)
            return true;
    return false;
}

static int quotas_report(const struct quotas_tool *q,
                         const struct alter_client_quotas_response *response)
{
    struct buf text;
    int status = 0;
    buf_init(&text);
    for (int32_t i = 0; status == 0 && i < response->entries.count; i++)
        if (response->entries.items[i].error_code)
            status = tool_fail(q->run, "%s",
                               tool_error_text(response->entries.items[i].error_code,
                                               response->entries.items[i].error_message, &text));
    if (status == 0 && q->names[0][0])
        printf("Completed updating config for %s %s.\n", q->kinds[0]->one, q->names[0]);
    else if (status == 0)
        printf("Completed updating default config for %s in the cluster.\n", q->kinds[0]->word);
    buf_close(&text);
    return status;
}

static int quotas_send(const struct quotas_tool *q, const struct config_changes *changes,
                       struct alter_client_quotas_request_op_data *ops)
{
    struct alter_client_quotas_request request;
    struct alter_client_quotas_request_entry_data entry;
    struct alter_client_quotas_request_entity_data entity[QUOTA_PARTS];
    struct client_answer answer = {0};
    int version = tool_version(q->run, KAFKA_API_ALTER_CLIENT_QUOTAS);
    if (version < 0)
        return 1;
    wire_defaults(&alter_client_quotas_request_desc, &request);
    wire_defaults(&alter_client_quotas_request_entry_data_desc, &entry);
    for (int i = 0; i < q->count; i++) {
        wire_defaults(&alter_client_quotas_request_entity_data_desc, &entity[i]);
        entity[i].entity_type = wire_str_from(quota_part_name(q->kinds[i]->part));
        entity[i].entity_name = q->names[i][0] ? wire_str_from(q->names[i]) : WIRE_STR_NULL;
    }
    entry.entity.items = entity;
    entry.entity.count = q->count;
    entry.ops.items = ops;
    entry.ops.count = changes->count;
    request.entries.items = &entry;
    request.entries.count = 1;
    int status = tool_call_controller(q->run, KAFKA_API_ALTER_CLIENT_QUOTAS, version, &request,
                                      quotas_moved, &answer);
    if (status == 0)
        status = quotas_report(q, answer.response);
    client_answer_free(&answer);
    return status;
}

static int quotas_alter(const struct quotas_tool *q)
{
    struct config_changes *changes = mem_alloc(sizeof(*changes));
    int status = config_changes_read(q->run, changes);
    if (status == 0)
        status = quotas_check_names(q, changes);
    struct alter_client_quotas_request_op_data *ops =
        mem_alloc((size_t)(changes->count + 1) * sizeof(*ops));
    if (status == 0)
        status = quotas_fill_ops(q, changes, ops);
    if (status == 0)
        status =
            tool_connect(q->run) || quotas_check_set(q, changes) || quotas_send(q, changes, ops);
    mem_free(ops);
    config_changes_close(changes);
    mem_free(changes);
    return status;
}

int configs_quotas_run(struct tool_run *run)
{
    struct quotas_tool q = {.run = run};
    if (quotas_read_entity(&q))
        return 1;
    if (options_has(run->options, "alter"))
        return quotas_alter(&q);
    return tool_connect(run) ? 1 : quotas_describe(&q);
}
