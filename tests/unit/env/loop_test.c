/* The loop of the real env: timers, posts, work, threads, signals, randomness. */
#include "../tap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "env/env.h"

static struct env *env;
static int order[64], order_count;

/* The environment asks for fewer workers than heavy jobs and a sync need together. */
static void begin(void)
{
    CHECK_INT(setenv("UV_THREADPOOL_SIZE", "1", 0), 0);
    CHECK_INT(env_new(&env), 0);
    order_count = 0;
}

struct tick {
    struct env_timer timer;
    int id;
    int again;
};

static void on_tick(void *data)
{
    struct tick *tick = data;
    order[order_count++] = tick->id;
    if (tick->again-- > 0)
        env_timer_start_us(&tick->timer, 0);
    else if (tick->id == 9)
        env_stop(env);
}

static void timers_fire_in_order_of_time_and_start(void)
{
    struct tick ticks[10];
    static const int delays_us[10] = {3000, 0, 1500, 0, 700, 3000, 100, 1500, 2000, 5000};
    static const int expected[] = {1, 3, 6, 4, 2, 7, 0, 5, 9};
    begin();
    for (int i = 0; i < 10; i++) {
        ticks[i] = (struct tick){.id = i};
        env_timer_init(env, &ticks[i].timer, on_tick, &ticks[i]);
        env_timer_start_us(&ticks[i].timer, delays_us[i]);
    }
    env_timer_stop(&ticks[8].timer);
    env_timer_stop(&ticks[8].timer);
    int64_t before_us = env_now_us(env);
    env_run(env);
    CHECK(env_now_us(env) - before_us >= 5000);
    CHECK_INT(order_count, 9);
    for (int i = 0; i < 9; i++)
        CHECK_INT(order[i], expected[i]);
    CHECK(!env_timer_running(&ticks[9].timer));
    env_free(env);
}

static void on_post(void *data)
{
    order[order_count++] = (int)(intptr_t)data;
    if ((intptr_t)data == 9)
        env_stop(env);
}

static void a_timer_that_restarts_itself_starves_nobody(void)
{
    struct tick tick = {.id = 1, .again = 20};
    begin();
    env_timer_init(env, &tick.timer, on_tick, &tick);
    env_timer_start_us(&tick.timer, 0);
    env_post(env, on_post, (void *)(intptr_t)9);
    env_run(env);
    CHECK(order_count < 22);
    CHECK(env_timer_running(&tick.timer));
    env_timer_stop(&tick.timer);
    env_free(env);
}

/* A timer of a turn, and what it starts for the end of that turn: links of a chain. */
struct chain {
    struct env_timer first;
    struct env_timer links[20];
    struct env_timer stopped;
    int fired;
};

static void on_link(void *data)
{
    struct chain *chain = data;
    order[order_count++] = chain->fired++;
    if (chain->fired < 20)
        env_timer_start_soon(&chain->links[chain->fired]);
    else
        env_stop(env);
}

static void on_first(void *data)
{
    struct chain *chain = data;
    env_post(env, on_post, (void *)(intptr_t)100); /* a turn later */
    env_timer_start_soon(&chain->stopped);
    env_timer_start_soon(&chain->links[0]);
    env_timer_stop(&chain->stopped);
}

/* Three links and more fire before the loop looks at anything else, and not all twenty. */
static void the_end_of_a_turn_comes_before_the_next_turn(void)
{
    struct chain chain = {0};
    begin();
    env_timer_init(env, &chain.first, on_first, &chain);
    env_timer_init(env, &chain.stopped, on_first, &chain);
    for (int i = 0; i < 20; i++)
        env_timer_init(env, &chain.links[i], on_link, &chain);
    env_timer_start_us(&chain.first, 0);
    env_run(env);
    CHECK_INT(order_count, 21);
    int at = 0;
    while (at < order_count && order[at] != 100)
        at++;
    CHECK(at >= 3 && at < 20);
    CHECK(!env_timer_running(&chain.stopped));
    env_timer_start_soon(&chain.stopped); /* dropped by env_free */
    env_free(env);
    CHECK(!env_timer_running(&chain.stopped));
}

static int taken_count;

static void on_take(void *data)
{
    struct env_timer *timer = data;
    taken_count += env_turn_take(env);
    CHECK(!env_turn_take(env));
    if (taken_count < 3)
        env_timer_start_us(timer, 0);
    else
        env_stop(env);
}

static void one_in_each_turn_takes_it(void)
{
    struct env_timer timer;
    begin();
    taken_count = 0;
    env_timer_init(env, &timer, on_take, &timer);
    env_timer_start_us(&timer, 0);
    env_run(env);
    CHECK_INT(taken_count, 3);
    env_free(env);
}

