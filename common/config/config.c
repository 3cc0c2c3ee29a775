/* The settings of a node: reading them from properties, and the getters.
 *
 * Happy path: each entry of the file finds its row and passes its check; unset rows take the
 * default; the settings with older units are brought together; what is derived is derived. Failure
 * modes: an unknown name, a bad value, two settings that contradict each other: one sentence in
 * `problem`. */
#include "config/config_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "config/config_providers.h"
#include "env/env.h"

/* A properties file is a page of text; this stops a wrong path such as a log segment. */
enum { CONFIG_FILE_MAX = 4 << 20 };
/* All texts together; a file of the largest size and the defaults fit. */
enum { CONFIG_STRINGS_MAX = 16 << 20 };

/* A setting in ms, and an older one in a longer unit that counts when the ms form is not given. The
 * first one given wins; the last is the default. A session lasts for some heartbeats: a file that
 * sets only the interval then stays valid. */
struct config_unit {
    enum config_id ms;
    enum config_id other;
    int64_t factor;
};
static const struct config_unit config_units[] = {
    {CONFIG_LOG_RETENTION_MS, CONFIG_LOG_RETENTION_MINUTES, 60 * 1000},
    {CONFIG_LOG_RETENTION_MS, CONFIG_LOG_RETENTION_HOURS, 60 * 60 * 1000},
    {CONFIG_LOG_ROLL_MS, CONFIG_LOG_ROLL_HOURS, 60 * 60 * 1000},
    {CONFIG_LOG_ROLL_JITTER_MS, CONFIG_LOG_ROLL_JITTER_HOURS, 60 * 60 * 1000},
    {CONFIG_LOG_FLUSH_INTERVAL_MS, CONFIG_LOG_FLUSH_SCHEDULER_INTERVAL_MS, 1},
    {CONFIG_BROKER_SESSION_TIMEOUT_MS, CONFIG_BROKER_HEARTBEAT_INTERVAL_MS, 6},
};

/* The first must not be more than `percent` of the second. */
struct config_order {
    enum config_id small;
    enum config_id large;
    int percent;
};
static const struct config_order config_orders[] = {
    {CONFIG_BROKER_HEARTBEAT_INTERVAL_MS, CONFIG_BROKER_SESSION_TIMEOUT_MS, 50},
    {CONFIG_REPLICA_FETCH_WAIT_MAX_MS, CONFIG_REPLICA_SOCKET_TIMEOUT_MS, 100},
    {CONFIG_REPLICA_FETCH_WAIT_MAX_MS, CONFIG_REPLICA_LAG_TIME_MAX_MS, 100},
    {CONFIG_SOCKET_REQUEST_MAX_BYTES, CONFIG_QUEUED_MAX_REQUEST_BYTES, 100},
    {CONFIG_GROUP_MIN_SESSION_TIMEOUT_MS, CONFIG_GROUP_MAX_SESSION_TIMEOUT_MS, 100},
    {CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, 100},
    {CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, 100},
    {CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS,
     100},
    {CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS,
     100},
    {CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS,
     100},
    {CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS,
     100},
};

STATIC_ASSERT(CONFIG_STRINGS_MAX >= 4 * CONFIG_FILE_MAX,
              "the texts of the largest file fit, and what is derived from them");
static void config_say_line(const char *file, int line, struct buf *problem)
{
    ASSERT(line >= 0);
    if (line > 0)
        buf_printf(problem, "%s line %d: ", file, line);
    else
        buf_printf(problem, "--override (of %s): ", file);
}

void config_say_where(const struct config *config, enum config_id id, struct buf *problem)
{
    ASSERT(id < CONFIG_COUNT);
    if (config->values[id].given)
        config_say_line(config->file, config->values[id].line, problem);
    else
        buf_printf(problem, "%s: ", config->file);
}

/* The text has been checked. */
static void config_put(struct config *config, enum config_id id, const char *text)
{
    bool parsed = config_parse(config_row(id), text, &config->values[id].now);
    ASSERT(id < CONFIG_COUNT);
    ASSERT(text != NULL);
    ASSERT(parsed);
}

