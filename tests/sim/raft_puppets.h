/* One real controller, node 0, among two puppets: hosts that speak Raft's messages as the test
 * says. So every schedule can be forced. For drivers that hold one such world at a time. */
#ifndef SIM_RAFT_PUPPETS_H
#define SIM_RAFT_PUPPETS_H

#include <raft.h>

#include "base/buf.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "controller/controller_private.h"
#include "controller/link.h"
#include "sim.h"

enum {
    SECOND = 1000 * 1000,
    MS = 1000,
    PORT = 19092,
    SEEN_MAX = 4000,
    GREETINGS_MAX = 16,
    NODE0_RAFT_ID = 1
};

struct puppet {
    int id;
    struct sim_node *node;
    struct env *env;
    struct env_listener *listener;
    struct link *in;                       /* what node 0 dialled */
    struct link *out;                      /* to node 0 */
    struct link *greetings[GREETINGS_MAX]; /* accepted, and have said nothing yet */
    int asked;                             /* about its incarnation, so often */
    bool mute;                             /* it answers no such question */
    struct env_connect *dial;
    struct uuid incarnation;
    Meta__Frame *seen[SEEN_MAX]; /* what node 0 said */
    int seen_count;
};

extern struct sim *sim;
extern struct sim_node *node0;
extern struct env *env0;
extern struct controller *controller;
extern struct logger logger;
extern struct puppet puppets[2];
extern bool node0_failed; /* node 0 ended itself */
extern const struct controller_voter voters[3];

/* Says Hello to node 0 on a new connection, which becomes `out`. */
void puppet_dial(struct puppet *puppet);
void puppet_forget(struct puppet *puppet);
int puppet_saw(const struct puppet *puppet, Meta__Frame__BodyCase what);
const Meta__Frame *puppet_last(const struct puppet *puppet, Meta__Frame__BodyCase what);
void say_vote(struct puppet *puppet, uint64_t term, bool pre_vote);
void say_appended(struct puppet *puppet, uint64_t term, uint64_t last);
/* Entries of type barrier, which carry nothing, from prev + 1 on. */
void say_append(struct puppet *puppet, uint64_t term, uint64_t prev, uint64_t prev_term,
                uint64_t entry_term, int count, uint64_t commit);
void say_timeout_now(struct puppet *puppet, uint64_t term, uint64_t last, uint64_t last_term);
void say_request_vote(struct puppet *puppet, uint64_t term, uint64_t last, uint64_t last_term);

/* Node 0 with these voters; what controller_new returns. */
int start_node0(const struct controller_voter *list, struct buf *problem);
void begin(void);
void stop_node0(void);
void finish(void);

/* Conditions for sim_run_until. */
bool saw_candidate(void *data);
bool saw_pre_vote(void *data);
bool is_active(void *data);
/* Node 0 stands for election; the term that it asks votes for. */
uint64_t let_stand(void);
/* Node 0 leads and is active; its term. */
uint64_t let_lead(void);

#endif
