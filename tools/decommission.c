/* millrace decommission: takes a broker out of the cluster for good.
 *
 * Happy path: it is drained, leaves the metadata quorum if it votes there, is stopped by a person,
 * and is unregistered once the controller hears it no more. Each step looks at what is: a call that
 * was stopped goes on with the same call. Failure modes, before anything is moved: too few other
 * brokers, a quorum that could not decide without it, a quorum that is fixed by its settings. */
#include <inttypes.h>

#include "base/err.h"
#include "base/plural.h"
#include "env/env.h"
#include "tools/move.h"
#include "tools/quorum_change.h"
#include "tools/quorum_request.h"
#include "tools/tools.h"
#include "tools/unregister.h"

enum {
    DECOMMISSION_HEARD_MS = 5000, /* a voter answers its leader many times a second */
    DECOMMISSION_LOOK_MS = 500,
    DECOMMISSION_ROUNDS_MAX = 5
};

typedef struct describe_quorum_response_replica_state decommission_replica;
typedef struct describe_quorum_response_partition_data decommission_quorum;

static const struct option_row decommission_options[] = {MOVE_OPTIONS};

struct decommission {
    struct tool_run *run;
    int32_t broker;
    bool votes;
    struct uuid directory_id; /* of the voter */
};

/* ---- the quorum ---- */

static const decommission_replica *decommission_voter(const decommission_quorum *quorum, int32_t id)
{
    for (int32_t i = 0; i < quorum->current_voters.count; i++)
        if (quorum->current_voters.items[i].replica_id == id)
            return &quorum->current_voters.items[i];
    return NULL;
}

/* Voters but the one that leaves which the leader has heard since `before`; it counts itself. */
static int32_t decommission_heard(const decommission_quorum *before, const decommission_quorum *now,
                                  int32_t leaves)
{
    int32_t heard = 0;
    for (int32_t i = 0; i < now->current_voters.count; i++) {
        const decommission_replica *voter = &now->current_voters.items[i];
        const decommission_replica *was = decommission_voter(before, voter->replica_id);
        bool leads = voter->replica_id == now->leader_id;
        if (voter->replica_id != leaves && was &&
            (leads || voter->last_fetch_timestamp > was->last_fetch_timestamp))
            heard++;
    }
    return heard;
}

/* The answer, which names a leader, and what it says; NULL, with the message printed. */
static const decommission_quorum *decommission_describe(const struct decommission *d,
                                                        struct client_answer *answer)
{
    struct quorum_request quorum;
    int version = tool_version(d->run, KAFKA_API_DESCRIBE_QUORUM);
    quorum_request_init(&quorum);
    if (version < 0 ||
        tool_call(d->run, CLIENT_ANY, KAFKA_API_DESCRIBE_QUORUM, version, &quorum.request, answer))
        return NULL;
    const struct describe_quorum_response *response = answer->response;
    const decommission_quorum *state =
        response->error_code ? NULL : quorum_request_answer(response);
    if (state && state->leader_id >= 0)
        return state;
    tool_fail(d->run, "nothing is done: the metadata quorum has no leader: see that most of its "
                      "nodes run");
    client_answer_free(answer);
    return NULL;
}

/* What is known of voters may be seconds old: a quorum that loses the wrong one decides nothing any
 * more, so each that is counted on has to be heard anew. */
static int decommission_check_others(const struct decommission *d,
                                     const decommission_quorum *before)
{
    int32_t left = before->current_voters.count - 1, heard = 0;
    int64_t end_ms = env_now_ms(d->run->env) + DECOMMISSION_HEARD_MS;
    while (heard * 2 <= left && env_now_ms(d->run->env) < end_ms) {
        struct client_answer answer = {0};
        client_wait(d->run->client, DECOMMISSION_LOOK_MS);
        const decommission_quorum *now = decommission_describe(d, &answer);
        if (!now)
            return 1;
        heard = decommission_heard(before, now, d->broker);
        client_answer_free(&answer);
    }
    if (heard * 2 > left)
        return 0;
    return tool_fail(d->run,
                     "nothing is done: without broker %d the metadata quorum has %d %s, of "
                     "which %d %s, and could not decide: start the others first",
                     d->broker, left, plural(left, "voter", "voters"), heard,
                     plural(heard, "runs", "run"));
}

static int decommission_check_voter(struct decommission *d, const decommission_quorum *quorum)
{
    const decommission_replica *voter = decommission_voter(quorum, d->broker);
    d->votes = voter != NULL;
    if (!voter)
        return 0;
    d->directory_id = voter->replica_directory_id;
    if (uuid_is_zero(&voter->replica_directory_id))
        return tool_fail(d->run,
                         "nothing is done: broker %d is a voter of the metadata quorum by "
                         "controller.quorum.voters, which can't be changed while the nodes run: "
                         "take it out of that setting of all nodes and restart them one by one; "
                         "millrace drain moves its replicas away meanwhile",
                         d->broker);
    if (quorum->current_voters.count == 1)
        return tool_fail(d->run,
                         "nothing is done: broker %d is the only voter of the metadata quorum: add "
                         "another one first (kafka-metadata-quorum add-controller)",
                         d->broker);
    return decommission_check_others(d, quorum);
}

