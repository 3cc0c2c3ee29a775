/* Placeholders in the values of a configuration: ${env:NAME}, ${sys:NAME} (of -DNAME=value),
 * ${file:UTF-8:PATH} (its text), and ${NAME}, which is looked for in -D and then in the
 * environment. ${X:-otherwise} has a default; $${ stands for ${ itself. */
#ifndef AGENT_PLACEHOLDERS_H
#define AGENT_PLACEHOLDERS_H

#include "base/buf.h"
#include "base/props.h"

/* The value with its placeholders filled in, the caller's to mem_free; NULL with a sentence in
 * `problem`. */
char *placeholders_fill(const char *value, const struct props *system, struct buf *problem);

#endif
