/* A small admin client for programs that do one thing after another: command-line tools and tests.
 *
 * It dials the bootstrap servers in their order, learns the other brokers from Metadata, and
 * controllers from DescribeCluster. Each call runs the env's loop until the answer is there. It
 * must not be used by code that runs inside that loop. Every error leaves a sentence for a person
 * in client_problem: what was tried, what came back, what to do. */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

#include "kafka/client_conn.h"

struct client;

/* Where a request goes: a broker's id, or one of these. */
enum {
    CLIENT_ANY = -1,       /* whichever bootstrap server answers */
    CLIENT_CONTROLLER = -2 /* the broker that Metadata names as the controller */
};

struct client_config {
    const char *bootstrap; /* "host:port,host:port"; a host without a port gets 9092 */
    const char *option; /* what the user wrote it with, for the sentences: "--bootstrap-server" */
    const char *client_id;
    int64_t connect_timeout_ms;
    int64_t request_timeout_ms;
    bool controllers; /* the bootstrap servers are controllers (KIP-919), and so are all nodes */
};

/* ERR_INVALID when `bootstrap` can't be read; `problem` gets the sentence. Strings are copied. Does
 * not dial yet. */
int client_new(struct env *env, const struct client_config *config, struct buf *problem,
               struct client **client) MUST_CHECK;
void client_free(struct client *client);
/* Checks a list of addresses as client_new does, for programs that hand it to another library. */
int client_check_bootstrap(const char *bootstrap, const char *option,
                           struct buf *problem) MUST_CHECK;

/* The sentence of the last error; "" when there was none. Borrowed until the next call. */
const char *client_problem(struct client *client);

/* The version that a request of this API to `node` has to have, at most `limit` (INT16_MAX = no
 * limit); dials when needed. ERR_UNSUPPORTED_VERSION, or an error of the connection. */
int client_version(struct client *client, int32_t node, int16_t key, int16_t limit) MUST_CHECK;

/* Sends and waits. `version` comes from client_version. The errors in the answer are the caller's
 * to read. 0 and the answer, to be freed with client_answer_free; or ERR_x. */
int client_call(struct client *client, int32_t node, int16_t key, int16_t version,
                const void *request, struct client_answer *answer) MUST_CHECK;

/* Forgets which broker is the controller, for when it answered NOT_CONTROLLER: the next
 * CLIENT_CONTROLLER asks again. */
void client_forget_controller(struct client *client);

/* Of the nodes, for DescribeCluster. */
int8_t client_endpoint_type(const struct client *client);

/* Waits without blocking the loop; for retries. */
void client_wait(struct client *client, int64_t ms);

/* The connection that requests to `node` use, for its ranges; NULL when it can't be made. */
const struct client_conn *client_connection(struct client *client, int32_t node);

/* "host:port" of a node that a call went to; "?" if it is not known. */
const char *client_address(struct client *client, int32_t node);

/* Sets the sentence, for an error that a tool read in an answer. */
void client_set_problem(struct client *client, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
