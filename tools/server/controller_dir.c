/* The controller's directory: looked for in every place where it may lie, so that a disk that is
 * added, removed or moved in log.dirs changes nothing.
 *
 * Happy path: it is in one of them, or nowhere yet and goes into the first. Failure modes: two are
 * found, and only a person knows which one is right; it is elsewhere than metadata.log.dir says. */
#include "tools/server/controller_dir.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/server/log_dirs.h"

/* Whether a folder holds files of a controller; an empty one, or one with a lock only, does not. */
static int controller_dir_is_used(struct env *env, const char *path, bool *used)
{
    char **names;
    size_t count;
    int err = env_dir_list(env, path, &names, &count);
    *used = false;
    /* A file in the place of the log directory is the log manager's to tell. */
    if (err)
        return err == ERR_NOT_FOUND || (err == ERR_INVALID && !env_path_exists(env, path)) ? 0
                                                                                           : err;
    for (size_t i = 0; i < count; i++)
        *used |= strcmp(names[i], "vote") == 0 || strcmp(names[i], "snapshot") == 0 ||
                 strcmp(names[i], "newcomer") == 0 || strncmp(names[i], "log-", 4) == 0;
    env_dir_list_free(names, count);
    return 0;
}

struct controller_dir_search {
    struct env *env;
    struct buf *problem;
    char *found; /* NULL = none */
};

static int controller_dir_look(struct controller_dir_search *search, const char *parent)
{
    char *path = mem_printf("%s/controller", parent);
    bool used;
    int err = controller_dir_is_used(search->env, path, &used);
    if (err)
        buf_printf(search->problem,
                   "log.dirs: can't look into the controller's directory %s: %s: it has to be a "
                   "folder that this user may read",
                   path, err_text(err));
    if (!err && used && search->found && !log_dirs_same(search->found, path)) {
        buf_printf(search->problem,
                   "there are two controller's directories, %s and %s, and only one can be that of "
                   "this node: move the wrong one out of log.dirs and metadata.log.dir (the files "
                   "of the right one are newer), and keep it until the cluster is well",
                   search->found, path);
        err = ERR_EXISTS;
    }
    if (!err && used && !search->found) {
        search->found = path;
        return 0;
    }
    mem_free(path);
    return err;
}

int controller_dir_find(struct env *env, const struct config *config, char **dir,
                        struct buf *problem)
{
    struct controller_dir_search search = {env, problem, NULL};
    const char *set = config_str(config, CONFIG_METADATA_LOG_DIR);
    int count, err = 0;
    const char *const *dirs = config_log_dirs(config, &count);
    char *wanted = mem_printf("%s/controller", set[0] ? set : dirs[0]);
    if (set[0])
        err = controller_dir_look(&search, set);
    for (int i = 0; !err && i < count; i++)
        err = controller_dir_look(&search, dirs[i]);
    if (!err && set[0] && search.found && strcmp(search.found, wanted) != 0) {
        buf_printf(problem,
                   "metadata.log.dir=%s, but the controller's directory of this node is %s: move "
                   "it to %s while the node is down, or set metadata.log.dir to where it is",
                   set, search.found, wanted);
        err = ERR_INVALID;
    }
    *dir = NULL;
    if (!err)
        *dir = mem_strdup(search.found ? search.found : wanted);
    mem_free(search.found);
    mem_free(wanted);
    return err;
}
