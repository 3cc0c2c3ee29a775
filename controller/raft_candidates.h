/* Nodes that ask to be in the quorum (Join): what each has said last. What another process says may
 * be anything, and there is room for a few only. */
#ifndef CONTROLLER_RAFT_CANDIDATES_H
#define CONTROLLER_RAFT_CANDIDATES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/meta/channel.pb-c.h"
#include "controller/raft_servers.h"

enum {
    RAFT_CANDIDATES_MAX = 16,        /* as many as a quorum has members */
    RAFT_CANDIDATES_HEARD_MS = 3000, /* who has not spoken for so long is not counted on */
    RAFT_CANDIDATES_LOOK_MS = 2000 /* while anything is waited for, somebody looks twice as often */
};

struct raft_candidate {
    struct raft_member member;
    bool wants;
    bool beyond;
    bool ready;
    bool returns;     /* it was a voter, has lost its log, and becomes one again */
    int64_t since_ms; /* it has asked from there */
    int64_t heard_ms;
};

struct raft_candidates {
    struct raft_candidate items[RAFT_CANDIDATES_MAX];
    int count;
    int64_t due_ms; /* by then somebody looks again; 0: nothing is waited for */
};

void raft_candidates_close(struct raft_candidates *candidates);
struct raft_candidate *raft_candidates_find(struct raft_candidates *candidates, int32_t id);
bool raft_candidates_recent(const struct raft_candidate *candidate, int64_t now_ms);
/* Whether who asks is that member, and somewhere else: shown by the id of its directory. */
bool raft_candidates_moved(const struct raft_candidate *candidate, const struct raft_member *member,
                           int64_t now_ms);
/* False when it makes no sense, or there is no room. */
bool raft_candidates_heard(struct raft_candidates *candidates, const Meta__Join *join,
                           int64_t now_ms);
/* How late this look is, in ms: for so long this process stood still. What could not be heard in
 * that time is no silence. */
int64_t raft_candidates_look(struct raft_candidates *candidates, int64_t now_ms);
/* A sentence, to be freed by the caller: why the one that a person has named does not vote yet, as
 * the leader `raft` sees it. */
char *raft_candidates_why_late(struct raft_candidates *candidates, const struct raft *raft,
                               const struct raft_member *named, int64_t now_ms);

/* A copy of it, without a role. */
void raft_member_read(struct raft_member *to, const Meta__Member *from);
/* Whether an id, a host and a port are there. */
bool raft_member_is_place(const Meta__Member *member);
/* Whether the member is known to be in that directory. */
bool raft_member_is_directory(const struct raft_member *member, const ProtobufCBinaryData *id);
/* Where it listens; the host stays the member's. */
struct controller_voter raft_member_place(const struct raft_member *member);
bool raft_member_same_place(const struct raft_member *one, const struct raft_member *other);

#endif
