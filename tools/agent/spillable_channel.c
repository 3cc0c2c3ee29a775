/* The spillable memory channel: a memory channel that goes on in a file channel when it is full.
 *
 * Happy path: puts go into memory. When that has been full for overflowTimeout, they go to the disk
 * until enough of memory is free; runs say in which order the two have the events, so that they
 * come out as they came in. Failure modes: what is in memory is lost with the process, what is on
 * disk is there at the next start; a full disk is a full channel.
 *
 * Both parts are channels of their own, with values made from this one's. Their events are taken
 * through the same struct take: `place` is their mark there, with a bit that says which it is. Of
 * those on disk one take is under way at a time, since they come again after a kill -9; what is set
 * aside of earlier ones is not: it would hold up all others. */
#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "tools/agent/channel.h"
#include "tools/agent/file_keys.h"
#include "tools/agent/types.h"

#define SPILLABLE_ON_DISK (UINT64_C(1) << 63)

enum { SPILLABLE_KEEP_ALIVE_MS = 3000 }; /* for room, when the disk is full as well */

enum spillable_kind { SPILLABLE_MEMORY, SPILLABLE_DISK, SPILLABLE_KINDS };

enum spillable_state {
    SPILLABLE_READING,   /* what the disk has is not known yet */
    SPILLABLE_TO_MEMORY, /* puts go there */
    SPILLABLE_FULL,      /* memory is full, and may get room in time */
    SPILLABLE_TO_DISK
};

static const struct state_row spillable_states[] = {
    [SPILLABLE_READING] = {"reading",
                           STATE_BIT(SPILLABLE_TO_MEMORY) | STATE_BIT(SPILLABLE_TO_DISK)},
    [SPILLABLE_TO_MEMORY] = {"to memory", STATE_BIT(SPILLABLE_FULL)},
    [SPILLABLE_FULL] = {"full", STATE_BIT(SPILLABLE_TO_MEMORY) | STATE_BIT(SPILLABLE_TO_DISK)},
    [SPILLABLE_TO_DISK] = {"to disk", STATE_BIT(SPILLABLE_TO_MEMORY)},
};

/* Events that follow each other, and that one of the two has. */
struct spillable_run {
    struct list link;
    enum spillable_kind kind;
    size_t count;
};

/* A put that is on its way to the disk. */
struct spillable_put {
    struct list link;
    struct put put;
    struct put *from; /* NULL = its caller is gone */
    struct spillable_channel *spillable;
};

struct spillable_channel {
    struct channel channel;
    struct part *parts[SPILLABLE_KINDS];
    struct channel *kept[SPILLABLE_KINDS]; /* NULL = its capacity is 0 */
    enum spillable_state state;
    struct list runs; /* the oldest first */
    struct list puts;
    size_t putting;        /* events of those */
    size_t disk_out;       /* events of it that are with sinks */
    uint64_t disk_place;   /* of the take of it that is under way */
    size_t disk_under_way; /* events of that one; 0 = none is */
    struct channel_waiter waiter;
    struct env_timer patience;
    int64_t patience_ms;
    size_t memory_capacity;
    size_t memory_low; /* with so few events in memory puts go there again */
    uint64_t head;     /* the mark of the next take */
};

/* clang-format off */
static const struct key_row spillable_keys[] = {
    KEY_INT("memoryCapacity", "10000", 0, KEY_MAX_INT,
            "The most events in memory; 0 = all are on disk."),
    KEY_INT("overflowCapacity", "100000000", 0, KEY_MAX_INT,
            "The most events on disk; 0 = all are in memory."),
    KEY_INT("overflowTimeout", "3", 0, KEY_MAX_INT,
            "For how many seconds memory is full before events go to the disk."),
    KEY_INT("overflowDeactivationThreshold", "5", 0, 100,
            "How many percent of memoryCapacity must be free before events go there again."),
    KEY_INT("byteCapacity", "16777216", 0, KEY_MAX_LONG,
            "The most bytes of bodies in memory, after byteCapacityBufferPercentage; 0 = no limit. "
            "Flume's default is 80 % of its heap, which is 20 MB if nothing else is said."),
    KEY_INT("byteCapacityBufferPercentage", "20", 0, 100,
            "The share of byteCapacity that is left for headers."),
    KEY_INT("avgEventSize", "500", 1, KEY_MAX_INT,
            "Nothing depends on it: the bytes of each event are counted."),
    FILE_KEYS,
    KEY_NOT_HERE("capacity", "give memoryCapacity and overflowCapacity"),
    KEY_NOT_HERE("keep-alive", "give overflowTimeout"),
    KEY_END,
};
/* clang-format on */

