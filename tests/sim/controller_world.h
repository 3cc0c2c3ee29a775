/* A simulated quorum with brokers that do nothing but register, follow and ask: what the
 * controller's simulation tests share. Everything of it is checked all the time: an index has one
 * content on every broker, an answered command is never lost. */
#ifndef SIM_CONTROLLER_WORLD_H
#define SIM_CONTROLLER_WORLD_H

#include "base/buf.h"
#include "base/logger.h"
#include "controller/controller.h"
#include "controller/controller_private.h"
#include "controller/link.h"
#include "meta/image.h"
#include "sim.h"

enum { WORLD_NODES = 5, WORLD_ACKED_MAX = 2000, WORLD_INDEX_MAX = 20000 };

struct world;

struct fake_link {
    struct fake *fake;
    int voter;
    struct env_connect *dial;
    struct link *link;
    struct env_timer redial;
    bool active;
    bool registered;
};

/* A broker's side of the channel. */
struct fake {
    struct world *world;
    int id;
    struct env *env;
    struct env_listener *listener;
    struct fake_link links[WORLD_NODES];
    struct uuid incarnation;
    struct image *image;
    int64_t applied;
    int64_t applied_term; /* of the entry with that index */
    int64_t epoch;
    bool fenced;
    bool may_shutdown;
    bool want_shutdown;
    bool silent;            /* sends no heartbeats */
    const char *cluster_id; /* for Hello; NULL = what was learned */
    char learned[64];
    int welcome_error;
    int register_error;
    struct env_timer heartbeat;
    uint64_t command_next;
    /* The command under way; 0 = none. */
    uint64_t command_waiting;
    int64_t command_since_us;
    char topic[32];
    Meta__CommandReply *reply; /* of the last command; the fake's */
};

struct member {
    struct world *world;
    struct sim_node *node;
    struct env *env;
    struct controller *controller;
    struct fake *fake;
    struct logger logger;
    bool up;
    bool failed; /* its fail-stop hook was called */
};

struct world {
    struct sim *sim;
    struct controller_voter voters[WORLD_NODES]; /* a port may change while the node is down */
    struct uuid directories[WORLD_NODES];
    int count;
    struct member members[WORLD_NODES];
    bool growing; /* the voters are those of the log */
    bool listed;  /* and each node's settings name them all in any order, else the first one only */
    bool differ;  /* and each leaves some out at random, but not itself and the next one */
    bool unaware; /* and does not know which of them it is itself */
    bool supposed; /* nobody has named them: all are on one machine, with cuts there are none */
    enum controller_joins joins;
    int64_t snapshot_entries;
    uint64_t hashes[WORLD_INDEX_MAX]; /* of the entry at each index, as a broker saw it; 0 = none */
    char acked[WORLD_ACKED_MAX][32];
    int acked_count;
    int made;    /* names of topics */
    bool asking; /* the fakes create topics all the time, one after the other */
    /* Not 0: only with one heartbeat of so many, and at world_burst; heartbeats are fewer then. A
     * course costs what its messages cost. */
    int paced;
    bool verbose;
    const char *broken; /* an invariant that does not hold */
};

void world_init(struct world *world, uint64_t seed, int count);
/* A quorum that grows; the nodes are not started. */
void world_init_growing(struct world *world, uint64_t seed, int count);
void world_close(struct world *world);
/* Whether it is in the quorum as the active controller has it; `votes`: as a voter. */
bool world_is_member(const struct world *world, int i, bool votes);
void world_start(struct world *world, int i);
/* Another process of a broker, in an env of its own. */
struct fake *fake_new(struct world *world, int id, struct env *env);
void fake_free(struct fake *fake);
void world_kill(struct world *world, int i, bool power);
/* The member that is the active controller, -1 none. */
int world_active(const struct world *world);
/* Runs until there is an active controller and all fakes are unfenced there. */
bool world_settle(struct world *world, int64_t limit_us);
/* Runs until every member has applied the same and every acked topic is there. */
bool world_agrees(struct world *world, int64_t limit_us);
/* Sends a command from a fake to the active controller and runs until it is answered; NULL when it
 * is not. Borrowed until the next one. */
const Meta__CommandReply *world_ask(struct world *world, int i, Meta__Command *command);
/* Every fake that waits for no answer creates a topic now. */
void world_burst(struct world *world);
/* The same without waiting, for an answer that nobody looks at; false: there is nobody to ask. */
bool world_send(struct world *world, int i, Meta__Command *command);
const struct image *world_image(const struct world *world);

#endif
