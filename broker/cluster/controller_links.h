/* The channel and its lines, for controller_channel.c and controller_links.c. */
#ifndef BROKER_CLUSTER_CONTROLLER_LINKS_H
#define BROKER_CLUSTER_CONTROLLER_LINKS_H

#include "broker/cluster/controller_channel.h"

struct frame_conn;

enum link_state {
    LINK_WAITING, /* to be dialled: `redial` runs */
    LINK_DIALLING,
    LINK_GREETED, /* our Hello is on its way */
    LINK_STANDBY, /* it has welcomed us, and another one is active */
    LINK_ACTIVE,  /* it says that it is the active controller */
    LINK_STATES
};

struct link {
    enum link_state state;
    struct controller_channel *channel;
    int32_t voter_id; /* IMAGE_NO_NODE: not known before it is the active one */
    char *host;
    uint16_t port;
    struct env_connect *connect;
    struct frame_conn *conn;
    struct env_timer redial;
    bool refused;      /* says that we are of another cluster */
    bool learned;      /* from another controller, not from the settings */
    int error;         /* of the last attempt; 0 while it is connected */
    int64_t heard_ms;  /* when the last frame came */
    bool nameless;     /* its Hello named no cluster */
    int32_t leader_id; /* whom it takes for the active controller; IMAGE_NO_NODE for none */
    int64_t term;
};

enum channel_state {
    CHANNEL_SEARCHING,   /* no controller is known to be active */
    CHANNEL_REGISTERING, /* with the current link's */
    CHANNEL_REGISTERED,
    CHANNEL_STATES
};

struct controller_channel {
    enum channel_state state;
    struct env *env;
    struct logger *logger;
    struct metadata *metadata;
    struct controller_channel_config config;
    const struct controller_channel_events *events;
    void *data;
    struct link **links; /* those of the settings first */
    int link_count;
    struct controller_address *told; /* the quorum, as a controller whose settings do not name it */
    int told_count;                  /* has said last */
    int64_t told_term;
    struct link *current; /* the link to the active controller, or NULL */
    int32_t active_id;
    char cluster_id[64];
    char hello_id[64]; /* what a controller said that a new broker's Hello must name */
    int64_t broker_epoch;
    bool fenced; /* as the controller said last: it stays while one is searched */
    bool want_shutdown;
    bool cordoned;      /* as heartbeats say */
    bool recovering;    /* not to be unfenced yet */
    bool held;          /* nor this registration */
    int64_t alive_ms;   /* when this loop last ran */
    bool stalled;       /* it stood still for too long, and no controller has answered since */
    int64_t beats;      /* heartbeats sent on the current link, */
    int64_t answers;    /* answered, */
    int64_t stall_beat; /* and sent before the stall was noticed */
    int64_t doubt_ms; /* alive_ms when a controller of an older term refused us first; -1 = none */
    int64_t answer_index; /* metadata to be applied before we serve again; -1: no answer yet */
    struct env_timer heartbeat;
    struct env_timer search; /* runs always, speaks while no controller is active */
    struct list calls;
    uint64_t next_call;
};

/* A line that waits to be dialled. */
struct link *controller_links_add(struct controller_channel *channel, int32_t id, const char *host,
                                  uint16_t port, void (*dial)(void *link));
void controller_links_free(struct link *link);
void controller_links_forget_all(struct controller_channel *channel);
/* A controller whose settings name no voters tells who they are: there is a line to each then, and,
 * once the active one has spoken, to nobody else but those of the settings. `from` is the line that
 * it came on. */
void controller_links_learn(struct controller_channel *channel, const struct link *from,
                            const Meta__Welcome *welcome, void (*dial)(void *link));

#endif
