/* A log manager with one log in it: see log_world.h. */
#include "log_world.h"

#include <string.h>

#include "base/mem.h"

struct log_config log_world_config(void)
{
    return (struct log_config){
        .segment_bytes = 1 << 30,
        .segment_ms = INT64_C(604800000),
        .segment_index_bytes = 10 << 20,
        .index_interval_bytes = 4096,
        .retention_bytes = -1,
        .retention_ms = -1,
        .flush_messages = 1,
        .flush_ms = INT64_MAX,
        .max_message_bytes = 1 << 20,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .cleanup_delete = true,
        .compression = -1,
        .compression_level = COMPRESS_LEVEL_DEFAULT,
        .delete_retention_ms = 86400000,
        .max_compaction_lag_ms = INT64_MAX,
        .min_cleanable_dirty_ratio = 0.5,
        .producer_id_expiration_ms = 86400000,
    };
}

static void log_world_line(void *data, const char *line, int len)
{
    buf_printf(&((struct log_world *)data)->lines, "%.*s", len, line);
}

void log_world_init(struct log_world *world, struct env *env, const char *root)
{
    *world = (struct log_world){.env = env};
    logger_init(&world->logger, "test", NULL, NULL);
    world->logger.sink = log_world_line;
    world->logger.sink_data = world;
    buf_init(&world->lines);
    buf_init(&world->problem);
    world->root = mem_strdup(root);
    world->dir = mem_printf("%s/data", root);
    world->dirs[0] = world->dir;
    world->config = log_world_config();
    world->manager_config = (struct log_manager_config){
        .dirs = world->dirs,
        .dir_count = 1,
        .node_id = 1,
        .cluster_id = "cluster",
    };
    memcpy(world->topic_id.bytes, "0123456789abcdef", sizeof(world->topic_id.bytes));
}

void log_world_close(struct log_world *world)
{
    log_world_drop(world);
    buf_close(&world->lines);
    buf_close(&world->problem);
    mem_free(world->root);
    mem_free(world->dir);
}

static void log_world_dir_failed(void *data, const char *dir)
{
    (void)dir;
    ((struct log_world *)data)->failed_dirs++;
}

int log_world_start(struct log_world *world)
{
    static const struct log_manager_events events = {log_world_dir_failed};
    world->problem.len = 0;
    world->opened = world->down = false;
    world->log = NULL;
    world->err = log_manager_new(world->env, &world->logger, &world->manager_config, &events, world,
                                 &world->problem, &world->manager);
    if (world->err < 0)
        world->manager = NULL;
    return world->err;
}

void log_world_opened(void *data, int err, struct log *log)
{
    struct log_world *world = data;
    world->err = err;
    world->log = log;
    world->opened = true;
    if (log && world->on_open)
        world->on_open(world->data);
}

void log_world_open(struct log_world *world)
{
    world->opened = false;
    log_manager_open(world->manager, "t", 0, &world->topic_id, &world->config, log_world_opened,
                     world);
}

static void log_world_is_down(void *data)
{
    ((struct log_world *)data)->down = true;
}

void log_world_shut_down(struct log_world *world)
{
    world->down = false;
    log_manager_shutdown(world->manager, log_world_is_down, world);
}

void log_world_drop(struct log_world *world)
{
    if (world->manager)
        log_manager_free(world->manager);
    world->manager = NULL;
    world->log = NULL;
}
