/* Reading rules for new topics. Happy path: subject, relation, value. Failure modes: a subject or a
 * setting that there is not, a relation that it does not have, a value that it can't take; the
 * sentence names the rule. */
#include "config/config_policy.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

enum { CONFIG_POLICY_WORD_MAX = 256 /* bytes of the name of a setting, or of a value */ };

#define CONFIG_POLICY_CONFIG_PREFIX "config."
#define CONFIG_POLICY_GIVEN_PREFIX  "given."

struct config_policy_part {
    const char *at;
    size_t len;
};

static struct config_policy_part config_policy_trim(const char *at, size_t len)
{
    while (len > 0 && strchr(" \t", *at))
        at++, len--;
    while (len > 0 && strchr(" \t", at[len - 1]))
        len--;
    ASSERT(len == 0 || !strchr(" \t", at[len - 1]));
    return (struct config_policy_part){at, len};
}

static bool config_policy_is(struct config_policy_part part, const char *word)
{
    return part.len == strlen(word) && memcmp(part.at, word, part.len) == 0;
}

static bool config_policy_begins(struct config_policy_part part, const char *prefix)
{
    return part.len > strlen(prefix) && memcmp(part.at, prefix, strlen(prefix)) == 0;
}

/* NUL-terminated; false when it is too long. */
static bool config_policy_copy(struct config_policy_part part, char out[CONFIG_POLICY_WORD_MAX])
{
    if (part.len >= CONFIG_POLICY_WORD_MAX)
        return false;
    ASSERT(part.len == 0 || part.at != NULL);
    memcpy(out, part.at, part.len);
    out[part.len] = '\0';
    return true;
}

static int config_policy_refuse(const struct config_policy_rule *rule, const char *why,
                                struct buf *problem)
{
    ASSERT(rule->rule_len > 0);
    buf_printf(problem, "the rule \"%.*s\" %s", (int)rule->rule_len, rule->rule, why);
    return ERR_INVALID;
}

/* Splits "subject<=value"; of a rule without a relation `value` is left alone. */
static bool config_policy_split(struct config_policy_rule *rule, struct config_policy_part *subject,
                                struct config_policy_part *value)
{
    size_t len = rule->rule_len, at = 0;
    ASSERT(rule->rule_len > 0);
    while (at < len && !strchr("<>=", rule->rule[at]))
        at++;
    *subject = config_policy_trim(rule->rule, at);
    if (at == len)
        return false;
    ASSERT(at < len);
    char first = rule->rule[at];
    size_t width = first == '=' ? 1 : 2;
    if (at + width > len || (width == 2 && rule->rule[at + 1] != '='))
        return false;
    rule->relation = first == '<'   ? CONFIG_POLICY_AT_MOST
                     : first == '>' ? CONFIG_POLICY_AT_LEAST
                                    : CONFIG_POLICY_IS;
    *value = config_policy_trim(rule->rule + at + width, len - at - width);
    return value->len > 0;
}

/* The setting behind the prefix; CONFIG_COUNT. */
static enum config_id config_policy_setting(struct config_policy_part subject, const char *prefix)
{
    char name[CONFIG_POLICY_WORD_MAX];
    ASSERT(subject.len > strlen(prefix));
    subject.at += strlen(prefix);
    subject.len -= strlen(prefix);
    return config_policy_copy(subject, name) ? config_find_topic(name) : CONFIG_COUNT;
}

static bool config_policy_find(struct config_policy_rule *rule, struct config_policy_part subject)
{
    rule->id = CONFIG_COUNT;
    if (config_policy_is(subject, "partitions"))
        rule->subject = CONFIG_POLICY_PARTITIONS;
    else if (config_policy_is(subject, "replication.factor"))
        rule->subject = CONFIG_POLICY_REPLICATION_FACTOR;
    else if (config_policy_is(subject, "name"))
        rule->subject = CONFIG_POLICY_NAME;
    else if (config_policy_begins(subject, CONFIG_POLICY_CONFIG_PREFIX))
        rule->subject = CONFIG_POLICY_CONFIG;
    else if (config_policy_begins(subject, CONFIG_POLICY_GIVEN_PREFIX))
        rule->subject = CONFIG_POLICY_GIVEN;
    else
        return false;
    if (rule->subject == CONFIG_POLICY_CONFIG)
        rule->id = config_policy_setting(subject, CONFIG_POLICY_CONFIG_PREFIX);
    if (rule->subject == CONFIG_POLICY_GIVEN)
        rule->id = config_policy_setting(subject, CONFIG_POLICY_GIVEN_PREFIX);
    return rule->subject < CONFIG_POLICY_CONFIG || rule->id < CONFIG_COUNT;
}

