/* Settings of groups: what one group of the consumer protocol is given in the place of what the
 * brokers' files say of all (Kafka's GroupConfig). Each group is a resource of its own, whether it
 * is there or not; its settings are in no file. Names, limits and sentences are Kafka's; those of
 * share and streams groups are not known, since there are none here. Pure. */
#ifndef CONFIG_GROUP_H
#define CONFIG_GROUP_H

#include "config/config.h"

#define CONFIG_GROUP_UNKNOWN "Unknown group config name: "

enum config_group_id {
    CONFIG_GROUP_ASSIGNMENT, /* in the order of their names */
    CONFIG_GROUP_HEARTBEAT,
    CONFIG_GROUP_SESSION,
    CONFIG_GROUP_SETTINGS
};

enum {
    CONFIG_GROUPS_MAX = 10000,  /* with settings: each node keeps them in memory */
    CONFIG_GROUP_NAME_MAX = 255 /* bytes of the name of one */
};

const struct config_row *config_group_row(enum config_group_id id);
/* CONFIG_GROUP_SETTINGS when there is no such setting. */
enum config_group_id config_group_find(const char *name);
/* The setting of brokers that counts where the group has none, and those with its limits. */
enum config_id config_group_base(enum config_group_id id);
enum config_id config_group_min(enum config_group_id id);
enum config_id config_group_max(enum config_group_id id);

/* 0, or ERR_INVALID_CONFIG with a sentence in `problem`. */
int config_group_check(const char *name, const char *value, struct buf *problem) MUST_CHECK;
/* The same for values, by their settings, that shall count together in a broker of this file; those
 * that are the group's `own` have limits there. */
int config_group_check_fit(const struct config *config, const int64_t values[CONFIG_GROUP_SETTINGS],
                           const bool own[CONFIG_GROUP_SETTINGS], struct buf *problem) MUST_CHECK;
/* What counts where the group has `own` (NULL: nothing) and the brokers say `base`. One that is out
 * of the limits, which may have come later, counts as the nearest that is not. */
int64_t config_group_value(enum config_group_id id, const char *own, int64_t base, int64_t min,
                           int64_t max);

#endif
