/* Where the controller's directory is. */
#ifndef TOOLS_SERVER_CONTROLLER_DIR_H
#define TOOLS_SERVER_CONTROLLER_DIR_H

#include "base/buf.h"
#include "base/check.h"
#include "config/config.h"
#include "env/env.h"

/* The folder `controller` that holds a controller's files, in metadata.log.dir or any of log.dirs;
 * when there is none yet, the one to make: in metadata.log.dir, or else in the first of log.dirs.
 * *dir is the caller's to mem_free. ERR_EXISTS when there are two, ERR_INVALID when it is not where
 * metadata.log.dir says, or an error of the disk; `problem` gets a sentence then. */
int controller_dir_find(struct env *env, const struct config *config, char **dir,
                        struct buf *problem) MUST_CHECK;

#endif
