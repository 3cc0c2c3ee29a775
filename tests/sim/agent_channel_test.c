/* The agent's file channel on a simulated disk: the power fails in the middle of each changing disk
 * call, one after another, and kill -9 at any step. After a start every event whose put ended well
 * is there, in its order, unless its take was committed before. What was put without an answer may
 * be there, and what was committed may come again after a power cut, but not after a kill -9. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sim.h"
#include "tools/agent/channel.h"

enum { EVENTS_MAX = 4000, DEADLINE_US = 60 * 1000 * 1000, STEPS = 60 };

extern const struct channel_type file_channel_type, spillable_channel_type;
/* The only types here: the others need what the simulation does not have. */
const struct part_type *const agent_types[] = {&file_channel_type.part,
                                               &spillable_channel_type.part};
const size_t agent_types_count = 2;

struct life;

/* A put of one life. */
struct trial {
    struct put put;
    struct life *life;
    struct event events[8];
    int first;
};

/* The state of one event, over all lives. */
enum fate { NEVER, ASKED, PUT, TAKEN };

struct life {
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    struct logger logger;
    struct part *part;
    struct channel *channel;
    struct take *take;
    struct trial trial;
    struct env_timer timer;
    struct buf problem;
    enum fate fates[EVENTS_MAX];
    int next;     /* the next event's number */
    int taken_to; /* of this life: the last number that was handed out */
    int steps_left;
    uint64_t pause_us; /* the longest between two steps */
    bool faulty;       /* writes fail now and then */
    bool only_puts;
    bool forgets; /* what was committed may come again */
    uint32_t event_size;
    bool putting, opened, done;
};

static void life_step(void *data);

static void silent(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static void life_put_ended(struct put *put, int status)
{
    struct trial *trial = CONTAINER_OF(put, struct trial, put);
    struct life *life = trial->life;
    for (size_t i = 0; i < put->count; i++)
        if (status == 0 && life->fates[trial->first + (int)i] == ASKED)
            life->fates[trial->first + (int)i] = PUT;
    event_unref_all(trial->events, put->count);
    life->putting = false;
}

static void life_put(struct life *life)
{
    struct trial *trial = &life->trial;
    size_t count = 1 + sim_random(life->sim) % 8;
    char text[32];
    if (life->putting || life->next + 8 > EVENTS_MAX)
        return;
    trial->life = life;
    trial->first = life->next;
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(text, sizeof(text), "%d", life->next);
        struct block *block = block_new(life->event_size);
        memset(block->data, '.', life->event_size);
        memcpy(block->data, text, (size_t)len);
        trial->events[i] =
            (struct event){.block = block, .body = block->data, .len = life->event_size};
        life->fates[life->next++] = ASKED;
    }
    trial->put = (struct put){.events = trial->events, .count = count, .done = life_put_ended};
    life->putting = true;
    int status = channel_put(life->channel, &trial->put, true);
    if (status != TRANSACTION_PENDING)
        life_put_ended(&trial->put, status);
}

static int number_of(const struct event *event)
{
    char text[12] = {0};
    memcpy(text, event->body, 11);
    return (int)strtol(text, NULL, 10);
}

/* Events come in order within a life, and each of them was put. */
static void life_check_take(struct life *life)
{
    for (size_t i = 0; i < life->take->count; i++) {
        int number = number_of(&life->take->events[i]);
        CHECK(number > life->taken_to);
        CHECK(number < life->next);
        CHECK(life->fates[number] != TAKEN);
        for (int between = life->taken_to + 1; between < number; between++)
            CHECK(life->fates[between] != PUT); /* it would have been left out */
        life->taken_to = number;
    }
}

static void life_take(struct life *life)
{
    channel_take(life->channel, life->take);
    if (life->take->count == 0)
        return;
    if (sim_random(life->sim) % 4 == 0) {
        channel_rollback(life->take);
        return;
    }
    life_check_take(life);
    for (size_t i = 0; i < life->take->count; i++)
        life->fates[number_of(&life->take->events[i])] = TAKEN;
    channel_commit(life->take);
}

static void life_step(void *data)
{
    struct life *life = data;
    if (life->faulty && sim_random(life->sim) % 4 == 0)
        sim_disk_fail(life->node, SIM_DISK_WRITE | SIM_DISK_SYNC, 1, 1 + sim_random(life->sim) % 2,
                      ERR_NO_SPACE);
    if (life->only_puts || sim_random(life->sim) % 3 != 0)
        life_put(life);
    else
        life_take(life);
    if (life->steps_left-- == 0)
        life->done = true;
    else
        env_timer_start_us(&life->timer, (int64_t)(sim_random(life->sim) % life->pause_us));
}

