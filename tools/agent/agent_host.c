/* Happy path: the agent starts, and a look each second finds the file as it was. Failure modes: a
 * new file with mistakes, which changes nothing; a start that fails, which is the caller's to tell
 * (agent_host_start) or is told once and tried again (agent_host_follow). */
#include "tools/agent/agent_host.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "env/path_look.h"

enum { AGENT_LOOK_MS = 1000 };

static void agent_host_look(void *data);

void agent_host_init(struct agent_host *host, struct env *env, struct logger *logger,
                     const struct props *system, const char *file, const char *name, bool rereads)
{
    ASSERT(file);
    ASSERT(name);
    *host = (struct agent_host){.env = env,
                                .logger = logger,
                                .system = system,
                                .file = file,
                                .name = name,
                                .rereads = rereads};
    env_timer_init(env, &host->look, agent_host_look, host);
}

/* Whether it is another file than at the last look, or has other bytes by the looks of it. */
static bool agent_host_changed(struct agent_host *host)
{
    uint64_t now = 0;
    char *copy = mem_strdup(host->file), *save = NULL;
    bool whole = true;
    for (char *file = strtok_r(copy, "\n", &save); file; file = strtok_r(NULL, "\n", &save)) {
        struct env_path_info info;
        whole = whole && env_path_look(host->env, file, &info) == 0;
        if (!whole)
            break; /* it is being replaced */
        uint64_t of[] = {info.inode, (uint64_t)info.size, (uint64_t)info.modified_ms};
        for (size_t i = 0; i < ARRAY_LEN(of); i++)
            now = (now ^ of[i]) * UINT64_C(0x100000001b3) + 1;
    }
    mem_free(copy);
    if (!whole)
        return false;
    bool changed = now != host->seen;
    host->seen = now;
    return changed;
}

static void agent_host_log(struct agent_host *host, enum logger_level level, struct buf *lines)
{
    char *save = NULL;
    for (char *line = strtok_r((char *)(uintptr_t)buf_text(lines), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        LOGGER_AT(host->logger, level, "%s", line);
}

/* -Dflume.monitoring.type=http */
static int agent_host_monitor(struct agent_host *host, struct buf *problem)
{
    const char *type = props_get(host->system, "flume.monitoring.type");
    const char *port = props_get(host->system, "flume.monitoring.port");
    char *end;
    if (!type || host->monitor)
        return 0;
    bool http = strcasecmp(type, "http") == 0;
    if (!http && strcasecmp(type, "prometheus") != 0) {
        buf_printf(problem, "flume.monitoring.type=%s: http and prometheus are known", type);
        return ERR_INVALID;
    }
    long number = port ? strtol(port, &end, 10) : MONITOR_PORT;
    if (port && (end == port || *end || number < 0 || number > UINT16_MAX)) {
        buf_printf(problem, "flume.monitoring.port=%s is no port", port);
        return ERR_INVALID;
    }
    return monitor_start(host->env, host->logger, http ? MONITOR_JSON : MONITOR_PROMETHEUS,
                         (uint16_t)number, &host->agent, &host->monitor, problem);
}

int agent_host_start(struct agent_host *host, struct agent_config *config, struct buf *problem)
{
    ASSERT(!host->agent);
    int err = agent_host_monitor(host, problem);
    if (err)
        agent_config_free(config);
    else
        err = agent_start(host->env, host->logger, config, &host->agent, problem);
    if (err)
        return err;
    (void)agent_host_changed(host);
    env_timer_start(&host->look, AGENT_LOOK_MS);
    return 0;
}

/* What the files say now; `problems` and `notes` are empty buffers, the caller's to close. */
static int agent_host_read(struct agent_host *host, struct agent_config **config,
                           struct buf *problems, struct buf *notes)
{
    buf_init(problems);
    buf_init(notes);
    return agent_config_read(host->env, host->file, host->name, host->system, config, problems,
                             notes);
}

static void agent_host_reload(struct agent_host *host)
{
    struct agent_config *config;
    struct buf problems, notes;
    int err = agent_host_read(host, &config, &problems, &notes);
    agent_host_log(host, LOGGER_ERROR, &problems);
    agent_host_log(host, LOGGER_WARN, &notes);
    if (err)
        logger_error(host->logger, "%s has mistakes: the agent goes on as before",
                     strchr(host->file, '\n') ? "its configuration" : host->file);
    else
        agent_reload(host->agent, config);
    buf_close(&problems);
    buf_close(&notes);
}

/* Each reason is logged once, not each second. */
static void agent_host_tell(struct agent_host *host, struct buf *problems)
{
    if (!host->told || strcmp(host->told, buf_text(problems)) != 0) {
        mem_free(host->told);
        host->told = mem_strdup(buf_text(problems));
        agent_host_log(host, LOGGER_ERROR, problems);
        logger_error(host->logger,
                     "no agent works for this reason; it is tried again until one does");
    }
}

void agent_host_follow(struct agent_host *host)
{
    struct agent_config *config;
    struct buf problems, notes;
    int err = agent_host_read(host, &config, &problems, &notes);
    if (!err)
        err = agent_host_start(host, config, &problems);
    if (err) {
        agent_host_tell(host, &problems);
        env_timer_start(&host->look, AGENT_LOOK_MS);
    } else {
        agent_host_log(host, LOGGER_WARN, &notes);
        mem_free(host->told);
        host->told = NULL;
    }
    buf_close(&problems);
    buf_close(&notes);
}

static void agent_host_look(void *data)
{
    struct agent_host *host = data;
    ASSERT(!host->stopping);
    if (!host->agent) {
        agent_host_follow(host);
        return;
    }
    if (host->rereads && agent_host_changed(host))
        agent_host_reload(host);
    agent_mend(host->agent);
    atomic_store(&host->in_memory, agent_in_memory(host->agent));
    env_timer_start(&host->look, AGENT_LOOK_MS);
}

/* What parts have posted at their end comes first. */
static void agent_host_ended(void *data)
{
    struct agent_host *host = data;
    host->agent = NULL;
    env_post(host->env, host->stopped, host->data);
}

void agent_host_stop(struct agent_host *host, void (*stopped)(void *data), void *data)
{
    ASSERT(!host->stopping);
    host->stopping = true;
    host->stopped = stopped;
    host->data = data;
    env_timer_stop(&host->look);
    if (host->agent)
        agent_stop(host->agent, agent_host_ended, host);
    else
        env_post(host->env, stopped, data);
}

void agent_host_close(struct agent_host *host)
{
    env_timer_stop(&host->look);
    if (host->agent)
        agent_stop_now(host->agent);
    if (host->monitor)
        monitor_stop(host->monitor);
    mem_free(host->told);
    host->agent = NULL;
    host->monitor = NULL;
    host->told = NULL;
}
