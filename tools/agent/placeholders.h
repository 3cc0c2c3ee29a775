/* Placeholders in the values of a configuration: ${env:NAME}, ${sys:NAME} (of -DNAME=value),
 * ${file:UTF-8:PATH} (its text), ${FILTER['KEY']} (config_filter.h), and ${NAME}, which is looked
 * for among the configuration's own lines, in -D, and in the environment. ${X:-otherwise} has a
 * default; $${ stands for ${ itself. */
#ifndef AGENT_PLACEHOLDERS_H
#define AGENT_PLACEHOLDERS_H

#include "base/buf.h"
#include "base/props.h"

/* Where values come from. */
struct placeholders {
    const struct props *system; /* of -D */
    const struct props *lines;  /* of the configuration */
    const char *agent;
};

/* The value with its placeholders filled in, the caller's to mem_free; NULL with a sentence in
 * `problem`. */
char *placeholders_fill(const char *value, const struct placeholders *from, struct buf *problem);

#endif
