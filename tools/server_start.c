/* kafka-server-start: becomes millrace-server, which lies beside this program; with -daemon in the
 * background, with its output in logs/NAME.log of the installation.
 *
 * Happy path: exec. In the background a pipe that closes on exec tells whether that worked, and a
 * short wait catches a server that ends at once, such as over a bad setting. Failure modes: no file
 * given; no millrace-server beside this program; a log that can't be written. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/server.h"
#include "tools/text_file.h"
#include "tools/tools.h"

/* A server that can't start says so within milliseconds; one that runs is not waited for longer. */
enum { START_WATCH_MS = 200 };

struct start {
    struct tool_run *run;
    bool daemon;
    const char *file;
    char **args; /* of the server */
    char log[PATH_MAX];
};

char *server_path(void)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        return NULL;
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    return slash ? mem_printf("%.*s/millrace-server", (int)(slash - self), self) : NULL;
}

/* -name and -loggc are options of Kafka's script that have no meaning here. */
static const struct option_row start_options[] = {
    OPTION("daemon", NULL, "In the background, with its output in logs/ (or $LOG_DIR)."),
    OPTION_MANY("override", "NAME=VALUE",
                "A setting that counts instead of the file's; may be repeated."),
    OPTION_OLD("loggc", NULL),
    OPTION_OLD("name", "NAME"),
    TOOL_LAST_OPTIONS,
};

/* The file, and what goes on to the server. */
static int start_parse(struct start *start, char *server)
{
    const struct options *options = start->run->options;
    const char *value;
    size_t cursor = 0, count = 0;
    start->file = options_positional(options, 0);
    start->daemon = options_has(options, "daemon");
    start->args = mem_alloc(((size_t)start->run->argc * 2 + 3) * sizeof(*start->args));
    if (!start->file) {
        fprintf(stderr, "USAGE: %s [-daemon] server.properties [--override property=value]*\n",
                start->run->called);
        return 1;
    }
    start->args[count++] = server;
    start->args[count++] = (char *)(uintptr_t)start->file;
    while ((value = options_next(options, "override", &cursor))) {
        start->args[count++] = (char *)(uintptr_t) "--override";
        start->args[count++] = (char *)(uintptr_t)value;
    }
    return 0;
}

/* The folder for the log, made if absent: $LOG_DIR, else logs/ of the folder above the one that the
 * user called us from (bin/). NULL with the message printed. */
static char *start_make_log_dir(const struct start *start)
{
    const char *variable = getenv("LOG_DIR");
    const char *slash = strrchr(start->run->program, '/');
    int len = slash ? (int)(slash - start->run->program) : 1;
    char *dir = variable ? mem_strdup(variable)
                         : mem_printf("%.*s/../logs", len, slash ? start->run->program : ".");
    char real[PATH_MAX];
    bool made = (mkdir(dir, 0755) == 0 || errno == EEXIST) && realpath(dir, real);
    if (!made)
        tool_fail(start->run, "%s can't be made (%s): set LOG_DIR to a folder for the log", dir,
                  strerror(errno));
    mem_free(dir);
    return made ? mem_strdup(real) : NULL;
}

/* server0.properties logs to server0.log. */
static int start_find_log(struct start *start)
{
    const char *slash = strrchr(start->file, '/');
    const char *name = slash ? slash + 1 : start->file;
    char *dir = start_make_log_dir(start);
    if (!dir)
        return 1;
    int len =
        snprintf(start->log, sizeof(start->log), "%s/%.*s.log", dir, (int)strcspn(name, "."), name);
    mem_free(dir);
    if (len < (int)sizeof(start->log))
        return 0;
    return tool_fail(start->run, "the path of the log is too long: set LOG_DIR to a shorter one");
}

/* In the child: a session of its own, output to the log, then the server. */
static _Noreturn void start_child(const struct start *start, int log)
{
    int null = open("/dev/null", O_RDONLY);
    setsid();
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(start->args[0], start->args);
    fprintf(stderr, "%s can't be run: %s\n", start->args[0], strerror(errno));
    _exit(1);
}

/* Whether the child still runs after the watch. */
static bool start_watch(pid_t child)
{
    struct timespec watch = {.tv_nsec = START_WATCH_MS * 1000000L};
    sigset_t set;
    int status;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &watch);
    return waitpid(child, &status, WNOHANG) == 0;
}

static int start_daemon(struct start *start)
{
    sigset_t set, old;
    if (start_find_log(start))
        return 1;
    int log = open(start->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        return tool_fail(start->run,
                         "%s can't be written (%s): set LOG_DIR to a folder for the log",
                         start->log, strerror(errno));
    off_t from = lseek(log, 0, SEEK_END);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &old, NULL);
        start_child(start, log);
    }
    close(log);
    if (child < 0)
        return tool_fail(start->run, "no process can be started: %s", strerror(errno));
    if (start_watch(child))
        return 0;
    text_file_show_from(start->log, from);
    return tool_fail(start->run, "the server did not start: see above, or %s", start->log);
}

static int start_run(struct tool_run *run)
{
    char *server = server_path();
    if (!server)
        return tool_fail(run, "/proc is not mounted");
    struct start *start = mem_alloc(sizeof(*start));
    start->run = run;
    int status = start_parse(start, server);
    if (status == 0 && access(server, X_OK) != 0)
        status = tool_fail(run, "%s is not there: run make", server);
    if (status == 0 && start->daemon) {
        status = start_daemon(start);
    } else if (status == 0) {
        fflush(stdout);
        execv(server, start->args);
        status = tool_fail(run, "%s can't be run: %s", server, strerror(errno));
    }
    mem_free(start->args);
    mem_free(start);
    mem_free(server);
    return status;
}

const struct tool tool_server_start = {
    .name = "server-start",
    .link = "kafka-server-start",
    .synopsis = "[-daemon] server.properties [--override property=value]*",
    .summary = "Start a broker; -daemon: in the background.",
    .options = start_options,
    .positional = 1,
    .commands = "FILE",
    .formless = "what it prints is the log of the server",
    .bare = true,
    .run = start_run,
};
