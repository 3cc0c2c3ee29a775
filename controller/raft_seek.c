/* Happy path: dial, Join, JoinReply, close; at all addresses at once, one question at a time each.
 * Failure modes: no answer within ANSWER_MS, or none at all: the next round asks again. Who takes a
 * connection and does not answer counts as not tried: it lives, and may know something. Who hangs
 * up, and a quorum whose voters are fixed, are strangers if they do so for long: where nobody has
 * named that address, it may be any program's. */
#include "controller/raft_seek.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/link.h"
#include "meta/channel.h"

enum { SEEK_DIAL_MS = 300, SEEK_ANSWER_MS = 1000 };

struct place {
    struct raft_seek *seek;
    struct controller_voter at; /* with its own copy of the host */
    bool server;                /* of the settings */
    bool tried;
    bool skipped;
    bool named;        /* it has told of a quorum */
    int64_t nobody_ms; /* since when nobody who could be asked was there; -1 = at the last time */
    struct env_connect *dial;
    struct link *link;
    struct env_timer timer; /* ends the question */
};

struct raft_seek {
    struct env *env;
    struct logger *logger;
    const struct raft_seek_handlers *handlers;
    void *data;
    int64_t every_ms;
    struct env_timer round;
    struct place **places;
    int count;
};

static void place_has_nobody(struct place *place)
{
    if (place->nobody_ms < 0)
        place->nobody_ms = env_now_ms(place->seek->env);
}

static void place_end(struct place *place)
{
    env_timer_stop(&place->timer);
    if (place->dial)
        env_connect_cancel(place->dial);
    if (place->link)
        link_close(place->link);
    place->dial = NULL;
    place->link = NULL;
    ASSERT(!env_timer_running(&place->timer));
}

static void place_due(void *data)
{
    struct place *place = data;
    ASSERT(place->link != NULL);
    ASSERT(place->dial == NULL);
    place->nobody_ms = -1;
    place_end(place);
}

static void place_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct place *place = owner;
    struct raft_seek *seek = place->seek;
    ASSERT(place->link == link);
    (void)link;
    place->tried = true;
    if (frame->body_case == META__FRAME__BODY_JOIN_REPLY &&
        frame->join_reply->error == err_to_wire(ERR_UNSUPPORTED_VERSION))
        place_has_nobody(place);
    else
        place->nobody_ms = -1;
    place_end(place);
    if (frame->body_case == META__FRAME__BODY_JOIN_REPLY) {
        place->named |= frame->join_reply->n_members > 0;
        seek->handlers->answered(seek->data, &place->at, frame->join_reply);
    }
    meta__frame__free_unpacked(frame, NULL);
}

static void place_broken(void *owner, struct link *link, int err)
{
    struct place *place = owner;
    ASSERT(place->link == link);
    (void)link, (void)err;
    place_has_nobody(place);
    place_end(place);
}

static const struct link_handlers place_handlers = {.frame = place_frame, .broken = place_broken};

static void place_dialled(void *data, int status, struct env_stream *stream)
{
    struct place *place = data;
    struct raft_seek *seek = place->seek;
    Meta__Join join = META__JOIN__INIT;
    Meta__Member node = META__MEMBER__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    ASSERT(place->dial && !place->link);
    ASSERT((status == 0) == (stream != NULL));
    place->dial = NULL;
    if (status == ERR_REFUSED)
        place_has_nobody(place);
    else if (status)
        place->nobody_ms = -1;
    if (status) {
        place->tried = true;
        place_end(place);
        return;
    }
    place->link = link_new(seek->env, stream, CHANNEL_HELLO_MAX, &place_handlers, place);
    join.node = &node;
    if (seek->handlers->ask(seek->data, &join) == RAFT_SEEK_NOBODY) {
        place_end(place);
        return;
    }
    frame.body_case = META__FRAME__BODY_JOIN;
    frame.join = &join;
    link_send(place->link, &frame);
    env_timer_start(&place->timer, SEEK_ANSWER_MS);
}

static void place_ask(struct place *place)
{
    struct raft_seek *seek = place->seek;
    if (place->dial || place->link || place->skipped)
        return;
    ASSERT(place->at.host != NULL);
    ASSERT(!env_timer_running(&place->timer));
    if (env_connect(seek->env, place->at.host, place->at.port, SEEK_DIAL_MS, place_dialled, place,
                    &place->dial)) {
        place->dial = NULL;
        place->tried = true;
    }
}

static void seek_round(void *data)
{
    struct raft_seek *seek = data;
    Meta__Join join = META__JOIN__INIT;
    Meta__Member node = META__MEMBER__INIT;
    join.node = &node;
    ASSERT(seek->every_ms > 0);
    ASSERT(seek->count >= 0);
    env_timer_start(&seek->round, seek->every_ms);
    enum raft_seek_whom whom = seek->handlers->ask(seek->data, &join);
    for (int i = 0; i < seek->count && whom != RAFT_SEEK_NOBODY; i++)
        if (whom == RAFT_SEEK_ALL || (seek->places[i]->server && !seek->places[i]->named))
            place_ask(seek->places[i]);
}

