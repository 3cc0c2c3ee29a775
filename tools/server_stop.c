/* kafka-server-stop: a signal (TERM, or $SIGNAL) to the local servers of this user: all of them,
 * those of a node id or a role, or the one that was started from a certain file.
 *
 * Happy path: /proc is searched for processes that run our millrace-server; their command line
 * tells file and overrides, the file tells id and roles. Failure modes: none found (one line on
 * stdout, status 1, as Kafka's script does). */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/props.h"
#include "tools/server.h"
#include "tools/text_file.h"
#include "tools/tools.h"

struct stop {
    struct tool_run *run;
    char *server;     /* the program whose processes are meant */
    const char *file; /* NULL = any */
    char real_file[PATH_MAX];
    const char *role;
    const char *node_id;
    int signum;
    int sent;
};

static const struct {
    const char *name;
    int signum;
} stop_signals[] = {
    {"TERM", SIGTERM},
    {"INT", SIGINT},
    {"KILL", SIGKILL},
    {"QUIT", SIGQUIT},
};

/* A node with an agent inside runs as `millrace` under that name (server/node.h). */
static bool stop_is_called_server(const struct stop *stop, long pid)
{
    char path[64];
    size_t len;
    snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
    char *args = text_file_read(path, &len);
    bool is = args && strcmp(args, stop->server) == 0;
    mem_free(args);
    return is;
}

static bool stop_is_server(const struct stop *stop, long pid)
{
    char path[64], exe[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%ld/exe", pid);
    ssize_t len = readlink(path, exe, sizeof(exe) - 1);
    if (len <= 0)
        return false; /* another user's, or gone */
    exe[len] = '\0';
    char *deleted = strstr(exe, " (deleted)"); /* it was built anew since */
    if (deleted)
        *deleted = '\0';
    size_t program = strlen(stop->server) - strlen("-server");
    if (strlen(exe) == program && memcmp(exe, stop->server, program) == 0)
        return stop_is_called_server(stop, pid);
    return strcmp(exe, stop->server) == 0;
}

/* A process's settings: its file, as it sees it, and the overrides. `real` gets the file's path. */
static bool stop_read_settings(long pid, char real[PATH_MAX], struct props *props)
{
    char path[PATH_MAX + 64];
    size_t len, text_len;
    int line;
    snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
    char *args = text_file_read(path, &len);
    const char *file = NULL;
    real[0] = '\0';
    for (char *arg = args ? args + strlen(args) + 1 : NULL; arg && arg < args + len;
         arg += strlen(arg) + 1) {
        if (strcmp(arg, "--override") == 0) {
            arg += strlen(arg) + 1;
            continue;
        }
        if (!file)
            file = arg;
    }
    if (file && file[0] == '/')
        snprintf(path, sizeof(path), "%s", file);
    else if (file)
        snprintf(path, sizeof(path), "/proc/%ld/cwd/%s", pid, file);
    char *text = file && realpath(path, real) ? text_file_read(real, &text_len) : NULL;
    if (text && props_parse(props, text, text_len, &line))
        real[0] = '\0'; /* it was changed since, to something unreadable */
    for (char *arg = args; arg && arg < args + len; arg += strlen(arg) + 1) {
        char *equals = strchr(arg, '=');
        if (!equals || arg == file)
            continue;
        *equals = '\0';
        props_set(props, arg, equals + 1);
        *equals = '=';
    }
    mem_free(text);
    mem_free(args);
    return file != NULL;
}

static bool stop_matches(const struct stop *stop, long pid)
{
    char real[PATH_MAX];
    struct props props;
    props_init(&props);
    bool matches = stop_read_settings(pid, real, &props);
    if (stop->file && strcmp(real, stop->real_file) != 0)
        matches = false;
    const char *id = props_get(&props, "node.id");
    if (!id)
        id = props_get(&props, "broker.id");
    if (stop->node_id && strcmp(id ? id : "0", stop->node_id) != 0)
        matches = false;
    const char *roles = props_get(&props, "process.roles");
    if (stop->role && !strstr(roles ? roles : "broker,controller", stop->role))
        matches = false;
    props_close(&props);
    return matches || (!stop->file && !stop->node_id && !stop->role);
}

static void stop_search(struct stop *stop)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc && (entry = readdir(proc))) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (!isdigit((unsigned char)entry->d_name[0]) || !stop_is_server(stop, pid) ||
            !stop_matches(stop, pid))
            continue;
        if (kill((pid_t)pid, stop->signum) == 0)
            stop->sent++;
        else
            tool_fail(stop->run, "process %ld can't be signalled: it belongs to another user", pid);
    }
    if (proc)
        closedir(proc);
}

static const struct option_row stop_options[] = {
    OPTION("process-role", "broker|controller", "Only servers of this role."),
    OPTION("node-id", "N", "Only the server of this id."),
    TOOL_LAST_OPTIONS,
};

static int stop_parse(struct stop *stop)
{
    const char *name = getenv("SIGNAL");
    stop->role = options_get(stop->run->options, "process-role");
    stop->node_id = options_get(stop->run->options, "node-id");
    stop->file = options_positional(stop->run->options, 0);
    if (stop->role && strcmp(stop->role, "broker") != 0 && strcmp(stop->role, "controller") != 0)
        return tool_misuse(stop->run, "--process-role %s: write broker or controller", stop->role);
    if (stop->file && !realpath(stop->file, stop->real_file))
        return tool_fail(stop->run,
                         "%s is not there: name the file that the server was started with",
                         stop->file);
    stop->signum = SIGTERM;
    if (!name || name[0] == '\0')
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(stop_signals); i++)
        if (strcmp(name + (strncmp(name, "SIG", 3) == 0 ? 3 : 0), stop_signals[i].name) == 0) {
            stop->signum = stop_signals[i].signum;
            return 0;
        }
    return tool_fail(stop->run, "SIGNAL=%s: write TERM, INT, QUIT or KILL, which stop a server",
                     name);
}

static int stop_run(struct tool_run *run)
{
    struct stop *stop = mem_alloc(sizeof(*stop));
    stop->run = run;
    stop->server = server_path();
    int status = stop->server ? stop_parse(stop) : tool_fail(run, "/proc is not mounted");
    if (status == 0) {
        stop_search(stop);
        status = stop->sent > 0 ? 0 : 1;
        if (stop->sent == 0)
            printf("No kafka server to stop\n");
    }
    mem_free(stop->server);
    mem_free(stop);
    return status;
}

const struct tool tool_server_stop = {
    .name = "server-stop",
    .link = "kafka-server-stop",
    .synopsis = "[server.properties] [--process-role=broker|controller] [--node-id=N]",
    .summary = "Stop local brokers: all, or the one of a file, an id or a role.",
    .options = stop_options,
    .positional = 1,
    .commands = "FILE",
    .formless = "it sends a signal, and its exit status tells whether a server was found",
    .bare = true,
    .run = stop_run,
};