static void stop_leaves_later_posts_for_the_next_run(void)
{
    begin();
    for (intptr_t i = 8; i < 12; i++)
        env_post(env, on_post, (void *)i);
    env_run(env);
    CHECK_INT(order_count, 2);
    env_post(env, on_post, (void *)(intptr_t)9);
    env_run(env);
    CHECK_INT(order_count, 5);
    CHECK_INT(order[2], 10);
    CHECK_INT(order[3], 11);
    env_post(env, on_post, (void *)(intptr_t)1); /* dropped by env_free */
    env_free(env);
}

static void drop_sevens(void *data)
{
    order[order_count++] = (int)(intptr_t)data;
    env_post(env, on_post, (void *)(intptr_t)7);
    env_post_drop(env, on_post, (void *)(intptr_t)7);
    env_post(env, on_post, (void *)(intptr_t)9);
}

/* Those that the loop has taken over, and those that came since. */
static void dropped_posts_do_not_run(void)
{
    begin();
    env_post(env, drop_sevens, (void *)(intptr_t)1);
    env_post(env, on_post, (void *)(intptr_t)7);
    env_post(env, on_post, (void *)(intptr_t)8);
    env_post(env, on_post, (void *)(intptr_t)7);
    env_run(env);
    CHECK_INT(order_count, 3);
    CHECK_INT(order[0], 1);
    CHECK_INT(order[1], 8);
    CHECK_INT(order[2], 9);
    env_free(env);
}

enum { POSTERS = 4, POSTS = 5000 };
struct poster {
    struct env_thread *thread;
    int64_t next;
};
static struct poster posters[POSTERS];
static int64_t posts_seen;
static bool posts_in_order;

static void on_counted_post(void *data)
{
    int64_t number = (int64_t)(intptr_t)data;
    struct poster *poster = &posters[number % POSTERS];
    posts_in_order = posts_in_order && poster->next == number;
    poster->next = number + POSTERS;
    if (++posts_seen == POSTERS * POSTS)
        env_stop(env);
}

static void poster_main(void *data)
{
    int64_t number = (struct poster *)data - posters;
    for (int i = 0; i < POSTS; i++, number += POSTERS)
        env_post(env, on_counted_post, (void *)(intptr_t)number);
}

static void posts_of_threads_arrive_in_order(void)
{
    begin();
    posts_seen = 0;
    posts_in_order = true;
    for (int i = 0; i < POSTERS; i++) {
        posters[i].next = i;
        CHECK_INT(env_thread_start(&posters[i].thread, poster_main, &posters[i]), 0);
    }
    env_run(env);
    for (int i = 0; i < POSTERS; i++)
        env_thread_join(posters[i].thread);
    CHECK(posts_in_order);
    env_free(env);
}

enum { JOBS = 200 };
struct job {
    struct env_work work;
    int input, output;
};
static int jobs_done;

static void job_run(struct env_work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    job->output = job->input * 2;
}

static void job_done(struct env_work *work)
{
    (void)work;
    if (++jobs_done == JOBS)
        env_stop(env);
}

static void work_runs_elsewhere_and_reports_here(void)
{
    static struct job jobs[JOBS];
    begin();
    jobs_done = 0;
    for (int i = 0; i < JOBS; i++) {
        jobs[i].input = i;
        env_work_submit(env, &jobs[i].work, job_run, job_done);
    }
    env_run(env);
    for (int i = 0; i < JOBS; i++)
        CHECK_INT(jobs[i].output, i * 2);
    env_free(env);
}

enum { HEAVY = 20 };
static atomic_bool sync_done;
static int heavy_done;

/* Each holds its worker until the one that is not heavy has run. */
static void heavy_run(struct env_work *work)
{
    (void)work;
    while (!atomic_load(&sync_done))
        sched_yield();
}

static void heavy_end(struct env_work *work)
{
    (void)work;
    if (++heavy_done == HEAVY)
        env_stop(env);
}

static void sync_run(struct env_work *work)
{
    (void)work;
    atomic_store(&sync_done, true);
}

static void sync_end(struct env_work *work)
{
    (void)work;
}

static void heavy_work_leaves_workers_to_the_rest(void)
{
    static struct env_work heavy[HEAVY], sync;
    begin();
    heavy_done = 0;
    for (int i = 0; i < HEAVY; i++)
        env_work_submit_heavy(env, &heavy[i], heavy_run, heavy_end);
    env_work_submit(env, &sync, sync_run, sync_end);
    env_run(env);
    CHECK_INT(heavy_done, HEAVY);
    env_free(env);
}

