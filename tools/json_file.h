/* JSON files that Kafka's tools read: {"version":1,"partitions":[...]} and the like. */
#ifndef TOOLS_JSON_FILE_H
#define TOOLS_JSON_FILE_H

#include <jansson.h>

#include "tools/tool.h"

/* The file that --OPTION names, to be json_decref-ed. NULL with the message printed: it can't
 * be read, or is no JSON (with line and column). */
json_t *json_file_read(const struct tool_run *run, const char *option);
/* The list of that name; `shape` says how such a file is written. NULL with the message printed:
 * another version than 1, no such list. */
const json_t *json_file_list(const struct tool_run *run, const char *option, const json_t *root,
                             const char *name, const char *shape);
/* Prints how such a file is written; 1. */
int json_file_refuse(const struct tool_run *run, const char *option, const char *shape);

#endif
