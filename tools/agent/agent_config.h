/* The configuration of one agent: which parts there are, and how they hang together.
 *
 * The file is a properties file in Flume's format. Reading finds all mistakes at once: each is a
 * line with the file's name, the number of the line, the key and what to do. */
#ifndef AGENT_AGENT_CONFIG_H
#define AGENT_AGENT_CONFIG_H

#include "base/props.h"
#include "env/env.h"
#include "tools/agent/part.h"

struct agent_source {
    struct part *part;
    struct part *selector; /* NULL = none given */
    struct part **interceptors;
    size_t interceptors_count;
    size_t *channels; /* places in agent_config.channels */
    size_t channels_count;
};

struct agent_sink {
    struct part *part;
    size_t channel;
    size_t group; /* AGENT_NO_GROUP = alone */
};

#define AGENT_NO_GROUP SIZE_MAX

struct agent_group {
    char *name;
    struct part *processor;
    size_t *sinks; /* in the order of the list */
    size_t sinks_count;
};

struct agent_config {
    char *file;
    struct agent_source *sources;
    size_t sources_count;
    struct part **channels;
    size_t channels_count;
    struct agent_sink *sinks;
    size_t sinks_count;
    struct agent_group *groups;
    size_t groups_count;
};

/* `files` are names, each on a line of its own; what stands in a later one counts.
 * `system` are the values of -Dkey=value, for ${sys:key}. 0, or ERR_INVALID with a line for each
 * mistake in `problems`. `notes` gets a line for what is legal and yet not what it may seem. */
int agent_config_read(struct env *env, const char *files, const char *agent,
                      const struct props *system, struct agent_config **config,
                      struct buf *problems, struct buf *notes) MUST_CHECK;
/* The same from text of one file. */
int agent_config_parse(const char *file, const char *text, size_t len, const char *agent,
                       const struct props *system, struct agent_config **config,
                       struct buf *problems, struct buf *notes) MUST_CHECK;
void agent_config_free(struct agent_config *config);
/* "1 source, 2 channels and 3 sinks"; returns `text`. */
enum { AGENT_PARTS_TEXT = 128 };
const char *agent_config_count(const struct agent_config *config, char *text, size_t size);

#endif