/* What is no text would end up in addresses, names and messages. */
static int config_check_text(const struct config *config, const struct props_entry *entry,
                             struct buf *problem)
{
    bool key = config_is_text(entry->key);
    if (key && config_is_text(entry->value))
        return 0;
    config_say_line(config->file, entry->line, problem);
    if (key)
        buf_printf(problem, "the value of %s has bytes that are no UTF-8 text: ", entry->key);
    else
        buf_printf(problem, "the name of the setting has bytes that are no UTF-8 text: ");
    buf_printf(problem, "save the file as UTF-8, or write such letters as \\uXXXX");
    return ERR_INVALID;
}

static int config_refuse_unknown(const struct config *config, const struct props_entry *entry,
                                 struct buf *problem)
{
    const char *nearest = config_nearest(entry->key, false);
    ASSERT(entry->key != NULL);
    config_say_line(config->file, entry->line, problem);
    buf_printf(problem, "%s is not a known setting: ", entry->key);
    if (nearest)
        buf_printf(problem, "did you mean %s?", nearest);
    else
        buf_printf(problem, "remove it, or check how it is spelled");
    return ERR_UNKNOWN_OPTION;
}

/* Access control that is asked for and not there would leave a cluster open: that is no "no
 * effect". */
static int config_check_guard(const struct config *config, const struct config_row *row,
                              const struct props_entry *entry, struct buf *problem)
{
    ASSERT(entry->value != NULL);
    if (!(row->flags & CONFIG_GUARD) || entry->value[0] == '\0')
        return 0;
    config_say_line(config->file, entry->line, problem);
    buf_printf(problem, "%s=%s: %s", entry->key, entry->value, row->doc);
    return ERR_UNSUPPORTED;
}

static int config_check_entry(const struct config *config, const struct config_row *row,
                              const struct props_entry *entry, struct buf *problem)
{
    struct buf reason;
    buf_init(&reason);
    int err = config_check_value(row, entry->key, entry->value, &reason);
    if (err) {
        config_say_line(config->file, entry->line, problem);
        buf_printf(problem, "%s", buf_text(&reason));
    }
    buf_close(&reason);
    return err ? ERR_INVALID : 0;
}

/* Names of listener.name.NAME.X are checked as X, and those of other releases and of plug-ins not
 * at all; neither has an effect. */
static int config_read_entry(struct config *config, const struct props_entry *entry,
                             struct buf *problem, bool *idle)
{
    bool listener;
    if (config_providers_owns(entry->key)) /* config_load has read them */
        return 0;
    enum config_id id = config_find_base(entry->key, &listener);
    const struct config_row *row = id < CONFIG_COUNT ? config_row(id) : NULL;
    *idle = listener || !row || (row->flags & CONFIG_NO_EFFECT);
    if (!row)
        return config_is_foreign(entry->key) ? 0 : config_refuse_unknown(config, entry, problem);
    int err = config_check_guard(config, row, entry, problem);
    if (!err)
        err = config_check_entry(config, row, entry, problem);
    if (err || listener)
        return err;
    ASSERT(id < CONFIG_COUNT);
    ASSERT(!err);
    config_put(config, id, arena_strndup(&config->strings, entry->value, strlen(entry->value)));
    config->values[id].line = entry->line;
    config->values[id].given = true;
    return 0;
}

static int config_read(struct config *config, const struct props *props, struct buf *problem,
                       struct buf *notes)
{
    struct buf names;
    buf_init(&names);
    int err = 0;
    for (size_t i = 0; i < props->count && err == 0; i++) {
        const struct props_entry *entry = &props->entries[i];
        bool idle = false;
        err = config_check_text(config, entry, problem);
        if (!err)
            err = config_read_entry(config, entry, problem, &idle);
        if (idle)
            buf_printf(&names, "%s%s", names.len ? ", " : "", entry->key);
    }
    if (names.len > 0)
        buf_printf(notes, "%s: accepted, no effect: %s\n", config->file, buf_text(&names));
    buf_close(&names);
    return err;
}

static void config_fill_defaults(struct config *config)
{
    for (unsigned i = 0; i < CONFIG_COUNT; i++)
        if (!config->values[i].given && config_row((enum config_id)i)->default_text)
            config_put(config, (enum config_id)i, config_row((enum config_id)i)->default_text);
    for (size_t i = 0; i < ARRAY_LEN(config_units); i++) {
        const struct config_unit *unit = &config_units[i];
        const struct config_parsed *other = &config->values[unit->other].now;
        if (config->values[unit->ms].now.text || !other->text)
            continue;
        int64_t ms = other->number < 0 ? other->number : other->number * unit->factor;
        char text[32];
        int len = snprintf(text, sizeof(text), "%" PRId64, ms);
        ASSERT(len > 0);
        ASSERT(len < (int)sizeof(text));
        config_put(config, unit->ms, arena_strndup(&config->strings, text, (size_t)len));
    }
}

