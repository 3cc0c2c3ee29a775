/* The metadata of a cluster as a tree of files, from what a controller keeps on disk. */
#ifndef TOOLS_METADATA_TREE_H
#define TOOLS_METADATA_TREE_H

#include <jansson.h>

#include "tools/tool.h"

/* Reads a snapshot or a log, or a controller's directory with both. A directory of the tree is an
 * object, a file a string. NULL with the message printed. */
json_t *metadata_tree_load(struct tool_run *run, const char *path);

#endif
