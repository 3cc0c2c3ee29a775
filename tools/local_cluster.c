/* Nodes of a throw-away cluster: chosen ports, written settings, started and watched processes.
 *
 * Happy path: ports are probed by binding them, all at once, and let go just before the nodes take
 * them. Failure modes: a port that is taken (--port), no room for the directory, no millrace-server
 * beside this program; each is a sentence on stderr. */
#include "tools/local_cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/server.h"
#include "tools/text_file.h"

/* Free ports are looked for below the range that the system hands out to clients by itself, so that
 * no client's own socket takes one between the look and the node's bind. */
enum { LOCAL_PORT_MIN = 10000, LOCAL_PORT_COUNT = 22000, LOCAL_PORT_TRIES = 1000 };
enum { LOCAL_REPLICAS = 3, LOCAL_DEPTH = 16 };

/* ---- ports ---- */

/* A socket that holds the port until it is closed; negative when somebody has it. */
static int local_hold(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0)
        return fd;
    close(fd);
    return -1;
}

static int local_hold_any(int *port)
{
    for (int tries = 0; tries < LOCAL_PORT_TRIES; tries++) {
        uint16_t random = 0;
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            return -1;
        *port = LOCAL_PORT_MIN + random % LOCAL_PORT_COUNT;
        int fd = local_hold(*port);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

static int local_choose_ports(const struct tool_run *run, struct local_cluster *cluster, int first)
{
    int held[2 * LOCAL_CLUSTER_NODES_MAX], count = 0, status = 0;
    for (int i = 0; status == 0 && i < cluster->count; i++) {
        struct local_node *node = &cluster->nodes[i];
        node->id = i;
        node->port = first + i;
        held[count] = first ? local_hold(node->port) : local_hold_any(&node->port);
        if (held[count] >= 0)
            count++;
        else if (first)
            status = tool_fail(run,
                               "port %d can't be used (%s): choose another --port, or leave it "
                               "out",
                               node->port, strerror(errno));
        else
            status = tool_fail(run, "there is no free port: %s", strerror(errno));
    }
    for (int i = 0; status == 0 && i < cluster->count; i++) {
        held[count] = local_hold_any(&cluster->nodes[i].controller_port);
        if (held[count] < 0)
            status = tool_fail(run, "there is no free port: %s", strerror(errno));
        else
            count++;
    }
    while (count > 0)
        close(held[--count]);
    return status;
}

/* ---- files ---- */

static char *local_path(const struct local_cluster *cluster, int id, const char *suffix)
{
    return mem_printf("%s/server%d.%s", cluster->dir, id, suffix);
}

static int local_write_settings(const struct tool_run *run, const struct local_cluster *cluster,
                                const struct local_node *node)
{
    int replicas = cluster->count < LOCAL_REPLICAS ? cluster->count : LOCAL_REPLICAS;
    char *path = local_path(cluster, node->id, "properties");
    FILE *file = fopen(path, "w");
    if (file) {
        fprintf(file, "broker.id=%d\nlisteners=PLAINTEXT://127.0.0.1:%d\n", node->id, node->port);
        fprintf(file, "advertised.listeners=PLAINTEXT://127.0.0.1:%d\n", node->port);
        fprintf(file, "log.dirs=%s/data%d\n", cluster->dir, node->id);
        fprintf(file, "default.replication.factor=%d\n", replicas);
        fprintf(file, "offsets.topic.replication.factor=%d\n", replicas);
        fprintf(file, "transaction.state.log.replication.factor=%d\n", replicas);
        for (int i = 0; i < cluster->count; i++)
            fprintf(file, "%s%d@127.0.0.1:%d", i ? "," : "controller.quorum.voters=", i,
                    cluster->nodes[i].controller_port);
        fputc('\n', file);
    }
    int status = file && fclose(file) == 0
                     ? 0
                     : tool_fail(run, "%s can't be written: %s", path, strerror(errno));
    mem_free(path);
    return status;
}

static int local_make_dir(const struct tool_run *run, struct local_cluster *cluster)
{
    const char *tmp = getenv("TMPDIR");
    cluster->dir = mem_printf("%s/millrace-dev-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    if (mkdtemp(cluster->dir))
        return 0;
    int status = tool_fail(run, "%s can't be made (%s): set TMPDIR to a directory with room",
                           cluster->dir, strerror(errno));
    mem_free(cluster->dir);
    cluster->dir = NULL;
    return status;
}

int local_cluster_new(const struct tool_run *run, int count, int port, struct local_cluster **out)
{
    struct local_cluster *cluster = mem_alloc(sizeof(*cluster));
    cluster->count = count;
    int status = local_choose_ports(run, cluster, port);
    if (status == 0)
        status = local_make_dir(run, cluster);
    for (int i = 0; status == 0 && i < count; i++)
        status = local_write_settings(run, cluster, &cluster->nodes[i]);
    if (status && cluster->dir)
        local_cluster_remove(run, cluster);
    if (status)
        local_cluster_free(cluster);
    else
        *out = cluster;
    return status;
}

void local_cluster_free(struct local_cluster *cluster)
{
    if (!cluster)
        return;
    mem_free(cluster->dir);
    mem_free(cluster);
}

static int local_remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void)stat;
    (void)kind;
    (void)walk;
    return remove(path);
}

int local_cluster_remove(const struct tool_run *run, const struct local_cluster *cluster)
{
    if (nftw(cluster->dir, local_remove_one, LOCAL_DEPTH, FTW_DEPTH | FTW_PHYS) == 0)
        return 0;
    return tool_fail(run, "%s can't be removed (%s): remove it by hand", cluster->dir,
                     strerror(errno));
}

/* ---- processes ---- */

/* In the child. It dies with its owner, however that ends. */
static _Noreturn void local_become(const char *server, const char *settings, int log, pid_t owner)
{
    int null = open("/dev/null", O_RDONLY);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != owner)
        _exit(1);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execl(server, server, settings, (char *)NULL);
    fprintf(stderr, "%s can't be run: %s\n", server, strerror(errno));
    _exit(1);
}

