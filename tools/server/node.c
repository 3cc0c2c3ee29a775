/* Happy path: read the settings, start the controller (its loop in a thread of its own) and the
 * broker (on this thread), and the agent inside, if there is one; serve until SIGTERM or SIGINT.
 * Then the agent delivers what it has, the broker leaves, since it needs the controller to move its
 * leaders, and the controller after it. SIGHUP has the file read again (reload.h); SIGUSR1 has the
 * state written into the log. A service manager is told how it does (notify.h). Failure modes:
 * anything that keeps it from starting is one sentence on stderr and exit status 1, but for the
 * agent: why there is none is a line of the log; an agent that is stuck is left behind. */
#include "tools/server/node.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/plural.h"
#include "base/state.h"
#include "base/version.h"
#include "broker/broker.h"
#include "broker/door.h"
#include "broker/log/log_manager.h"
#include "config/config.h"
#include "controller/controller.h"
#include "kafka/meta_properties.h"
#include "tools/server/controller_dir.h"
#include "tools/server/controller_settings.h"
#include "tools/server/log_dirs.h"
#include "tools/server/notify.h"
#include "tools/server/reload.h"

/* How often the service manager's view is looked after; a watchdog that asks for more gets more. */
enum { NODE_TICK_US = 1000000, NODE_WATCHDOG_PARTS = 4 };

/* For how long a guest may take to end: its sinks have ten seconds, and disks are slow. */
enum { NODE_GUEST_MS = 30000, NODE_GUEST_LATE_MS = 1000 };

enum node_state { NODE_SERVING, NODE_GUEST_ENDS, NODE_BROKER_ENDS, NODE_GUEST_LEFT };

static const struct state_row node_states[] = {
    [NODE_SERVING] = {"serving", STATE_BIT(NODE_GUEST_ENDS) | STATE_BIT(NODE_BROKER_ENDS)},
    [NODE_GUEST_ENDS] = {"the guest ends",
                         STATE_BIT(NODE_BROKER_ENDS) | STATE_BIT(NODE_GUEST_LEFT)},
    [NODE_BROKER_ENDS] = {"the broker ends", 0},
    [NODE_GUEST_LEFT] = {"the broker ends without the guest", 0},
};

struct controller_host {
    struct env *env;
    struct logger logger;
    struct controller *controller;
    struct door *door; /* for Kafka's clients at its listener */
    struct env_thread *thread;
    atomic_bool turned;                    /* its loop ran since the last look */
    const struct config *_Atomic settings; /* that it is to take over */
};

struct node {
    struct env *env; /* of this thread */
    struct logger logger;
    struct logger_levels levels; /* of both threads; this one changes them */
    struct config *config;
    const char **overrides; /* of the command line */
    struct reload reload;
    struct meta_formatted formatted;
    struct broker *broker; /* NULL without the role */
    struct controller_host controller;
    const struct guest_type *guests; /* NULL = this program has none in it */
    struct guest *guest;             /* NULL = none works */
    struct notify *notify;
    struct env_timer tick;
    struct env_timer guest_late;
    enum node_state state;
    int told_state; /* of the broker, as the service manager knows it */
    int exit_status;
    bool interrupted; /* SIGINT has come */
};

static int64_t node_wall_ms(void *data)
{
    return env_wall_ms(data);
}

/* The settings say in which form, and the levels. */
static void node_init_logger(struct node *node, struct logger *logger, const char *name,
                             struct env *env, enum logger_area area)
{
    logger_init(logger, name, node_wall_ms, env);
    logger->node_id = config_node_id(node->config);
    logger->area = area;
    logger->levels = &node->levels;
    logger->json = config_is_word(config_str(node->config, CONFIG_LOGGER_FORMAT), "json");
}

/* ---- controller thread ---- */

/* The id of the directory that the controller's lies in; it gets one if it has none. */
static int node_directory_id(struct node *node, const char *dir, struct uuid *id,
                             struct buf *problem)
{
    struct meta_properties meta;
    char *parent = mem_strndup(dir, (size_t)(strrchr(dir, '/') - dir));
    int err = env_dir_make(node->env, parent);
    if (err)
        buf_printf(problem, "can't make the directory %s: %s", parent, err_text(err));
    else
        err = meta_properties_load(node->env, parent, config_node_id(node->config), NULL, &meta,
                                   problem);
    if (!err && meta.dirty) {
        err = meta_properties_store(node->env, parent, &meta);
        if (err)
            buf_printf(problem, "can't write %s/meta.properties: %s", parent, err_text(err));
    }
    if (!err) {
        *id = meta.directory_id;
        meta_properties_close(&meta);
    }
    mem_free(parent);
    return err;
}

