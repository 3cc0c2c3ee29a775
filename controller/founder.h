/* Which node founds the quorum, where its settings name no voters: the one whose address is the
 * lowest of controller.quorum.bootstrap.servers, wherever it stands there. Files that name the same
 * nodes agree on that without a word; so nodes that start at the same moment never found two.
 *
 * Files that differ may make two nodes think so. Those who hear of each other settle it: the lower
 * id founds, and the other one waits. Where nobody has named servers the list is supposed (nodes of
 * one machine); there a node founds also if nobody listens at any lower address of it. That is
 * certain within one machine: each listens before it asks, so of two one finds the other. */
#ifndef CONTROLLER_FOUNDER_H
#define CONTROLLER_FOUNDER_H

#include "base/buf.h"
#include "common/meta/channel.pb-c.h"
#include "controller/controller.h"
#include "controller/raft_seek.h"

struct founder {
    struct controller_voter *servers; /* with copies of the hosts */
    int count;
    int own;       /* which of them is this node, -1 unknown */
    int lowest;    /* -1: there are none */
    bool supposed; /* nobody has named them */
    bool mixed;    /* localhost beside other hosts: each node means another one by it */
    struct controller_voter rival; /* founds too, and comes first; host NULL: there is none */
};

void founder_init(struct founder *founder, const struct controller_voter *servers, int count,
                  int own, bool supposed);
void founder_close(struct founder *founder);
/* Whether it has somebody to ask before. */
bool founder_asks(const struct founder *founder);
/* Whether it founds a quorum if it finds none; it tells others so. */
bool founder_claims(const struct founder *founder);
/* This node itself has answered there. */
void founder_found_itself(struct founder *founder, const struct controller_voter *at);
/* Another node claims it; true when it comes before this one, which then leaves it to that one for
 * good: that one may have founded, and be away. */
bool founder_hears(struct founder *founder, int32_t own_id, const Meta__Member *other);
/* Whether it is time, `since_ms` after it began to ask. */
bool founder_may(const struct founder *founder, const struct raft_seek *seek, int64_t since_ms);
/* A sentence: what this node waits for, or what it does now. */
void founder_say_waits(const struct founder *founder, const struct raft_seek *seek,
                       struct buf *out);
void founder_say_founds(const struct founder *founder, struct buf *out);

#endif
