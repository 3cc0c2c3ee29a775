/* Members that mean harm; see group_hostile.h. */
#include "group_hostile.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
    HOSTILE_SESSION_MS = 6000, /* the least that a coordinator takes */
    HOSTILE_GROUPS = 3,
    HOSTILE_HUGE = 3 << 20,    /* more than any record takes */
    HOSTILE_LARGE = 900 << 10, /* most of what one takes */
    HOSTILE_FAR = 100 * 1000,  /* from any epoch that a group reaches here */
    HOSTILE_PARTITIONS = 8
};

/* A member on its way in. */
struct hostile_call {
    struct list link;
    struct group_hostile *hostile;
    void *ticket;
    const char *never; /* what may be granted to nobody, if it is that */
    char group[GROUP_WORLD_TEXT];
    struct group_world_join_args args;
    char id[GROUP_WORLD_TEXT];
    union {
        struct group_world_join *join;
        struct group_world_sync *sync;
        struct group_world_beat *beat;
    };
};

static uint64_t hostile_chance(const struct group_hostile *hostile, uint64_t n)
{
    return sim_random(hostile->world->sim) % n;
}

/* Some other group, which may be on another partition of the log. */
static struct hostile_call *hostile_call_new(struct group_hostile *hostile, bool neighbour)
{
    struct hostile_call *call = mem_alloc(sizeof(*call));
    *call = (struct hostile_call){.hostile = hostile};
    list_push(&hostile->calls, &call->link);
    if (neighbour)
        snprintf(call->group, sizeof(call->group), "hostile-%d",
                 (int)hostile_chance(hostile, HOSTILE_GROUPS));
    else
        snprintf(call->group, sizeof(call->group), "%s", hostile->group);
    snprintf(call->id, sizeof(call->id), "hostile-%d", (int)hostile->next++);
    return call;
}

static void hostile_note(struct group_hostile *hostile, int err, const char *never)
{
    hostile->taken += err == 0;
    hostile->refused += err != 0;
    if (!err && never)
        hostile->problem = never;
}

/* Its last answer has come. */
static void hostile_count(struct hostile_call *call, int err)
{
    hostile_note(call->hostile, err, call->never);
    list_remove(&call->link);
    mem_free(call);
}

/* ---- the classic protocol ---- */

static void hostile_synced(void *data)
{
    struct hostile_call *call = data;
    struct group_world_sync *sync = call->sync;
    if (!sync->err && call->ticket)
        call->hostile->given(call->ticket, sync->request.generation_id, sync->masks);
    hostile_count(call, sync->err);
}

/* Who leads may be as bad as it likes in a group of its own. In that of others it may give too
 * much, or nothing to anybody by not coming back. */
static void hostile_sync(struct hostile_call *call, const struct group_world_join *join)
{
    static const int32_t sizes[] = {HOSTILE_HUGE, HOSTILE_LARGE, 0};
    struct group_hostile *hostile = call->hostile;
    struct group_world *world = hostile->world;
    uint64_t masks[GROUP_WORLD_MEMBERS] = {0};
    bool neighbour = strcmp(call->group, hostile->group) != 0;
    bool leads = strcmp(join->leader, join->member_id) == 0 && !join->skip;
    for (int p = 0; leads && p < HOSTILE_PARTITIONS; p++)
        masks[p % join->member_count] |= 1ULL << p;
    if (leads)
        world->assignment_bytes = neighbour ? sizes[hostile_chance(hostile, ARRAY_LEN(sizes))]
                                            : (hostile_chance(hostile, 2) ? HOSTILE_HUGE : 0);
    call->ticket = neighbour ? NULL : hostile->asks(hostile->data);
    call->sync = group_world_sync(world, call->group, join->member_id, NULL, join->generation,
                                  join->members, masks, leads ? join->member_count : 0);
    world->assignment_bytes = 0;
    call->sync->data = call;
    call->sync->answered = hostile_synced;
}

static void hostile_join(struct hostile_call *call);

static void hostile_joined(void *data)
{
    struct hostile_call *call = data;
    const struct group_world_join *join = call->join;
    if (join->err == ERR_MEMBER_ID_REQUIRED) {
        snprintf(call->id, sizeof(call->id), "%s", join->member_id);
        call->args.member_id = call->id;
        hostile_join(call);
    } else if (join->err || hostile_chance(call->hostile, 3) == 0) {
        hostile_count(call, join->err);
    } else {
        hostile_sync(call, join);
    }
}

static void hostile_join(struct hostile_call *call)
{
    call->join = group_world_join(call->hostile->world, &call->args);
    call->join->data = call;
    call->join->answered = hostile_joined;
}

/* With as much to say as a record takes, or more, or what nobody can read. */
static void hostile_joins(struct group_hostile *hostile, bool neighbour)
{
    static const char *const topics[] = {"t", "t,u", "-", "!"};
    static const int32_t words[] = {0, 1000, HOSTILE_LARGE, HOSTILE_HUGE};
    struct hostile_call *call = hostile_call_new(hostile, neighbour);
    call->args = (struct group_world_join_args){
        .group = call->group,
        .topics = topics[hostile_chance(hostile, ARRAY_LEN(topics))],
        .words = words[hostile_chance(hostile, ARRAY_LEN(words))],
        .session_ms = HOSTILE_SESSION_MS,
        .rebalance_ms = 1 + (int32_t)hostile_chance(hostile, HOSTILE_SESSION_MS)};
    hostile_join(call);
}

