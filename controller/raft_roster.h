/* The members of the quorum as the core's configuration names them, read once for each
 * configuration. */
#ifndef CONTROLLER_RAFT_ROSTER_H
#define CONTROLLER_RAFT_ROSTER_H

#include <raft.h>
#include <stdbool.h>

#include "base/logger.h"
#include "controller/raft_servers.h"

struct raft_roster_seen {
    char *address;
    int role;
};

struct raft_roster {
    struct raft_roster_seen *seen; /* the configuration as last looked at; NULL: never */
    int seen_count;
    struct raft_member *members;
    int count;
};

void raft_roster_close(struct raft_roster *roster);
/* True when there are other ones than at the last time. Asked after each message of a peer. */
bool raft_roster_refresh(struct raft_roster *roster, const struct raft_configuration *now);
/* NULL: there is none with this id. */
const struct raft_member *raft_roster_find(const struct raft_roster *roster, int32_t id);
/* "the quorum is 0@host:port, 1@host:port (does not vote yet)", where it has any. */
void raft_roster_tell(const struct raft_roster *roster, struct logger *logger);

#endif
