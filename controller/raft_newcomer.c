/* Happy path of a new voter: the first leader is elected among voters that have only entry 1, its
 * first entry is committed, and the file goes. Failure modes: a file that can't be removed is tried
 * again with the next heartbeat. Two voters that are both empty can't be told from new ones; they
 * elect each other while nobody with entries asks. */
#include "controller/raft_newcomer.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_servers.h"

enum {
    NEWCOMER_ENTRY = 1, /* the configuration, which is stored at a first start */
    NEWCOMER_FILE_MAX = 4096
};

void raft_newcomer_init(struct raft_newcomer *newcomer, struct env *env, struct logger *logger,
                        const char *dir)
{
    ASSERT(dir != NULL);
    *newcomer = (struct raft_newcomer){.env = env,
                                       .logger = logger,
                                       .dir = mem_strdup(dir),
                                       .path = mem_printf("%s/newcomer", dir)};
    newcomer->is = env_path_exists(env, newcomer->path);
    char *content = NULL;
    size_t len = 0;
    if (newcomer->is && !env_file_load(env, newcomer->path, NEWCOMER_FILE_MAX, &content, &len))
        newcomer->joins = len > 0;
    ASSERT(!newcomer->joins || newcomer->is);
    mem_free(content);
}

void raft_newcomer_close(struct raft_newcomer *newcomer)
{
    mem_free(newcomer->dir);
    mem_free(newcomer->path);
}

int raft_newcomer_begin(struct raft_newcomer *newcomer, bool joins)
{
    const char *content = joins ? "joins\n" : "";
    ASSERT(newcomer->path != NULL);
    newcomer->is = true;
    newcomer->joins = joins;
    return env_file_replace(newcomer->env, newcomer->path, content, strlen(content));
}

bool raft_newcomer_abstains(struct raft_newcomer *newcomer, const struct raft_request_vote *args)
{
    if (!newcomer->is || (!newcomer->changes && args->last_log_index <= NEWCOMER_ENTRY))
        return false;
    if (!newcomer->told)
        logger_warn(newcomer->logger,
                    "this voter's directory was empty when it started: it gives no vote until it "
                    "has heard from a leader what the others have");
    newcomer->told = true;
    return true;
}

static void newcomer_end(struct raft_newcomer *newcomer)
{
    ASSERT(newcomer->is);
    int err = env_path_remove(newcomer->env, newcomer->path);
    if (!err || err == ERR_NOT_FOUND)
        err = env_dir_sync(newcomer->env, newcomer->dir);
    newcomer->is = err != 0;
    if (!newcomer->is && newcomer->told)
        logger_info(newcomer->logger, "this voter has what the others have, and votes again");
}

/* Whether nobody counts on what it has promised before. */
static bool newcomer_may_end(const struct raft_newcomer *newcomer, const struct raft *raft)
{
    if (!newcomer->changes)
        return true;
    const struct raft_server *own = raft_servers_find(raft, raft->id);
    return raft->configuration_uncommitted_index <= raft->commit_index &&
           (!own || own->role != RAFT_VOTER);
}

void raft_newcomer_heard(struct raft_newcomer *newcomer, const struct raft *raft,
                         const struct raft_append_entries *args)
{
    if (newcomer->is && raft->current_term == args->term && args->prev_log_term == args->term &&
        raft->commit_index >= args->prev_log_index && raft->last_stored >= args->prev_log_index &&
        raft->last_stored >= args->leader_commit && newcomer_may_end(newcomer, raft))
        newcomer_end(newcomer);
}

void raft_newcomer_led(struct raft_newcomer *newcomer)
{
    if (newcomer->is)
        newcomer_end(newcomer);
}
