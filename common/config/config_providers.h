/* config.providers: values that stand somewhere else (KIP-297, KIP-421, KIP-632), by Kafka's names
 * for what looks there:
 *
 *     config.providers=secrets
 *     config.providers.secrets.class=org.apache.kafka.common.config.provider.FileConfigProvider
 *     config.providers.secrets.param.allowed.paths=/etc/kafka
 *     broker.rack=${secrets:/etc/kafka/place.properties:rack}
 *
 * FileConfigProvider reads a properties file, DirectoryConfigProvider a file for each key,
 * EnvVarConfigProvider the environment. Where Kafka leaves a reference as it is that finds nothing,
 * the start fails here: nobody wants it as a value. What comes out is looked at once. */
#ifndef CONFIG_PROVIDERS_H
#define CONFIG_PROVIDERS_H

#include "base/buf.h"
#include "base/props.h"
#include "env/env.h"

/* What was provided, so that it can be kept out of sentences. */
struct config_provided {
    char *reference; /* as the file has it */
    char *value;
};
struct config_providers {
    struct config_provided *provided;
    size_t count;
};

/* Replaces the references in `props`, which were read from `file`. 0, or ERR_INVALID,
 * ERR_UNSUPPORTED, ERR_NOT_FOUND with a sentence in `problem`, which has no provided value in it.
 * To be closed after an error, too. */
int config_providers_resolve(struct config_providers *providers, struct env *env, const char *file,
                             struct props *props, struct buf *problem) MUST_CHECK;
/* Puts the references in the places of the values in a sentence. */
void config_providers_hide(const struct config_providers *providers, struct buf *text);
void config_providers_close(struct config_providers *providers);

/* Whether a name is one of a provider's own settings. */
bool config_providers_owns(const char *name);

#endif
