/* Settings of subscriptions. Happy path: a name is one of three, its value is of the type, an
 * interval within its limits, each element of `match` an attribute and something that may be an
 * expression. Failure modes: none of these, or a list that is too long. */
#include "config/config_metrics.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

enum { CONFIG_METRICS_INTERVAL_MIN_MS = 100, CONFIG_METRICS_INTERVAL_MAX_MS = 3600000 };

static const struct config_row config_metrics_rows[CONFIG_METRICS_COUNT] = {
    [CONFIG_METRICS_INTERVAL_MS] = {.name = "interval.ms",
                                    .default_text = "300000",
                                    .type = CONFIG_TYPE_INT,
                                    .min = CONFIG_MIN_INT,
                                    .max = CONFIG_MAX_INT,
                                    .flags = CONFIG_DYNAMIC,
                                    .doc = "How often the clients push, in milliseconds."},
    [CONFIG_METRICS_MATCH] = {.name = "match",
                              .default_text = "",
                              .type = CONFIG_TYPE_LIST,
                              .flags = CONFIG_DYNAMIC,
                              .doc = "Which clients: attribute=expression, all of which have to "
                                     "match; empty: all clients."},
    [CONFIG_METRICS_METRICS] = {.name = "metrics",
                                .default_text = "",
                                .type = CONFIG_TYPE_LIST,
                                .flags = CONFIG_DYNAMIC,
                                .doc = "How the names of the metrics begin; * is all of them."},
};

static const char *const config_metrics_attributes[CONFIG_METRICS_ATTRIBUTES] = {
    [CONFIG_METRICS_CLIENT_INSTANCE_ID] = "client_instance_id",
    [CONFIG_METRICS_CLIENT_ID] = "client_id",
    [CONFIG_METRICS_SOFTWARE_NAME] = "client_software_name",
    [CONFIG_METRICS_SOFTWARE_VERSION] = "client_software_version",
    [CONFIG_METRICS_SOURCE_ADDRESS] = "client_source_address",
    [CONFIG_METRICS_SOURCE_PORT] = "client_source_port",
};

STATIC_ASSERT(CONFIG_METRICS_INTERVAL_MIN_MS < CONFIG_METRICS_INTERVAL_MAX_MS,
              "an interval has a range");
const struct config_row *config_metrics_row(enum config_metrics_id id)
{
    ASSERT(id < CONFIG_METRICS_COUNT);
    return &config_metrics_rows[id];
}

enum config_metrics_id config_metrics_find(const char *name)
{
    enum config_metrics_id id = 0;
    while (id < CONFIG_METRICS_COUNT && strcmp(config_metrics_rows[id].name, name) != 0)
        id++;
    ASSERT(id <= CONFIG_METRICS_COUNT);
    return id;
}

static bool config_metrics_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static enum config_metrics_attribute config_metrics_attribute_find(const char *name, size_t len)
{
    enum config_metrics_attribute i = 0;
    while (i < CONFIG_METRICS_ATTRIBUTES && (strlen(config_metrics_attributes[i]) != len ||
                                             memcmp(config_metrics_attributes[i], name, len) != 0))
        i++;
    return i;
}

int config_metrics_next_match(const char **list, struct config_metrics_match *match)
{
    const char *element;
    size_t len;
    if (!config_next_element(list, &element, &len))
        return 0;
    const char *equals = memchr(element, '=', len), *end = element + len;
    if (!equals)
        return ERR_INVALID;
    size_t name_len = (size_t)(equals - element);
    while (name_len > 0 && config_metrics_is_blank(element[name_len - 1]))
        name_len--;
    const char *expression = equals + 1;
    while (expression < end && config_metrics_is_blank(*expression))
        expression++;
    match->attribute = config_metrics_attribute_find(element, name_len);
    match->expression = expression;
    match->len = (size_t)(end - expression);
    if (match->attribute == CONFIG_METRICS_ATTRIBUTES || match->len == 0 ||
        memchr(expression, '=', match->len)) /* Kafka knows no = in an expression */
        return ERR_INVALID;
    ASSERT(match->expression > element);
    ASSERT(match->expression + match->len == end);
    ASSERT(match->attribute < CONFIG_METRICS_ATTRIBUTES);
    return 1;
}

static int config_metrics_check_interval(const char *value, struct buf *problem)
{
    struct config_parsed parsed;
    if (!config_parse(&config_metrics_rows[CONFIG_METRICS_INTERVAL_MS], value, &parsed))
        return ERR_INVALID_REQUEST; /* has been told */
    if (parsed.number >= CONFIG_METRICS_INTERVAL_MIN_MS &&
        parsed.number <= CONFIG_METRICS_INTERVAL_MAX_MS)
        return 0;
    buf_printf(problem,
               "Invalid value %s for interval.ms, interval must be between 100 and 3600000 (1 "
               "hour)",
               value);
    return ERR_INVALID_REQUEST;
}

static int config_metrics_check_match(const char *value, struct buf *problem)
{
    struct config_metrics_match match;
    const char *list = value, *element = value;
    int next;
    while ((next = config_metrics_next_match(&list, &match)) > 0)
        element = list;
    if (next == 0)
        return 0;
    ASSERT(next < 0);
    ASSERT(element >= value);
    element += strspn(element, ", \t");
    buf_printf(problem, "Illegal client matching pattern: %.*s", (int)strcspn(element, ","),
               element);
    return ERR_INVALID_CONFIG;
}

static int config_metrics_check_length(const char *name, const char *value, struct buf *problem)
{
    const char *list = value, *element;
    size_t len, count = 0;
    ASSERT(name != NULL);
    while (config_next_element(&list, &element, &len))
        count++;
    if (count <= CONFIG_METRICS_ELEMENTS_MAX)
        return 0;
    buf_printf(problem, "%s has %zu elements, and may have %d: make several subscriptions", name,
               count, CONFIG_METRICS_ELEMENTS_MAX);
    return ERR_INVALID_CONFIG;
}

int config_metrics_check(const char *name, const char *value, struct buf *problem)
{
    enum config_metrics_id id = config_metrics_find(name);
    if (id == CONFIG_METRICS_COUNT) {
        buf_printf(problem, CONFIG_METRICS_UNKNOWN "%s", name);
        return ERR_INVALID_REQUEST;
    }
    ASSERT(id < CONFIG_METRICS_COUNT);
    const struct config_row *row = &config_metrics_rows[id];
    int err = config_check_value(row, name, value, problem);
    if (err)
        return err;
    if (id == CONFIG_METRICS_INTERVAL_MS)
        return config_metrics_check_interval(value, problem);
    err = config_metrics_check_length(name, value, problem);
    return err || id != CONFIG_METRICS_MATCH ? err : config_metrics_check_match(value, problem);
}
