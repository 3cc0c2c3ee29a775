/* Dynamic settings of topics and brokers: AlterConfigs and IncrementalAlterConfigs (KIP-339). */
#ifndef CONTROLLER_CONFIGS_H
#define CONTROLLER_CONFIGS_H

#include "config/config_change.h"
#include "controller/decision.h"

/* 0, or the error of config_change_check with a sentence that lives as long as the decision. */
int configs_check(struct decision *decision, enum config_scope scope, const char *key,
                  const char *value, const char **sentence) MUST_CHECK;
/* A record that sets the key; `value` NULL removes it. Both are copied. */
void configs_emit(struct decision *decision, Meta__ConfigRecord__Resource resource,
                  const char *name, const char *key, const char *value);

/* The AlterConfigs command. */
void configs_command(struct decision *decision, const Meta__AlterConfigs *command,
                     Meta__CommandReply *reply);

#endif
