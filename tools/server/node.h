/* millrace-server FILE [--override key=value]...: a node of the cluster, with a broker loop, a
 * controller loop, or both, as process.roles says; and an agent inside, if agent.conf.file names
 * its file.
 *
 * The agent and the libraries that it needs are not in millrace-server, whose start and memory they
 * would double: where the settings ask for an agent it becomes the program `millrace`, which lies
 * beside it and is called millrace-server then, with the same arguments and the same process id. */
#ifndef SERVER_NODE_H
#define SERVER_NODE_H

#include "base/buf.h"
#include "base/check.h"
#include "base/logger.h"
#include "config/config.h"
#include "env/env.h"

/* What works inside a node, on a loop and a thread of its own (guest.h). */
struct guest;

struct guest_type {
    /* Begins; `logger` (copied) writes its lines. ERR_x with a sentence in `problem`. */
    int (*start)(const struct config *config, const struct logger *logger, struct guest **guest,
                 struct buf *problem) MUST_CHECK;
    /* In order: it delivers what it has; then stopped(data) comes on the loop of `env`. */
    void (*stop)(struct guest *guest, struct env *env, void (*stopped)(void *data), void *data);
    /* At once, if it was not stopped. False = it is stuck: it has not ended after `ms`, and what it
     * uses can't be freed. */
    bool (*free)(struct guest *guest, int64_t ms) MUST_CHECK;
    /* Events that would be lost with it, as it knew a second ago or before. Any thread. */
    size_t (*in_memory)(const struct guest *guest);
};

/* The whole program; `guests` is NULL for one that has none in it. The exit status. */
int node_main(int argc, char **argv, const struct guest_type *guests);

#endif
