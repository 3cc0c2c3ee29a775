/* A wall clock that is set: what expires by age does not go because of it. */
#include "../unit/tap.h"

#include "env/steady_clock.h"
#include "log_process.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS, TOLERANCE_MS = 50 };

static void run_for_ms(struct sim *sim, int64_t ms)
{
    sim_run_for(sim, ms * 1000);
}

#define CHECK_NEAR(got, expected)                                                                  \
    CHECK((got) >= (expected)-TOLERANCE_MS && (got) <= (expected) + TOLERANCE_MS)

static void a_step_ahead_waits_a_day(void)
{
    struct sim *sim = sim_new(1);
    struct sim_node *node = sim_node_new(sim, "a");
    struct env *env = sim_env_new(node);
    struct steady_clock clock;
    sim_node_set_wall_offset(node, 0);
    steady_clock_init(&clock, env);
    int64_t start_ms = steady_clock_ms(&clock);
    sim_node_set_wall_offset(node, 8 * (int64_t)DAY_MS);
    for (int hour = 0; hour < 24; hour++) {
        CHECK_NEAR(steady_clock_ms(&clock), start_ms + hour * (int64_t)HOUR_MS);
        CHECK(steady_clock_is_held(&clock));
        run_for_ms(sim, HOUR_MS);
    }
    CHECK_NEAR(steady_clock_ms(&clock), start_ms + 9 * (int64_t)DAY_MS);
    CHECK(!steady_clock_is_held(&clock));
    sim_node_kill(node);
    sim_free(sim);
}

static void a_step_that_is_undone_never_counts(void)
{
    struct sim *sim = sim_new(2);
    struct sim_node *node = sim_node_new(sim, "a");
    struct env *env = sim_env_new(node);
    struct steady_clock clock;
    sim_node_set_wall_offset(node, 0);
    steady_clock_init(&clock, env);
    int64_t start_ms = steady_clock_ms(&clock);
    sim_node_set_wall_offset(node, DAY_MS);
    run_for_ms(sim, HOUR_MS);
    CHECK_NEAR(steady_clock_ms(&clock), start_ms + HOUR_MS);
    sim_node_set_wall_offset(node, 0);
    run_for_ms(sim, HOUR_MS);
    CHECK_NEAR(steady_clock_ms(&clock), start_ms + 2 * HOUR_MS);
    sim_node_set_wall_offset(node, -HOUR_MS);
    CHECK_NEAR(steady_clock_ms(&clock), start_ms + HOUR_MS);
    run_for_ms(sim, HOUR_MS);
    CHECK_NEAR(steady_clock_ms(&clock), start_ms + 2 * HOUR_MS);
    sim_node_kill(node);
    sim_free(sim);
}

static void small_corrections_are_followed(void)
{
    struct sim *sim = sim_new(3);
    struct sim_node *node = sim_node_new(sim, "a");
    struct env *env = sim_env_new(node);
    struct steady_clock clock;
    sim_node_set_wall_offset(node, 0);
    steady_clock_init(&clock, env);
    int64_t start_ms = steady_clock_ms(&clock);
    sim_node_set_wall_offset(node, 30 * 1000);
    CHECK_NEAR(steady_clock_ms(&clock), start_ms + 30 * 1000);
    CHECK(!steady_clock_is_held(&clock));
    sim_node_kill(node);
    sim_free(sim);
}

/* ---- a log ---- */

enum { BATCHES = 40 }; /* over several segments */

static void append_all(void *data)
{
    struct log_process *w = data;
    for (int i = 0; i < BATCHES; i++) {
        struct log_append result;
        struct buf batch = batch_make((struct batch_spec){.count = 1,
                                                          .value_len = 1000,
                                                          .timestamp = env_wall_ms(w->world.env),
                                                          .producer_id = 7,
                                                          .sequence = i});
        CHECK_INT(log_append(w->world.log, batch.data, batch.len, LOG_FROM_CLIENT, 0, &result), 0);
        buf_close(&batch);
    }
    log_set_high_watermark(w->world.log, BATCHES);
}

static void records_and_producers_stay(void)
{
    struct log_process w;
    log_process_init(&w, 4, append_all, &w);
    w.world.config.retention_ms = 7 * (int64_t)DAY_MS;
    w.world.manager_config.retention_check_ms = 5 * MINUTE_MS;
    log_process_boot(&w);
    run_for_ms(w.sim, HOUR_MS);
    sim_node_set_wall_offset(w.node, 30 * (int64_t)DAY_MS);
    run_for_ms(w.sim, HOUR_MS);
    CHECK_INT(log_start_offset(w.world.log), 0);
    CHECK(log_knows_producer(w.world.log, 7, 0));
    sim_node_set_wall_offset(w.node, 0);
    run_for_ms(w.sim, HOUR_MS);
    CHECK_INT(log_start_offset(w.world.log), 0);
    run_for_ms(w.sim, 8 * (int64_t)DAY_MS);
    CHECK_INT(log_start_offset(w.world.log), BATCHES); /* by their true age they go */
    CHECK(!log_knows_producer(w.world.log, 7, 0));
    log_process_close(&w);
}

TAP_MAIN(TAP_TEST(a_step_ahead_waits_a_day), TAP_TEST(a_step_that_is_undone_never_counts),
         TAP_TEST(small_corrections_are_followed), TAP_TEST(records_and_producers_stay))
