/* create.topic.policy: rules that a new topic has to keep, in the settings of the controllers. They
 * are separated by ;
 *
 *     partitions<=100; replication.factor>=3; name=orders-*|audit-*
 *     config.min.insync.replicas>=2; config.cleanup.policy=delete|compact; given.retention.ms
 *
 * `config.` is about the value in force, whoever gave it, the default too; `given.` demands that
 * who creates the topic gives it. In names * stands for any rest, ? for any character, | separates
 * what may be instead. */
#ifndef CONFIG_POLICY_H
#define CONFIG_POLICY_H

#include "config/config.h"

enum { CONFIG_POLICY_RULES_MAX = 100 /* each new topic is looked at by all of them */ };

enum config_policy_subject {
    CONFIG_POLICY_PARTITIONS,
    CONFIG_POLICY_REPLICATION_FACTOR,
    CONFIG_POLICY_NAME,
    CONFIG_POLICY_CONFIG, /* a setting of topics, by its value */
    CONFIG_POLICY_GIVEN   /* that it is given; no relation */
};
enum config_policy_relation { CONFIG_POLICY_AT_LEAST, CONFIG_POLICY_AT_MOST, CONFIG_POLICY_IS };

/* Borrowed from the setting. */
struct config_policy_rule {
    enum config_policy_subject subject;
    enum config_policy_relation relation;
    enum config_id id; /* of CONFIG and GIVEN */
    double number;     /* unless text is compared: */
    const char *text;  /* what may be, separated by |; NULL: numbers are compared */
    size_t text_len;
    const char *rule; /* as it is written */
    size_t rule_len;
};

/* Moves on by one: 1 and the rule, 0 at the end, ERR_INVALID with a sentence in `problem`. */
int config_policy_next(const char **policy, struct config_policy_rule *rule,
                       struct buf *problem) MUST_CHECK;
/* 0, or ERR_INVALID_CONFIG with a sentence. */
int config_policy_check(const char *name, const char *value, struct buf *problem) MUST_CHECK;

#endif