/* ---- from outside ---- */

static struct place *place_new(struct raft_seek *seek, const struct controller_voter *at,
                               bool server)
{
    ASSERT(at->host != NULL);
    ASSERT(at->port != 0);
    struct place *place = mem_alloc(sizeof(*place));
    place->seek = seek;
    place->at = *at;
    place->at.host = mem_strdup(at->host);
    place->server = server;
    place->nobody_ms = -1;
    env_timer_init(seek->env, &place->timer, place_due, place);
    return place;
}

static void place_free(struct place *place)
{
    place_end(place);
    mem_free((char *)(uintptr_t)place->at.host);
    mem_free(place);
}

static bool place_is_at(const struct place *place, const struct controller_voter *at)
{
    return place->at.port == at->port && strcmp(place->at.host, at->host) == 0;
}

void raft_seek_set(struct raft_seek *seek, const struct controller_voter *voters, int count)
{
    struct place **kept = mem_alloc((size_t)(seek->count + count + 1) * sizeof(*kept));
    int kept_count = 0;
    ASSERT(count >= 0);
    for (int i = 0; i < seek->count; i++) {
        struct place *place = seek->places[i];
        bool wanted = place->server;
        for (int j = 0; j < count; j++)
            wanted |= place_is_at(place, &voters[j]);
        if (wanted)
            kept[kept_count++] = place;
        else
            place_free(place);
    }
    for (int j = 0; j < count; j++) {
        bool there = false;
        for (int i = 0; i < kept_count; i++)
            there |= place_is_at(kept[i], &voters[j]);
        if (!there)
            kept[kept_count++] = place_new(seek, &voters[j], false);
    }
    ASSERT(kept_count <= seek->count + count);
    mem_free(seek->places);
    seek->places = kept;
    seek->count = kept_count;
}

static int64_t place_nobody_ms(const struct place *place)
{
    ASSERT(place->nobody_ms >= -1);
    ASSERT(place->nobody_ms <= env_now_ms(place->seek->env));
    return place->nobody_ms < 0 ? -1 : env_now_ms(place->seek->env) - place->nobody_ms;
}

const struct controller_voter *raft_seek_untried(const struct raft_seek *seek, int64_t nobody_ms)
{
    ASSERT(seek->count == 0 || seek->places != NULL);
    for (int i = 0; i < seek->count; i++)
        if (!seek->places[i]->tried && !seek->places[i]->skipped &&
            place_nobody_ms(seek->places[i]) < nobody_ms)
            return &seek->places[i]->at;
    return NULL;
}

static struct place *seek_find(const struct raft_seek *seek, const struct controller_voter *at)
{
    for (int i = 0; i < seek->count; i++)
        if (place_is_at(seek->places[i], at))
            return seek->places[i];
    return NULL;
}

int64_t raft_seek_nobody_ms(const struct raft_seek *seek, const struct controller_voter *at)
{
    const struct place *place = seek_find(seek, at);
    return place ? place_nobody_ms(place) : -1;
}

void raft_seek_skip(struct raft_seek *seek, const struct controller_voter *at)
{
    struct place *place = seek_find(seek, at);
    if (place)
        place->skipped = true;
}

struct raft_seek *raft_seek_new(struct env *env, struct logger *logger,
                                const struct controller_voter *servers, int server_count,
                                const struct raft_seek_handlers *handlers, void *data)
{
    struct raft_seek *seek = mem_alloc(sizeof(*seek));
    ASSERT(handlers->ask != NULL);
    ASSERT(handlers->answered != NULL);
    ASSERT(server_count >= 0);
    seek->env = env;
    seek->logger = logger;
    seek->handlers = handlers;
    seek->data = data;
    env_timer_init(env, &seek->round, seek_round, seek);
    raft_seek_set(seek, servers, server_count);
    for (int i = 0; i < seek->count; i++)
        seek->places[i]->server = true;
    return seek;
}

void raft_seek_start(struct raft_seek *seek, int64_t every_ms)
{
    ASSERT(every_ms > 0);
    seek->every_ms = every_ms;
    env_timer_start(&seek->round, 0);
}

void raft_seek_stop(struct raft_seek *seek)
{
    env_timer_stop(&seek->round);
    for (int i = 0; i < seek->count; i++)
        place_end(seek->places[i]);
}

void raft_seek_free(struct raft_seek *seek)
{
    if (!seek)
        return;
    env_timer_stop(&seek->round);
    for (int i = 0; i < seek->count; i++)
        place_free(seek->places[i]);
    mem_free(seek->places);
    mem_free(seek);
}
