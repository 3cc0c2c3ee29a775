/* millrace drain: moves all replicas and leaders away from a broker.
 *
 * Happy path: the plan is worked out, moved some at a time, and the broker has nothing left; it
 * runs on, and may be stopped. Failure modes: too few other brokers for a topic's replicas, or
 * partitions without a leader: nothing is moved. */
#include "tools/move.h"
#include "tools/tools.h"

static const struct option_row drain_options[] = {MOVE_OPTIONS};

static int drain_run(struct tool_run *run)
{
    struct move_result result = {0};
    int32_t broker;
    if (move_read_broker(run, &broker) || move_check_actions(run) || move_connect(run, broker))
        return 1;
    if (options_has(run->options, "plan"))
        return move_show(run, broker);
    if (options_has(run->options, "cancel"))
        return move_cancel(run, broker);
    if (move_catch_signals(run))
        return 1;
    int status = move_all(run, broker, &result);
    if (status == 0 && !result.interrupted)
        move_report_result(run, broker, "drained", &result);
    return status ? status : move_signal_status();
}

const struct tool tool_drain = {
    .name = "drain",
    .synopsis = "BROKER --bootstrap-server HOST:PORT [--plan|--cancel]",
    .summary = "Move all replicas and leaders away from a broker.",
    .options = drain_options,
    .positional = 1,
    .commands = "BROKER",
    .run = drain_run,
};