static void controller_host_client(void *data, struct frame_opening *opening)
{
    struct controller_host *host = data;
    door_take(host->door, opening);
}

static int node_new_controller(struct node *node, const char *dir, struct buf *problem)
{
    struct controller_host *host = &node->controller;
    struct controller_settings settings;
    struct uuid directory_id = {{0}};
    int count;
    (void)config_voters(node->config, &count);
    int found = count == 0 ? node_directory_id(node, dir, &directory_id, problem) : 0;
    if (found)
        return found;
    controller_settings_init(&settings, node->config);
    settings.config.directory_id = directory_id;
    settings.config.dir = dir;
    settings.config.cluster_id = node->formatted.cluster_id ? node->formatted.cluster_id : "";
    settings.config.found_known = node->formatted.fresh;
    settings.config.founding = &node->formatted.levels;
    settings.config.client = controller_host_client;
    settings.config.client_data = host;
    int err = env_new(&host->env);
    if (err) {
        buf_printf(problem, "can't make the controller's event loop: %s", err_text(err));
    } else {
        char name[32];
        snprintf(name, sizeof(name), "controller %d", settings.config.node_id);
        node_init_logger(node, &host->logger, name, host->env, LOGGER_CONTROLLER);
        host->door = door_new(host->env, &host->logger, node->config);
        err =
            controller_new(host->env, &host->logger, &settings.config, problem, &host->controller);
    }
    controller_settings_close(&settings);
    return err;
}

static void controller_host_run(void *data)
{
    struct controller_host *host = data;
    env_run(host->env);
}

static void controller_host_stopped(void *data)
{
    struct controller_host *host = data;
    env_stop(host->env);
}

static void controller_host_stop(void *data)
{
    struct controller_host *host = data;
    controller_stop(host->controller, controller_host_stopped, host);
}

/* ---- the service manager ---- */

static void controller_host_turned(void *data)
{
    struct controller_host *host = data;
    atomic_store(&host->turned, true);
}

/* This loop runs, since it calls us; the controller's has to have answered since the last time. */
static void node_feed_watchdog(struct node *node)
{
    struct controller_host *host = &node->controller;
    if (host->thread && !atomic_exchange(&host->turned, false))
        return;
    notify_send(node->notify, "WATCHDOG=1");
    if (host->thread)
        env_post(host->env, controller_host_turned, host);
}

static void node_tell_state(struct node *node)
{
    int state = node->broker ? (int)node->broker->state : BROKER_SERVING;
    if (state == node->told_state)
        return;
    node->told_state = state;
    if (state == BROKER_STARTING)
        notify_send(node->notify, "STATUS=waiting for the cluster's controller");
    else if (state == BROKER_SERVING)
        notify_send(node->notify, "STATUS=serving");
}

static void node_tick(void *data)
{
    struct node *node = data;
    int64_t every = NODE_TICK_US, watchdog = notify_watchdog_us(node->notify);
    if (node->state != NODE_SERVING)
        return;
    node_tell_state(node);
    if (watchdog > 0)
        node_feed_watchdog(node);
    if (watchdog > 0 && watchdog / NODE_WATCHDOG_PARTS < every)
        every = watchdog / NODE_WATCHDOG_PARTS;
    env_timer_start_us(&node->tick, every);
}

/* Ready is a node that listens: the first one of a cluster can't serve before the others start,
 * and a start that waited for that would never end where one command follows another. */
static void node_tell_ready(struct node *node)
{
    node->told_state = -1;
    env_timer_init(node->env, &node->tick, node_tick, node);
    if (!notify_wanted(node->notify))
        return;
    notify_send(node->notify, "READY=1");
    atomic_store(&node->controller.turned, true);
    node_tick(node);
}

/* ---- stopping ---- */

static void node_broker_stopped(void *data)
{
    struct node *node = data;
    env_stop(node->env);
}

static void node_move(struct node *node, enum node_state to)
{
    STATE_MOVE(node_states, node->state, to);
}

