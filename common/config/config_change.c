/* Which settings may be changed while the cluster runs.
 *
 * Happy path: the row of the name is dynamic and has an effect, and the value is one of its values.
 * Failure modes: each refusal is a sentence with its reason, in Kafka's words where Kafka refuses
 * the same. A value of a setting without effect is checked before it is refused, so that a slip is
 * told as what it is. */
#include "config/config_change.h"

#include <string.h>

#include "base/err.h"
#include "config/config_group.h"
#include "config/config_metrics.h"

/* What can be wrong with a name of a broker's settings, in the order in which Kafka looks. */
enum config_wrong {
    CONFIG_WRONG_FIXED,
    CONFIG_WRONG_LISTENER_ONLY,
    CONFIG_WRONG_BROKER_ONLY,
    CONFIG_WRONGS
};

static const char *const config_wrong_sentences[CONFIG_WRONGS] = {
    [CONFIG_WRONG_FIXED] = "Cannot update these configs dynamically: ",
    [CONFIG_WRONG_LISTENER_ONLY] = "These security configs can be dynamically updated only "
                                   "per-listener using the listener prefix: ",
    [CONFIG_WRONG_BROKER_ONLY] = "Cannot update these configs at default cluster level, broker id "
                                 "must be specified: ",
};

/* Listeners have no settings of their own yet; one that is there for all says why itself. */
#define CONFIG_NO_LISTENERS "a listener has no settings of its own yet."

static enum config_id config_change_id(enum config_scope scope, const char *name, bool *listener)
{
    *listener = false;
    if (scope == CONFIG_OF_METRICS || scope == CONFIG_OF_GROUP)
        return CONFIG_COUNT;
    return scope == CONFIG_OF_TOPIC ? config_find_topic(name) : config_find_base(name, listener);
}

enum config_id config_change_find(enum config_scope scope, const char *name)
{
    bool listener;
    return config_change_id(scope, name, &listener);
}

const struct config_row *config_change_row(enum config_scope scope, const char *name)
{
    enum config_id id = config_change_find(scope, name);
    enum config_metrics_id metrics = config_metrics_find(name);
    enum config_group_id group = config_group_find(name);
    if (scope == CONFIG_OF_METRICS)
        return metrics < CONFIG_METRICS_COUNT ? config_metrics_row(metrics) : NULL;
    if (scope == CONFIG_OF_GROUP)
        return group < CONFIG_GROUP_SETTINGS ? config_group_row(group) : NULL;
    return id < CONFIG_COUNT ? config_row(id) : NULL;
}

/* ---- names ---- */

static bool config_is_wrong(enum config_scope scope, const char *name, enum config_wrong wrong)
{
    bool listener;
    enum config_id id = config_find_base(name, &listener);
    unsigned flags = id < CONFIG_COUNT && !listener ? config_row(id)->flags : CONFIG_DYNAMIC;
    switch (wrong) {
    case CONFIG_WRONG_FIXED:
        return !(flags & CONFIG_DYNAMIC);
    case CONFIG_WRONG_LISTENER_ONLY:
        return flags & CONFIG_PER_LISTENER;
    default:
        return scope == CONFIG_OF_ALL_BROKERS && !config_is_for_all(id, listener);
    }
}

/* Names all settings that are wrong in the same way. */
static bool config_say_wrong(enum config_scope scope, const char *const *names, size_t count,
                             enum config_wrong wrong, struct buf *problem)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (!config_is_wrong(scope, names[i], wrong))
            continue;
        buf_printf(problem, "%s%s", found ? ", " : config_wrong_sentences[wrong], found ? "" : "[");
        buf_printf(problem, "%s", names[i]);
        found = true;
    }
    if (found)
        buf_printf(problem, "]");
    return found;
}

/* Kafka keeps unknown names of brokers, for plug-ins. There are none here, and a slip of the
 * fingers that is kept is one that nobody finds. */
static void config_say_unknown(enum config_scope scope, const char *name, struct buf *problem)
{
    bool topic = scope == CONFIG_OF_TOPIC;
    const char *nearest = config_nearest(name, topic);
    buf_printf(problem, "Unknown %sconfig name: %s", topic ? "topic " : "", name);
    if (nearest)
        buf_printf(problem, " (did you mean %s?)", nearest);
}

