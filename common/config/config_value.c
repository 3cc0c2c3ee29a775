/* Values of settings: reading them, checking them against their row, and their normal form.
 *
 * Happy path: a value parses as the type of its row and lies in its range. Failure modes: another
 * type, out of range, a word that is none of those allowed, a list with gaps; the sentence says
 * which values are right. As in Kafka, blanks around a value don't count. */
#include "config/config_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/err.h"
#include "config/config_policy.h"

/* The longest number that is read: a sign and digits, with room for zeros in front. */
enum { CONFIG_NUMBER_MAX = 64 };

STATIC_ASSERT(CONFIG_NUMBER_MAX > 20, "a sign and the digits of the largest number");
STATIC_ASSERT(CONFIG_TYPE_SHORT < CONFIG_TYPE_DOUBLE,
              "numbers stand together, the whole ones first");
STATIC_ASSERT(CONFIG_TYPE_SHORT + 1 == CONFIG_TYPE_INT, "likewise");
STATIC_ASSERT(CONFIG_TYPE_INT + 1 == CONFIG_TYPE_LONG, "likewise");
STATIC_ASSERT(CONFIG_TYPE_LONG + 1 == CONFIG_TYPE_DOUBLE, "likewise");
static bool config_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The text without the blanks around it. */
static const char *config_trim(const char *text, size_t *len)
{
    while (config_is_blank(*text))
        text++;
    *len = strlen(text);
    while (*len > 0 && config_is_blank(text[*len - 1]))
        --*len;
    ASSERT(*len == 0 || !config_is_blank(text[*len - 1]));
    return text;
}

bool config_is_word(const char *text, const char *word)
{
    size_t len;
    text = config_trim(text, &len);
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* Copies what is trimmed, so that it ends where the C library stops. */
static bool config_number_text(const char *text, char out[CONFIG_NUMBER_MAX])
{
    size_t len;
    text = config_trim(text, &len);
    if (len == 0 || len >= CONFIG_NUMBER_MAX)
        return false;
    ASSERT(len < CONFIG_NUMBER_MAX);
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

bool config_parse_int(const char *text, int64_t *value)
{
    char number[CONFIG_NUMBER_MAX];
    if (!config_number_text(text, number))
        return false;
    const char *digits = *number == '-' || *number == '+' ? number + 1 : number;
    size_t len = strspn(digits, "0123456789");
    if (len == 0 || digits[len] != '\0')
        return false;
    errno = 0;
    *value = strtoll(number, NULL, 10);
    return errno == 0;
}

bool config_parse_double(const char *text, double *value)
{
    char number[CONFIG_NUMBER_MAX];
    char *end;
    if (!config_number_text(text, number) || strspn(number, "+-.0123456789eE") != strlen(number))
        return false;
    errno = 0;
    *value = strtod(number, &end);
    return *end == '\0' && errno == 0;
}

bool config_parse_bool(const char *text, bool *value)
{
    size_t len;
    text = config_trim(text, &len);
    *value = len == 4 && strncasecmp(text, "true", len) == 0;
    return *value || (len == 5 && strncasecmp(text, "false", len) == 0);
}

bool config_parse(const struct config_row *row, const char *text, struct config_parsed *value)
{
    bool is_true = false;
    *value = (struct config_parsed){.text = text};
    switch (row->type) {
    case CONFIG_TYPE_BOOL:
        if (!config_parse_bool(text, &is_true))
            return false;
        value->number = is_true;
        return true;
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_LONG:
        return config_parse_int(text, &value->number);
    case CONFIG_TYPE_DOUBLE:
        return config_parse_double(text, &value->real);
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_LIST:
    case CONFIG_TYPE_PASSWORD:
        break;
    }
    return true;
}

bool config_is_text(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        unsigned rest = *c < 0x80 ? 0 : *c < 0xc2 ? 4 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f || rest == 4 || *c > 0xf4)
            return false;
        for (; rest > 0; rest--)
            if ((*++c & 0xc0) != 0x80)
                return false;
    }
    return true;
}

bool config_next_element(const char **list, const char **element, size_t *len)
{
    const char *at = *list;
    at += strspn(at, ", \t");
    if (*at == '\0')
        return false;
    *element = at;
    size_t n = strcspn(at, ",");
    *list = at + n;
    while (n > 0 && config_is_blank(at[n - 1]))
        n--;
    *len = n;
    ASSERT(*len > 0);
    ASSERT(*element + *len <= *list);
    return true;
}

