/* Happy path: each leadership has a term of its own, so that index and term name one entry. Failure
 * mode: two starts of one copy may take the same term, one time in HISTORY_TERMS. */
#include "controller/raft_history.h"

#include "base/check.h"
#include "controller/raft_sense.h"

enum { HISTORY_TERMS = 1000 };

int raft_history_begin(struct env *env, struct raft_store *store, raft_id self)
{
    uint64_t term = raft_store_state(store)->term + 1 + env_random(env) % HISTORY_TERMS;
    ASSERT(self > 0);
    return raft_store_raise_term(store, term, self) ? RAFT_IOERR : 0;
}

bool raft_history_knows(const struct raft *raft, int64_t index, int64_t term)
{
    if (index <= 0 || index > (int64_t)raft->last_applied)
        return index <= 0;
    raft_term known = raft_sense_term_at(raft, (raft_index)index);
    if (known)
        return (int64_t)known == term;
    raft_term oldest = raft_sense_term_at(raft, raft->log.offset + 1);
    return term <= (int64_t)(oldest ? oldest : raft->log.snapshot.last_term);
}
