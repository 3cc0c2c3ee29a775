/* The files in .replicas.
 *
 * Happy path: the first flush of a log makes its files durable, and then its name here, before any
 * record counts as durable. So what is named here once had files, and what ever acknowledged a
 * record is named. Deleting takes the name away. Failure modes: a name that a crash left behind
 * after a deletion does no harm, since a topic id is never used again; a log directory that does
 * not work has no name in it, and the others do. */
#include "broker/log/roster.h"
#include "broker/log/log_manager_private.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#define ROSTER_DIR ".replicas"

static char *roster_path(const struct log_manager *manager, int dir, const char *name)
{
    return mem_printf("%s/" ROSTER_DIR "/%s", manager->dirs[dir].path, name);
}

char *roster_name(const struct uuid *topic_id, int32_t partition)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(topic_id, id);
    return mem_printf("%s-%" PRId32, id, partition);
}

int roster_load(struct log_dir *dir)
{
    struct env *env = dir->manager->env;
    char *path = mem_printf("%s/" ROSTER_DIR, dir->path), **names;
    size_t count = 0;
    int rc = env_dir_make_durable(env, path);
    if (rc == 0)
        rc = env_dir_list(env, path, &names, &count);
    if (rc < 0)
        goto out;
    /* A name may be here whose sync failed, or never was: from now on it counts. */
    if (count > 0 && !dir->clean)
        rc = env_dir_sync(env, path);
    for (size_t i = 0; rc == 0 && i < count; i++)
        roster_add(dir->manager, names[i]);
    env_dir_list_free(names, count);
out:
    mem_free(path);
    return rc;
}

void roster_close(struct log_manager *manager)
{
    map_close(&manager->roster);
}

bool roster_has(const struct log_manager *manager, const struct uuid *topic_id, int32_t partition)
{
    char *name = roster_name(topic_id, partition);
    bool has = map_get(&manager->roster, name, strlen(name)) != NULL;
    mem_free(name);
    return has;
}

static int write_one(struct log_manager *manager, int dir, const char *name)
{
    struct env_file *file;
    char *path = roster_path(manager, dir, name);
    int rc = env_file_open(manager->env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
    mem_free(path);
    if (rc < 0)
        return rc;
    env_file_close(file);
    path = mem_printf("%s/" ROSTER_DIR, manager->dirs[dir].path);
    rc = env_dir_sync(manager->env, path);
    mem_free(path);
    return rc;
}

int roster_write(struct log_manager *manager, const char *own, const char *name)
{
    int result = 0;
    for (int i = 0; i < manager->config.dir_count; i++) {
        int rc = write_one(manager, i, name);
        if (rc < 0 && strcmp(manager->dirs[i].path, own) == 0)
            result = rc;
    }
    return result;
}

void roster_add(struct log_manager *manager, const char *name)
{
    map_put(&manager->roster, name, strlen(name), manager);
}

void roster_remove_name(struct log_manager *manager, const char *name)
{
    for (int i = 0; i < manager->config.dir_count; i++) {
        char *path = roster_path(manager, i, name);
        int rc = env_path_remove(manager->env, path);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            logger_warn(manager->logger, "could not remove %s: %s", path, err_text(rc));
        mem_free(path);
    }
    map_del(&manager->roster, name, strlen(name));
}

void roster_remove(struct log_manager *manager, const struct uuid *topic_id, int32_t partition)
{
    char *name = roster_name(topic_id, partition);
    roster_remove_name(manager, name);
    mem_free(name);
}