static struct spillable_channel *spillable_of(const struct channel *channel)
{
    return CONTAINER_OF(channel, struct spillable_channel, channel);
}

static void spillable_move(struct spillable_channel *spillable, enum spillable_state to)
{
    STATE_MOVE(spillable_states, spillable->state, to);
}

static void spillable_check(const struct part *part, struct buf *problems)
{
    file_check_dirs(part, problems);
    if (part_number(part, "memoryCapacity") == 0 && part_number(part, "overflowCapacity") == 0)
        part_complain(part, "overflowCapacity", problems,
                      "it is 0, and so is memoryCapacity: there would be room for no event");
}

static void spillable_check_two(const struct part *part, const struct part *other,
                                struct buf *problems)
{
    if (part->invalid || other->invalid)
        return;
    if (part_number(part, "overflowCapacity") > 0 && part_number(other, "overflowCapacity") > 0)
        file_check_two(part, other, problems);
}

/* ---- the two parts ---- */

static size_t spillable_kept(const struct spillable_channel *spillable, enum spillable_kind kind)
{
    return spillable->kept[kind] ? channel_count(spillable->kept[kind]) : 0;
}

/* Values of ours under the names that the type has for them. */
static struct part *spillable_part(const struct part *part, const struct part_type *type,
                                   const char *const names[][2], size_t count)
{
    struct part *made = part_new(type, part->name, part->prefix, part->file, part->line);
    struct buf problems;
    buf_init(&problems);
    for (size_t i = 0; i < count; i++)
        if (part_text(part, names[i][0]))
            part_add(made, names[i][1], part_text(part, names[i][0]), part->line, &problems);
    ASSERT(problems.len == 0); /* our table has the same kinds and bounds */
    buf_close(&problems);
    return made;
}

static struct part *spillable_memory_part(const struct part *part)
{
    static const char *const names[][2] = {
        {"memoryCapacity", "capacity"},
        {"byteCapacity", "byteCapacity"},
        {"byteCapacityBufferPercentage", "byteCapacityBufferPercentage"},
    };
    return spillable_part(part, &memory_channel_type.part, names, ARRAY_LEN(names));
}

static struct part *spillable_disk_part(const struct part *part)
{
    static const struct key_row keys[] = {FILE_KEYS};
    const char *names[ARRAY_LEN(keys) + 1][2] = {{"overflowCapacity", "capacity"}};
    size_t count = 1;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (keys[i].kind == KEY_REFUSED)
            continue;
        names[count][0] = names[count][1] = keys[i].name;
        count++;
    }
    return spillable_part(part, &file_channel_type.part, (const char *const(*)[2])names, count);
}

/* ---- runs ---- */

static void spillable_run_add(struct spillable_channel *spillable, struct list *before,
                              enum spillable_kind kind, size_t count)
{
    struct spillable_run *run = mem_alloc(sizeof(*run));
    run->kind = kind;
    run->count = count;
    list_push(before, &run->link);
    ASSERT(spillable->kept[kind]);
}

static void spillable_arrived(struct spillable_channel *spillable, enum spillable_kind kind,
                              size_t count)
{
    struct spillable_run *last = LIST_ENTRY(spillable->runs.prev, struct spillable_run, link);
    if (!list_empty(&spillable->runs) && last->kind == kind)
        last->count += count;
    else
        spillable_run_add(spillable, &spillable->runs, kind, count);
}

static void spillable_run_shorten(struct spillable_run *run, size_t count)
{
    ASSERT(run->count >= count);
    run->count -= count;
    if (run->count > 0)
        return;
    list_remove(&run->link);
    mem_free(run);
}

/* The disk has told that events of it are damaged, and has no more of what the run says. */
static bool spillable_run_is_void(const struct spillable_channel *spillable,
                                  const struct spillable_run *run)
{
    size_t others = spillable->disk_out + spillable->putting;
    return run->kind == SPILLABLE_DISK && spillable_kept(spillable, SPILLABLE_DISK) <= others;
}

