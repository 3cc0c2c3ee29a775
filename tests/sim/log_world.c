/* The life of a process that holds one log: see log_world.h. */
#include "log_world.h"

#include <string.h>

enum { DEADLINE_US = 60 * 1000 * 1000 };

static void world_line(void *data, const char *line, int len)
{
    buf_printf(&((struct log_world *)data)->lines, "%.*s", len, line);
}

void log_world_init(struct log_world *w, uint64_t seed, void (*on_open)(void *data), void *data)
{
    static const char *const dirs[] = {"/data"};
    *w = (struct log_world){.seed = seed, .on_open = on_open, .data = data};
    w->sim = sim_new(seed);
    w->node = sim_node_new(w->sim, "broker");
    logger_init(&w->logger, "sim", NULL, NULL);
    w->logger.sink = world_line;
    w->logger.sink_data = w;
    buf_init(&w->lines);
    buf_init(&w->problem);
    w->config = (struct log_config){
        .segment_bytes = 13000,
        .segment_ms = -1,
        .segment_index_bytes = 10000,
        .index_interval_bytes = 500,
        .retention_bytes = -1,
        .retention_ms = -1,
        .flush_messages = 1,
        .flush_ms = INT64_MAX,
        .max_message_bytes = 1 << 20,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .cleanup_delete = true,
        .compression = -1,
        .producer_id_expiration_ms = 86400000,
    };
    w->manager_config = (struct log_manager_config){
        .dirs = dirs,
        .dir_count = 1,
        .node_id = 1,
        .cluster_id = "c",
        .checkpoint_ms = 15,
        .start_offset_checkpoint_ms = 25,
    };
    memcpy(w->topic_id.bytes, "0123456789abcdef", 16);
}

void log_world_close(struct log_world *w)
{
    sim_node_kill(w->node);
    log_world_bury(w);
    sim_free(w->sim);
    buf_close(&w->lines);
    buf_close(&w->problem);
}

static void world_opened(void *data, int err, struct log *log)
{
    struct log_world *w = data;
    w->err = err;
    w->log = log;
    w->opened = true;
    if (log)
        w->on_open(w->data);
}

static bool opened_or_dead(void *data)
{
    struct log_world *w = data;
    return w->opened || sim_node_is_down(w->node);
}

static void world_start(void *data)
{
    struct log_world *w = data;
    w->problem.len = 0;
    w->err =
        log_manager_new(w->env, &w->logger, &w->manager_config, NULL, w, &w->problem, &w->manager);
    if (w->err < 0) {
        w->manager = NULL;
        w->opened = true;
        return;
    }
    log_manager_open(w->manager, "t", 0, &w->topic_id, &w->config, world_opened, w);
}

void log_world_boot(struct log_world *w)
{
    w->opened = false;
    w->log = NULL;
    w->manager = NULL;
    w->env = sim_env_new(w->node);
    env_post(w->env, world_start, w);
    bool came = sim_run_until(w->sim, opened_or_dead, w, sim_now_us(w->sim) + DEADLINE_US);
    ASSERT(came);
}

void log_world_bury(struct log_world *w)
{
    sim_env_reap(w->env);
    if (w->manager)
        log_manager_free(w->manager);
    w->manager = NULL;
    w->log = NULL;
    sim_node_restart(w->node);
}

static void world_down(void *data)
{
    ((struct log_world *)data)->down = true;
}

static void begin_shutdown(void *data)
{
    struct log_world *w = data;
    log_manager_shutdown(w->manager, world_down, w);
}

static bool down_or_dead(void *data)
{
    struct log_world *w = data;
    return w->down || sim_node_is_down(w->node);
}

void log_world_shut_down(struct log_world *w)
{
    w->down = false;
    env_post(w->env, begin_shutdown, w);
    bool came = sim_run_until(w->sim, down_or_dead, w, sim_now_us(w->sim) + DEADLINE_US);
    ASSERT(came);
    if (!sim_node_is_down(w->node))
        sim_node_kill(w->node);
}
