/* millrace dev: a throw-away cluster on free ports, which Ctrl-C ends and removes.
 *
 * Happy path: the nodes start (local_cluster.h), every broker knows every other, the bootstrap line
 * goes to stdout; at a terminal one line then shows the state, once a second. SIGINT, SIGTERM and
 * SIGHUP stop the nodes and remove the directory; a second one kills them. With --detach all of
 * that happens in a process of its own, and the call returns once the cluster serves.
 *
 * Failure modes: a port that is taken; a node that ends during the start (the end of its log is
 * shown, the rest is removed); a node that ends later is named, and the others go on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/plural.h"
#include "tools/cluster_view.h"
#include "tools/live_line.h"
#include "tools/local_cluster.h"
#include "tools/report.h"
#include "tools/tools.h"

enum { DEV_NODES = 3, DEV_START_MS = 60000, DEV_STOP_MS = 20000 };
/* How often it looks: whether nodes ended, whether they serve, and for the live line. */
enum { DEV_LOOK_MS = 50, DEV_STOP_LOOK_MS = 5, DEV_LINE_MS = 1000 };
/* The nodes are local: what does not answer at once is stopped or gone. */
enum { DEV_CONNECT_MS = 1000, DEV_REQUEST_MS = 3000 };

static const struct option_row dev_options[] = {
    OPTION_LETTER('n', "nodes", "N", "How many nodes, each broker and controller (default 3)."),
    OPTION_LETTER('p', "port", "PORT",
                  "The first broker's; the others' follow (default: free ones)."),
    OPTION_LETTER('k', "keep", NULL, "Leave settings, logs and data there at the end."),
    OPTION_LETTER('d', "detach", NULL, "Return once the cluster serves; it runs on."),
    OPTION_LETTER('f', "format", "json|table",
                  "One JSON object, or a table, once it serves, instead of words."),
    TOOL_LAST_OPTIONS,
};

struct dev {
    struct tool_run *run;
    struct local_cluster *cluster;
    char *bootstrap;
    int told; /* a pipe to the one who waits for a detached start; -1 = none */
    int signals;
    bool keep;
    struct live_line line;
    int64_t line_ms; /* when it was printed */
};

static void dev_signal(void *data, int signum)
{
    struct dev *dev = data;
    (void)signum;
    dev->signals++;
}

/* ---- the live line ---- */

static void dev_print_line(struct dev *dev)
{
    struct cluster_view view;
    char line[256], size[32];
    int of;
    if (!dev->line.live || env_now_ms(dev->run->env) - dev->line_ms < DEV_LINE_MS)
        return;
    dev->line_ms = env_now_ms(dev->run->env);
    if (cluster_view_read(dev->run->client, &view)) {
        snprintf(line, sizeof(line), "no broker answers");
    } else {
        int up = cluster_view_brokers_up(&view, &of);
        cluster_view_bytes(cluster_view_size(&view), size, sizeof(size));
        snprintf(line, sizeof(line),
                 "%d of %d up, controller %d, %d %s, %d %s, %d under-replicated, %d offline, %s",
                 up, of, view.leader_id, view.topics, plural(view.topics, "topic", "topics"),
                 view.partitions, plural(view.partitions, "partition", "partitions"),
                 view.under_replicated, view.offline, size);
        cluster_view_close(&view);
    }
    live_line_print(&dev->line, line);
}

/* ---- the start ---- */

/* Every broker is there. */
static bool dev_serves(const struct dev *dev)
{
    struct cluster_view view;
    int of;
    if (cluster_view_read(dev->run->client, &view))
        return false;
    int up = cluster_view_brokers_up(&view, &of);
    bool serves = up == dev->cluster->count && view.leader_id >= 0;
    cluster_view_close(&view);
    return serves;
}

