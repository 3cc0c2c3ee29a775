/* Levels of this process's log as clients see and change them: Kafka's resource BROKER_LOGGER
 * (KIP-412). Its settings are the areas of base/logger_levels.h; they live as long as the process
 * and never reach the controller. */
#ifndef BROKER_HANDLERS_LOGGER_SETTINGS_H
#define BROKER_HANDLERS_LOGGER_SETTINGS_H

#include "broker/handlers/config_alter.h"

/* What is wrong with the name of a resource that is described, which has to be this node's id, in
 * Kafka's words and in the arena; NULL when it is right. *err is ERR_NO_MEMORY when the sentence
 * does not fit, ERR_INVALID_REQUEST with a sentence, else 0. */
const char *logger_settings_check(struct arena *arena, int32_t node_id, struct wire_str name,
                                  int *err);
/* Changes levels, or refuses the whole resource; sets the resource's result. */
void logger_settings_alter(struct config_alter *alter, struct config_alter_resource *resource);

#endif
