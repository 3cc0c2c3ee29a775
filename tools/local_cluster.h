/* A throw-away cluster of this machine: its directory, ports and processes. For `millrace dev`.
 *
 * The directory has a settings file, a log and a data directory for each node. The processes have
 * sessions of their own, so that Ctrl-C at the terminal is for their owner, and die with it. */
#ifndef TOOLS_LOCAL_CLUSTER_H
#define TOOLS_LOCAL_CLUSTER_H

#include <sys/types.h>

#include "tools/tool.h"

enum { LOCAL_CLUSTER_NODES_MAX = 16 };

struct local_node {
    int id, port, controller_port;
    pid_t pid;  /* 0: it does not run */
    int status; /* of waitpid, once it ended */
};

struct local_cluster {
    char *dir;
    int count;
    struct local_node nodes[LOCAL_CLUSTER_NODES_MAX];
};

/* Chooses ports, makes the directory and the settings in it; starts nothing. `port` is the first
 * broker's, the others' follow it; 0 = whatever is free. 0, or 1 with the message printed. */
int local_cluster_new(const struct tool_run *run, int count, int port,
                      struct local_cluster **cluster) MUST_CHECK;
/* Frees the memory; processes and files stay. NULL is fine. */
void local_cluster_free(struct local_cluster *cluster);
/* Starts every node. 0, or 1 with the message printed; some may run then. */
int local_cluster_start(const struct tool_run *run, struct local_cluster *cluster) MUST_CHECK;

/* "127.0.0.1:P,127.0.0.1:P": the caller's to mem_free. */
char *local_cluster_bootstrap(const struct local_cluster *cluster);
/* Notices which processes ended. How many run; *ended is one that ended since the last look, or
 * NULL. */
int local_cluster_look(struct local_cluster *cluster, struct local_node **ended);
void local_cluster_signal(const struct local_cluster *cluster, int signum);
/* The end of a node's log on stderr. */
void local_cluster_show_log(const struct local_cluster *cluster, const struct local_node *node);
/* Removes the directory and all in it. 0, or 1 with the message printed. */
int local_cluster_remove(const struct tool_run *run, const struct local_cluster *cluster);

#endif
