/* Happy path: nobody is found elsewhere. Failure modes: two answer for one member (a copy of its
 * disk): the one where the log has it counts, else the one that was found first, as long as it
 * answers. */
#include "controller/raft_places.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

static void place_drop(struct raft_places *places, int i)
{
    ASSERT(i >= 0 && i < places->count);
    mem_free(places->items[i].member.host);
    mem_free(places->items[i].was_host);
    places->items[i] = places->items[--places->count];
}

void raft_places_close(struct raft_places *places)
{
    while (places->count > 0)
        place_drop(places, places->count - 1);
}

static int place_index(const struct raft_places *places, int32_t id)
{
    ASSERT(places->count >= 0 && places->count <= RAFT_PLACES_MAX);
    for (int i = 0; i < places->count; i++)
        if (places->items[i].member.id == id)
            return i;
    return -1;
}

static bool place_is(const char *host, uint16_t port, const char *other_host, uint16_t other_port)
{
    return port == other_port && strcmp(host, other_host) == 0;
}

bool raft_places_note(struct raft_places *places, const struct raft_member *member,
                      const char *host, uint16_t port, int64_t now_ms)
{
    int i = place_index(places, member->id);
    struct raft_place *place = i < 0 ? NULL : &places->items[i];
    bool home = place_is(host, port, member->host, member->port);
    ASSERT(port > 0);
    ASSERT(host[0] != '\0');
    if (place && place_is(host, port, place->member.host, place->member.port)) {
        place->noted_ms = now_ms;
        return false;
    }
    if (place && !home && now_ms - place->noted_ms < RAFT_PLACES_STAYS_MS)
        return false;
    if (place)
        place_drop(places, i);
    if (home || places->count == RAFT_PLACES_MAX)
        return place != NULL;
    places->items[places->count++] =
        (struct raft_place){.member = {.id = member->id,
                                       .host = mem_strdup(host),
                                       .port = port,
                                       .directory_id = member->directory_id,
                                       .role = member->role},
                            .was_host = mem_strdup(member->host),
                            .was_port = member->port,
                            .noted_ms = now_ms};
    ASSERT(places->count <= RAFT_PLACES_MAX);
    ASSERT(place_index(places, member->id) == places->count - 1);
    return true;
}

void raft_places_check(struct raft_places *places, const struct raft_roster *roster)
{
    for (int i = places->count - 1; i >= 0; i--) {
        const struct raft_place *place = &places->items[i];
        const struct raft_member *member = raft_roster_find(roster, place->member.id);
        if (!member || !uuid_equal(&member->directory_id, &place->member.directory_id) ||
            !place_is(member->host, member->port, place->was_host, place->was_port))
            place_drop(places, i);
    }
}

const struct raft_member *raft_places_find(const struct raft_places *places, int32_t id)
{
    int i = place_index(places, id);
    return i < 0 ? NULL : &places->items[i].member;
}
