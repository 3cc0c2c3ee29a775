/* Happy path: a thread starts the agent of agent.conf.file and runs its loop; a stop has the agent
 * end in order, then the node's loop is told. Failure modes: a file with mistakes, a part that
 * can't be started (agent_host_follow tells, and tries again); no thread to be had; a thread that
 * waits for a disk or a command for ever, which the node does not wait for. */
#include "tools/server/guest.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/props.h"
#include "tools/agent/agent_host.h"

struct guest {
    struct env *env;
    struct logger logger;
    struct props system;
    struct agent_host host;
    struct env_thread *thread;
    sem_t left;        /* nobody but the thread uses `env` any more */
    sem_t ended;       /* the thread has nothing more to do */
    struct env *owner; /* whose loop is told of the end; NULL = nobody is */
    void (*stopped)(void *data);
    void *data;
    bool stopping;
};

static int64_t guest_wall_ms(void *data)
{
    return env_wall_ms(data);
}

/* agent.properties: KEY=VALUE, separated by commas. */
static int guest_read_properties(struct guest *guest, const char *list, struct buf *problem)
{
    char *copy = mem_strdup(list), *save = NULL;
    int err = 0;
    for (char *pair = strtok_r(copy, ", ", &save); pair && !err;
         pair = strtok_r(NULL, ", ", &save)) {
        char *equals = strchr(pair, '=');
        if (!equals || equals == pair) {
            buf_printf(problem, "agent.properties: %s is no KEY=VALUE", pair);
            err = ERR_INVALID;
        } else {
            *equals = '\0';
            props_set(&guest->system, pair, equals + 1);
        }
    }
    mem_free(copy);
    return err;
}

static void guest_run(void *data)
{
    struct guest *guest = data;
    agent_host_follow(&guest->host);
    env_run(guest->env);
    agent_host_close(&guest->host);
    while (sem_wait(&guest->left) < 0)
        ASSERT(errno == EINTR);
    env_free(guest->env); /* it waits for what workers do for the agent, perhaps for ever */
    guest->env = NULL;
    sem_post(&guest->ended);
}

/* What has been started; also after a start that failed. */
static void guest_close(struct guest *guest)
{
    if (guest->env)
        env_free(guest->env);
    sem_destroy(&guest->ended);
    sem_destroy(&guest->left);
    props_close(&guest->system);
    mem_free(guest);
}

static int guest_start(const struct config *config, const struct logger *logger, struct guest **out,
                       struct buf *problem)
{
    struct guest *guest = mem_alloc(sizeof(*guest));
    const char *name = config_str(config, CONFIG_AGENT_NAME);
    int made = sem_init(&guest->ended, 0, 0);
    ASSERT(made == 0);
    made = sem_init(&guest->left, 0, 0);
    ASSERT(made == 0);
    props_init(&guest->system);
    int err = guest_read_properties(guest, config_str(config, CONFIG_AGENT_PROPERTIES), problem);
    if (!err) {
        err = env_new(&guest->env);
        if (err)
            buf_printf(problem, "can't make the agent's event loop: %s", err_text(err));
    }
    if (!err) {
        guest->logger = *logger;
        guest->logger.area = LOGGER_NODE;
        guest->logger.wall_ms = guest_wall_ms;
        guest->logger.clock_data = guest->env;
        snprintf(guest->logger.name, sizeof(guest->logger.name), "agent %s", name);
        agent_host_init(&guest->host, guest->env, &guest->logger, &guest->system,
                        config_str(config, CONFIG_AGENT_CONF_FILE), name, true);
        err = env_thread_start(&guest->thread, guest_run, guest);
        if (err)
            buf_printf(problem, "can't start the agent's thread: %s", err_text(err));
    }
    if (err)
        guest_close(guest);
    else
        *out = guest;
    return err;
}

/* ---- the end; what follows runs on the guest's loop ---- */

static void guest_ended(void *data)
{
    struct guest *guest = data;
    logger_info(&guest->logger, "the agent has stopped");
    if (guest->owner)
        env_post(guest->owner, guest->stopped, guest->data);
    env_stop(guest->env);
}

static void guest_end(void *data)
{
    struct guest *guest = data;
    logger_info(&guest->logger, "the agent stops: its sinks empty the channels in memory first");
    agent_host_stop(&guest->host, guest_ended, guest);
}

/* ---- on the node's ---- */

static void guest_stop(struct guest *guest, struct env *env, void (*stopped)(void *data),
                       void *data)
{
    ASSERT(!guest->stopping);
    guest->stopping = true;
    guest->owner = env;
    guest->stopped = stopped;
    guest->data = data;
    env_post(guest->env, guest_end, guest);
}

static bool guest_wait(struct guest *guest, int64_t ms)
{
    struct timespec until;
    ASSERT(ms >= 0);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000 + 1;
    int rc;
    do
        rc = sem_clockwait(&guest->ended, CLOCK_MONOTONIC, &until);
    while (rc < 0 && errno == EINTR);
    return rc == 0;
}

static bool guest_free(struct guest *guest, int64_t ms)
{
    if (!guest->stopping)
        env_stop(guest->env); /* agent_host_close ends what works */
    sem_post(&guest->left);
    if (!guest_wait(guest, ms))
        return false;
    env_thread_join(guest->thread);
    guest_close(guest);
    return true;
}

static size_t guest_in_memory(const struct guest *guest)
{
    return atomic_load(&guest->host.in_memory);
}

const struct guest_type agent_guest_type = {
    .start = guest_start,
    .stop = guest_stop,
    .free = guest_free,
    .in_memory = guest_in_memory,
};