/* ---- puts ---- */

static void spillable_on_patience(void *data)
{
    struct spillable_channel *spillable = data;
    spillable_move(spillable, SPILLABLE_TO_DISK);
    logger_info(&spillable->channel.logger, "memory is full: events go to the disk");
    channel_has_room(&spillable->channel);
}

static void spillable_put_free(struct spillable_put *under_way)
{
    struct spillable_channel *spillable = under_way->spillable;
    ASSERT(spillable->putting >= under_way->put.count);
    spillable->putting -= under_way->put.count;
    list_remove(&under_way->link);
    mem_free(under_way);
}

static void spillable_on_put(struct put *put, int status)
{
    struct spillable_put *under_way = CONTAINER_OF(put, struct spillable_put, put);
    struct spillable_channel *spillable = under_way->spillable;
    struct put *from = under_way->from;
    if (status == 0)
        spillable_arrived(spillable, SPILLABLE_DISK, put->count);
    spillable_put_free(under_way);
    if (from)
        channel_put_ended(&spillable->channel, from, status);
    else if (status == 0)
        channel_has_events(&spillable->channel);
    channel_has_room(&spillable->channel);
}

static int spillable_put_on_disk(struct spillable_channel *spillable, struct put *put)
{
    struct spillable_put *under_way = mem_alloc(sizeof(*under_way));
    under_way->put =
        (struct put){.events = put->events, .count = put->count, .done = spillable_on_put};
    under_way->from = put;
    under_way->spillable = spillable;
    list_push(&spillable->puts, &under_way->link);
    spillable->putting += put->count;
    int status = channel_put(spillable->kept[SPILLABLE_DISK], &under_way->put, false);
    ASSERT(status != 0); /* a disk takes its time */
    if (status != TRANSACTION_PENDING)
        spillable_put_free(under_way);
    return status;
}

static int spillable_put_in_memory(struct spillable_channel *spillable, struct put *put)
{
    struct channel *memory = spillable->kept[SPILLABLE_MEMORY];
    int status = memory->type->put(memory, put);
    if (status == 0)
        spillable_arrived(spillable, SPILLABLE_MEMORY, put->count);
    if (status == 0 && spillable->state != SPILLABLE_TO_MEMORY) {
        env_timer_stop(&spillable->patience);
        spillable_move(spillable, SPILLABLE_TO_MEMORY);
    }
    bool full = status == ERR_AGAIN && spillable->kept[SPILLABLE_DISK];
    if (full && spillable->state == SPILLABLE_TO_MEMORY) {
        spillable_move(spillable, SPILLABLE_FULL);
        env_timer_start(&spillable->patience, spillable->patience_ms);
    }
    return status;
}

static int spillable_put(struct channel *channel, struct put *put)
{
    struct spillable_channel *spillable = spillable_of(channel);
    bool has_memory = spillable->kept[SPILLABLE_MEMORY] != NULL;
    bool has_disk = spillable->kept[SPILLABLE_DISK] != NULL;
    if (spillable->state == SPILLABLE_READING)
        return ERR_AGAIN;
    if (has_memory && put->count > spillable->memory_capacity)
        return has_disk ? spillable_put_on_disk(spillable, put) : ERR_TOO_LARGE;
    if (spillable->state != SPILLABLE_TO_DISK)
        return spillable_put_in_memory(spillable, put);
    /* It may have the slots and not the bytes: then the disk goes on, without waiting for them. */
    if (has_memory && spillable_kept(spillable, SPILLABLE_MEMORY) <= spillable->memory_low &&
        spillable_put_in_memory(spillable, put) == 0)
        return 0;
    return spillable_put_on_disk(spillable, put);
}

/* Its events get in all the same. */
static void spillable_forget(struct channel *channel, struct put *put)
{
    struct spillable_channel *spillable = spillable_of(channel);
    LIST_EACH(step, &spillable->puts) {
        struct spillable_put *under_way = LIST_ENTRY(step, struct spillable_put, link);
        if (under_way->from == put)
            under_way->from = NULL;
    }
}

