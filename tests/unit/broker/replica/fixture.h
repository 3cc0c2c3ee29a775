/* Broker 1 with its replica manager, metadata and logs on this machine's disk; brokers 2 and 3 are
 * what the test says of them. The channel to the controllers is stood in for: the functions of
 * controller_channel.h are defined here, and commands wait until the test answers them. */
#ifndef TESTS_UNIT_BROKER_REPLICA_FIXTURE_H
#define TESTS_UNIT_BROKER_REPLICA_FIXTURE_H

#include "../../until.h"
#include "../log/fixture.h"

#include "broker/replica/partition_private.h"
#include "broker/replica/replica_manager_private.h"
#include "tests/lib/config_maker.h"
#include "tests/lib/metadata_feed.h"

enum { NODE = 1, CALLS_MAX = 16 };

struct sent_call {
    struct controller_call *call;
    Meta__Frame *frame;
};

struct replica {
    struct log_world logs;
    struct config *config;
    struct metadata *metadata;
    struct live_settings *live;
    struct replica_manager *manager;
    struct partition *partition; /* t-0, once it is there */
    int32_t partition_epoch;     /* of the newest record */
    int led, unled;              /* calls of leader_changed */
    /* The channel. */
    int64_t broker_epoch;
    bool stalled;
    bool recovering;
    struct sent_call calls[CALLS_MAX]; /* oldest first */
    int call_count;
};

static struct replica *rx;

/* ---- the channel ---- */

void controller_channel_call(struct controller_channel *channel, struct controller_call *call,
                             Meta__Command *command, int64_t timeout_ms,
                             void (*done)(struct controller_call *call, int err,
                                          const Meta__CommandReply *reply))
{
    (void)channel;
    (void)timeout_ms;
    CHECK(rx->call_count < CALLS_MAX);
    call->done = done;
    rx->calls[rx->call_count++] = (struct sent_call){call, feed_copy(command)};
}

void controller_call_cancel(struct controller_call *call)
{
    for (int i = 0; i < rx->call_count; i++) {
        if (rx->calls[i].call != call)
            continue;
        meta__frame__free_unpacked(rx->calls[i].frame, NULL);
        rx->call_count--;
        memmove(&rx->calls[i], &rx->calls[i + 1],
                (size_t)(rx->call_count - i) * sizeof(rx->calls[0]));
        return;
    }
    CHECK(!"a call that waits");
}

int64_t controller_channel_broker_epoch(const struct controller_channel *channel)
{
    (void)channel;
    return rx->broker_epoch;
}

bool controller_channel_may_serve(const struct controller_channel *channel)
{
    (void)channel;
    return !rx->stalled;
}

void controller_channel_recovering(struct controller_channel *channel, bool recovering)
{
    (void)channel;
    rx->recovering = recovering;
}

/* The oldest command, which has this body; NULL when there is none. */
static inline const Meta__Command *replica_sent(Meta__Command__BodyCase body)
{
    for (int i = 0; i < rx->call_count; i++)
        if (rx->calls[i].frame->command->body_case == body)
            return rx->calls[i].frame->command;
    return NULL;
}

static inline void replica_answer(const Meta__Command *command, int err,
                                  const Meta__CommandReply *reply)
{
    for (int i = 0; i < rx->call_count; i++) {
        if (rx->calls[i].frame->command != command)
            continue;
        struct controller_call *call = rx->calls[i].call;
        controller_call_cancel(call);
        call->done(call, err, reply);
        return;
    }
    CHECK(!"a command that waits");
}

/* ---- life ---- */

static inline void replica_leader_changed(void *data, const char *topic, int32_t index, bool leader)
{
    struct replica *r = data;
    (void)topic;
    (void)index;
    *(leader ? &r->led : &r->unled) += 1;
}

static inline void replica_settings(struct replica *r, const char *more)
{
    char *text = mem_printf("broker.id=%d\n%s", NODE, more);
    r->config = config_make(text);
    mem_free(text);
}

/* Takes the place of the one before. It knows the metadata, and is not registered. */
static inline void replica_new_manager(struct replica *r)
{
    if (r->manager)
        replica_manager_free(r->manager);
    struct replica_deps deps = {.env = r->logs.env,
                                .logger = &r->logs.logger,
                                .role_logger = &r->logs.logger,
                                .config = r->config,
                                .live = r->live,
                                .node_id = NODE,
                                .metadata = r->metadata,
                                .logs = r->logs.manager,
                                .leader_changed = replica_leader_changed,
                                .data = r};
    r->manager = replica_manager_new(&deps);
}