static bool config_is_ordered(const struct config_order *order, int64_t small, int64_t large)
{
    ASSERT(order->percent == 50 || order->percent == 100);
    if (order->large == CONFIG_QUEUED_MAX_REQUEST_BYTES && large <= 0)
        return true; /* a limit of our own, which is large enough */
    return small <= (order->percent == 50 ? large / 2 : large);
}

static void config_say_order(const struct config_order *order, int64_t small, int64_t large,
                             struct buf *problem)
{
    buf_printf(problem,
               "%s=%" PRId64 " is more than %s%s=%" PRId64 ": lower the first or raise the second",
               config_row(order->small)->name, small, order->percent == 50 ? "half of " : "",
               config_row(order->large)->name, large);
}

static int config_check_orders(const struct config *config, struct buf *problem)
{
    for (size_t i = 0; i < ARRAY_LEN(config_orders); i++) {
        const struct config_order *order = &config_orders[i];
        int64_t small = config_int(config, order->small), large = config_int(config, order->large);
        if (config_is_ordered(order, small, large))
            continue;
        config_say_where(config, config_is_set(config, order->small) ? order->small : order->large,
                         problem);
        config_say_order(order, small, large, problem);
        return ERR_INVALID;
    }
    return 0;
}

int config_check_fit(const struct config *config, enum config_id id, const char *value,
                     struct buf *problem)
{
    struct config_parsed parsed;
    ASSERT(id < CONFIG_COUNT);
    if (!config_parse(config_row(id), value, &parsed))
        return 0; /* told as what it is */
    if (id == CONFIG_CORDONED_LOG_DIRS)
        return config_check_cordoned(config, value, problem);
    for (size_t i = 0; i < ARRAY_LEN(config_orders); i++) {
        const struct config_order *order = &config_orders[i];
        if (order->small != id && order->large != id)
            continue;
        int64_t small = order->small == id ? parsed.number : config_int(config, order->small);
        int64_t large = order->large == id ? parsed.number : config_int(config, order->large);
        if (config_is_ordered(order, small, large))
            continue;
        config_say_order(order, small, large, problem);
        return ERR_INVALID_CONFIG;
    }
    return 0;
}

int config_new(const struct props *props, const char *file, struct buf *problem, struct buf *notes,
               struct config **out)
{
    struct config *config = mem_alloc(sizeof(*config));
    arena_init(&config->strings, CONFIG_STRINGS_MAX);
    config->file = arena_strndup(&config->strings, file, strlen(file));
    int err = config_read(config, props, problem, notes);
    if (err)
        goto err_after_new;
    config_fill_defaults(config);
    err = config_check_orders(config, problem);
    if (err)
        goto err_after_new;
    err = config_derive(config, problem, notes);
    if (err)
        goto err_after_new;
    ASSERT(config->listener_count <= CONFIG_LISTENERS_MAX);
    ASSERT(config->voter_count <= CONFIG_VOTERS_MAX);
    ASSERT(config->bootstrap_count <= CONFIG_VOTERS_MAX);
    ASSERT(config->log_dir_count > 0);
    ASSERT(config->log_dir_count <= CONFIG_LOG_DIRS_MAX);
    ASSERT(config->node_id >= 0);
    ASSERT(config->roles != 0);
    ASSERT(config->inter_broker >= 0);
    ASSERT(config->inter_broker < CONFIG_LISTENERS_MAX);
    *out = config;
    return 0;

err_after_new:
    config_free(config);
    return err;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    arena_close(&config->strings);
    mem_free(config);
}

static int config_apply_override(struct props *props, const char *override, struct buf *problem)
{
    const char *equals = strchr(override, '=');
    if (!equals || equals == override) {
        buf_printf(problem, "--override %s: write it as --override name=value", override);
        return ERR_INVALID;
    }
    char *key = mem_strndup(override, (size_t)(equals - override));
    ASSERT(key[0] != '\0');
    props_set(props, key, equals + 1);
    mem_free(key);
    return 0;
}