static void life_open(void *data)
{
    struct life *life = data;
    life->problem.len = 0;
    int err = channel_open(life->env, &life->logger, life->part, &life->channel, &life->problem);
    if (err) {
        life->channel = NULL;
        return;
    }
    life->opened = true;
    life->taken_to = -1;
    life->steps_left = STEPS;
    env_timer_init(life->env, &life->timer, life_step, life);
    env_timer_start_us(&life->timer, 0);
}

static bool over(void *data)
{
    struct life *life = data;
    return life->done || sim_node_is_down(life->node);
}

static void life_begin(struct life *life)
{
    life->opened = life->done = life->putting = false;
    life->channel = NULL;
    life->env = sim_env_new(life->node);
    env_post(life->env, life_open, life);
}

/* The memory of a process that is gone is given back. */
static void life_bury(struct life *life)
{
    sim_env_reap(life->env);
    if (life->putting) {
        channel_put_cancel(&life->trial.put);
        event_unref_all(life->trial.events, life->trial.put.count);
    }
    if (life->channel)
        channel_close(life->channel);
    sim_node_restart(life->node);
}

/* All that is in it: in order, and no event is missing. */
static bool drained(void *data)
{
    struct life *life = data;
    if (sim_node_is_down(life->node))
        return true;
    if (!life->opened || life->putting || !channel_is_open(life->channel))
        return false;
    channel_take(life->channel, life->take);
    if (life->take->count == 0)
        return channel_count(life->channel) == 0;
    life_check_take(life);
    for (size_t i = 0; i < life->take->count; i++)
        life->fates[number_of(&life->take->events[i])] = TAKEN;
    channel_commit(life->take);
    return false;
}

static void life_drain(struct life *life)
{
    life_begin(life);
    life->steps_left = 0;
    bool came = sim_run_until(life->sim, over, life, sim_now_us(life->sim) + DEADLINE_US);
    CHECK(came && life->opened);
    came = sim_run_until(life->sim, drained, life, sim_now_us(life->sim) + DEADLINE_US);
    CHECK(came);
    for (int i = 0; i < life->next; i++)
        CHECK(life->fates[i] != PUT); /* nothing that was acknowledged is missing */
    sim_node_kill(life->node);
    life_bury(life);
}

/* Without memory a spillable channel keeps what a file channel keeps. */
static void life_set_type(struct life *life, const struct channel_type *type)
{
    bool spillable = type == &spillable_channel_type;
    life->part = part_new(&type->part, "c", "a1.channels.c.", "sim.conf", 1);
    part_add(life->part, spillable ? "overflowCapacity" : "capacity", "20000", 1, &life->problem);
    if (spillable)
        part_add(life->part, "memoryCapacity", "0", 1, &life->problem);
}

static void life_init(struct life *life, const struct channel_type *type, uint64_t seed,
                      const char *checkpoint_ms)
{
    static const char *const values[][2] = {
        {"checkpointDir", "/a/checkpoint"}, {"dataDirs", "/a/one,/a/two"},
        {"maxFileSize", "1048576"},         {"minimumRequiredSpace", "1048576"},
        {"useDualCheckpoints", "true"},     {"backupCheckpointDir", "/a/backup"}};
    *life = (struct life){.sim = sim_new(seed)};
    life->node = sim_node_new(life->sim, "agent");
    logger_init(&life->logger, "agent", NULL, NULL);
    life->logger.sink = silent;
    buf_init(&life->problem);
    life_set_type(life, type);
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        part_add(life->part, values[i][0], values[i][1], 1, &life->problem);
    part_add(life->part, "checkpointInterval", checkpoint_ms, 1, &life->problem);
    part_check(life->part, &life->problem);
    CHECK_STR(buf_text(&life->problem), "");
    life->take = take_new(7);
    life->pause_us = 3000;
    life->event_size = 300;
}

static void life_close(struct life *life)
{
    take_free(life->take);
    part_free(life->part);
    buf_close(&life->problem);
    sim_free(life->sim);
}

/* kill -9; what it handed out may come again. */
static void life_kill(struct life *life)
{
    if (!sim_node_is_down(life->node)) {
        sim_disk_crash_at(life->node, 0);
        sim_disk_fail(life->node, SIM_DISK_ANY, 0, 0, 0);
        sim_node_kill(life->node);
    }
    life_bury(life);
    for (int i = 0; i < life->next && life->forgets; i++)
        if (life->fates[i] == TAKEN)
            life->fates[i] = ASKED;
}