static int config_check_metrics_names(const char *const *names, size_t count, struct buf *problem)
{
    for (size_t i = 0; i < count; i++) {
        if (config_metrics_find(names[i]) < CONFIG_METRICS_COUNT)
            continue;
        buf_printf(problem, CONFIG_METRICS_UNKNOWN "%s", names[i]);
        return ERR_INVALID_REQUEST;
    }
    return 0;
}

static int config_check_group_names(const char *const *names, size_t count, struct buf *problem)
{
    for (size_t i = 0; i < count; i++) {
        if (config_group_find(names[i]) < CONFIG_GROUP_SETTINGS)
            continue;
        buf_printf(problem, CONFIG_GROUP_UNKNOWN "%s", names[i]);
        return ERR_INVALID_CONFIG;
    }
    return 0;
}

int config_change_check_names(enum config_scope scope, const char *const *names, size_t count,
                              struct buf *problem)
{
    if (scope == CONFIG_OF_METRICS)
        return config_check_metrics_names(names, count, problem);
    if (scope == CONFIG_OF_GROUP)
        return config_check_group_names(names, count, problem);
    for (enum config_wrong wrong = 0; scope != CONFIG_OF_TOPIC && wrong < CONFIG_WRONGS; wrong++)
        if (config_say_wrong(scope, names, count, wrong, problem))
            return ERR_INVALID_REQUEST;
    for (size_t i = 0; i < count; i++) {
        if (config_change_find(scope, names[i]) < CONFIG_COUNT)
            continue;
        config_say_unknown(scope, names[i], problem);
        return scope == CONFIG_OF_TOPIC ? ERR_INVALID_CONFIG : ERR_INVALID_REQUEST;
    }
    return 0;
}

/* ---- values ---- */

/* Whether it says what is so anyway. */
static bool config_is_default(const struct config_row *row, const char *value)
{
    struct buf asked, known;
    if (!row->default_text || row->type == CONFIG_TYPE_PASSWORD)
        return false;
    buf_init(&asked);
    buf_init(&known);
    config_normal(row, value, &asked);
    config_normal(row, row->default_text, &known);
    bool same = strcmp(buf_text(&asked), buf_text(&known)) == 0;
    buf_close(&asked);
    buf_close(&known);
    return same;
}

static const char *config_reason(const struct config_row *row)
{
    static const char prefix[] = CONFIG_IDLE;
    if (!(row->flags & CONFIG_NO_EFFECT))
        return CONFIG_NO_LISTENERS;
    ASSERT(strncmp(row->doc, prefix, strlen(prefix)) == 0);
    return row->doc + strlen(prefix);
}

/* The value may be a secret and is not told. */
static int config_check_effect(const struct config_row *row, const char *name, const char *value,
                               bool listener, struct buf *problem)
{
    if (!listener && (!(row->flags & CONFIG_NO_EFFECT) || config_is_default(row, value)))
        return 0;
    buf_printf(problem, "%s can't be changed, for it would have no effect: %s", name,
               config_reason(row));
    return ERR_INVALID_CONFIG;
}

int config_change_check(enum config_scope scope, const char *name, const char *value,
                        struct buf *problem)
{
    bool listener;
    int err = config_change_check_names(scope, &name, 1, problem);
    if (err)
        return err;
    if (strlen(value) > CONFIG_VALUE_MAX) {
        buf_printf(problem,
                   "The configuration value cannot be added because it exceeds the maximum value "
                   "size of %d bytes.",
                   CONFIG_VALUE_MAX);
        return ERR_INVALID_CONFIG;
    }
    if (scope == CONFIG_OF_METRICS)
        return config_metrics_check(name, value, problem);
    if (scope == CONFIG_OF_GROUP)
        return config_group_check(name, value, problem);
    enum config_id id = config_change_id(scope, name, &listener);
    ASSERT(id < CONFIG_COUNT);
    const struct config_row *row = config_row(id);
    err = config_check_value(row, name, value, problem);
    if (!err)
        err = config_check_effect(row, name, value, listener, problem);
    return err && scope != CONFIG_OF_TOPIC ? ERR_INVALID_REQUEST : err;
}
