/* The settings file, read again on SIGHUP. What a broker takes while it runs
 * (config/config_change.h) counts at once, in its place in the one chain: what the cluster told
 * brokers still comes first. What needs a restart is named, and stays. A file with an error changes
 * nothing. */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "base/logger.h"
#include "config/config.h"
#include "env/env.h"

struct reload {
    struct env *env;
    struct logger *logger;
    const char *const *overrides; /* of the command line; borrowed, as all above */
    int override_count;
    const struct config *running;
    struct config **earlier; /* that others may still hold */
    int earlier_count;
};

void reload_init(struct reload *reload, struct env *env, struct logger *logger,
                 const struct config *started, const char *const *overrides, int override_count);
/* Frees what was read; nobody may hold it any more. */
void reload_close(struct reload *reload);
/* Reads, and says what comes of it. True when `running` is another one now. */
bool reload_read(struct reload *reload);

#endif
