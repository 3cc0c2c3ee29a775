/* Each setting of a broker that Kafka 4.4 knows works here, is accepted and said to have no effect,
 * or is refused with its reason; and its values are checked in each case. */
#include "config_fixture.h"
#include "kafka_settings.h"

enum { SETTINGS = 360 };

/* Where ours is meant to be another one: config_table.h says why. */
static const char *const other_presets[] = {
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.election.timeout.ms",
    "group.consumer.assignment.interval.ms",
    "group.coordinator.append.linger.ms",
    "group.coordinator.rebalance.protocols",
    "listener.security.protocol.map",
    "listeners",
    "log.flush.interval.messages",
    "node.id",
    "process.roles",
    "share.coordinator.append.linger.ms",
};

static const char *const types[] = {
    [CONFIG_TYPE_BOOL] = "BOOLEAN",     [CONFIG_TYPE_SHORT] = "SHORT",
    [CONFIG_TYPE_INT] = "INT",          [CONFIG_TYPE_LONG] = "LONG",
    [CONFIG_TYPE_DOUBLE] = "DOUBLE",    [CONFIG_TYPE_STRING] = "STRING",
    [CONFIG_TYPE_CLASS] = "CLASS",      [CONFIG_TYPE_LIST] = "LIST",
    [CONFIG_TYPE_PASSWORD] = "PASSWORD"};

static bool is_number(const struct config_row *row)
{
    return row->type >= CONFIG_TYPE_SHORT && row->type <= CONFIG_TYPE_DOUBLE;
}

/* Lists that Kafka keeps as one text are lists here. */
static bool is_of_type(const struct config_row *row, const char *type)
{
    return strcmp(types[row->type], type) == 0 ||
           (row->type == CONFIG_TYPE_LIST && strcmp(type, "STRING") == 0);
}

static bool is_preset(const struct config_row *row, const char *preset)
{
    for (size_t i = 0; i < ARRAY_LEN(other_presets); i++)
        if (strcmp(row->name, other_presets[i]) == 0)
            return true;
    return strcmp(row->default_text ? row->default_text : "", preset ? preset : "") == 0;
}

static void all_are_known(void)
{
    CHECK_INT(ARRAY_LEN(kafka_settings), SETTINGS);
    for (size_t i = 0; i < SETTINGS; i++) {
        enum config_id id = config_find(kafka_settings[i].name);
        bool known = id < CONFIG_COUNT && is_of_type(config_row(id), kafka_settings[i].type) &&
                     is_preset(config_row(id), kafka_settings[i].preset);
        if (!known)
            printf("# %s\n", kafka_settings[i].name);
        CHECK(known);
    }
}

/* A file with it alone: refused for its name, or taken; said to have no effect, or not. */
static void check_start(const struct config_row *row, const char *value)
{
    struct fixture f;
    struct buf file, told;
    buf_init(&file);
    buf_init(&told);
    buf_printf(&file, "%s=%s\n", row->name, value);
    buf_printf(&told, "no effect: %s\n", row->name);
    load(&f, buf_text(&file));
    if (row->flags & CONFIG_GUARD) {
        CHECK_INT(f.err, ERR_UNSUPPORTED);
        CHECK(strstr(buf_text(&f.problem), row->doc));
    } else if (row->flags & CONFIG_NO_EFFECT) {
        CHECK_INT(f.err, 0);
        CHECK(strstr(buf_text(&f.notes), buf_text(&told)));
    } else {
        CHECK(!strstr(buf_text(&f.notes), "no effect"));
    }
    unload(&f);
    buf_close(&file);
    buf_close(&told);
}

static void each_works_or_is_said_not_to(void)
{
    size_t idle = 0, guards = 0;
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct config_row *row = config_row(config_find(kafka_settings[i].name));
        const char *value = kafka_settings[i].preset;
        bool filled = row->flags & CONFIG_FILLED;
        if (row->flags & CONFIG_GUARD)
            value = "a.B";
        else if (!value)
            value = is_number(row) ? "1" : filled ? "a.B" : "";
        check_start(row, value);
        idle += (row->flags & CONFIG_NO_EFFECT) != 0;
        guards += (row->flags & CONFIG_GUARD) != 0;
    }
    CHECK_INT(guards, 4);
    CHECK(idle > 150 && idle < 250);
    printf("# %zu work, %zu have no effect, %zu are refused\n", SETTINGS - idle - guards, idle,
           guards);
}

static void check_refused(const struct config_row *row, const char *value)
{
    struct buf problem;
    buf_init(&problem);
    int err = config_check_value(row, row->name, value, &problem);
    if (!err)
        printf("# %s=%s\n", row->name, value);
    CHECK(err != 0);
    CHECK(strstr(buf_text(&problem), row->name));
    buf_close(&problem);
}

/* Also of those without effect. */
static void bad_values_are_refused(void)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct config_row *row = config_row(config_find(kafka_settings[i].name));
        char number[32];
        if (is_number(row) || row->type == CONFIG_TYPE_BOOL)
            check_refused(row, "no-value");
        else if (row->allowed)
            check_refused(row, "no-such-word");
        if (row->flags & CONFIG_FILLED)
            check_refused(row, "");
        if (!is_number(row) || row->type == CONFIG_TYPE_DOUBLE || row->min == CONFIG_MIN_LONG)
            continue;
        snprintf(number, sizeof(number), "%lld", (long long)row->min - 1);
        check_refused(row, number);
        check_refused(row, "9223372036854775808");
    }
    check_refused(config_row(CONFIG_REMOTE_LOG_MANAGER_TASK_RETRY_JITTER), "0.51");
}

TAP_MAIN(TAP_TEST(all_are_known), TAP_TEST(each_works_or_is_said_not_to),
         TAP_TEST(bad_values_are_refused))