/* Whoever frees a loop has heard of every job. */
static void heavy_work_ends_before_its_loop(void)
{
    static struct env_work heavy[HEAVY];
    begin();
    heavy_done = 0;
    atomic_store(&sync_done, true);
    for (int i = 0; i < HEAVY; i++)
        env_work_submit_heavy(env, &heavy[i], heavy_run, heavy_end);
    env_free(env);
    CHECK_INT(heavy_done, HEAVY);
}

enum { SYNCS = 12 };
static atomic_int syncs_met;

/* Each ends when all have begun, or after a long time. */
static void meet_run(struct env_work *work)
{
    int64_t end_us = env_now_us(work->env) + 20 * INT64_C(1000000);
    atomic_fetch_add(&syncs_met, 1);
    while (atomic_load(&syncs_met) < SYNCS && env_now_us(work->env) < end_us)
        sched_yield();
}

static void meet_end(struct env_work *work)
{
    (void)work;
    CHECK_INT(atomic_load(&syncs_met), SYNCS);
    if (++jobs_done == SYNCS)
        env_stop(env);
}

static void many_syncs_run_at_once(void)
{
    static struct env_work syncs[SYNCS];
    begin();
    jobs_done = 0;
    for (int i = 0; i < SYNCS; i++)
        env_work_submit(env, &syncs[i], meet_run, meet_end);
    env_run(env);
    env_free(env);
}

/* Where a thread stands among others. */
struct place {
    struct env_work work;
    int policy, nice;
};

static void place_look(struct place *place)
{
    place->policy = sched_getscheduler(0);
    errno = 0;
    place->nice = getpriority(PRIO_PROCESS, 0);
    CHECK_INT(errno, 0);
}

static void place_run(struct env_work *work)
{
    place_look(CONTAINER_OF(work, struct place, work));
}

static void place_end(struct env_work *work)
{
    (void)work;
    if (++jobs_done == 2)
        env_stop(env);
}

/* By weight and by policy; that slices are shorter shows only in how long others wait. */
static void heavy_work_stands_behind_the_rest(void)
{
    static struct place loop, heavy, sync;
    begin();
    jobs_done = 0;
    place_look(&loop);
    env_work_submit_heavy(env, &heavy.work, place_run, place_end);
    env_work_submit(env, &sync.work, place_run, place_end);
    env_run(env);
    CHECK_INT(sync.policy, loop.policy);
    CHECK_INT(sync.nice, loop.nice);
    if (loop.policy == SCHED_OTHER) {
        CHECK_INT(heavy.policy, SCHED_BATCH);
        CHECK(heavy.nice > loop.nice || loop.nice == 19);
    }
    place_look(&loop);
    CHECK_INT(sync.policy, loop.policy);
    env_free(env);
}

static void loop_main(void *data)
{
    env_run(data);
}

static void stop_works_from_another_thread(void)
{
    struct env_thread *thread;
    begin();
    CHECK_INT(env_thread_start(&thread, loop_main, env), 0);
    env_stop(env);
    env_thread_join(thread);
    env_free(env);
}

static void on_signal(void *data, int signum)
{
    *(int *)data = signum;
    env_stop(env);
}

static void signals_arrive_on_the_loop(void)
{
    int seen = 0;
    begin();
    CHECK_INT(env_on_signal(env, SIGHUP, on_signal, &seen), 0);
    CHECK_INT(kill(getpid(), SIGHUP), 0);
    env_run(env);
    CHECK_INT(seen, SIGHUP);
    env_free(env);
}

static void randomness_differs(void)
{
    uint8_t a[40] = {0}, b[40] = {0};
    begin();
    env_random_bytes(env, a, sizeof(a));
    env_random_bytes(env, b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    CHECK(env_random(env) != env_random(env));
    CHECK(env_wall_ms(env) > 1600000000000);
    env_free(env);
}

TAP_MAIN(TAP_TEST(timers_fire_in_order_of_time_and_start),
         TAP_TEST(a_timer_that_restarts_itself_starves_nobody),
         TAP_TEST(the_end_of_a_turn_comes_before_the_next_turn),
         TAP_TEST(one_in_each_turn_takes_it), TAP_TEST(stop_leaves_later_posts_for_the_next_run),
         TAP_TEST(dropped_posts_do_not_run), TAP_TEST(posts_of_threads_arrive_in_order),
         TAP_TEST(work_runs_elsewhere_and_reports_here),
         TAP_TEST(heavy_work_leaves_workers_to_the_rest), TAP_TEST(heavy_work_ends_before_its_loop),
         TAP_TEST(many_syncs_run_at_once), TAP_TEST(heavy_work_stands_behind_the_rest),
         TAP_TEST(stop_works_from_another_thread), TAP_TEST(signals_arrive_on_the_loop),
         TAP_TEST(randomness_differs))
