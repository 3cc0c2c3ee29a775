/* The parts of one controller, for controller.c, sessions.c, requests.c, and tests. */
#ifndef CONTROLLER_CONTROLLER_PRIVATE_H
#define CONTROLLER_CONTROLLER_PRIVATE_H

#include "base/uuid.h"
#include "controller/consensus.h"
#include "controller/controller.h"
#include "controller/decision.h"
#include "controller/listener.h"
#include "controller/liveness.h"
#include "controller/pipeline.h"
#include "controller/stream.h"
#include "env/line_limit.h"

struct sessions;

struct controller {
    struct env *env;
    struct logger logger, election_logger, peer_logger, raft_logger; /* by area */
    struct line_limit peer_lines;    /* of what can be caused from the listener */
    struct controller_config config; /* strings and voters are copies */
    struct decision_rules rules;
    struct uuid incarnation;
    struct image *image; /* committed and applied */
    struct consensus *consensus;
    struct pipeline *pipeline;
    struct liveness *liveness;
    struct stream *stream;
    struct sessions *sessions;
    struct listener_handlers listener_handlers;
    struct listener *listener;
    struct env_timer balance;
    struct consensus_members members;   /* as last told */
    struct consensus_members elsewhere; /* for an answer */
    bool failed;
    bool stopping;
    void (*stopped)(void *data);
    void *stopped_data;
};

#endif
