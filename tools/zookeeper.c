/* The commands of ZooKeeper that tutorials of Kafka have: zookeeper-server-start and -stop, and
 * zkServer.sh. There is nothing to start or stop, which one line says, with status 0, so that the
 * steps go on; zkServer.sh status answers in ZooKeeper's shape for the metadata quorum.
 *
 * Happy path of the status: the address is that of --bootstrap-server, of the broker's settings
 * when such a file is given, or a usual port of this machine; the node that has the address is a
 * voter of the quorum, and its leader or not. Failure modes: nobody answers (ZooKeeper's sentence,
 * status 1); the node is no voter, or the quorum has no leader at the moment. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "tools/cluster_view.h"
#include "tools/report.h"
#include "tools/text_file.h"
#include "tools/tools.h"

enum { ZOOKEEPER_TIMEOUT_MS = 3000 };

/* The ports of config/server0..2.properties, and of the tutorial's copies of server.properties. */
#define ZOOKEEPER_USUAL "localhost:9092,localhost:9093,localhost:9094"

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

/* ---- zkServer.sh status ---- */

/* Whether a list of names has this one. */
static bool zookeeper_is_in(const char *names, const char *name, size_t len)
{
    while (names && *names) {
        names += strspn(names, ", \t");
        size_t each = strcspn(names, ", \t");
        if (each == len && strncasecmp(names, name, len) == 0)
            return true;
        names += each;
    }
    return false;
}

/* The first of the listeners that is not the controller's, from its "://" on; NULL: none is. */
static const char *zookeeper_listener(const struct props *props, const char *listeners)
{
    const char *controllers = props_get(props, "controller.listener.names");
    while (*(listeners += strspn(listeners, ", \t"))) {
        const char *place = strstr(listeners, "://");
        if (!place)
            return NULL;
        if (!zookeeper_is_in(controllers, listeners, (size_t)(place - listeners)))
            return place;
        listeners += strcspn(listeners, ",");
    }
    return NULL;
}

/* "host:port" of the broker that a settings file is for; NULL when it is none, as a file of
 * ZooKeeper's. The caller's to mem_free. */
static char *zookeeper_address(const char *path)
{
    struct props props;
    int line;
    size_t len;
    char *address = NULL, *text = path ? text_file_read(path, &len) : NULL;
    if (!text)
        return NULL;
    props_init(&props);
    bool good = !props_parse(&props, text, len, &line);
    const char *listeners = good ? props_get(&props, "listeners") : NULL;
    const char *port = good ? props_get(&props, "port") : NULL;
    bool broker = good && (props_get(&props, "broker.id") || props_get(&props, "node.id"));
    const char *place = listeners ? zookeeper_listener(&props, listeners) : NULL;
    if (place) {
        size_t all = strcspn(place + 3, ", ");
        address = mem_printf("%s%.*s", place[3] == ':' ? "localhost" : "", (int)all, place + 3);
    } else if (broker || port) {
        address = mem_printf("localhost:%s", port ? port : "9092");
    }
    props_close(&props);
    mem_free(text);
    return address;
}

static int zookeeper_port(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon ? (int)strtol(colon + 1, NULL, 10) : 0;
}

/* The node that has the address, by its port, since a host has many names; of several with that
 * port the one with the very address. NULL when there is none. */
static const struct cluster_node *zookeeper_node(const struct cluster_view *view,
                                                 const char *address)
{
    const struct cluster_node *found = NULL;
    for (size_t i = 0; i < view->node_count; i++) {
        const struct cluster_node *node = &view->nodes[i];
        if (!node->is_broker || zookeeper_port(node->address) != zookeeper_port(address))
            continue;
        if (!found || strcmp(node->address, address) == 0)
            found = node;
    }
    return found;
}

/* ZooKeeper's word for what a node is in the quorum. */
static const char *zookeeper_word(const struct cluster_view *view, const struct cluster_node *node)
{
    int voters = 0;
    for (size_t i = 0; i < view->node_count; i++)
        voters += view->nodes[i].is_voter;
    if (!node->is_voter)
        return "observer";
    return voters == 1 ? "standalone" : node->is_leader ? "leader" : "follower";
}

static int zookeeper_mode(const struct tool_run *run, const struct cluster_view *view,
                          const char *address)
{
    static const struct report_column columns[] = {
        {.name = "clientAddress"}, {.name = "mode"}, {.name = "nodeId"}, REPORT_END};
    const struct cluster_node *node = zookeeper_node(view, address);
    if (view->leader_id < 0)
        return tool_fail(run, "the quorum has no leader: see that most nodes of "
                              "controller.quorum.voters run");
    if (!node)
        return tool_fail(run, "no broker of the cluster is at %s", address);
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_lines(report, "Mode: {mode}");
    report_text(report, address);
    report_text(report, zookeeper_word(view, node));
    report_number(report, node->id);
    report_print(report, report_format(run), stdout);
    report_free(report);
    return 0;
}