/* ---- words ---- */

static bool config_is_allowed(const struct config_row *row, const char *value, size_t len)
{
    ASSERT(row->allowed != NULL);
    for (const char *at = row->allowed; *at;) {
        size_t n = strcspn(at, "|");
        if (n == len &&
            (row->flags & CONFIG_ANY_CASE ? strncasecmp(at, value, n) : strncmp(at, value, n)) == 0)
            return true;
        at += n + (at[n] == '|');
    }
    return false;
}

/* "a, b or c" */
static void config_say_allowed(const char *allowed, struct buf *problem)
{
    ASSERT(allowed[0] != '\0');
    for (const char *at = allowed; *at;) {
        size_t n = strcspn(at, "|");
        const char *next = at + n + (at[n] == '|');
        const char *before = at == allowed ? "" : *next ? ", " : " or ";
        buf_printf(problem, "%s%.*s", before, (int)n, at);
        at = next;
    }
}

static int config_refuse_word(const struct config_row *row, const char *name, const char *value,
                              struct buf *problem)
{
    ASSERT(row->allowed != NULL);
    buf_printf(problem, "%s=%s is not possible: write ", name, value);
    config_say_allowed(row->allowed, problem);
    return ERR_INVALID_CONFIG;
}

static int config_check_word(const struct config_row *row, const char *name, const char *value,
                             struct buf *problem)
{
    size_t len;
    const char *word = config_trim(value, &len);
    if (len == 0 && (row->flags & CONFIG_FILLED)) {
        buf_printf(problem, "%s is empty: write a value, or remove the setting", name);
        return ERR_INVALID_CONFIG;
    }
    if (row->allowed && !config_is_allowed(row, word, len))
        return config_refuse_word(row, name, value, problem);
    return 0;
}

/* ---- lists ---- */

/* How many elements a list has by its commas, the empty ones too. */
static size_t config_count_commas(const char *value)
{
    size_t count = 1;
    while ((value = strchr(value, ',')))
        count++, value++;
    return count;
}

static bool config_has_before(const char *value, const char *element, size_t len)
{
    const char *list = value;
    const char *other;
    size_t other_len;
    while (config_next_element(&list, &other, &other_len) && other < element)
        if (other_len == len && memcmp(other, element, len) == 0)
            return true;
    return false;
}

/* "partition:broker" */
static bool config_is_replica(const char *element, size_t len)
{
    size_t digits = 0;
    while (digits < len && element[digits] >= '0' && element[digits] <= '9')
        digits++;
    size_t rest = digits + 1;
    while (rest < len && element[rest] >= '0' && element[rest] <= '9')
        rest++;
    return digits > 0 && digits < len && element[digits] == ':' && rest > digits + 1 && rest == len;
}

static int config_check_replicas(const char *name, const char *value, struct buf *problem)
{
    const char *list = value;
    const char *element;
    size_t len;
    bool right = true;
    ASSERT(value != NULL);
    while (right && config_next_element(&list, &element, &len))
        right = config_is_replica(element, len);
    if (right || config_is_word(value, "*"))
        return 0;
    buf_printf(problem, "%s=%s is not possible: write * or partition:broker,partition:broker,...",
               name, value);
    return ERR_INVALID_CONFIG;
}

/* ---- limits of addresses ---- */

int config_next_host_limit(const char **list, struct config_host_limit *limit)
{
    char text[sizeof(limit->host) + CONFIG_NUMBER_MAX];
    uint8_t bytes[16];
    const char *element;
    size_t len;
    if (!config_next_element(list, &element, &len))
        return 0;
    if (len >= sizeof(text))
        return ERR_INVALID;
    memcpy(text, element, len);
    text[len] = 0;
    char *colon = strrchr(text, ':');
    if (!colon || !config_parse_int(colon + 1, &limit->max) || limit->max < 0)
        return ERR_INVALID;
    *colon = 0;
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    /* As the address of a connection is written. */
    if (inet_pton(family, text, bytes) != 1 ||
        !inet_ntop(family, bytes, limit->host, sizeof(limit->host)))
        return ERR_INVALID;
    ASSERT(limit->max >= 0);
    return 1;
}