static void node_stop_broker(struct node *node, enum node_state to)
{
    node_move(node, to);
    env_timer_stop(&node->guest_late);
    if (node->broker)
        broker_stop(node->broker, node_broker_stopped, node);
    else
        env_stop(node->env);
}

/* What the guest delivers goes to this broker, as a rule: it ends before. */
static void node_guest_stopped(void *data)
{
    struct node *node = data;
    ASSERT(node->state != NODE_SERVING);
    if (node->state == NODE_GUEST_ENDS)
        node_stop_broker(node, NODE_BROKER_ENDS);
}

static void node_guest_is_late(void *data)
{
    struct node *node = data;
    size_t left = node->guests->in_memory(node->guest);
    logger_error(&node->logger,
                 "the agent has not ended in %d s: the broker stops without it. When it was last "
                 "heard of, its channels had %zu %s in memory only, lost unless it ends in time",
                 NODE_GUEST_MS / 1000, left, plural((int64_t)left, "event", "events"));
    node_stop_broker(node, NODE_GUEST_LEFT);
}

static void node_stop(struct node *node)
{
    notify_send(node->notify, "STOPPING=1\nSTATUS=stopping");
    if (!node->guest) {
        node_stop_broker(node, NODE_BROKER_ENDS);
        return;
    }
    node_move(node, NODE_GUEST_ENDS);
    env_timer_start(&node->guest_late, NODE_GUEST_MS);
    node->guests->stop(node->guest, node->env, node_guest_stopped, node);
}

/* Those who send SIGTERM send it more than once and mean one stop (timeout: to the process and to
 * its group), and Kafka's broker ignores the second one, too. Ctrl-C twice is a person. */
static void node_signal(void *data, int signum)
{
    struct node *node = data;
    bool again = signum == SIGINT && node->interrupted;
    node->interrupted = node->interrupted || signum == SIGINT;
    if (again) {
        logger_warn(&node->logger, "a second SIGINT: ending at once");
        _exit(1); /* the controller's thread goes on: nothing may be taken down under it */
    }
    if (node->state != NODE_SERVING) {
        logger_info(&node->logger, "SIG%s ignored: this stops already", sigabbrev_np(signum));
        return;
    }
    logger_info(&node->logger, "stopping, since SIG%s came; SIGINT twice ends this at once",
                sigabbrev_np(signum));
    node_stop(node);
}

static void controller_host_reload(void *data)
{
    struct controller_host *host = data;
    const struct config *settings = atomic_load(&host->settings);
    door_reload(host->door, settings);
    controller_reload(host->controller, settings);
}

static void node_hangup(void *data, int signum)
{
    struct node *node = data;
    struct controller_host *host = &node->controller;
    (void)signum;
    if (node->state != NODE_SERVING || !reload_read(&node->reload))
        return;
    if (node->broker)
        live_settings_reload(node->broker->live, node->reload.running);
    atomic_store(&host->settings, node->reload.running);
    if (host->thread)
        env_post(host->env, controller_host_reload, host);
}

static void controller_host_dump(void *data)
{
    struct controller_host *host = data;
    controller_say_state(host->controller);
}

/* Each loop tells its own part: the lines of both may mix. */
static void node_dump(void *data, int signum)
{
    struct node *node = data;
    (void)signum;
    if (node->controller.thread)
        env_post(node->controller.env, controller_host_dump, &node->controller);
    if (node->broker)
        state_dump_start(&node->broker->dump);
}

static void node_failed(void *data)
{
    struct node *node = data;
    node->exit_status = 1;
    env_stop(node->env);
}

/* ---- starting ---- */