/* One course: lives that a fault ends, and what is left after each. */
static uint64_t course(const struct channel_type *type, uint64_t seed, bool power, uint64_t first,
                       uint64_t step)
{
    struct life life;
    life_init(&life, type, seed, "20");
    life.forgets = power;
    sim_disk_set_unordered(life.node, seed % 2 == 0);
    uint64_t at = first, lives = 0;
    for (; lives < 12 && life.next + 500 < EVENTS_MAX; lives++, at += step) {
        life_begin(&life);
        if (power)
            sim_disk_crash_at(life.node, at);
        bool came = sim_run_until(life.sim, over, &life, sim_now_us(life.sim) + DEADLINE_US);
        CHECK(came);
        life_kill(&life);
    }
    life_drain(&life);
    life_close(&life);
    return lives;
}

static void power_cuts_at_every_disk_call(void)
{
    for (uint64_t at = 1; at < 600; at++)
        course(&file_channel_type, at, true, at, 1 + at % 7);
}

static void kills_at_any_time(void)
{
    for (uint64_t seed = 1; seed < 300; seed++)
        course(&file_channel_type, seed * 1000, false, 0, 0);
}

static void a_spillable_channel_keeps_its_disk(void)
{
    for (uint64_t at = 1; at < 200; at++)
        course(&spillable_channel_type, at, true, at, 1 + at % 7);
    for (uint64_t seed = 1; seed < 100; seed++)
        course(&spillable_channel_type, seed * 1000, false, 0, 0);
}

/* Puts fail, takes alone are written when the disk has had some time, and then comes the kill. */
static void kills_after_puts_that_failed(void)
{
    for (uint64_t seed = 1; seed < 200; seed++) {
        struct life life;
        life_init(&life, &file_channel_type, seed, "100000");
        life.faulty = life.forgets = true;
        life.pause_us = 3000 * 1000;
        for (int lives = 0; lives < 6; lives++) {
            life_begin(&life);
            sim_run_for(life.sim, (int64_t)(sim_random(life.sim) % 30000000));
            life_kill(&life);
        }
        life.faulty = false;
        life.pause_us = 3000;
        life_drain(&life);
        life_close(&life);
    }
}

static void count_file(void *data, const char *name)
{
    (void)name;
    (*(int *)data)++;
}

/* Puts that fail for minutes leave no files behind. */
static void a_full_disk_gets_no_segments(void)
{
    struct life life;
    int files = 0;
    life_init(&life, &file_channel_type, 1, "20");
    life.pause_us = 5000 * 1000; /* longer than takes alone wait */
    life.only_puts = true;
    life_begin(&life);
    sim_run_for(life.sim, 2000000);
    CHECK(life.opened && life.fates[0] == PUT);
    sim_node_disk_left(life.node, 1000000); /* less than minimumRequiredSpace */
    sim_run_for(life.sim, 100000000);
    CHECK_INT(sim_disk_each(life.node, "/a/one", count_file, &files), 0);
    CHECK_INT(sim_disk_each(life.node, "/a/two", count_file, &files), 0);
    CHECK(files <= 2 + 4); /* the locks; a few files */
    sim_node_disk_full(life.node, false);
    life_kill(&life);
    life.pause_us = 3000;
    life_drain(&life);
    life_close(&life);
}

/* Without a sync for each put: what a checkpoint lets a start skip is on disk, in all segments. */
static void a_checkpoint_stands_on_what_is_synced(void)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct life life;
        life_init(&life, &file_channel_type, seed, "20");
        part_add(life.part, "fsyncPerTransaction", "false", 1, &life.problem);
        part_add(life.part, "fsyncInterval", "1", 1, &life.problem);
        life.only_puts = life.forgets = true;
        life.event_size = 20000; /* several segments */
        life_begin(&life);
        sim_run_for(life.sim, 5000000);
        CHECK(life.done && life.fates[life.next - 1] == PUT);
        sim_node_kill_power(life.node);
        life_kill(&life);
        life_drain(&life);
        life_close(&life);
    }
}

TAP_MAIN(TAP_TEST(a_checkpoint_stands_on_what_is_synced), TAP_TEST(power_cuts_at_every_disk_call),
         TAP_TEST(kills_at_any_time), TAP_TEST(a_spillable_channel_keeps_its_disk),
         TAP_TEST(kills_after_puts_that_failed), TAP_TEST(a_full_disk_gets_no_segments))
