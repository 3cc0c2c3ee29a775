/* What a node's settings say to its controller. */
#ifndef TOOLS_SERVER_CONTROLLER_SETTINGS_H
#define TOOLS_SERVER_CONTROLLER_SETTINGS_H

#include "config/config.h"
#include "controller/controller.h"

struct controller_settings {
    struct controller_config config; /* may be changed before it is used */
    struct controller_voter *voters; /* of the settings, where config.voters begins */
    struct controller_voter *servers;
};

/* Fills all that the settings decide, for a node with the controller role; `dir`, `cluster_id`,
 * `found_known`, `directory_id` and `fail_stop` are left to the caller (NULL or false). The
 * settings are borrowed and outlive the controller that is made from it. */
void controller_settings_init(struct controller_settings *settings, const struct config *config);
/* controller_new has copied what it needs. */
void controller_settings_close(struct controller_settings *settings);

#endif