/* Whether values are compared as numbers. */
static bool config_policy_is_number(const struct config_policy_rule *rule)
{
    ASSERT(rule->subject != CONFIG_POLICY_CONFIG || rule->id < CONFIG_COUNT);
    if (rule->subject != CONFIG_POLICY_CONFIG)
        return rule->subject <= CONFIG_POLICY_REPLICATION_FACTOR;
    enum config_type type = config_row(rule->id)->type;
    return type >= CONFIG_TYPE_SHORT && type <= CONFIG_TYPE_DOUBLE;
}

static bool config_policy_read_number(struct config_policy_rule *rule,
                                      struct config_policy_part value)
{
    static const struct config_row whole = {.type = CONFIG_TYPE_LONG};
    const struct config_row *row = rule->id < CONFIG_COUNT ? config_row(rule->id) : &whole;
    char text[CONFIG_POLICY_WORD_MAX];
    struct config_parsed parsed;
    ASSERT(value.len > 0);
    if (!config_policy_copy(value, text) || !config_parse(row, text, &parsed))
        return false;
    rule->number = row->type == CONFIG_TYPE_DOUBLE ? parsed.real : (double)parsed.number;
    return true;
}

static int config_policy_read(struct config_policy_rule *rule, struct buf *problem)
{
    struct config_policy_part subject, value = {NULL, 0};
    bool related = config_policy_split(rule, &subject, &value);
    if (!config_policy_find(rule, subject))
        return config_policy_refuse(rule,
                                    "is about nothing that is known: begin with partitions, "
                                    "replication.factor, name, config.SETTING or given.SETTING",
                                    problem);
    if (rule->subject == CONFIG_POLICY_GIVEN)
        return subject.len == rule->rule_len
                   ? 0
                   : config_policy_refuse(rule, "has no value: write given.SETTING", problem);
    if (!related)
        return config_policy_refuse(rule, "has no value: write <=, >= or = and one", problem);
    if (config_policy_is_number(rule))
        return config_policy_read_number(rule, value)
                   ? 0
                   : config_policy_refuse(rule, "needs a number", problem);
    if (rule->relation != CONFIG_POLICY_IS)
        return config_policy_refuse(rule, "compares no numbers: write =", problem);
    ASSERT(value.len > 0);
    ASSERT(value.at > rule->rule);
    rule->text = value.at;
    rule->text_len = value.len;
    return 0;
}

int config_policy_next(const char **policy, struct config_policy_rule *rule, struct buf *problem)
{
    const char *at = *policy;
    at += strspn(at, "; \t");
    if (*at == '\0') {
        *policy = at;
        return 0;
    }
    size_t len = strcspn(at, ";");
    struct config_policy_part part = config_policy_trim(at, len);
    *policy = at + len;
    *rule = (struct config_policy_rule){.rule = part.at, .rule_len = part.len};
    ASSERT(rule->rule_len > 0);
    int err = config_policy_read(rule, problem);
    ASSERT(err <= 0);
    ASSERT(*policy >= part.at + part.len);
    return err ? err : 1;
}

int config_policy_check(const char *name, const char *value, struct buf *problem)
{
    struct config_policy_rule rule;
    struct buf why;
    const char *at = value;
    int count = 0, next;
    buf_init(&why);
    while ((next = config_policy_next(&at, &rule, &why)) > 0)
        count++;
    if (next < 0)
        buf_printf(problem, "%s=%s is not possible: %s", name, value, buf_text(&why));
    else if (count > CONFIG_POLICY_RULES_MAX)
        buf_printf(problem, "%s has %d rules, and may have %d", name, count,
                   CONFIG_POLICY_RULES_MAX);
    ASSERT(count >= 0);
    buf_close(&why);
    return next < 0 || count > CONFIG_POLICY_RULES_MAX ? ERR_INVALID_CONFIG : 0;
}
