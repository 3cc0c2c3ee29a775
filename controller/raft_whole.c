/* Happy path: a newcomer answers for the first time, the owner writes an entry, the others confirm
 * it, and the newcomer is told. Failure modes: another newcomer comes in its place, over a new
 * connection, and all begins anew; leadership ends, then the next leader begins anew. */
#include "controller/raft_whole.h"

#include <string.h>

#include "base/check.h"
#include "controller/raft_servers.h"

static struct raft_whole_note *whole_find(const struct raft_whole *whole, raft_id id)
{
    ASSERT(id > 0);
    for (int i = 0; i < RAFT_WHOLE_MAX; i++)
        if (whole->notes[i].id == id)
            return (struct raft_whole_note *)(uintptr_t)&whole->notes[i];
    return NULL;
}

static struct raft_whole_note *whole_room(struct raft_whole *whole, raft_id id)
{
    struct raft_whole_note *note = whole_find(whole, id);
    for (int i = 0; i < RAFT_WHOLE_MAX && !note; i++)
        if (whole->notes[i].id == 0)
            note = &whole->notes[i];
    if (note)
        note->id = id;
    return note;
}

static bool whole_is_exempt(const struct raft_whole *whole, const struct raft *raft, raft_id id)
{
    const struct raft_whole_note *note = whole_find(whole, id);
    bool settled = raft->configuration_uncommitted_index == 0;
    return (settled && raft_servers_count(raft, RAFT_VOTER) <= 2) ||
           (whole->founds && (!note || !note->connected));
}

void raft_whole_begin(struct raft_whole *whole, bool founds)
{
    memset(whole, 0, sizeof(*whole));
    whole->founds = founds;
}

void raft_whole_connected(struct raft_whole *whole, raft_id id)
{
    struct raft_whole_note *note = whole_room(whole, id);
    if (note)
        *note = (struct raft_whole_note){.id = id, .connected = true};
}

void raft_whole_result(struct raft_whole *whole, const struct raft *raft, raft_id id, bool newcomer,
                       struct raft_append_entries_result *result)
{
    struct raft_whole_note *note = whole_room(whole, id);
    if (raft->state != RAFT_LEADER)
        return;
    if (note && newcomer && !note->newcomer)
        note->since = raft_last_index((struct raft *)(uintptr_t)raft);
    if (note)
        note->newcomer = newcomer;
    if (newcomer && !result->rejected && !whole_is_exempt(whole, raft, id) &&
        result->last_log_index > raft->commit_index)
        result->last_log_index = raft->commit_index;
}

bool raft_whole_tells(const struct raft_whole *whole, const struct raft *raft, raft_id id)
{
    const struct raft_whole_note *note = whole_find(whole, id);
    if (raft->state != RAFT_LEADER)
        return false;
    return whole_is_exempt(whole, raft, id) ||
           (note && note->newcomer && raft->commit_index > note->since);
}

bool raft_whole_waits(const struct raft_whole *whole, const struct raft *raft)
{
    for (int i = 0; i < RAFT_WHOLE_MAX; i++) {
        const struct raft_whole_note *note = &whole->notes[i];
        if (note->newcomer && !whole_is_exempt(whole, raft, note->id) &&
            note->since >= raft_last_index((struct raft *)(uintptr_t)raft))
            return true;
    }
    return false;
}

bool raft_whole_lacks_voter(const struct raft_whole *whole, const struct raft *raft)
{
    for (int i = 0; i < RAFT_WHOLE_MAX; i++) {
        const struct raft_whole_note *note = &whole->notes[i];
        const struct raft_server *server =
            note->newcomer ? raft_servers_find(raft, note->id) : NULL;
        if (server && server->role == RAFT_VOTER)
            return true;
    }
    return false;
}
