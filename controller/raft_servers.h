/* Which configuration holds, as the log says: the newest one in it, committed or not, else the one
 * of the snapshot. The library's core loses count of that when an entry with a configuration is cut
 * off the log again, and puts one into snapshots that may still be cut (defect 11). So it is worked
 * out here from the log, and set right in the core.
 *
 * Each server's address is "id@host:port", with "/" and the id of its directory where that is
 * known. */
#ifndef CONTROLLER_RAFT_SERVERS_H
#define CONTROLLER_RAFT_SERVERS_H

#include <raft.h>

#include "base/uuid.h"
#include "controller/raft_store.h"

/* One server of a configuration. */
struct raft_member {
    int32_t id;
    char *host; /* owned */
    uint16_t port;
    struct uuid directory_id; /* zero: not known */
    int role;                 /* the library's */
};

struct raft_servers {
    struct raft_configuration base; /* at the newest snapshot; n = 0: there is none */
    raft_index base_index;
    bool cut; /* entries were cut off the log */
};

void raft_servers_init(struct raft_servers *members);
void raft_servers_close(struct raft_servers *members);
/* The configuration of the snapshot that the log stands on from now on. RAFT_NOMEM. */
int raft_servers_set_base(struct raft_servers *members,
                          const struct raft_configuration *configuration, raft_index index);
/* The one that holds at an entry of the log, or at the snapshot; the caller closes it. RAFT_NOMEM,
 * RAFT_MALFORMED. */
int raft_servers_at(const struct raft_servers *members, const struct raft *raft, raft_index index,
                    struct raft_configuration *configuration, raft_index *found) MUST_CHECK;
/* Before the core looks at an AppendEntries: it must not roll back itself. Returns what
 * raft_servers_after needs. */
raft_index raft_servers_before(struct raft_servers *members, struct raft *raft);
/* After it. An error of the library: this node must not go on. */
int raft_servers_after(struct raft_servers *members, struct raft *raft,
                       raft_index pending) MUST_CHECK;

/* Whether what is stored, before the core has loaded it, makes the node the only voter. */
bool raft_servers_stored_alone(const struct raft_store_state *state, raft_id self);
/* Whether the core holds the node for the only voter. */
bool raft_servers_alone(const struct raft *raft);
/* The server with this id; NULL when it is in no configuration. */
struct raft_server *raft_servers_find(const struct raft *raft, raft_id id);
int raft_servers_count(const struct raft *raft, int role);

/* "id@host:port/directory"; the caller frees it. */
char *raft_servers_address(const struct raft_member *member);
/* Whether a host may stand in an address: a name or an IP address, not too long. */
bool raft_servers_host(const char *host);
/* False when the address was not made by this file. `host` is the caller's. */
bool raft_servers_parse(const char *address, struct raft_member *member);

#endif