/* ---- takes ---- */

static void spillable_take(struct channel *channel, struct take *take, size_t max)
{
    struct spillable_channel *spillable = spillable_of(channel);
    while (take->count == 0 && !list_empty(&spillable->runs)) {
        struct spillable_run *run = LIST_ENTRY(spillable->runs.next, struct spillable_run, link);
        struct channel *kept = spillable->kept[run->kind];
        if (run->kind == SPILLABLE_DISK && spillable->disk_under_way > 0)
            return;
        kept->type->take(kept, take, max < run->count ? max : run->count);
        if (take->count == 0) {
            channel_wait(kept, &spillable->waiter); /* it has to be read first */
            if (!spillable_run_is_void(spillable, run))
                return;
            spillable_run_shorten(run, run->count);
            continue;
        }
        take->place = take->mark | (run->kind == SPILLABLE_DISK ? SPILLABLE_ON_DISK : 0);
        take->mark = spillable->head;
        spillable->head += take->count;
        if (run->kind == SPILLABLE_DISK) {
            spillable->disk_out += take->count;
            spillable->disk_under_way = take->count;
            spillable->disk_place = take->place;
        }
        spillable_run_shorten(run, take->count);
    }
}

/* The take as the channel that has its events knows it. */
static struct take spillable_view(const struct take *take, enum spillable_kind *kind)
{
    struct take view = *take;
    *kind = take->place & SPILLABLE_ON_DISK ? SPILLABLE_DISK : SPILLABLE_MEMORY;
    view.mark = take->place & ~SPILLABLE_ON_DISK;
    return view;
}

/* The take, or a part of it, is under way no more: others may have waited for it. Parts of earlier
 * ones change nothing. */
static void spillable_disk_is_free(struct spillable_channel *spillable, const struct take *take)
{
    if (take->place < spillable->disk_place ||
        take->place - spillable->disk_place >= spillable->disk_under_way)
        return;
    ASSERT(take->place & SPILLABLE_ON_DISK);
    spillable->disk_under_way = 0;
    channel_has_events(&spillable->channel);
}

static void spillable_disk_ended(struct spillable_channel *spillable, const struct take *take)
{
    ASSERT(spillable->disk_out >= take->count);
    spillable->disk_out -= take->count;
    spillable_disk_is_free(spillable, take);
}

static void spillable_divided(struct channel *channel, const struct take *take)
{
    spillable_disk_is_free(spillable_of(channel), take);
}

static void spillable_commit(struct channel *channel, const struct take *take)
{
    struct spillable_channel *spillable = spillable_of(channel);
    enum spillable_kind kind;
    struct take view = spillable_view(take, &kind);
    spillable->kept[kind]->type->commit(spillable->kept[kind], &view);
    if (kind == SPILLABLE_DISK)
        spillable_disk_ended(spillable, take);
}

static void spillable_rollback(struct channel *channel, struct take *take)
{
    struct spillable_channel *spillable = spillable_of(channel);
    enum spillable_kind kind;
    struct take view = spillable_view(take, &kind);
    spillable->kept[kind]->type->rollback(spillable->kept[kind], &view);
    spillable->head -= take->count;
    spillable_run_add(spillable, spillable->runs.next, kind, take->count);
    if (kind == SPILLABLE_DISK)
        spillable_disk_ended(spillable, take);
}

static size_t spillable_count(const struct channel *channel)
{
    const struct spillable_channel *spillable = spillable_of(channel);
    return spillable_kept(spillable, SPILLABLE_MEMORY) + spillable_kept(spillable, SPILLABLE_DISK);
}

static size_t spillable_capacity(const struct channel *channel)
{
    return (size_t)(part_number(channel->part, "memoryCapacity") +
                    part_number(channel->part, "overflowCapacity"));
}

static bool spillable_opened(const struct channel *channel)
{
    return spillable_of(channel)->state != SPILLABLE_READING;
}

/* ---- opening and closing ---- */