static int local_start_node(const struct tool_run *run, struct local_cluster *cluster,
                            struct local_node *node, const char *server)
{
    char *settings = local_path(cluster, node->id, "properties");
    char *log_path = local_path(cluster, node->id, "log");
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int status = log < 0 ? tool_fail(run, "%s can't be written: %s", log_path, strerror(errno)) : 0;
    pid_t owner = getpid();
    if (status == 0)
        node->pid = fork();
    if (status == 0 && node->pid == 0)
        local_become(server, settings, log, owner);
    if (node->pid < 0) {
        status = tool_fail(run, "no process can be started: %s", strerror(errno));
        node->pid = 0;
    }
    if (log >= 0)
        close(log);
    mem_free(log_path);
    mem_free(settings);
    return status;
}

int local_cluster_start(const struct tool_run *run, struct local_cluster *cluster)
{
    char *server = server_path();
    int status = 0;
    if (!server || access(server, X_OK) != 0)
        status = tool_fail(run, "%s is not there: run make", server ? server : "millrace-server");
    for (int i = 0; status == 0 && i < cluster->count; i++)
        status = local_start_node(run, cluster, &cluster->nodes[i], server);
    mem_free(server);
    return status;
}

char *local_cluster_bootstrap(const struct local_cluster *cluster)
{
    struct buf list;
    buf_init(&list);
    for (int i = 0; i < cluster->count; i++)
        buf_printf(&list, "%s127.0.0.1:%d", i ? "," : "", cluster->nodes[i].port);
    char *copy = mem_strdup(buf_text(&list));
    buf_close(&list);
    return copy;
}

int local_cluster_look(struct local_cluster *cluster, struct local_node **ended)
{
    int running = 0;
    *ended = NULL;
    for (int i = 0; i < cluster->count; i++) {
        struct local_node *node = &cluster->nodes[i];
        if (!*ended && node->pid > 0 && waitpid(node->pid, &node->status, WNOHANG) == node->pid) {
            node->pid = 0;
            *ended = node;
        }
        running += node->pid > 0;
    }
    return running;
}

void local_cluster_signal(const struct local_cluster *cluster, int signum)
{
    for (int i = 0; i < cluster->count; i++)
        if (cluster->nodes[i].pid > 0)
            kill(cluster->nodes[i].pid, signum);
}

void local_cluster_show_log(const struct local_cluster *cluster, const struct local_node *node)
{
    char *path = local_path(cluster, node->id, "log");
    text_file_show_end(path);
    mem_free(path);
}
