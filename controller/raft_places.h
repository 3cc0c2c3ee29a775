/* Where members of the quorum were found that are not where the log has them: all of a cluster may
 * have been stopped, and started with other addresses in its files. Then the addresses of the log
 * lead to nobody, and no leader is there to write the new ones. But who answers at an address of
 * the settings (controller.quorum.bootstrap.servers) says who it is, and by its id and the id of
 * its directory it is that member. Until the log says where it is, it is spoken to there. */
#ifndef CONTROLLER_RAFT_PLACES_H
#define CONTROLLER_RAFT_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/meta/channel.pb-c.h"
#include "controller/raft_roster.h"

enum {
    RAFT_PLACES_MAX = 16,       /* as many as a quorum has members */
    RAFT_PLACES_STAYS_MS = 3000 /* for so long nobody is looked for at another place */
};

struct raft_place {
    struct raft_member member; /* as it was found */
    char *was_host;            /* as the log had it then */
    uint16_t was_port;
    int64_t noted_ms; /* last */
};

struct raft_places {
    struct raft_place items[RAFT_PLACES_MAX];
    int count;
};

void raft_places_close(struct raft_places *places);
/* `member` of the log answers at that place. True when it is news. */
bool raft_places_note(struct raft_places *places, const struct raft_member *member,
                      const char *host, uint16_t port, int64_t now_ms);
/* The log has other members now: who is not where it was then is looked for there. */
void raft_places_check(struct raft_places *places, const struct raft_roster *roster);
/* Where the member was found; NULL: where the log has it. */
const struct raft_member *raft_places_find(const struct raft_places *places, int32_t id);

#endif
