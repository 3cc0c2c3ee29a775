/* zookeeper-server-start and -stop: there is nothing to start, which one line says, with status 0,
 * so that the steps of old tutorials go on. */
#include "tools/tools.h"

static int zookeeper_start(struct tool_run *run)
{
    (void)run;
    printf(
        "Nothing needs starting: the brokers keep the metadata themselves, without ZooKeeper.\n");
    return 0;
}

static int zookeeper_stop(struct tool_run *run)
{
    (void)run;
    printf(
        "Nothing needs stopping: the brokers keep the metadata themselves, without ZooKeeper.\n");
    return 0;
}

const struct tool tool_zookeeper_start = {
    .name = "zookeeper-server-start",
    .link = "zookeeper-server-start",
    .synopsis = "[FILE]",
    .summary = "Nothing: there is no ZooKeeper.",
    .run = zookeeper_start,
};

const struct tool tool_zookeeper_stop = {
    .name = "zookeeper-server-stop",
    .link = "zookeeper-server-stop",
    .synopsis = "",
    .summary = "Nothing: there is no ZooKeeper.",
    .run = zookeeper_stop,
};
