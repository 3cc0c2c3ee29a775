/* Opening logs. Happy path: the log is opened on the worker pool, and its partition takes it.
 * Failure modes: a log that can't be opened is its partition's to deal with (offline, damaged); a
 * partition that went meanwhile has its log deleted or set aside when it is there, and the topic of
 * the same name that came meanwhile opens the directory then. */
#include "broker/replica/replica_openings.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "broker/replica/partition_private.h"

enum {
    OPENING_NAME_MAX = 280, /* topic (at most 249 bytes), "-", number */
    /* Opened at a time: what each takes meanwhile is as large as what it leaves, and a start opens
     * a hundred thousand. More than the worker pool and the loop can have in hand. */
    OPENINGS_MAX = 256,
    /* Those that wait, for room on a full disk or for a name, must not hold up the others: when so
     * few have come in that time, as many more begin. */
    OPENINGS_LOOK_MS = 500
};

/* A partition whose turn comes. */
struct opening_later {
    struct uuid topic_id;
    int32_t index;
};

struct replica_openings {
    struct replica_manager *manager;
    const struct replica_deps *deps;
    struct map by_name; /* "topic-0" -> struct opening */
    struct opening_later *later;
    size_t later_first, later_count, later_cap; /* those from `later_first` on wait */
    size_t most;                                /* at a time now: OPENINGS_MAX, or more */
    size_t ended;                               /* since `look` was started */
    struct env_timer look;                      /* runs while any wait for their turn */
};

struct opening {
    struct replica_openings *openings;
    struct uuid topic_id;
    char *topic;
    int32_t index;
    bool keep; /* its partition went without a record that says so */
    char name[OPENING_NAME_MAX];
};

static void openings_look(void *data);

struct replica_openings *replica_openings_new(struct replica_manager *manager)
{
    struct replica_openings *openings = mem_alloc(sizeof(*openings));
    openings->manager = manager;
    openings->deps = replica_manager_deps(manager);
    openings->most = OPENINGS_MAX;
    map_init(&openings->by_name);
    env_timer_init(openings->deps->env, &openings->look, openings_look, openings);
    return openings;
}

static void opening_free(struct opening *opening)
{
    mem_free(opening->topic);
    mem_free(opening);
}

void replica_openings_free(struct replica_openings *openings)
{
    size_t cursor = 0;
    struct opening *opening;
    while ((opening = map_next(&openings->by_name, &cursor, NULL, NULL)))
        opening_free(opening);
    map_close(&openings->by_name);
    env_timer_stop(&openings->look);
    mem_free(openings->later);
    mem_free(openings);
}

size_t replica_openings_count(const struct replica_openings *openings)
{
    ASSERT(openings->later_first <= openings->later_count);
    return openings->by_name.count + openings->later_count - openings->later_first;
}

static void openings_start_look(struct replica_openings *openings)
{
    openings->ended = 0;
    env_timer_start(&openings->look, OPENINGS_LOOK_MS);
}

static void openings_put_off(struct replica_openings *openings, const struct partition *partition)
{
    ASSERT(partition->state == PARTITION_OPENING);
    if (!env_timer_running(&openings->look))
        openings_start_look(openings);
    if (openings->later_count == openings->later_cap) {
        openings->later_cap = openings->later_cap ? openings->later_cap * 2 : OPENINGS_MAX;
        openings->later =
            mem_realloc(openings->later, openings->later_cap * sizeof(*openings->later));
    }
    ASSERT(openings->later_count < openings->later_cap);
    openings->later[openings->later_count++] =
        (struct opening_later){partition->topic_id, partition->index};
}

/* Those that went meanwhile, or are being opened, are passed over. */
static void openings_take_later(struct replica_openings *openings)
{
    while (openings->later_first < openings->later_count &&
           openings->by_name.count < openings->most) {
        const struct opening_later *next = &openings->later[openings->later_first++];
        struct partition *partition =
            replica_manager_get(openings->manager, &next->topic_id, next->index);
        if (partition && partition->state == PARTITION_OPENING)
            replica_openings_open(openings, partition);
    }
    if (openings->later_first < openings->later_count)
        return;
    ASSERT(openings->later_first == openings->later_count);
    mem_free(openings->later);
    openings->later = NULL;
    openings->later_first = openings->later_count = openings->later_cap = 0;
    openings->most = OPENINGS_MAX;
    env_timer_stop(&openings->look);
    ASSERT(openings->later_cap == 0);
}