/* 0, or 1: it failed or was interrupted. */
static int dev_wait_serving(struct dev *dev)
{
    struct local_node *ended;
    int64_t start = env_now_ms(dev->run->env);
    while (!dev_serves(dev)) {
        client_wait(dev->run->client, DEV_LOOK_MS);
        local_cluster_look(dev->cluster, &ended);
        if (dev->signals)
            return 1;
        if (ended) {
            local_cluster_show_log(dev->cluster, ended);
            return tool_fail(dev->run, "node %d ended during the start: its log is above",
                             ended->id);
        }
        if (env_now_ms(dev->run->env) - start > DEV_START_MS)
            return tool_fail(dev->run, "the nodes do not serve after %d s: see the logs in %s",
                             DEV_START_MS / 1000, dev->cluster->dir);
    }
    return 0;
}

static void dev_report_ready(const struct dev *dev)
{
    static const struct report_column columns[] = {{.name = "bootstrapServers"},
                                                   {.name = "nodes"},
                                                   {.name = "directory"},
                                                   {.name = "pid"},
                                                   REPORT_END};
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_text(report, dev->bootstrap);
    report_number(report, dev->cluster->count);
    report_text(report, dev->cluster->dir);
    report_number(report, getpid()); /* a signal to it ends the cluster */
    report_print(report, report_format(dev->run), stdout);
    report_free(report);
    fflush(stdout);
}

/* The first two lines are to be copied, by a person or a script. */
static void dev_say_ready(const struct dev *dev)
{
    if (report_format(dev->run) != REPORT_KAFKA) {
        dev_report_ready(dev);
        return;
    }
    printf("export MILLRACE_BOOTSTRAP=%s\nbootstrap.servers=%s\n", dev->bootstrap, dev->bootstrap);
    printf("%d of %d %s; settings, logs and data: %s\n", dev->cluster->count, dev->cluster->count,
           plural(dev->cluster->count, "node serves", "nodes serve"), dev->cluster->dir);
    if (dev->told >= 0)
        printf("kill %d", (int)getpid());
    else
        printf("Ctrl-C");
    printf(" ends the cluster and %s the directory\n", dev->keep ? "keeps" : "removes");
    fflush(stdout);
}

/* ---- life and end ---- */

/* Until a signal, or until no node is left. */
static int dev_stay(struct dev *dev)
{
    struct local_node *ended;
    while (!dev->signals) {
        int running = local_cluster_look(dev->cluster, &ended);
        if (ended) {
            live_line_clear(&dev->line);
            tool_warn(dev->run, "node %d ended by %s %d: its log is %s/server%d.log", ended->id,
                      WIFSIGNALED(ended->status) ? "signal" : "itself with status",
                      WIFSIGNALED(ended->status) ? WTERMSIG(ended->status)
                                                 : WEXITSTATUS(ended->status),
                      dev->cluster->dir, ended->id);
        }
        if (running == 0)
            return tool_fail(dev->run, "no node is left");
        dev_print_line(dev);
        client_wait(dev->run->client, DEV_LOOK_MS);
    }
    live_line_clear(&dev->line);
    return 0;
}

static int dev_stop(struct dev *dev)
{
    struct local_node *ended;
    int signals = dev->signals, status = 0;
    int64_t start = env_now_ms(dev->run->env);
    bool killed = false;
    local_cluster_signal(dev->cluster, SIGTERM);
    while (local_cluster_look(dev->cluster, &ended) > 0) {
        bool late = env_now_ms(dev->run->env) - start > DEV_STOP_MS;
        if (!killed && (late || dev->signals > signals)) {
            local_cluster_signal(dev->cluster, SIGKILL);
            killed = true;
        }
        client_wait(dev->run->client, DEV_STOP_LOOK_MS);
    }
    if (!dev->keep)
        status = local_cluster_remove(dev->run, dev->cluster);
    else if (report_format(dev->run) == REPORT_KAFKA)
        printf("kept: %s\n", dev->cluster->dir);
    return status;
}

