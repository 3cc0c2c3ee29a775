/* Happy path: a node asks again and again, and each time replaces what it said before. Failure
 * modes: too many ask, then those that have not for long make room; what can't be is dropped. */
#include "controller/raft_candidates.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "controller/raft_members.h"

void raft_member_read(struct raft_member *to, const Meta__Member *from)
{
    *to = (struct raft_member){
        .id = from->id, .host = mem_strdup(from->host), .port = (uint16_t)from->port};
    if (from->directory_id.len == sizeof(to->directory_id.bytes))
        memcpy(to->directory_id.bytes, from->directory_id.data, sizeof(to->directory_id.bytes));
}

bool raft_member_is_place(const Meta__Member *member)
{
    return member->id >= 0 && raft_servers_host(member->host) && member->port > 0 &&
           member->port <= UINT16_MAX;
}

bool raft_member_is_directory(const struct raft_member *member, const ProtobufCBinaryData *id)
{
    return !uuid_is_zero(&member->directory_id) && id->len == sizeof(member->directory_id.bytes) &&
           memcmp(member->directory_id.bytes, id->data, id->len) == 0;
}

struct controller_voter raft_member_place(const struct raft_member *member)
{
    return (struct controller_voter){member->id, member->host, member->port};
}

bool raft_member_same_place(const struct raft_member *one, const struct raft_member *other)
{
    return one->port == other->port && strcmp(one->host, other->host) == 0;
}

void raft_candidates_close(struct raft_candidates *candidates)
{
    for (int i = 0; i < candidates->count; i++)
        mem_free(candidates->items[i].member.host);
    candidates->count = 0;
}

struct raft_candidate *raft_candidates_find(struct raft_candidates *candidates, int32_t id)
{
    ASSERT(candidates->count >= 0 && candidates->count <= RAFT_CANDIDATES_MAX);
    for (int i = 0; i < candidates->count; i++)
        if (candidates->items[i].member.id == id)
            return &candidates->items[i];
    return NULL;
}

bool raft_candidates_recent(const struct raft_candidate *candidate, int64_t now_ms)
{
    ASSERT(candidate->heard_ms <= now_ms);
    ASSERT(candidate->since_ms <= candidate->heard_ms);
    return now_ms - candidate->heard_ms < RAFT_CANDIDATES_HEARD_MS;
}

bool raft_candidates_moved(const struct raft_candidate *candidate, const struct raft_member *member,
                           int64_t now_ms)
{
    ASSERT(!candidate || candidate->member.id == member->id);
    return candidate && raft_candidates_recent(candidate, now_ms) && candidate->ready &&
           !raft_member_same_place(member, &candidate->member) &&
           !uuid_is_zero(&member->directory_id) &&
           uuid_equal(&member->directory_id, &candidate->member.directory_id);
}

/* Its place, a free one, or that of one that asks no more. */
static struct raft_candidate *raft_candidates_room(struct raft_candidates *candidates, int32_t id,
                                                   int64_t now_ms)
{
    struct raft_candidate *room = raft_candidates_find(candidates, id);
    for (int i = 0; i < candidates->count && !room; i++)
        if (!raft_candidates_recent(&candidates->items[i], now_ms))
            room = &candidates->items[i];
    if (!room && candidates->count < RAFT_CANDIDATES_MAX)
        room = &candidates->items[candidates->count++];
    ASSERT(candidates->count <= RAFT_CANDIDATES_MAX);
    return room;
}

bool raft_candidates_heard(struct raft_candidates *candidates, const Meta__Join *join,
                           int64_t now_ms)
{
    if (!join->node || !raft_member_is_place(join->node))
        return false;
    struct raft_candidate *candidate = raft_candidates_room(candidates, join->node->id, now_ms);
    if (!candidate)
        return false;
    struct raft_candidate before = *candidate;
    *candidate = (struct raft_candidate){.wants = join->wants,
                                         .beyond = join->beyond,
                                         .ready = join->ready,
                                         .since_ms = now_ms,
                                         .heard_ms = now_ms};
    raft_member_read(&candidate->member, join->node);
    candidate->returns =
        before.returns && before.member.host && before.member.id == candidate->member.id;
    if (before.member.host && before.member.id == candidate->member.id &&
        raft_candidates_recent(&before, now_ms) &&
        raft_member_same_place(&before.member, &candidate->member))
        candidate->since_ms = before.since_ms;
    mem_free(before.member.host);
    ASSERT(candidate->member.id == join->node->id);
    ASSERT(candidate->since_ms <= candidate->heard_ms);
    return true;
}

int64_t raft_candidates_look(struct raft_candidates *candidates, int64_t now_ms)
{
    int64_t still_ms = candidates->due_ms ? now_ms - candidates->due_ms : 0;
    ASSERT(candidates->due_ms >= 0);
    candidates->due_ms = 0;
    for (int i = 0; i < candidates->count && still_ms > 0; i++) {
        struct raft_candidate *candidate = &candidates->items[i];
        candidate->heard_ms += still_ms;
        if (candidate->heard_ms > now_ms)
            candidate->heard_ms = now_ms;
    }
    return still_ms > 0 ? still_ms : 0;
}

char *raft_candidates_why_late(struct raft_candidates *candidates, const struct raft *raft,
                               const struct raft_member *named, int64_t now_ms)
{
    const struct raft_candidate *candidate = raft_candidates_find(candidates, named->id);
    const struct raft_server *server = raft_servers_find(raft, raft_members_id(named->id));
    if (!candidate || !raft_candidates_recent(candidate, now_ms))
        return mem_printf(
            "The controller has not caught up in time: it was last heard %s%lld ms "
            "ago. Is it running, and does it name this quorum in "
            "controller.quorum.bootstrap.servers?",
            candidate ? "" : "more than ",
            (long long)(candidate ? now_ms - candidate->heard_ms : RAFT_CANDIDATES_HEARD_MS));
    if (!uuid_equal(&candidate->member.directory_id, &named->directory_id))
        return mem_strdup("The controller that runs with this id has another directory id than "
                          "the one that was given: it is in meta.properties of its metadata "
                          "directory.");
    return mem_printf("The controller has not caught up in time: it is heard at %s:%u, is %s, %s, "
                      "and has confirmed the log up to %llu of %llu. Try again when its disk and "
                      "the network between the controllers keep up.",
                      candidate->member.host, candidate->member.port,
                      !server                        ? "not in the quorum"
                      : server->role == RAFT_SPARE   ? "added"
                      : server->role == RAFT_STANDBY ? "sent the log"
                                                     : "made a voter",
                      candidate->ready ? "has begun to follow" : "has not begun to follow",
                      (unsigned long long)raft_members_match(raft, named->id),
                      (unsigned long long)raft_last_index((struct raft *)(uintptr_t)raft));
}
