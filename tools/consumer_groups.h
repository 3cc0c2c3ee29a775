/* Shared by the files of consumer_groups only. */
#ifndef TOOLS_CONSUMER_GROUPS_H
#define TOOLS_CONSUMER_GROUPS_H

#include "tools/group_client.h"
#include "tools/report.h"

struct consumer_groups {
    struct tool_run *run;
    struct group_client client;
    struct group_list chosen; /* by --group or --all-groups; only .id is sure to be set */
    enum report_format format;
};

/* "\nError: sentence" on stdout, which is where Kafka's tool tells what the cluster refuses; on
 * stderr with --format. */
void consumer_groups_error(const struct consumer_groups *tool, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* Where that goes. */
FILE *consumer_groups_failures(const struct consumer_groups *tool);
/* The same for an error of a call; returns 0, since the tool ends well, as Kafka's does. */
int consumer_groups_fail(struct consumer_groups *tool);

int consumer_groups_describe(struct consumer_groups *tool);
int consumer_groups_reset(struct consumer_groups *tool);
/* Misuse of the options of a reset, before anything is asked: 0, or 1 with the message printed. */
int consumer_groups_check_reset(struct tool_run *run);

/* Rows for the --topic options, "T" or "T:0,1": all or some partitions, sorted. 0, 1 when a topic
 * is not there or can't be read (said so), or negative: client_problem. */
int consumer_groups_topics(struct consumer_groups *tool, struct group_rows *rows) MUST_CHECK;

#endif