static int config_check_host_limits(const char *name, const char *value, struct buf *problem)
{
    struct config_host_limit limit;
    const char *list = value;
    int count = 0, next;
    while ((next = config_next_host_limit(&list, &limit)) > 0)
        count++;
    if (next == 0 && count <= CONFIG_HOST_LIMITS_MAX)
        return 0;
    ASSERT(next <= 0 || count > CONFIG_HOST_LIMITS_MAX);
    buf_printf(
        problem,
        "%s=%s is not possible: write address:number,address:number,... with IP addresses, %d "
        "at most; no names, since they would have to be looked up for each connection",
        name, value, CONFIG_HOST_LIMITS_MAX);
    return ERR_INVALID_CONFIG;
}

/* An element may stand there twice, as in Kafka; it counts once. */
static int config_check_list(const struct config_row *row, const char *name, const char *value,
                             struct buf *problem)
{
    ASSERT(row->type == CONFIG_TYPE_LIST);
    if (row == config_row(CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS) ||
        row == config_row(CONFIG_FOLLOWER_REPLICATION_THROTTLED_REPLICAS))
        return config_check_replicas(name, value, problem);
    const char *list = value;
    const char *element;
    size_t len, count = 0, trimmed;
    while (config_next_element(&list, &element, &len)) {
        count++;
        if (row->allowed && !config_is_allowed(row, element, len))
            return config_refuse_word(row, name, value, problem);
    }
    config_trim(value, &trimmed);
    bool empty = trimmed == 0;
    if (empty ? !(row->flags & CONFIG_FILLED) : count == config_count_commas(value))
        return 0;
    if (empty)
        buf_printf(problem, "%s is empty: write a value, or remove the setting", name);
    else
        buf_printf(problem, "%s=%s has an empty element: remove a comma", name, value);
    return ERR_INVALID_CONFIG;
}

/* ---- numbers ---- */

static void config_say_range(const struct config_row *row, struct buf *problem)
{
    ASSERT(row->min <= row->max);
    if (row->min == CONFIG_MIN_LONG && row->max == CONFIG_MAX_LONG)
        buf_printf(problem, "of any size");
    else if (row->max == CONFIG_MAX_LONG)
        buf_printf(problem, "from %" PRId64 " upwards", row->min);
    else
        buf_printf(problem, "from %" PRId64 " to %" PRId64, row->min, row->max);
}

static bool config_is_in_range(const struct config_row *row, int64_t number, double real)
{
    ASSERT(row->type <= CONFIG_TYPE_DOUBLE);
    ASSERT(row->type != CONFIG_TYPE_BOOL);
    if (row->type != CONFIG_TYPE_DOUBLE)
        return number >= row->min && number <= row->max;
    return (row->min == CONFIG_MIN_LONG || real >= (double)row->min) &&
           (row->max == CONFIG_MAX_LONG || real <= (double)row->max);
}

static int config_check_number(const struct config_row *row, const char *name, const char *value,
                               struct buf *problem)
{
    int64_t number = 0;
    double real = 0;
    bool is_real = row->type == CONFIG_TYPE_DOUBLE;
    ASSERT(row->type >= CONFIG_TYPE_SHORT);
    ASSERT(row->type <= CONFIG_TYPE_DOUBLE);
    if (is_real ? !config_parse_double(value, &real) : !config_parse_int(value, &number)) {
        buf_printf(problem, "%s=%s is not a %s: write one ", name, value,
                   is_real ? "number" : "whole number");
        config_say_range(row, problem);
        return ERR_INVALID_CONFIG;
    }
    if (config_is_in_range(row, number, real))
        return 0;
    buf_printf(problem, "%s=%s is out of range: write a number ", name, value);
    config_say_range(row, problem);
    return ERR_INVALID_CONFIG;
}

/* What the range can't say: 0 lies between two right values, of a topic it is right; and a half is
 * no whole number. */
