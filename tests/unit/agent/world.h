/* A world for tests of parts: an event loop, and parts made from lines of a configuration. */
#ifndef TESTS_AGENT_WORLD_H
#define TESTS_AGENT_WORLD_H

#include "../tap.h"
#include "../until.h"

#include "base/mem.h"
#include "tools/agent/channel.h"
#include "tools/agent/source.h"
#include "tools/agent/types.h"

struct world {
    struct env *env;
    struct logger logger;
    struct buf problem;
};

static inline void world_silent(void *data, const char *line, int len)
{
    (void)data;
    printf("# %.*s", len, line);
}

static inline void world_open(struct world *world)
{
    CHECK_INT(env_new(&world->env), 0);
    logger_init(&world->logger, "test", NULL, NULL);
    world->logger.level = LOGGER_INFO;
    world->logger.sink = world_silent;
    buf_init(&world->problem);
}

static inline void world_close(struct world *world)
{
    buf_close(&world->problem);
    env_free(world->env);
}

/* "key=value key=value"; values have no blanks. */
static inline struct part *world_part(struct world *world, enum part_kind kind, const char *type,
                                      const char *values)
{
    const struct part_type *found = part_type_find(kind, type);
    CHECK(found);
    struct part *part = part_new(found, "p", "a1.parts.p.", "test.conf", 1);
    char *copy = mem_strdup(values), *save = NULL;
    for (char *pair = strtok_r(copy, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(pair, '=');
        *equals = '\0';
        part_add(part, pair, equals + 1, 1, &world->problem);
    }
    part_check(part, &world->problem);
    mem_free(copy);
    CHECK_STR(buf_text(&world->problem), "");
    return part;
}

static inline struct channel *world_channel(struct world *world, const struct part *part)
{
    struct channel *channel;
    int err = channel_open(world->env, &world->logger, part, &channel, &world->problem);
    CHECK_STR(buf_text(&world->problem), "");
    CHECK_INT(err, 0);
    return channel;
}

/* Whether the last job of a channel that was closed has ended: it holds the lock of `dir`/c, where
 * its checkpoint is, until then. 0, ERR_LOCKED, or why the lock can't be looked at. */
static inline int world_try_lock(struct world *world, const char *dir)
{
    struct env_file *lock;
    char *path = mem_printf("%s/c/checkpoint.lock", dir);
    int err = env_path_lock(world->env, path, &lock);
    mem_free(path);
    if (!err)
        env_file_close(lock);
    return err;
}

/* An event whose body is the text. */
static inline struct event world_event(const char *text)
{
    size_t len = strlen(text);
    struct block *block = block_new(len);
    memcpy(block->data, text, len);
    return (struct event){.block = block, .body = block->data, .len = (uint32_t)len};
}

static inline bool world_is(const struct event *event, const char *text)
{
    return event->len == strlen(text) && memcmp(event->body, text, event->len) == 0;
}

#endif