/* Registered with epoch 1, as the others are with theirs; no topic yet. */
static inline void replica_open(struct replica *r, const char *settings)
{
    rx = r;
    *r = (struct replica){.broker_epoch = NODE};
    fixture_init(&r->logs);
    replica_settings(r, settings);
    r->metadata = metadata_new(r->logs.env, &r->logs.logger);
    r->live = live_settings_new(r->config, r->metadata, NODE);
    for (int32_t id = 1; id <= 3; id++)
        feed_broker(r->metadata, id, id, 1, false);
    replica_new_manager(r);
    replica_manager_registered(r->manager);
}

static inline void replica_close(struct replica *r)
{
    if (r->manager)
        replica_manager_free(r->manager);
    while (r->call_count > 0)
        controller_call_cancel(r->calls[0].call);
    live_settings_free(r->live);
    metadata_free(r->metadata);
    config_free(r->config);
    fixture_close(&r->logs);
}

/* ---- records ---- */

struct members {
    int32_t ids[4];
    int32_t count;
};
#define MEMBERS(...)                                                                               \
    ((struct members){{__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)})
#define NOBODY ((struct members){{0}, 0})

struct decision {
    int32_t leader;
    int32_t epoch;
    struct members replicas; /* 1, 2, 3 when it is empty */
    struct members isr;
    struct members offline;
    struct members full;
    struct members elr;
    bool emptied;
};

/* A record of t-0, newer than all before. */
static inline void replica_decide(struct replica *r, struct decision decision)
{
    if (decision.replicas.count == 0)
        decision.replicas = MEMBERS(1, 2, 3);
    struct image_partition record = {
        .leader = decision.leader,
        .leader_epoch = decision.epoch,
        .partition_epoch = ++r->partition_epoch,
        .replicas = {decision.replicas.ids, decision.replicas.count},
        .isr = {decision.isr.ids, decision.isr.count},
        .offline = {decision.offline.ids, decision.offline.count},
        .full = {decision.full.ids, decision.full.count},
        .elr = {decision.elr.ids, decision.elr.count},
        .emptied = decision.emptied,
    };
    feed_partition(r->metadata, "t", &record);
}

static inline struct partition *replica_find(struct replica *r)
{
    int err;
    return replica_manager_by_name(r->manager, "t", 1, 0, &err);
}

/* The topic t with its first record; waits until the log is open. */
static inline void replica_begin(struct replica *r, struct decision decision)
{
    feed_topic(r->metadata, "t");
    replica_decide(r, decision);
    r->partition = replica_find(r);
    CHECK(r->partition != NULL);
    UNTIL(r->logs.env, partition_state(r->partition) != PARTITION_OPENING);
}

/* Leads t-0 in epoch 1, with a set of these members. */
static inline void replica_lead(struct replica *r, struct members isr)
{
    replica_begin(r, (struct decision){.leader = NODE, .epoch = 1, .isr = isr});
    CHECK_INT(partition_state(r->partition), PARTITION_LEADER);
}

static inline void replica_open_leading(struct replica *r, struct members isr)
{
    replica_open(r, "");
    replica_lead(r, isr);
}

/* ---- produce and fetch ---- */

struct waiter {
    struct partition_wait wait;
    int calls;
    int err;
};

static inline void waiter_done(struct partition_wait *wait, int err)
{
    struct waiter *waiter = CONTAINER_OF(wait, struct waiter, wait);
    waiter->calls++;
    waiter->err = err;
}

/* Appends `count` records in one batch. */
static inline int replica_append(struct replica *r, int count, int16_t acks, struct waiter *waiter)
{
    struct log_append result;
    struct buf batch = batch_make((struct batch_spec){.count = count, .value_len = 10});
    *waiter = (struct waiter){.wait.done = waiter_done};
    int rc = partition_append(r->partition, batch.data, batch.len, LOG_FROM_CLIENT, acks, &result,
                              &waiter->wait);
    buf_close(&batch);
    CHECK_INT(waiter->calls, 0); /* never from inside */
    return rc;
}

static inline bool replica_is_durable(struct replica *r)
{
    struct log *log = partition_log(r->partition);
    return log_durable_offset(log) == log_end_offset(log);
}

/* The fetch of a follower that has all below `offset`, by the process that is registered. */
static inline struct partition_read_args replica_fetch(struct replica *r, int32_t id,
                                                       int64_t offset)
{
    return (struct partition_read_args){.replica_id = id,
                                        .replica_epoch = id,
                                        .current_leader_epoch =
                                            partition_leader_epoch(r->partition),
                                        .last_fetched_epoch = -1,
                                        .offset = offset,
                                        .max_bytes = 1 << 20,
                                        .min_one = true};
}

static inline void replica_acknowledge(struct replica *r, int32_t id, int64_t offset)
{
    struct partition_read_args args = replica_fetch(r, id, offset);
    partition_acknowledge(r->partition, &args);
}

#endif
