/* Requests from this broker to brokers, itself among them: one connection to each, dialled when
 * there is something to ask.
 *
 *     IDLE --> DIALLING --> READY          a call waits until the line is ready, is sent, and ends
 *      ^           |          |            with the answer. When a dial fails or a line breaks, all
 *      +-- PAUSED <+----------+            calls of that line end with the error: their callers
 *                                          know whether and when to ask again. So they do when the
 *                                          metadata fences the broker, has it at another address
 *                                          or under another epoch: nobody waits for a host that
 *                                          died without a word.
 *
 * A broker asks itself by the same way, over its own listener: one way to test, and what it asks is
 * counted and limited as what others ask. Answers of one connection come in the order of the
 * requests, so whoever must not wait behind others has lines of its own. */
#ifndef BROKER_CLUSTER_BROKER_LINES_H
#define BROKER_CLUSTER_BROKER_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/logger.h"
#include "broker/cluster/metadata.h"
#include "config/config.h"
#include "env/env.h"

struct broker_line;
struct broker_lines;

enum {
    BROKER_LINE_CALLS_MAX = 10000, /* of one line, that wait or are on their way */
    BROKER_LINE_FLIGHTS_MAX = 32,  /* of them on their way: fewer than a broker reads unanswered */
    BROKER_LINE_ANSWER_MAX = 16 << 20
};

/* Borrowed, and outlives the lines. */
struct broker_lines_deps {
    struct env *env;
    struct logger *logger;
    struct metadata *metadata;
    const struct config *config;
    const char *client_id; /* who the other brokers are told that we are */
    /* With a number behind it (line_numbers.h), as lines of the broker node_id: what was asked over
     * a line that broke, and is asked again over the next one, is not heard after it. */
    bool numbered;
    int32_t node_id;
};

struct broker_lines *broker_lines_new(const struct broker_lines_deps *deps);
/* After every call has ended or was cancelled. */
void broker_lines_free(struct broker_lines *lines);

/* Embedded by who asks, and filled in by him; zeroed memory is one that is not open. It stays until
 * done or broker_call_cancel. */
struct broker_call {
    int32_t broker_id;
    int16_t key;         /* of kafka/api.h */
    int16_t version_min; /* the highest that both sides have, between these two */
    int16_t version_max;
    const void *request; /* the API's request; stays as long as the call is open */
    int64_t timeout_ms;  /* for all of it */
    /* Once, later on the loop. 0 and the API's response, of that version, borrowed until it
     * returns. Or ERR_BROKER_NOT_AVAILABLE (no such broker serves), ERR_REFUSED and
     * others of a dial, ERR_EOF, ERR_RESET, ERR_MALFORMED and ERR_TIMED_OUT (it may have been
     * heard), ERR_UNSUPPORTED_VERSION, ERR_NO_MEMORY (too many calls), errors of wire_encode. In
     * it the call is the caller's again: it may be freed, or made anew. */
    void (*done)(struct broker_call *call, int err, const void *response);
    int16_t version; /* of the response */
    /* The rest is the lines'. */
    bool open;
    int err;
    int64_t until_ms; /* env_now_ms */
    struct broker_line *line;
    struct broker_flight *flight;
    struct list link;
    struct env_timer timer; /* until it is sent */
};

void broker_lines_call(struct broker_lines *lines, struct broker_call *call);
/* Nothing happens to a call that is not open. What was sent may be heard all the same. */
void broker_call_cancel(struct broker_call *call);

#endif
