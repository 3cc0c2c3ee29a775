/* The leader's side of a voter that lost its directory (raft_newcomer.h): what it confirms counts
 * for nothing until it is whole.
 *
 * It may have voted for the leader of a later term, and have confirmed what that one committed; a
 * leader that stood still meanwhile knows neither. Counted, the two would commit something else in
 * its place. So a newcomer is whole once an entry is committed, without it, that this leader wrote
 * after it had come: those who confirmed that one had not left this term by then, they are a
 * majority, and whoever leads later needs one of them, and so has all that was committed.
 *
 * Two cases need no such entry. Where there are two voters at most, the leader itself is in each
 * majority that is committed: nobody leads later without its vote. And a quorum of fixed voters is
 * founded by newcomers that elect one of themselves: those with whom its leader is still connected
 * as it was when it was elected have lost nothing. */
#ifndef CONTROLLER_RAFT_WHOLE_H
#define CONTROLLER_RAFT_WHOLE_H

#include <raft.h>

enum { RAFT_WHOLE_MAX = 255 /* members of one configuration */ };

struct raft_whole_note {
    raft_id id;       /* 0: none */
    bool connected;   /* anew, since this node leads: it may be another process */
    bool newcomer;    /* it says so */
    raft_index since; /* the last entry when it did so first */
};

struct raft_whole {
    bool founds; /* this node was a newcomer when it was elected */
    struct raft_whole_note notes[RAFT_WHOLE_MAX];
};

/* This node leads. `founds`: it is a newcomer itself. */
void raft_whole_begin(struct raft_whole *whole, bool founds);
/* There is a new connection to the peer. */
void raft_whole_connected(struct raft_whole *whole, raft_id id);
/* A result came: what does not count is taken off it. */
void raft_whole_result(struct raft_whole *whole, const struct raft *raft, raft_id id, bool newcomer,
                       struct raft_append_entries_result *result);
/* Whether the peer is told that it is whole; it takes that as said only if it is a newcomer. */
bool raft_whole_tells(const struct raft_whole *whole, const struct raft *raft, raft_id id);
/* Whether a newcomer waits for an entry, and none is written. */
bool raft_whole_waits(const struct raft_whole *whole, const struct raft *raft);
/* Whether a voter is a newcomer: the quorum does not change then. With one voter less it might need
 * that one. */
bool raft_whole_lacks_voter(const struct raft_whole *whole, const struct raft *raft);

#endif