static int node_parse(struct node *node, int argc, char **argv, struct buf *problem)
{
    const char *file = NULL;
    const char **overrides = mem_alloc((size_t)argc * sizeof(*overrides));
    int count = 0;
    node->overrides = overrides;
    int err = 0;
    const char *unexpected = NULL;
    for (int i = 1; i < argc && !unexpected; i++) {
        if (strcmp(argv[i], "--override") == 0 && i + 1 < argc)
            overrides[count++] = argv[++i];
        else if (argv[i][0] != '-' && !file)
            file = argv[i];
        else
            unexpected = argv[i];
    }
    struct buf notes;
    buf_init(&notes);
    if (unexpected || !file) {
        if (unexpected)
            buf_printf(problem, "%s is not expected here; ", unexpected);
        buf_printf(problem, "usage: %s server.properties [--override property=value]... (--help)",
                   argv[0]);
        err = ERR_INVALID;
    } else {
        err = config_load(node->env, file, overrides, count, problem, &notes, &node->config);
    }
    if (!err) {
        char name[32];
        snprintf(name, sizeof(name), "%s %d",
                 config_roles(node->config) & CONFIG_ROLE_BROKER ? "broker" : "node",
                 config_node_id(node->config));
        config_logger_levels(node->config, &node->levels);
        node_init_logger(node, &node->logger, name, node->env, LOGGER_NODE);
        reload_init(&node->reload, node->env, &node->logger, node->config, overrides, count);
        char *save = NULL;
        for (char *line = strtok_r((char *)(uintptr_t)buf_text(&notes), "\n", &save); line;
             line = strtok_r(NULL, "\n", &save))
            logger_info(&node->logger, "%s", line);
    }
    buf_close(&notes);
    return err;
}

/* Nothing is written before it: what is refused stays as it was. */
static int node_look(struct node *node, char **controller_dir, struct buf *problem)
{
    int count, err = log_dirs_check(node->config, problem);
    const char *const *dirs = config_log_dirs(node->config, &count);
    const char *metadata_dir = config_str(node->config, CONFIG_METADATA_LOG_DIR);
    for (int i = 0; !err && i < count; i++)
        err = log_manager_check_dir(node->env, dirs[i], problem);
    if (!err && metadata_dir[0])
        err = log_manager_check_dir(node->env, metadata_dir, problem);
    if (!err)
        err = meta_formatted_look(node->env, node->config, &node->formatted, problem);
    if (!err && (config_roles(node->config) & CONFIG_ROLE_CONTROLLER))
        err = controller_dir_find(node->env, node->config, controller_dir, problem);
    return err;
}

/* First of all: a signal that comes during the start waits for the loop to run. */
static int node_catch_signals(struct node *node, struct buf *problem)
{
    int err = env_on_signal(node->env, SIGTERM, node_signal, node);
    if (!err)
        err = env_on_signal(node->env, SIGINT, node_signal, node);
    if (!err)
        err = env_on_signal(node->env, SIGHUP, node_hangup, node);
    if (!err)
        err = env_on_signal(node->env, SIGUSR1, node_dump, node);
    if (err)
        buf_printf(problem, "can't catch signals: %s", err_text(err));
    return err;
}

static int node_start(struct node *node, struct buf *problem)
{
    unsigned roles = config_roles(node->config);
    char *controller_dir = NULL;
    logger_info(&node->logger, "this process may have %lld files and connections open",
                (long long)env_files_limit(node->env));
    int err = node_catch_signals(node, problem);
    if (!err)
        err = node_look(node, &controller_dir, problem);
    if (!err && (roles & CONFIG_ROLE_BROKER))
        err = broker_new(node->env, &node->logger, node->config, node_failed, node, problem,
                         &node->broker);
    if (!err && (roles & CONFIG_ROLE_CONTROLLER))
        err = node_new_controller(node, controller_dir, problem);
    mem_free(controller_dir);
    /* What the controller's directory begins with is stored, and nobody has heard of us yet: from
     * now on an empty one is a lost one. A start that was killed here may have left some marks. */
    if (!err)
        err = meta_formatted_clear(node->env, node->config, problem);
    if (!err && node->controller.controller) {
        err = env_thread_start(&node->controller.thread, controller_host_run, &node->controller);
        if (err)
            buf_printf(problem, "can't start the controller's thread: %s", err_text(err));
    }
    return err;
}

/* ---- a guest ---- */

/* The same process goes on as the program that has one in it; it comes back only if that can't be.
 */
static void node_become_host(char **argv, struct buf *problem)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/'), *called = argv[0];
    char *program = mem_printf("%.*s/millrace", slash ? (int)(slash - self) : 0, self);
    char *name = mem_printf("%s-server", program); /* by which it knows what it is */
    argv[0] = name;
    execv(program, argv);
    argv[0] = called;
    buf_printf(problem, "it needs the program millrace beside this one: %s can't be run (%s)",
               program, strerror(errno));
    mem_free(program);
    mem_free(name);
}