static int config_check_zero(const struct config_row *row, const char *name, const char *value,
                             struct buf *problem)
{
    int64_t number = 0;
    double real = 0;
    if (row == config_row(CONFIG_REMOTE_LOG_MANAGER_TASK_RETRY_JITTER) &&
        config_parse_double(value, &real) && real > 0.5) {
        buf_printf(problem, "%s=%s is out of range: write a number from 0 to 0.5", name, value);
        return ERR_INVALID_CONFIG;
    }
    if (!config_parse_int(value, &number) || number != 0)
        return 0;
    if (row == config_row(CONFIG_COMPRESSION_GZIP_LEVEL)) {
        buf_printf(problem, "%s=%s is out of range: write -1 (the default) or a number from 1 to 9",
                   name, value);
        return ERR_INVALID_CONFIG;
    }
    bool retention = row == config_row(CONFIG_LOG_RETENTION_MS) ||
                     row == config_row(CONFIG_LOG_RETENTION_MINUTES) ||
                     row == config_row(CONFIG_LOG_RETENTION_HOURS);
    if (!retention || strcmp(name, row->name) != 0)
        return 0;
    buf_printf(problem, "%s=%s is out of range: write -1 (keep for ever) or a number from 1", name,
               value);
    return ERR_INVALID_CONFIG;
}

int config_check_value(const struct config_row *row, const char *name, const char *value,
                       struct buf *problem)
{
    bool is_true;
    int err;
    ASSERT(row->type <= CONFIG_TYPE_PASSWORD);
    switch (row->type) {
    case CONFIG_TYPE_BOOL:
        if (!config_parse_bool(value, &is_true)) {
            buf_printf(problem, "%s=%s is not possible: write true or false", name, value);
            return ERR_INVALID_CONFIG;
        }
        return config_check_word(row, name, is_true ? "true" : "false", problem);
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_LONG:
    case CONFIG_TYPE_DOUBLE:
        err = config_check_number(row, name, value, problem);
        return err ? err : config_check_zero(row, name, value, problem);
    case CONFIG_TYPE_LIST:
        return config_check_list(row, name, value, problem);
    case CONFIG_TYPE_STRING:
        if (row == config_row(CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES))
            return config_check_host_limits(name, value, problem);
        if (row == config_row(CONFIG_CREATE_TOPIC_POLICY))
            return config_policy_check(name, value, problem);
        return config_check_word(row, name, value, problem);
    case CONFIG_TYPE_CLASS:
        return config_check_word(row, name, value, problem);
    case CONFIG_TYPE_PASSWORD:
        break; /* anything, and never in a sentence */
    }
    return 0;
}

/* ---- the normal form ---- */

/* As Java prints a double: the fewest digits that read back as it, at least one behind the point,
 * and an exponent below 0.001 and from ten million on. */
void config_print_double(double value, struct buf *out)
{
    char digits[40];
    int precision = 0;
    do
        snprintf(digits, sizeof(digits), "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    double size = value < 0 ? -value : value;
    char *e = strchr(digits, 'e');
    ASSERT(e != NULL);
    ASSERT(precision >= 0);
    ASSERT(precision <= 17);
    int exponent = (int)strtol(e + 1, NULL, 10);
    if (size == 0 || (size >= 1e-3 && size < 1e7)) {
        int behind = precision - exponent;
        buf_printf(out, "%.*f", behind < 1 ? 1 : behind, value);
        return;
    }
    buf_printf(out, "%.*s%sE%d", (int)(e - digits), digits, precision ? "" : ".0", exponent);
}

static void config_print_list(const char *value, bool keep_doubles, struct buf *out)
{
    const char *list = value;
    const char *element;
    size_t len;
    bool first = true;
    while (config_next_element(&list, &element, &len)) {
        if (!keep_doubles && config_has_before(value, element, len))
            continue;
        buf_printf(out, "%s%.*s", first ? "" : ",", (int)len, element);
        first = false;
    }
}

void config_normal(const struct config_row *row, const char *value, struct buf *out)
{
    bool is_true = false;
    int64_t number = 0;
    double real = 0;
    size_t len;
    const char *text = config_trim(value, &len);
    ASSERT(row->type <= CONFIG_TYPE_PASSWORD);
    switch (row->type) {
    case CONFIG_TYPE_BOOL:
        if (config_parse_bool(value, &is_true)) {
            buf_printf(out, "%s", is_true ? "true" : "false");
            return;
        }
        break;
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_LONG:
        if (config_parse_int(value, &number)) {
            buf_printf(out, "%" PRId64, number);
            return;
        }
        break;
    case CONFIG_TYPE_DOUBLE:
        if (config_parse_double(value, &real)) {
            config_print_double(real, out);
            return;
        }
        break;
    case CONFIG_TYPE_LIST:
        config_print_list(value, !row->allowed, out);
        return;
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        break;
    }
    buf_printf(out, "%.*s", (int)len, text); /* also what an older release let in */
}
