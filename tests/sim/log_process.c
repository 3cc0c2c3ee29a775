/* The life of a process that holds one log: see log_process.h. */
#include "log_process.h"

enum { DEADLINE_US = 60 * 1000 * 1000 };

void log_process_init(struct log_process *process, uint64_t seed, void (*on_open)(void *data),
                      void *data)
{
    struct log_world *world = &process->world;
    *process = (struct log_process){.seed = seed};
    process->sim = sim_new(seed);
    process->node = sim_node_new(process->sim, "broker");
    log_world_init(world, NULL, "");
    world->on_open = on_open;
    world->data = data;
    /* Small, so that a short run has many of each. */
    world->config.segment_bytes = 13000;
    world->config.segment_ms = -1;
    world->config.segment_index_bytes = 10000;
    world->config.index_interval_bytes = 500;
    world->config.delete_retention_ms = 0;
    world->config.max_compaction_lag_ms = 0;
    world->config.min_cleanable_dirty_ratio = 0;
    world->manager_config.checkpoint_ms = 15;
    world->manager_config.start_offset_checkpoint_ms = 25;
}

void log_process_close(struct log_process *process)
{
    sim_node_kill(process->node);
    log_process_bury(process);
    log_world_close(&process->world);
    sim_free(process->sim);
}

static bool process_is_over(struct log_process *process, bool done)
{
    return done || sim_node_is_down(process->node);
}

static bool opened_or_dead(void *data)
{
    struct log_process *process = data;
    bool failed = process->world.err < 0 && !process->world.manager;
    return process_is_over(process, process->world.opened || failed);
}

static void process_start(void *data)
{
    struct log_process *process = data;
    if (log_world_start(&process->world) == 0)
        log_world_open(&process->world);
}

static void process_wait(struct log_process *process, bool (*until)(void *data))
{
    bool came = sim_run_until(process->sim, until, process, sim_now_us(process->sim) + DEADLINE_US);
    ASSERT(came);
}

void log_process_boot(struct log_process *process)
{
    process->world.opened = false;
    process->world.err = 0;
    process->world.env = sim_env_new(process->node);
    env_post(process->world.env, process_start, process);
    process_wait(process, opened_or_dead);
}

void log_process_bury(struct log_process *process)
{
    sim_env_reap(process->world.env);
    log_world_drop(&process->world);
    sim_node_restart(process->node);
}

static void process_remake(void *data)
{
    struct log_world *world = &((struct log_process *)data)->world;
    log_manager_delete(world->manager, world->log);
    world->log = NULL;
    log_world_open(world);
}

void log_process_remake(struct log_process *process)
{
    process->world.opened = false;
    process->world.topic_id.bytes[0]++; /* first: the power may fail in what follows */
    env_post(process->world.env, process_remake, process);
    process_wait(process, opened_or_dead);
}

static void begin_shutdown(void *data)
{
    log_world_shut_down(&((struct log_process *)data)->world);
}

static bool down_or_dead(void *data)
{
    struct log_process *process = data;
    return process_is_over(process, process->world.down);
}

void log_process_shut_down(struct log_process *process)
{
    process->world.down = false;
    env_post(process->world.env, begin_shutdown, process);
    process_wait(process, down_or_dead);
    if (!sim_node_is_down(process->node))
        sim_node_kill(process->node);
}
