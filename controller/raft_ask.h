/* Whether who says Hello in a voter's name is that voter. What an incoming connection claims proves
 * nothing; the voter's address in controller.quorum.voters is dialled, and who listens there says
 * whether the incarnation is its own. It has to name none that it was not asked about, so nobody
 * learns it by asking. */
#ifndef CONTROLLER_RAFT_ASK_H
#define CONTROLLER_RAFT_ASK_H

#include "base/logger.h"
#include "base/uuid.h"
#include "controller/controller.h"
#include "controller/link.h"
#include "env/env.h"

struct raft_ask;

struct raft_ask_handlers {
    /* The process at the voter's address has this incarnation; the link is the callee's. */
    void (*genuine)(void *data, struct link *link, const struct uuid *incarnation);
    /* The dial was refused: no process listens there. */
    void (*gone)(void *data);
};

struct raft_ask *raft_ask_new(struct env *env, struct logger *logger,
                              const struct controller_voter *voter,
                              const struct raft_ask_handlers *handlers, void *data);
/* Takes the link, which is not read until there is an answer. The link of a liar is closed. */
void raft_ask_about(struct raft_ask *ask, struct link *link, const struct uuid *incarnation);
/* Closes all. */
void raft_ask_stop(struct raft_ask *ask);
void raft_ask_free(struct raft_ask *ask);

#endif
