/* A whole broker, as the daemon makes it: nothing that it lets people change is left without a part
 * that acts on it. */
#include "../tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "broker/broker.h"
#include "tests/lib/config_maker.h"

static void ignore(void *data)
{
    (void)data;
}

static void remove_all(const char *root)
{
    char *command = mem_printf("rm -rf %s", root);
    CHECK_INT(system(command), 0);
    mem_free(command);
}

static void each_live_setting_has_a_subscriber(void)
{
    char root[] = "/tmp/millrace-broker-XXXXXX";
    struct env *env;
    struct logger logger;
    struct broker *broker;
    struct buf problem;
    size_t live = 0;
    CHECK(mkdtemp(root) != NULL);
    char *text = mem_printf("broker.id=1\ncontroller.quorum.voters=1@localhost:19092\n"
                            "listeners=PLAINTEXT://127.0.0.1:0\nlog.dirs=%s\n",
                            root);
    struct config *config = config_make(text);
    mem_free(text);
    CHECK_INT(env_new(&env), 0);
    logger_init(&logger, "test", NULL, NULL);
    logger.level = LOGGER_FATAL;
    buf_init(&problem);
    CHECK_INT(broker_new(env, &logger, config, ignore, NULL, &problem, &broker), 0);
    CHECK_STR(buf_text(&problem), "");
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        if (!live_settings_is_live(id))
            continue;
        if (!live_settings_is_subscribed(broker->live, id))
            printf("# %s\n", config_row(id)->name);
        CHECK(live_settings_is_subscribed(broker->live, id));
        live++;
    }
    CHECK(live > 20);
    live_settings_check(broker->live);
    broker_free(broker);
    buf_close(&problem);
    config_free(config);
    env_free(env);
    remove_all(root);
}

TAP_MAIN(TAP_TEST(each_live_setting_has_a_subscriber))
