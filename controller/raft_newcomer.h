/* A voter that began in an empty directory. It may be a new one, or one that lost what it had
 * confirmed and for whom it had voted: with that it could help to elect a leader that lacks
 * committed entries. So it votes for nobody but other newcomers, who found a cluster, and nobody
 * but these votes for it, until it has caught up with a leader. A file `newcomer` in its directory
 * says so. */
#ifndef CONTROLLER_RAFT_NEWCOMER_H
#define CONTROLLER_RAFT_NEWCOMER_H

#include <raft.h>

#include "base/logger.h"
#include "env/env.h"

struct raft_newcomer {
    struct env *env;
    struct logger *logger;
    char *dir;
    char *path;
    bool is;      /* one */
    bool changes; /* the quorum may: newcomers found none among themselves, and vote for nobody */
    bool joins;   /* one that is there, rather than founding one */
    bool told;
};

void raft_newcomer_init(struct raft_newcomer *newcomer, struct env *env, struct logger *logger,
                        const char *dir);
void raft_newcomer_close(struct raft_newcomer *newcomer);
/* Before the directory gets its first entry; durable on return. The file holds a line where it
 * joins: the term that it will hear of is then no sign of a lost log. */
int raft_newcomer_begin(struct raft_newcomer *newcomer, bool joins) MUST_CHECK;
/* Whether this request, of a candidate that is no newcomer, gets no vote: it has entries besides
 * the first one, which all begin with. */
bool raft_newcomer_abstains(struct raft_newcomer *newcomer, const struct raft_request_vote *args);
/* An AppendEntries was looked at. Where the quorum changes, a newcomer that votes remains one: it
 * has lost its log, and no leader's word heals that, since the leader may be one of long ago. It
 * ends in a committed configuration in which it does not vote: whoever leads later then is elected
 * without what it has lost.
 *
 * Else: its leader's commit index says what is committed once it covers
 * an entry of the leader's own term; all of that must be here, since the leader may count us for
 * what we confirmed before our directory was lost. */
void raft_newcomer_heard(struct raft_newcomer *newcomer, const struct raft *raft,
                         const struct raft_append_entries *args);
/* It leads, and an entry of its own term is committed. */
void raft_newcomer_led(struct raft_newcomer *newcomer);

#endif
