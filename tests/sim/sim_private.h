/* What the files of the simulation share. */
#ifndef SIM_SIM_PRIVATE_H
#define SIM_SIM_PRIVATE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "env/timers.h"
#include "sim.h"

enum sim_kind {
    SIM_TIMER,    /* only in the trace: timers have their own heap */
    SIM_POST,     /* env: fn(data) */
    SIM_WORK_RUN, /* env: work */
    SIM_WORK_DONE,
    SIM_SYN,      /* conn: a dial reaches the other node */
    SIM_ACCEPT,   /* env: the listener on `port` has a connection for the taking */
    SIM_ANSWER,   /* conn: the dial's result (`status`) reaches its node */
    SIM_ARRIVE,   /* conn: bytes of `side` up to position `upto` reach the other side */
    SIM_FIN,      /* the same, and they were the last */
    SIM_RESET,    /* conn: a reset reaches `side` */
    SIM_READABLE, /* conn: `side` may be told to read */
    SIM_WRITABLE, /* conn: the room that was made reaches `side` */
    SIM_KINDS
};

struct sim_event {
    int64_t due_us;
    uint64_t seq;
    uint8_t kind;
    uint8_t side;
    uint16_t port;
    int status;
    union {
        struct sim_conn *conn;
        struct env *env;
    };
    union {
        struct { /* posts */
            void (*fn)(void *data);
            void *data;
        };
        uint64_t upto;
        struct env_work *work;
    };
};

struct sim_held {
    size_t from, to;
    struct sim_event event;
};

struct sim {
    uint64_t rng;        /* the world's: network, disk, scheduling */
    uint64_t driver_rng; /* the driver's */
    int64_t now_us;
    uint64_t seq;
    uint64_t steps;
    uint64_t hash;
    struct sim_event *heap;
    size_t count, cap;
    struct timers timers; /* of all envs */
    struct sim_node *nodes[SIM_NODES_MAX];
    size_t node_count;
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX]; /* [from][to] */
    struct sim_held *held;                  /* messages that met a cut */
    size_t held_count, held_cap;
    int64_t latency_min_us, latency_max_us, spike_us;
    int spike_per_mille;
    const struct sim_node *last; /* where the last event took effect; NULL: nowhere yet */
    bool stepping;               /* inside an event */
    bool in_worker;              /* inside work->run: the disk's time counts as the job's */
    int64_t worker_us;
    bool looking;   /* sim_disk_look */
    bool crash_due; /* a node froze in this step */
    void (*trace)(void *data, const char *line);
    void *trace_data;
};

struct sim_node {
    struct sim *sim;
    size_t index;
    char name[64];
    char address[16];
    struct list envs;     /* dead ones too, */
    int living;           /* and how many are not */
    struct map listeners; /* port -> struct env_listener */
    uint64_t fail_memory; /* sim_node_fail_memory */
    uint16_t next_port;
    int64_t clock_zero_us; /* env_now_us is virtual time plus this */
    int64_t wall_offset_ms;
    /* the disk */
    struct sim_object *root;
    struct list changes; /* of directories, not yet durable, in order */
    uint64_t disk_size;  /* 0 = as large as can be */
    bool full, frozen, fail_sync;
    bool unordered; /* names become durable in any order */
    unsigned fail_kinds;
    int fail_err;
    uint64_t fail_at, fail_count, crash_at, change_count;
    int64_t sync_min_us, sync_max_us, call_max_us;
    int64_t cold_us;     /* sim_disk_chill: what a read of a cold page takes */
    uint64_t chill;      /* counts its calls */
    uint64_t cold_reads; /* since the last one */
    uint64_t still_step; /* in which a loop last stood still for its disk, */
    int64_t still_us;    /* for how long, and the longest */
    int64_t still_max_us;
    uint64_t used; /* bytes in files */
    int64_t files_limit;
};

struct env {
    struct sim_node *node;
    struct list link; /* in node->envs */
    bool dead, stopped;
    int spare_files; /* env_files_ready holds them back */
    uint64_t rng;
    int64_t resume_us; /* it does nothing before that: paused, or waiting for its disk */
    int64_t post_us;   /* when the last post is due; posts keep their order */
    struct list streams, listeners, connects, files, jobs;
};

/* ---- env_sim.c ---- */

uint64_t sim_draw(uint64_t *state);
/* Uniform in [low, high]. */
int64_t sim_between(struct sim *sim, int64_t low, int64_t high);
static inline bool sim_chance(struct sim *sim, int per_mille)
{
    return (int)(sim_draw(&sim->rng) % 1000) < per_mille;
}
/* Adds an event `delay_us` from now (at least 1, so that time always moves). */
void sim_push(struct sim *sim, int64_t delay_us, const struct sim_event *event);
/* Mixes a number into the trace hash. */
void sim_mix(struct sim *sim, uint64_t value);
/* Counts and traces an event that takes effect. */
void sim_note(struct sim *sim, enum sim_kind kind, const struct sim_node *node);
/* When the env can't run now: asks for the event again when it can, and tells so. */
bool sim_defer(struct env *env, const struct sim_event *event);
/* When the way between two nodes is cut: keeps the event for the heal, and tells so. */
bool sim_hold(struct sim_node *from, struct sim_node *to, const struct sim_event *event);

/* ---- sim_net.c ---- */

/* Runs a network event; it owns its reference on the connection. */
void sim_net_run(const struct sim_event *event);
/* Gives up a network event that never runs. */
void sim_net_drop(const struct sim_event *event);
/* The process of the env dies: its ends of connections break. */
void sim_net_kill(struct env *env);
/* Frees what the dead env still has. */
void sim_net_free(struct env *env);

/* ---- sim_disk.c ---- */

void sim_disk_init(struct sim_node *node);
void sim_disk_close(struct sim_node *node);
void sim_disk_kill(struct env *env);
void sim_disk_free(struct env *env);
/* Power loss: live becomes what was durable, plus what survives by chance. */
void sim_disk_lose(struct sim_node *node);
/* Copies a range of a file that is being sent; ERR_EOF, ERR_CLOSED. */
int sim_disk_copy(struct env_file *file, void *out, size_t len, uint64_t offset) MUST_CHECK;

#endif