/* The disk has events to hand out, or has read its files: it tells of both. */
static void spillable_on_disk(void *data)
{
    struct spillable_channel *spillable = data;
    struct channel *disk = spillable->kept[SPILLABLE_DISK];
    if (spillable->state == SPILLABLE_READING && channel_is_open(disk)) {
        if (channel_count(disk) > 0)
            spillable_arrived(spillable, SPILLABLE_DISK, channel_count(disk));
        spillable_move(spillable,
                       spillable->kept[SPILLABLE_MEMORY] ? SPILLABLE_TO_MEMORY : SPILLABLE_TO_DISK);
        channel_has_room(&spillable->channel);
    } else if (spillable->state == SPILLABLE_READING) {
        channel_wait(disk, &spillable->waiter);
    }
    channel_has_events(&spillable->channel);
}

static int spillable_open_part(struct spillable_channel *spillable, enum spillable_kind kind,
                               struct part *part, struct buf *problem)
{
    const struct channel *channel = &spillable->channel;
    spillable->parts[kind] = part;
    return channel_open(channel->env, &channel->logger, part, &spillable->kept[kind], problem);
}

static void spillable_free_parts(struct spillable_channel *spillable)
{
    for (int kind = 0; kind < SPILLABLE_KINDS; kind++) {
        if (spillable->kept[kind])
            channel_close(spillable->kept[kind]);
        if (spillable->parts[kind])
            part_free(spillable->parts[kind]);
    }
}

static int spillable_open(struct channel *channel, struct buf *problem)
{
    struct spillable_channel *spillable = spillable_of(channel);
    const struct part *part = channel->part;
    int err = 0;
    spillable->memory_capacity = (size_t)part_number(part, "memoryCapacity");
    int64_t used = 100 - part_number(part, "overflowDeactivationThreshold");
    spillable->memory_low = spillable->memory_capacity * (size_t)used / 100;
    spillable->patience_ms = part_number(part, "overflowTimeout") * 1000;
    channel->transaction_capacity = (size_t)part_number(part, "transactionCapacity");
    channel->keep_alive_ms = spillable->patience_ms + SPILLABLE_KEEP_ALIVE_MS;
    list_init(&spillable->runs);
    list_init(&spillable->puts);
    env_timer_init(channel->env, &spillable->patience, spillable_on_patience, spillable);
    channel_waiter_init(&spillable->waiter, spillable_on_disk, spillable);
    if (spillable->memory_capacity > 0)
        err =
            spillable_open_part(spillable, SPILLABLE_MEMORY, spillable_memory_part(part), problem);
    if (!err && part_number(part, "overflowCapacity") > 0)
        err = spillable_open_part(spillable, SPILLABLE_DISK, spillable_disk_part(part), problem);
    if (err) {
        spillable_free_parts(spillable);
        return err;
    }
    if (spillable->kept[SPILLABLE_DISK])
        channel_wait(spillable->kept[SPILLABLE_DISK], &spillable->waiter);
    else
        spillable_move(spillable, SPILLABLE_TO_MEMORY);
    return 0;
}

static void spillable_close(struct channel *channel)
{
    struct spillable_channel *spillable = spillable_of(channel);
    env_timer_stop(&spillable->patience);
    channel_wait_cancel(&spillable->waiter);
    while (!list_empty(&spillable->puts)) {
        struct spillable_put *under_way =
            LIST_ENTRY(spillable->puts.next, struct spillable_put, link);
        channel_put_cancel(&under_way->put);
        spillable_put_free(under_way);
    }
    while (!list_empty(&spillable->runs)) {
        struct spillable_run *run = LIST_ENTRY(spillable->runs.next, struct spillable_run, link);
        spillable_run_shorten(run, run->count);
    }
    spillable_free_parts(spillable);
}

const struct channel_type spillable_channel_type = {
    .part = {.kind = PART_CHANNEL,
             .name = "spillablememory",
             .class_name = "org.apache.flume.channel.SpillableMemoryChannel",
             .doc = "Events in memory, and on disk when there are too many of them.",
             .keys = spillable_keys,
             .check = spillable_check,
             .check_two = spillable_check_two},
    .size = sizeof(struct spillable_channel),
    .open = spillable_open,
    .close = spillable_close,
    .put = spillable_put,
    .forget = spillable_forget,
    .take = spillable_take,
    .commit = spillable_commit,
    .rollback = spillable_rollback,
    .divided = spillable_divided,
    .count = spillable_count,
    .capacity = spillable_capacity,
    .opened = spillable_opened,
};
