/* Who is silent, and who only looks so: the controller's watch over brokers on a virtual clock. */
#include "../unit/tap.h"

#include <string.h>

#include "base/logger.h"
#include "controller/liveness.h"
#include "sim.h"

enum { SESSION_MS = 1000, MS = 1000 };

static struct sim *sim;
static struct sim_node *node;
static struct env *env;
static struct logger logger;
static struct image *image;
static struct liveness *liveness;
static int fenced;

static void on_fence(void *data, int32_t id, int64_t epoch, const char *reason)
{
    (void)data, (void)id, (void)epoch, (void)reason;
    fenced++;
}

static int64_t wall_ms(void *data)
{
    return env_wall_ms(data);
}

static void add_broker(int32_t id)
{
    uint8_t incarnation[16] = {1};
    Meta__BrokerRecord body = META__BROKER_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.id = id;
    body.incarnation = (ProtobufCBinaryData){sizeof(incarnation), incarnation};
    record.fact_case = META__RECORD__FACT_BROKER;
    record.broker = &body;
    CHECK_INT(image_apply(image, &record), 0);
}

static void begin(void)
{
    sim = sim_new(1);
    node = sim_node_new(sim, "controller");
    env = sim_env_new(node);
    logger_init(&logger, "test", wall_ms, env);
    image = image_new();
    add_broker(1);
    fenced = 0;
    liveness = liveness_new(env, &logger, SESSION_MS, on_fence, NULL);
}

static void finish(void)
{
    liveness_free(liveness);
    image_free(image);
    sim_free(sim);
}

static void silence_ends_a_session(void)
{
    begin();
    liveness_start(liveness, image, -1, -1);
    liveness_touch(liveness, 1);
    sim_run_for(sim, (SESSION_MS - 10) * MS);
    CHECK_INT(fenced, 0);
    sim_run_for(sim, 100 * MS);
    CHECK(fenced > 0);
    finish();
}

/* The heartbeats of that time lie in the sockets. */
static void a_loop_that_stood_still_fences_nobody(void)
{
    begin();
    liveness_start(liveness, image, -1, -1);
    liveness_touch(liveness, 1);
    sim_run_for(sim, 200 * MS);
    sim_node_pause(node, 3 * SESSION_MS * MS);
    sim_run_for(sim, (3 * SESSION_MS + 300) * MS);
    CHECK_INT(fenced, 0);
    sim_run_for(sim, SESSION_MS * MS); /* but silence after it counts */
    CHECK(fenced > 0);
    finish();
}

/* A process that hangs takes its broker with it, whose silence began when the voter's did. */
static void the_former_controller_is_given_less_time(void)
{
    begin();
    sim_run_for(sim, 2 * SESSION_MS * MS);
    liveness_start(liveness, image, 1, env_now_ms(env) - 800);
    sim_run_for(sim, 250 * MS);
    CHECK_INT(fenced, 0);
    sim_run_for(sim, 200 * MS);
    CHECK(fenced > 0);
    finish();
}

TAP_MAIN(TAP_TEST(silence_ends_a_session), TAP_TEST(a_loop_that_stood_still_fences_nobody),
         TAP_TEST(the_former_controller_is_given_less_time))
