/* Which settings may be changed while the cluster runs, and to what: the one answer for
 * CreateTopics, AlterConfigs and IncrementalAlterConfigs, in the broker that is asked and in the
 * controller.
 *
 * A setting that is taken counts at once (broker/cluster/live_settings.h,
 * controller/elections.c). All others are refused with a reason: those that need a restart,
 * those that change nothing here, and names that nobody knows. What changes nothing may still be
 * given the value that says what is so anyway, its default: tools that copy the settings of a
 * topic from elsewhere rely on it. */
#ifndef CONFIG_CHANGE_H
#define CONFIG_CHANGE_H

#include "config/config.h"

enum config_scope {
    CONFIG_OF_TOPIC,
    CONFIG_OF_BROKER,      /* one of them */
    CONFIG_OF_ALL_BROKERS, /* all at once */
    CONFIG_OF_METRICS,     /* a subscription of client metrics (config_metrics.h) */
    CONFIG_OF_GROUP        /* a group (config_group.h) */
};

enum {
    /* Settings that one request changes, elements that it adds to lists or takes from them
     * included: Kafka bounds the records of one operation in this way. The controller's loop works
     * through all of them in one turn. */
    CONFIG_CHANGES_MAX = 10000,
    CONFIG_VALUE_MAX = INT16_MAX /* bytes, as in Kafka */
};

#define CONFIG_CHANGES_REFUSED                                                                     \
    "Unable to perform excessively large batch operation: it changes more than 10000 settings "    \
    "and elements of lists, or 100 subscriptions of client metrics. Send several."

/* The setting that a name means in that scope: of listener.name.NAME.X that is X. CONFIG_COUNT when
 * it is not known, and of a subscription or a group. */
enum config_id config_change_find(enum config_scope scope, const char *name);

/* The row of a name in that scope; NULL when it is not known. */
const struct config_row *config_change_row(enum config_scope scope, const char *name);

/* Whether values may be given to the names: 0, or ERR_INVALID_REQUEST (brokers, subscriptions) and
 * ERR_INVALID_CONFIG (topics, groups) with a sentence in `problem`, which names all that are wrong
 * in the same way where Kafka does. */
int config_change_check_names(enum config_scope scope, const char *const *names, size_t count,
                              struct buf *problem) MUST_CHECK;
/* The same of one name with its value; the codes are Kafka's for a bad value, too. */
int config_change_check(enum config_scope scope, const char *name, const char *value,
                        struct buf *problem) MUST_CHECK;

#endif