static void node_start_guest(struct node *node, struct buf *problem)
{
    if (config_str(node->config, CONFIG_AGENT_CONF_FILE)[0] == '\0')
        return;
    ASSERT(!node->guest);
    ASSERT(node->guests || problem->len > 0);
    if (!node->guests || node->guests->start(node->config, &node->logger, &node->guest, problem))
        logger_error(&node->logger, "no agent works inside this node: %s", buf_text(problem));
}

/* Whether it is still there: its thread, or a worker that a disk keeps. */
static bool node_close_guest(struct node *node)
{
    env_timer_stop(&node->guest_late);
    int64_t wait_ms = node->state == NODE_GUEST_LEFT ? NODE_GUEST_LATE_MS : NODE_GUEST_MS;
    if (!node->guest || node->guests->free(node->guest, wait_ms))
        return false;
    logger_error(&node->logger, "the agent is stuck: this process ends without it");
    return true;
}

static void node_close_controller(struct node *node)
{
    struct controller_host *host = &node->controller;
    if (host->thread) {
        env_post(host->env, controller_host_stop, host);
        env_thread_join(host->thread);
    }
    door_free(host->door);
    if (host->controller)
        controller_free(host->controller);
    if (host->env)
        env_free(host->env);
}

static const char node_help[] =
    "A node of a Millrace cluster: broker, controller or both, as process.roles says.\n\n"
    "Usage: millrace-server server.properties [--override property=value]...\n\n"
    "It runs until SIGTERM or SIGINT; SIGINT twice ends it at once; SIGHUP has the\n"
    "settings read again; SIGUSR1 writes its state into the log. The log goes to stdout.\n"
    "kafka-server-start.sh -daemon starts it in the background, kafka-server-stop.sh stops it.\n\n"
    "  -h, --help     This text.\n"
    "  -v, --version  The version.\n";

/* --help and --version wherever they stand. */
static bool node_asked(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i][0] == '-' ? argv[i] + 1 + (argv[i][1] == '-') : "";
        bool help = strcmp(name, "help") == 0 || strcmp(argv[i], "-h") == 0;
        if (!help && strcmp(name, "version") != 0 && strcmp(argv[i], "-v") != 0)
            continue;
        printf("%s", help ? node_help : MILLRACE_VERSION " (Millrace)\n");
        return true;
    }
    return false;
}

int node_main(int argc, char **argv, const struct guest_type *guests)
{
    if (node_asked(argc, argv))
        return 0;
    struct node node = {.guests = guests};
    struct buf problem, guest_problem;
    buf_init(&problem);
    buf_init(&guest_problem);
    int err = env_new(&node.env);
    if (err) {
        fprintf(stderr, "millrace-server: can't make the event loop: %s\n", err_text(err));
        return 1;
    }
    env_timer_init(node.env, &node.guest_late, node_guest_is_late, &node);
    node.notify = notify_new();
    err = node_parse(&node, argc, argv, &problem);
    const char *file = err ? "" : config_file(node.config);
    if (!err && !guests && config_str(node.config, CONFIG_AGENT_CONF_FILE)[0])
        node_become_host(argv, &guest_problem);
    if (!err)
        err = node_start(&node, &problem);
    if (err) { /* a problem with the settings names the file itself, and the line */
        fprintf(stderr, "millrace-server: %s%s%s\n", file, file[0] ? ": " : "",
                problem.len ? buf_text(&problem) : err_text(err));
        node.exit_status = 1;
    } else {
        node_start_guest(&node, &guest_problem);
        node_tell_ready(&node);
        env_run(node.env);
        env_timer_stop(&node.tick);
    }
    bool stuck = node_close_guest(&node);
    node_close_controller(&node);
    if (node.broker)
        broker_free(node.broker);
    if (!err)
        logger_info(&node.logger, "stopped%s", node.exit_status ? ", for the reason above" : "");
    if (stuck)
        _exit(node.exit_status); /* it uses the settings, and whatever a library keeps */
    notify_free(node.notify);
    meta_formatted_close(&node.formatted);
    reload_close(&node.reload);
    mem_free(node.overrides);
    if (node.config)
        config_free(node.config);
    env_free(node.env);
    buf_close(&problem);
    buf_close(&guest_problem);
    return node.exit_status;
}
