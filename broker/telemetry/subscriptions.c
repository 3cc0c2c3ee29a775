/* Sets of subscriptions. Happy path: each resource of the image becomes a row; what a client gets
 * is the union of the rows that match it. Failure mode: a value that would be refused today, or an
 * expression that can't be compiled or costs too much: such a row matches nobody. */
#include "broker/telemetry/subscriptions.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/group/topic_pattern.h"

/* The expression for one attribute of the clients. */
struct subscriptions_choice {
    char *text; /* NULL: any */
    struct topic_pattern *pattern;
    bool refused;
};

struct subscription {
    char *metrics; /* as the setting has them */
    int32_t interval_ms;
    struct subscriptions_choice choices[CONFIG_METRICS_ATTRIBUTES];
};

struct subscriptions {
    int refs;
    bool choose;
    struct subscription *rows;
    size_t count;
};

static const Meta__ConfigRecord__Resource subscriptions_of =
    META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS;

static const char *subscriptions_text(const struct image *image, const char *name,
                                      enum config_metrics_id id)
{
    const struct config_row *row = config_metrics_row(id);
    const char *text = image_config(image, subscriptions_of, name, row->name);
    return text ? text : row->default_text;
}

static bool subscriptions_is_right(const struct image *image, const char *name)
{
    struct buf problem;
    bool right = true;
    buf_init(&problem);
    for (enum config_metrics_id id = 0; right && id < CONFIG_METRICS_COUNT; id++)
        right = config_metrics_check(config_metrics_row(id)->name,
                                     subscriptions_text(image, name, id), &problem) == 0;
    buf_close(&problem);
    return right;
}

/* As in Kafka the last of several expressions for an attribute counts. */
static void subscriptions_add_choices(struct subscriptions *set, struct subscription *row,
                                      const char *list)
{
    struct config_metrics_match match;
    while (config_metrics_next_match(&list, &match) > 0) {
        struct subscriptions_choice *choice = &row->choices[match.attribute];
        mem_free(choice->text);
        choice->text = mem_strndup(match.expression, match.len);
        set->choose = true;
    }
}

static void subscriptions_add(struct subscriptions *set, const struct image *image,
                              const char *name)
{
    struct config_parsed interval;
    if (!subscriptions_is_right(image, name))
        return;
    struct subscription *row = &set->rows[set->count++];
    bool parsed =
        config_parse(config_metrics_row(CONFIG_METRICS_INTERVAL_MS),
                     subscriptions_text(image, name, CONFIG_METRICS_INTERVAL_MS), &interval);
    ASSERT(parsed);
    *row = (struct subscription){
        .metrics = mem_strdup(subscriptions_text(image, name, CONFIG_METRICS_METRICS)),
        .interval_ms = (int32_t)interval.number};
    subscriptions_add_choices(set, row, subscriptions_text(image, name, CONFIG_METRICS_MATCH));
    ASSERT(row->interval_ms > 0);
}

struct subscriptions *subscriptions_new(const struct image *image)
{
    struct subscriptions *set = mem_alloc(sizeof(*set));
    size_t cursor = 0;
    const char *name;
    *set = (struct subscriptions){.refs = 1};
    set->rows = mem_alloc(image_config_resources(image, subscriptions_of) * sizeof(*set->rows));
    while ((name = image_next_config_resource(image, subscriptions_of, &cursor)))
        subscriptions_add(set, image, name);
    return set;
}

struct subscriptions *subscriptions_ref(struct subscriptions *set)
{
    ASSERT(set->refs > 0);
    set->refs++;
    return set;
}

void subscriptions_unref(struct subscriptions *set)
{
    ASSERT(set->refs > 0);
    if (--set->refs > 0)
        return;
    for (size_t i = 0; i < set->count; i++) {
        for (int j = 0; j < CONFIG_METRICS_ATTRIBUTES; j++) {
            mem_free(set->rows[i].choices[j].text);
            if (set->rows[i].choices[j].pattern)
                topic_pattern_free(set->rows[i].choices[j].pattern);
        }
        mem_free(set->rows[i].metrics);
    }
    mem_free(set->rows);
    mem_free(set);
}

size_t subscriptions_count(const struct subscriptions *set)
{
    return set->count;
}

bool subscriptions_choose(const struct subscriptions *set)
{
    return set->choose;
}

/* ---- matching ---- */

static bool subscriptions_is_match(struct subscriptions_choice *choice, const char *value)
{
    if (!choice->text)
        return true;
    if (!choice->pattern && !choice->refused)
        choice->refused = topic_pattern_new(wire_str_from(choice->text), &choice->pattern) != 0;
    return !choice->refused && topic_pattern_matches(choice->pattern, value) == 1;
}

void subscriptions_match(struct subscriptions *set,
                         const char *const attributes[CONFIG_METRICS_ATTRIBUTES], bool *matched)
{
    for (size_t i = 0; i < set->count; i++) {
        matched[i] = true;
        for (int j = 0; matched[i] && j < CONFIG_METRICS_ATTRIBUTES; j++)
            matched[i] = subscriptions_is_match(&set->rows[i].choices[j], attributes[j]);
    }
}

/* ---- what is wanted ---- */

struct subscriptions_name {
    const char *text; /* in a row */
    size_t len;
};

static int subscriptions_compare(const void *a, const void *b)
{
    const struct subscriptions_name *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* All names of the rows that count; true when one of them is all there is. */
static bool subscriptions_gather(const struct subscriptions *set, const bool *matched,
                                 struct subscriptions_name *names, size_t *count)
{
    bool all = false;
    *count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const char *list = set->rows[i].metrics;
        struct subscriptions_name name;
        while ((!matched || matched[i]) && config_next_element(&list, &name.text, &name.len)) {
            all |= name.len == 1 && *name.text == '*';
            names[(*count)++] = name;
        }
    }
    return all;
}

int32_t subscriptions_join(const struct subscriptions *set, const bool *matched,
                           struct buf *metrics)
{
    static const char everything[] = "*";
    size_t count, max = set->count * CONFIG_METRICS_ELEMENTS_MAX;
    int32_t interval_ms = CONFIG_METRICS_INTERVAL_DEFAULT_MS;
    struct subscriptions_name *names = mem_alloc(max * sizeof(*names));
    bool all = subscriptions_gather(set, matched, names, &count);
    ASSERT(count <= max);
    if (count > 1)
        qsort(names, count, sizeof(*names), subscriptions_compare);
    for (size_t i = 0; !all && i < count; i++)
        if (i == 0 || subscriptions_compare(&names[i - 1], &names[i]) != 0) {
            buf_put(metrics, names[i].text, names[i].len);
            buf_put(metrics, "", 1);
        }
    if (all)
        buf_put(metrics, everything, sizeof(everything));
    for (size_t i = 0; i < set->count; i++)
        if ((!matched || matched[i]) && set->rows[i].interval_ms < interval_ms)
            interval_ms = set->rows[i].interval_ms;
    mem_free(names);
    return interval_ms;
}