/* What comes from elsewhere may be a secret: no sentence has it. */
static int config_load_provided(struct env *env, const char *file, struct props *props,
                                struct buf *problem, struct buf *notes, struct config **out)
{
    struct config_providers providers;
    int err = config_providers_resolve(&providers, env, file, props, problem);
    if (!err)
        err = config_new(props, file, problem, notes, out);
    config_providers_hide(&providers, problem);
    config_providers_hide(&providers, notes);
    config_providers_close(&providers);
    return err;
}

int config_load(struct env *env, const char *file, const char *const *overrides, int count,
                struct buf *problem, struct buf *notes, struct config **out)
{
    struct props props;
    char *text;
    size_t len;
    int line = 0;
    int err = env_file_load(env, file, CONFIG_FILE_MAX, &text, &len);
    ASSERT(count >= 0);
    if (err) {
        buf_printf(problem, "%s: the settings can't be read: %s: check the path", file,
                   err == ERR_NOT_FOUND ? "there is no such file"
                   : err == ERR_NO_FILE ? "it is no file"
                                        : err_text(err));
        return err;
    }
    props_init(&props);
    err = props_parse(&props, text, len, &line);
    if (err)
        buf_printf(problem,
                   "%s line %d: this is no setting: write name=value, and a backslash in a "
                   "value as \\\\",
                   file, line);
    for (int i = 0; i < count && err == 0; i++)
        err = config_apply_override(&props, overrides[i], problem);
    if (err == 0)
        err = config_load_provided(env, file, &props, problem, notes, out);
    props_close(&props);
    mem_free(text);
    return err;
}

/* A time may be written in older units, which read-only settings have: what they say together
 * counts. */
static bool config_is_live(enum config_id id, bool (*live)(enum config_id id))
{
    bool is = live(id);
    for (size_t i = 0; i < ARRAY_LEN(config_units); i++)
        is |= config_units[i].other == id && live(config_units[i].ms);
    return is;
}

static bool config_is_same(const struct config_value *a, const struct config_value *b)
{
    const char *left = a->now.text ? a->now.text : "", *right = b->now.text ? b->now.text : "";
    return strcmp(left, right) == 0;
}

void config_take_live(struct config *fresh, const struct config *running,
                      bool (*live)(enum config_id id), struct buf *taken, struct buf *kept)
{
    struct config read = *fresh;
    ASSERT(fresh != running && running->listener_count >= 0);
    ASSERT(live != NULL);
    ASSERT(fresh->log_dir_count > 0);
    *fresh = *running; /* what is derived, too: all of it is of settings that stay */
    fresh->strings = read.strings;
    fresh->file = read.file;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const struct config_row *row = config_row(id);
        bool same = config_is_same(&read.values[id], &running->values[id]);
        if (config_is_live(id, live))
            fresh->values[id] = read.values[id];
        if (!same && (read.values[id].given || running->values[id].given) &&
            !(row->flags & CONFIG_NO_EFFECT))
            buf_printf(config_is_live(id, live) ? taken : kept, " %s", row->name);
    }
}

const struct config_parsed *config_value(const struct config *config, enum config_id id)
{
    ASSERT(id < CONFIG_COUNT);
    return &config->values[id].now;
}

int64_t config_int(const struct config *config, enum config_id id)
{
    enum config_type type = config_row(id)->type;
    ASSERT(type == CONFIG_TYPE_SHORT || type == CONFIG_TYPE_INT || type == CONFIG_TYPE_LONG);
    return config->values[id].now.number;
}

bool config_bool(const struct config *config, enum config_id id)
{
    ASSERT(config_row(id)->type == CONFIG_TYPE_BOOL);
    return config->values[id].now.number != 0;
}

double config_double(const struct config *config, enum config_id id)
{
    ASSERT(config_row(id)->type == CONFIG_TYPE_DOUBLE);
    return config->values[id].now.real;
}

const char *config_str(const struct config *config, enum config_id id)
{
    const char *text = config->values[id].now.text;
    ASSERT(id < CONFIG_COUNT);
    return text ? text : "";
}

bool config_is_set(const struct config *config, enum config_id id)
{
    ASSERT(id < CONFIG_COUNT);
    return config->values[id].given;
}

bool config_is_given(const struct config *config, enum config_id id)
{
    bool given = config->values[id].given;
    ASSERT(id < CONFIG_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(config_units); i++)
        given |= config_units[i].ms == id && config->values[config_units[i].other].given;
    return given;
}