/* From here on nobody reads what this process prints; what it has to say lies beside the logs. */
static int dev_leave_terminal(const struct dev *dev)
{
    char *path = mem_printf("%s/dev.log", dev->cluster->dir);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(null, STDIN_FILENO);
    dup2(log < 0 ? null : log, STDOUT_FILENO);
    dup2(log < 0 ? null : log, STDERR_FILENO);
    int status = write(dev->told, "1", 1) == 1 ? 0 : tool_fail(dev->run, "the caller is gone");
    close(dev->told);
    mem_free(path);
    return status;
}

static int dev_connect(struct dev *dev)
{
    struct client_config config = {.bootstrap = dev->bootstrap,
                                   .option = "--bootstrap-server",
                                   .client_id = "millrace-dev",
                                   .connect_timeout_ms = DEV_CONNECT_MS,
                                   .request_timeout_ms = DEV_REQUEST_MS};
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct buf problem;
    buf_init(&problem);
    int err = env_new(&dev->run->env);
    for (size_t i = 0; !err && i < ARRAY_LEN(signals); i++)
        err = env_on_signal(dev->run->env, signals[i], dev_signal, dev);
    if (!err)
        err = client_new(dev->run->env, &config, &problem, &dev->run->client);
    if (err)
        tool_fail(dev->run, "%s", problem.len ? buf_text(&problem) : err_text(err));
    buf_close(&problem);
    return err ? 1 : 0;
}

static int dev_live(struct dev *dev)
{
    dev->bootstrap = local_cluster_bootstrap(dev->cluster);
    int status = dev_connect(dev);
    if (status) {
        local_cluster_remove(dev->run, dev->cluster);
        return status;
    }
    status = local_cluster_start(dev->run, dev->cluster);
    if (status == 0)
        status = dev_wait_serving(dev);
    if (status == 0) {
        dev_say_ready(dev);
        if (dev->told >= 0)
            status = dev_leave_terminal(dev);
    }
    if (status == 0)
        status = dev_stay(dev);
    return dev_stop(dev) || status;
}

/* The caller waits for the word of the process that goes on; that prints by itself till then. */
static int dev_detach(struct dev *dev)
{
    int ends[2];
    char word;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return tool_fail(dev->run, "no pipe can be made: %s", strerror(errno));
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return tool_fail(dev->run, "no process can be started: %s", strerror(errno));
    if (child == 0) {
        close(ends[0]);
        setsid();
        dev->told = ends[1];
        return dev_live(dev);
    }
    close(ends[1]);
    ssize_t len;
    do
        len = read(ends[0], &word, 1);
    while (len < 0 && errno == EINTR);
    close(ends[0]);
    return len == 1 ? 0 : 1;
}

static int dev_run(struct tool_run *run)
{
    struct dev dev = {.run = run, .told = -1, .keep = options_has(run->options, "keep")};
    int64_t nodes, port;
    int status = tool_number(run, "nodes", 1, LOCAL_CLUSTER_NODES_MAX, DEV_NODES, &nodes);
    if (status == 0)
        status = tool_number(run, "port", 1, UINT16_MAX - nodes, 0, &port);
    if (status == 0)
        status = local_cluster_new(run, (int)nodes, (int)port, &dev.cluster);
    if (status)
        return status;
    bool detach = options_has(run->options, "detach");
    live_line_open(&dev.line, !detach && report_format(run) == REPORT_KAFKA);
    status = detach ? dev_detach(&dev) : dev_live(&dev);
    mem_free(dev.bootstrap);
    local_cluster_free(dev.cluster);
    return status;
}

const struct tool tool_dev = {
    .name = "dev",
    .synopsis = "[--nodes N] [--port PORT] [--keep] [--detach] [--format json|table]",
    .summary = "Start a throw-away cluster; Ctrl-C ends and removes it.",
    .options = dev_options,
    .bare = true,
    .run = dev_run,
};
