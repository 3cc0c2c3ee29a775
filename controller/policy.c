/* Rules for new topics. Happy path: each rule of the setting is read and compared. What it says has
 * been checked when the file was read. */
#include "controller/policy.h"

#include <fnmatch.h>
#include <string.h>

#include "config/config_chain.h"
#include "config/config_policy.h"

struct policy_topic {
    struct decision *decision;
    const Meta__CreateTopics__Topic *asked;
    int32_t partitions, replication_factor;
};

/* Of several values the last one counts. */
static const char *policy_given(void *data, const char *key)
{
    const Meta__CreateTopics__Topic *asked = ((const struct policy_topic *)data)->asked;
    for (size_t i = asked->n_configs; i > 0; i--)
        if (strcmp(asked->configs[i - 1]->key, key) == 0)
            return asked->configs[i - 1]->value;
    return NULL;
}

static struct config_parsed policy_value(struct policy_topic *topic, enum config_id id)
{
    const struct decision_rules *rules = topic->decision->rules;
    struct config_parsed value;
    struct config_chain chain;
    ASSERT(id < CONFIG_COUNT);
    ASSERT(config_row(id)->topic_name != NULL);
    config_chain_init(&chain, rules->settings, topic->decision->image, rules->node_id);
    chain.own = policy_given;
    chain.own_data = topic;
    (void)config_chain_find(&chain, CONFIG_FROM_TOPIC, id, &value);
    return value;
}

/* What the topic would have, as text for a person and for comparing. */
static const char *policy_text(struct policy_topic *topic, const struct config_policy_rule *rule,
                               double *number)
{
    struct decision *decision = topic->decision;
    *number = 0;
    switch (rule->subject) {
    case CONFIG_POLICY_PARTITIONS:
        *number = topic->partitions;
        return decision_text(decision, "%d", topic->partitions);
    case CONFIG_POLICY_REPLICATION_FACTOR:
        *number = topic->replication_factor;
        return decision_text(decision, "%d", topic->replication_factor);
    case CONFIG_POLICY_NAME:
        return topic->asked->name;
    default:
        break;
    }
    const struct config_row *row = config_row(rule->id);
    struct config_parsed value = policy_value(topic, rule->id);
    struct buf normal;
    buf_init(&normal);
    config_normal(row, value.text ? value.text : "", &normal);
    const char *text = decision_text(decision, "%s", buf_text(&normal));
    buf_close(&normal);
    *number = row->type == CONFIG_TYPE_DOUBLE ? value.real : (double)value.number;
    return text;
}

/* Any of what is separated by |. */
static bool policy_matches(struct decision *decision, const struct config_policy_rule *rule,
                           const char *text)
{
    ASSERT(rule->text_len > 0);
    const char *at = rule->text, *end = rule->text + rule->text_len;
    while (at <= end) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        size_t len = (size_t)((bar ? bar : end) - at);
        const char *pattern = decision_text(decision, "%.*s", (int)len, at);
        bool same = rule->subject == CONFIG_POLICY_NAME ? fnmatch(pattern, text, FNM_NOESCAPE) == 0
                                                        : strcmp(pattern, text) == 0;
        if (same)
            return true;
        at += len + 1;
    }
    return false;
}

static bool policy_holds(struct policy_topic *topic, const struct config_policy_rule *rule,
                         const char **text)
{
    double number;
    if (rule->subject == CONFIG_POLICY_GIVEN) {
        *text = policy_given(topic, config_row(rule->id)->topic_name);
        return *text != NULL;
    }
    *text = policy_text(topic, rule, &number);
    if (rule->text)
        return policy_matches(topic->decision, rule, *text);
    if (rule->relation == CONFIG_POLICY_AT_LEAST)
        return number >= rule->number;
    return rule->relation == CONFIG_POLICY_AT_MOST ? number <= rule->number
                                                   : number == rule->number;
}

const char *policy_why_not(struct decision *decision, const Meta__CreateTopics__Topic *asked,
                           int32_t partitions, int32_t replication_factor)
{
    struct policy_topic topic = {decision, asked, partitions, replication_factor};
    const struct config *settings = decision->rules->settings;
    const char *policy = settings ? config_str(settings, CONFIG_CREATE_TOPIC_POLICY) : "";
    const char *why = NULL, *text;
    struct config_policy_rule rule;
    struct buf problem;
    ASSERT(partitions > 0);
    ASSERT(replication_factor > 0);
    buf_init(&problem);
    while (!why && config_policy_next(&policy, &rule, &problem) > 0) {
        if (policy_holds(&topic, &rule, &text))
            continue;
        if (text)
            why = decision_text(decision,
                                "create.topic.policy wants %.*s, and topic '%s' would have %s.",
                                (int)rule.rule_len, rule.rule, asked->name, text);
        else
            why = decision_text(decision,
                                "create.topic.policy wants %.*s: give a value when topic '%s' is "
                                "created.",
                                (int)rule.rule_len, rule.rule, asked->name);
    }
    ASSERT(problem.len == 0);
    buf_close(&problem);
    return why;
}