static int decommission_read_quorum(struct decommission *d)
{
    struct client_answer answer = {0};
    const decommission_quorum *quorum = decommission_describe(d, &answer);
    if (!quorum)
        return 1;
    int status = decommission_check_voter(d, quorum);
    client_answer_free(&answer);
    return status;
}

static int decommission_leave_quorum(struct decommission *d)
{
    if (decommission_read_quorum(d))
        return 1;
    if (!d->votes)
        return 0;
    return quorum_change_remove_voter(d->run, d->broker, &d->directory_id);
}

/* ---- its process ---- */

/* Until the controller hears it no more: a broker that runs would register again. */
static int decommission_wait_stop(struct decommission *d)
{
    enum move_broker found = MOVE_BROKER_UP;
    struct move_line line;
    move_line_open(d->run, &line);
    int status = move_find_broker(d->run, d->broker, &found);
    if (status == 0 && found == MOVE_BROKER_UP)
        fprintf(line.out,
                "Nothing is left on broker %d. Stop its process now, with kafka-server-stop or "
                "systemctl stop millrace on its machine.\n",
                d->broker);
    while (status == 0 && found == MOVE_BROKER_UP && !move_interrupted()) {
        move_line_print(d->run, &line, "waiting until broker %d has stopped", d->broker);
        client_wait(d->run->client, DECOMMISSION_LOOK_MS);
        status = move_find_broker(d->run, d->broker, &found);
    }
    move_line_close(&line);
    if (status == 0 && found != MOVE_BROKER_UP)
        fprintf(line.out, "Broker %d has stopped.\n", d->broker);
    else if (status == 0)
        tool_warn(d->run,
                  "stopped: broker %d has nothing left and is still registered. To go on: "
                  "%s %d",
                  d->broker, d->run->called, d->broker);
    return status;
}

/* A topic may have been created while its process ran: then it is drained again. */
static int decommission_empty(struct decommission *d, struct move_result *result)
{
    for (int round = 0; round < DECOMMISSION_ROUNDS_MAX; round++) {
        struct move_result more = {0};
        int status = move_all(d->run, d->broker, &more);
        result->partitions += more.partitions;
        result->bytes += more.bytes;
        result->interrupted = more.interrupted;
        if (status == 0 && !result->interrupted && round == 0)
            status = decommission_leave_quorum(d);
        if (status == 0 && !result->interrupted && (round == 0 || more.partitions > 0))
            status = decommission_wait_stop(d);
        result->interrupted = move_interrupted();
        if (status || result->interrupted || (round > 0 && more.partitions == 0))
            return status;
    }
    return tool_fail(d->run, "broker %d gets replicas again and again: call this once more later",
                     d->broker);
}

/* While it ran it may have come back to vote by itself: controller.quorum.auto.join.enable. */
static int decommission_unregister(struct decommission *d)
{
    int status = decommission_leave_quorum(d);
    if (status == 0)
        status = quorum_change_unregister(d->run, d->broker);
    return status ? status : unregister_broker(d->run, d->broker);
}

static int decommission_show(struct decommission *d)
{
    int status = move_show(d->run, d->broker);
    if (status == 0 && report_format(d->run) == REPORT_KAFKA)
        printf("\nThen%s its process is to be stopped, and it is unregistered.\n",
               d->votes ? " it leaves the metadata quorum," : "");
    return status;
}

static int decommission_run(struct tool_run *run)
{
    struct decommission d = {.run = run};
    struct move_result result = {0};
    if (move_read_broker(run, &d.broker) || move_check_actions(run) || move_connect(run, d.broker))
        return 1;
    if (options_has(run->options, "cancel"))
        return move_cancel(run, d.broker);
    if (decommission_read_quorum(&d))
        return 1;
    if (options_has(run->options, "plan"))
        return decommission_show(&d);
    if (move_catch_signals(run))
        return 1;
    int status = decommission_empty(&d, &result);
    if (status == 0 && !result.interrupted)
        status = decommission_unregister(&d);
    if (status == 0 && !result.interrupted)
        move_report_result(run, d.broker, "out of the cluster", &result);
    return status ? status : move_signal_status();
}

const struct tool tool_decommission = {
    .name = "decommission",
    .synopsis = "BROKER --bootstrap-server HOST:PORT [--plan|--cancel]",
    .summary = "Take a broker out for good: drain it, then unregister it.",
    .options = decommission_options,
    .positional = 1,
    .commands = "BROKER",
    .run = decommission_run,
};
