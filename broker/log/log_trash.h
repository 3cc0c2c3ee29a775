/* Files and directories that are removed in the background, some time after they got another name.
 */
#ifndef BROKER_LOG_LOG_TRASH_H
#define BROKER_LOG_LOG_TRASH_H

#include <stdint.h>

#include "base/list.h"
#include "base/logger.h"
#include "broker/log/log_jobs.h"
#include "env/env.h"

struct log_trash {
    struct env *env;
    struct logger *logger;
    struct log_jobs *jobs;
    struct list items;
    struct env_timer timer;
};

void log_trash_init(struct log_trash *trash, struct env *env, struct logger *logger,
                    struct log_jobs *jobs);
/* Takes `path` (a file, or a directory *-delete) and removes it after the delay. */
void log_trash_add(struct log_trash *trash, char *path, int64_t delay_ms);
/* Takes the path of a file whose name may be used again soon: it is renamed to .deleted at once,
 * and then removed. */
void log_trash_add_renamed(struct log_trash *trash, char *path);
/* Nothing is removed until something is added. */
void log_trash_stop(struct log_trash *trash);
/* What is left stays on the disk: the next start removes it. */
void log_trash_close(struct log_trash *trash);

#endif
