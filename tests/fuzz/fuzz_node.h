/* One node, broker and controller, in a simulated world, and connections to it that send what they
 * are told and drop what comes back. */
#ifndef TESTS_FUZZ_NODE_H
#define TESTS_FUZZ_NODE_H

#include "../sim/sim.h"
#include "base/buf.h"
#include "base/logger.h"
#include "fuzz.h"

enum { FUZZ_NODE_BROKER_PORT = 9092, FUZZ_NODE_CONTROLLER_PORT = 19092 };
/* Of a controller alone. */
#define FUZZ_NODE_CLUSTER_ID "MkU3OEVBNTcwNTJENDM2Qg"

/* The first byte of a step; four bytes length and the bytes to send follow. */
enum {
    FUZZ_STEP_CONN = 3,    /* which connection */
    FUZZ_STEP_RAW = 4,     /* the bytes as they are; else as a frame, with their size in front */
    FUZZ_STEP_CLOSE = 8,   /* the connection is closed before, and opened anew */
    FUZZ_STEP_WAIT = 16,   /* some time passes afterwards */
    FUZZ_STEP_LONGER = 32, /* more time */
    FUZZ_STEP_CONNS = FUZZ_STEP_CONN + 1,
    FUZZ_STEP_HEAD = 5
};

struct broker;
struct config;
struct controller;
struct image_topic;

struct fuzz_conn {
    struct env *env;
    struct env_connect *connect;
    struct env_stream *stream; /* NULL before it is open and after it is closed */
    struct buf out;            /* not written yet */
    struct buf in;             /* what came, when it is kept */
    size_t written;
    bool keep;
    bool over; /* refused, ended, or reset */
};

struct fuzz_node {
    struct sim *sim;
    struct sim_node *host;
    struct env *broker_env, *controller_env, *client_env;
    struct logger logger;
    struct config *config;
    struct broker *broker;
    struct controller *controller;
    struct fuzz_conn healthy; /* used by fuzz_node_check only */
    struct fuzz_conn conns[FUZZ_STEP_CONNS];
    bool keep;     /* what comes on them */
    bool may_stop; /* the controller, since it believes other voters */
    bool failed;
};

/* Starts it and waits until the broker serves, with the topic "t" of two partitions. */
void fuzz_node_start(struct fuzz_node *node);
/* Only a controller: the first of `voters` (1 or 3), of which the others are not there. */
void fuzz_node_start_controller(struct fuzz_node *node, int voters);
/* It still serves: a connection that was open all the time gets its answers. */
void fuzz_node_check(struct fuzz_node *node);
/* As a kill; everything is freed. */
void fuzz_node_stop(struct fuzz_node *node);
void fuzz_node_run(struct fuzz_node *node, int64_t us);
/* Sends what a row of steps says on node->conns, to `port`. */
void fuzz_node_steps(struct fuzz_node *node, uint16_t port, const uint8_t *data, size_t len);
/* Appends a step to an input. */
void fuzz_step_put(struct buf *out, uint8_t what, const void *data, size_t len);
/* The topic "t" as the broker knows it. */
const struct image_topic *fuzz_node_topic(const struct fuzz_node *node);

void fuzz_conn_open(struct fuzz_conn *conn, struct fuzz_node *node, uint16_t port);
/* The bytes go out as the connection takes them. */
void fuzz_conn_send(struct fuzz_conn *conn, const void *data, size_t len);
/* The same with its size in front, as a frame. */
void fuzz_conn_send_frame(struct fuzz_conn *conn, const void *data, size_t len);
void fuzz_conn_close(struct fuzz_conn *conn);

#endif