static void openings_look(void *data)
{
    struct replica_openings *openings = data;
    ASSERT(openings->later_first < openings->later_count);
    ASSERT(openings->most >= OPENINGS_MAX);
    if (openings->ended < OPENINGS_MAX)
        openings->most += OPENINGS_MAX;
    openings_start_look(openings);
    openings_take_later(openings);
}

static void opening_name(char name[OPENING_NAME_MAX], const struct partition *partition)
{
    snprintf(name, OPENING_NAME_MAX, "%s-%d", partition->topic, partition->index);
}

static struct opening *openings_of(const struct replica_openings *openings,
                                   const struct partition *partition)
{
    char name[OPENING_NAME_MAX];
    opening_name(name, partition);
    return map_get(&openings->by_name, name, strlen(name));
}

/* The directory is free again: the topic of the same name that came meanwhile takes it. */
static void openings_open_next(struct replica_openings *openings, const char *topic_name,
                               int32_t index)
{
    int err;
    struct partition *next =
        replica_manager_by_name(openings->manager, topic_name, strlen(topic_name), index, &err);
    if (next && next->state == PARTITION_OPENING)
        replica_openings_open(openings, next);
}

static void openings_opened(void *data, int err, struct log *log)
{
    struct opening *opening = data;
    struct replica_openings *openings = opening->openings;
    struct replica_manager *manager = openings->manager;
    ASSERT(err <= 0);
    ASSERT((err != 0) == (log == NULL));
    ASSERT(opening->index >= 0);
    ASSERT(openings->by_name.count > 0);
    map_del(&openings->by_name, opening->name, strlen(opening->name));
    struct partition *partition = replica_manager_get(manager, &opening->topic_id, opening->index);
    if (!partition) {
        replica_openings_let_go(openings, log, opening->keep);
        if (err == ERR_CORRUPT && !opening->keep)
            replica_openings_discard(openings, opening->topic, opening->index);
        openings_open_next(openings, opening->topic, opening->index);
    } else {
        if (err && err != ERR_CORRUPT) /* of damage the log has told, with what to do */
            logger_error(openings->deps->logger, "%s: can't open the log: %s", opening->name,
                         err_text(err));
        partition_opened(partition, err, log);
        replica_manager_review(manager, partition);
    }
    opening_free(opening);
    openings->ended++;
    openings_take_later(openings);
    replica_manager_opened(manager);
}

static struct opening *opening_start(struct replica_openings *openings,
                                     const struct partition *partition)
{
    ASSERT(partition->state == PARTITION_OPENING);
    ASSERT(openings_of(openings, partition) == NULL);
    struct opening *opening = mem_alloc(sizeof(*opening));
    opening_name(opening->name, partition);
    opening->openings = openings;
    opening->topic_id = partition->topic_id;
    opening->topic = mem_strdup(partition->topic);
    opening->index = partition->index;
    map_put(&openings->by_name, opening->name, strlen(opening->name), opening);
    struct live_topic settings;
    live_settings_topic(openings->deps->live, partition->topic, &settings);
    settings.log.doubted =
        partition->emptied && image_ids_have(&partition->isr, openings->deps->node_id);
    log_manager_open(openings->deps->logs, partition->topic, partition->index, &partition->topic_id,
                     &settings.log, openings_opened, opening);
    return opening;
}

void replica_openings_open(struct replica_openings *openings, struct partition *partition)
{
    ASSERT(partition->state == PARTITION_OPENING);
    ASSERT(partition->log == NULL);
    if (openings_of(openings, partition))
        return; /* openings_opened comes back to it */
    if (openings->by_name.count >= openings->most)
        openings_put_off(openings, partition);
    else
        (void)opening_start(openings, partition);
}

void replica_openings_forget(struct replica_openings *openings, const struct partition *partition,
                             bool keep)
{
    struct opening *opening = openings_of(openings, partition);
    /* Its turn has not come. What there is of it on the disk goes as that of any other. */
    if (!opening && partition->state == PARTITION_OPENING &&
        replica_manager_is_current(openings->manager))
        opening = opening_start(openings, partition);
    if (opening && uuid_equal(&opening->topic_id, &partition->topic_id))
        opening->keep = keep;
}

void replica_openings_let_go(struct replica_openings *openings, struct log *log, bool keep)
{
    if (log && keep)
        log_manager_set_aside(openings->deps->logs, log);
    else if (log)
        log_manager_delete(openings->deps->logs, log);
}

void replica_openings_discard(struct replica_openings *openings, const char *topic, int32_t index)
{
    int err = log_manager_discard(openings->deps->logs, topic, index);
    if (err)
        logger_warn(openings->deps->logger, "%s-%d: the damaged replica can't be set aside: %s",
                    topic, index, err_text(err));
}
