/* Happy path: the directories have lived in no cluster, and each voter stores the same entry 1.
 * Failure modes: they have, then nothing is stored, and the person is told what to bring back. */
#include "controller/raft_founding.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_backend.h"
#include "controller/raft_members.h"
#include "controller/raft_servers.h"
#include "controller/raft_store.h"

int raft_founding_check(const struct consensus_config *config, struct buf *problem)
{
    if (!config->lived_cluster[0])
        return 0;
    buf_printf(problem,
               "the log directories belong to cluster %s (says their meta.properties), but the "
               "controller's directory %s, which has the metadata of that cluster, is empty or "
               "missing. ",
               config->lived_cluster, config->dir);
    if (config->voter_count > 1)
        buf_printf(problem, "If that is the cluster of controller.quorum.voters: " RAFT_STORE_REMEDY
                            ". If it is not, give this node another directory in log.dirs");
    else
        buf_printf(problem,
                   "Bring it back: put log.dirs and metadata.log.dir as they were, or restore the "
                   "folder. Without it topics and settings are unknown. To found a new cluster "
                   "here all the same, remove the line cluster.id from the meta.properties of each "
                   "log directory: the old partitions are then set aside as *-stray and kept");
    return ERR_NOT_FOUND;
}

static int raft_founding_compare(const void *a, const void *b)
{
    int32_t left = ((const struct controller_voter *)a)->id;
    int32_t right = ((const struct controller_voter *)b)->id;
    return left < right ? -1 : left > right;
}

int raft_founding_store(struct raft *raft, const struct controller_voter *list, int count,
                        const struct uuid *directory_id)
{
    struct controller_voter *voters = mem_dup(list, (size_t)count * sizeof(*voters));
    ASSERT(count > 0);
    ASSERT(list != NULL);
    qsort(voters, (size_t)count, sizeof(*voters), raft_founding_compare);
    struct raft_configuration configuration;
    raft_configuration_init(&configuration);
    int rc = 0;
    for (int i = 0; !rc && i < count; i++) {
        /* Of voters that the settings name, only a name: addresses are looked up there by id, so
         * that they may change. */
        struct raft_member member = {.id = voters[i].id,
                                     .host = (char *)(uintptr_t)voters[i].host,
                                     .port = voters[i].port,
                                     .directory_id = *directory_id};
        char *name = raft_servers_address(&member);
        rc =
            raft_configuration_add(&configuration, raft_members_id(voters[i].id), name, RAFT_VOTER);
        mem_free(name);
    }
    if (!rc)
        rc = raft_bootstrap(raft, &configuration);
    raft_configuration_close(&configuration);
    mem_free(voters);
    return rc;
}
