/* millrace balance: even numbers of replicas, leaders and bytes on all brokers.
 *
 * Happy path: the plan with the fewest moves is worked out and moved some at a time; then the
 * preferred replicas lead. An even cluster moves nothing. Failure modes: those of move_run.c. */
#include "tools/move.h"
#include "tools/tools.h"

static const struct option_row balance_options[] = {MOVE_OPTIONS};

static int balance_run(struct tool_run *run)
{
    struct move_result result = {0};
    if (move_check_actions(run) || move_connect(run, MOVE_NOBODY))
        return 1;
    if (options_has(run->options, "plan"))
        return move_show(run, MOVE_NOBODY);
    if (options_has(run->options, "cancel"))
        return move_cancel(run, MOVE_NOBODY);
    if (move_catch_signals(run))
        return 1;
    int status = move_all(run, MOVE_NOBODY, &result);
    if (status == 0 && !result.interrupted)
        move_report_result(run, MOVE_NOBODY, "balanced", &result);
    return status ? status : move_signal_status();
}

const struct tool tool_balance = {
    .name = "balance",
    .synopsis = "--bootstrap-server HOST:PORT [--plan|--cancel]",
    .summary = "Spread replicas, leaders and bytes evenly over the brokers.",
    .options = balance_options,
    .bare = true,
    .run = balance_run,
};