/* One address: the mode is that of one node. Negative: it does not answer. */
static int zookeeper_ask(struct tool_run *run, const char *address)
{
    struct client_config config = {.bootstrap = address,
                                   .option = "--bootstrap-server",
                                   .client_id = "zkServer",
                                   .connect_timeout_ms = ZOOKEEPER_TIMEOUT_MS,
                                   .request_timeout_ms = ZOOKEEPER_TIMEOUT_MS};
    struct cluster_view view;
    struct buf problem;
    int status = -1;
    buf_init(&problem);
    if (client_new(run->env, &config, &problem, &run->client))
        status = tool_fail(run, "%s", buf_text(&problem));
    else if (cluster_view_read(run->client, &view) == 0) {
        if (report_format(run) == REPORT_KAFKA)
            printf("Client address: %s\n", address);
        status = zookeeper_mode(run, &view, address);
        cluster_view_close(&view);
    }
    client_free(run->client);
    run->client = NULL;
    buf_close(&problem);
    return status;
}

static int zookeeper_status(struct tool_run *run)
{
    const char *path = options_positional(run->options, 1);
    const char *given = options_get(run->options, "bootstrap-server");
    const char *variable = getenv("MILLRACE_BOOTSTRAP");
    char *of_file = given ? NULL : zookeeper_address(path);
    const char *list = given                     ? given
                       : of_file                 ? of_file
                       : variable && variable[0] ? variable
                                                 : ZOOKEEPER_USUAL;
    int status = env_new(&run->env) ? tool_fail(run, "there is no memory for an event loop") : -1;
    if (path && report_format(run) == REPORT_KAFKA)
        printf("Using config: %s\n", path);
    for (const char *at = list; status < 0 && *at;) {
        size_t len = strcspn(at, ",");
        char *address = mem_printf("%.*s", (int)len, at);
        status = zookeeper_ask(run, address);
        mem_free(address);
        at += len + (at[len] == ',');
    }
    if (status < 0) {
        if (report_format(run) == REPORT_KAFKA)
            printf("Error contacting service. It is probably not running.\n");
        status = tool_fail(run,
                           "no broker answers at %s: give the broker's settings file, or its "
                           "address with --bootstrap-server",
                           list);
    }
    mem_free(of_file);
    return status;
}

static int zookeeper_server(struct tool_run *run)
{
    static const struct {
        const char *name;
        int (*run)(struct tool_run *run);
    } actions[] = {
        {"start", zookeeper_start},   {"start-foreground", zookeeper_start},
        {"stop", zookeeper_stop},     {"restart", zookeeper_start},
        {"status", zookeeper_status},
    };
    const char *action = options_positional(run->options, 0);
    for (size_t i = 0; action && i < ARRAY_LEN(actions); i++)
        if (strcmp(action, actions[i].name) == 0)
            return tool_check_command(run, action) ? 1 : actions[i].run(run);
    return tool_misuse(run, "%s%sthe commands are start, start-foreground, stop, restart, status",
                       action ? action : "", action ? " is none of them: " : "");
}

static const struct option_row zookeeper_options[] = {
    OPTION_LETTER('b', "bootstrap-server", "HOST:PORT", "status: the broker that is meant."),
    REPORT_OPTION_WITH("status"),
    TOOL_LAST_OPTIONS,
};

static const struct option_row zookeeper_start_options[] = {
    OPTION("daemon", NULL, "As of Kafka's command; nothing is started."),
    TOOL_LAST_OPTIONS,
};

static const struct option_row zookeeper_stop_options[] = {
    TOOL_LAST_OPTIONS,
};

const struct tool tool_zookeeper_start = {
    .name = "zookeeper-server-start",
    .link = "zookeeper-server-start",
    .synopsis = "[-daemon] [FILE]",
    .summary = "Nothing: there is no ZooKeeper.",
    .options = zookeeper_start_options,
    .formless = "there is nothing to tell a program: it does nothing",
    .positional = 1,
    .bare = true,
    .run = zookeeper_start,
};

const struct tool tool_zookeeper_stop = {
    .name = "zookeeper-server-stop",
    .link = "zookeeper-server-stop",
    .synopsis = "[FILE]",
    .summary = "Nothing: there is no ZooKeeper.",
    .options = zookeeper_stop_options,
    .formless = "there is nothing to tell a program: it does nothing",
    .positional = 1,
    .bare = true,
    .run = zookeeper_stop,
};

const struct tool tool_zk_server = {
    .name = "zk-server",
    .link = "zkServer",
    .synopsis = "start|stop|restart|status [FILE]",
    .summary = "Nothing is started; status: what a node is in the metadata quorum.",
    .options = zookeeper_options,
    .positional = 2,
    .commands = "start|start-foreground|stop|restart|status",
    .run = zookeeper_server,
};