/* In the name of somebody who is there, or of nobody, of a generation that never was. */
static void hostile_syncs(struct group_hostile *hostile, const char *id, int32_t epoch)
{
    char ids[1][GROUP_WORLD_TEXT];
    uint64_t all = UINT64_MAX;
    snprintf(ids[0], sizeof(ids[0]), "%s", hostile_chance(hostile, 2) ? id : "hostile-nobody");
    struct hostile_call *call = hostile_call_new(hostile, false);
    call->never = "a sync in a generation that never was";
    call->sync = group_world_sync(hostile->world, hostile->group, ids[0], NULL, epoch + HOSTILE_FAR,
                                  ids, &all, 1);
    call->sync->data = call;
    call->sync->answered = hostile_synced;
}

/* ---- the consumer protocol ---- */

static void hostile_beaten(void *data)
{
    struct hostile_call *call = data;
    struct group_world_beat *beat = call->beat;
    if (!beat->err && beat->has_assignment && call->ticket)
        call->hostile->given(call->ticket, beat->epoch, beat->assigned);
    hostile_count(call, beat->err);
}

static void hostile_beat(struct hostile_call *call, struct group_world_beat_args *args)
{
    struct group_hostile *hostile = call->hostile;
    bool neighbour = strcmp(call->group, hostile->group) != 0;
    call->ticket = neighbour ? NULL : hostile->asks(hostile->data);
    args->group = call->group;
    call->beat = group_world_beat(hostile->world, args);
    call->beat->data = call;
    call->beat->answered = hostile_beaten;
}

/* A member that comes once, with an expression that would cost seconds, or claims. */
static void hostile_enters(struct group_hostile *hostile, bool neighbour)
{
    static const char *const expressions[] = {"(a?){1000}(a?){1000}", "(b+)+(b+)+(b+)+x", "t|u",
                                              "((a{99}){99}){99}", "["};
    static const uint64_t all[2] = {0xff, 0}, none[2] = {0, 0};
    struct hostile_call *call = hostile_call_new(hostile, neighbour);
    bool matches = hostile_chance(hostile, 2);
    struct group_world_beat_args args = {
        .member_id = call->id,
        .topics = matches ? NULL : "t,u",
        .regex = matches ? expressions[hostile_chance(hostile, ARRAY_LEN(expressions))] : NULL,
        .rebalance_ms = 1 + (int32_t)hostile_chance(hostile, HOSTILE_SESSION_MS)};
    args.owned = hostile_chance(hostile, 2) ? all : none;
    hostile_beat(call, &args);
}

static void hostile_beats(struct group_hostile *hostile, const char *id, int32_t epoch)
{
    static const uint64_t all[2] = {0xff, 0};
    struct hostile_call *call = hostile_call_new(hostile, false);
    struct group_world_beat_args args = {.member_id = hostile_chance(hostile, 2) ? id : call->id,
                                         .epoch = epoch + HOSTILE_FAR,
                                         .topics = "t,u",
                                         .owned = all,
                                         .rebalance_ms = 1};
    call->never = "a heartbeat in an epoch that never was";
    hostile_beat(call, &args);
}

/* ---- the rest ---- */

/* Refused before anything is written, so at once. */
static void hostile_commits(struct group_hostile *hostile, const char *id, int32_t epoch)
{
    const struct group_world_commit *commit = group_world_commit(
        hostile->world, hostile->group, hostile_chance(hostile, 2) ? id : "hostile-nobody", NULL,
        epoch + HOSTILE_FAR, "t", (int32_t)hostile_chance(hostile, HOSTILE_PARTITIONS), 0);
    hostile_note(hostile, commit->done ? commit->err : 0,
                 "a commit in a generation that never was");
}

/* A coordinator that loads says yes to every heartbeat, as Kafka's. */
static void hostile_pokes(struct group_hostile *hostile, const char *id, int32_t epoch)
{
    int err = group_world_heartbeat(hostile->world, hostile->group, id, NULL, epoch + HOSTILE_FAR);
    hostile_note(hostile, err, NULL);
    err = group_world_leave(hostile->world, hostile->group, "hostile-nobody", NULL);
    hostile_note(hostile, err, "a leave of nobody");
}

void group_hostile_init(struct group_hostile *hostile)
{
    ASSERT(hostile->world && hostile->group);
    list_init(&hostile->calls);
}

void group_hostile_close(struct group_hostile *hostile)
{
    struct list *step;
    while ((step = list_pop(&hostile->calls)))
        mem_free(LIST_ENTRY(step, struct hostile_call, link));
}

void group_hostile_act(struct group_hostile *hostile, const char *id, int32_t epoch)
{
    switch (hostile_chance(hostile, 8)) {
    case 0:
    case 1:
        hostile_joins(hostile, hostile_chance(hostile, 2));
        break;
    case 2:
    case 3:
        hostile_enters(hostile, hostile_chance(hostile, 2));
        break;
    case 4:
        hostile_syncs(hostile, id, epoch);
        break;
    case 5:
        hostile_beats(hostile, id, epoch);
        break;
    case 6:
        hostile_commits(hostile, id, epoch);
        break;
    default:
        hostile_pokes(hostile, id, epoch);
        break;
    }
}
