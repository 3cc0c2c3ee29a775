/* What Flume takes besides its command line: conf/flume-env.sh, a shell script that its start
 * script reads; flume.opts, a file of options; and configurations that are named by URIs. The
 * guide, "Using a command options file" and "Configuration from URIs"; bin/flume-ng of 1.11. */
#ifndef AGENT_FLUME_START_H
#define AGENT_FLUME_START_H

#include "base/props.h"
#include "tools/tool.h"

/* What was read, for as long as the options are used. */
struct flume_start {
    struct props opts;
    char **argv;
    char **names; /* "--conf-file" and such */
    size_t names_count;
};

void flume_start_close(struct flume_start *start);

/* The options of /etc/flume/flume.opts, or of flume.opts in the directory `conf` (NULL = none),
 * which the command line does not give: run->options has them then. 0, or 1 with the message
 * printed. */
int flume_start_add_options(struct tool_run *run, const char *conf, struct flume_start *start);
/* Runs flume-env.sh of the directory `conf`, if it is there: its variables become the process's.
 * The -D of its JAVA_OPTS, and of FLUME_JAVA_OPTS, go to `system`. 0, or 1 with the message
 * printed. */
int flume_start_read_env(const struct tool_run *run, const char *conf, struct props *system);
/* The path of a configuration; classpath: is looked for in the directory `conf`. NULL with a
 * sentence in `problem`. */
char *flume_start_uri(const char *uri, const char *conf, struct buf *problem);

#endif
