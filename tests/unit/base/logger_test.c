/* The logger: levels of areas, and lines. */
#include "../tap.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/logger.h"

static struct buf lines;
static int asked; /* how often an argument was evaluated */

static void take(void *data, const char *line, int len)
{
    (void)data;
    CHECK_INT(buf_append(&lines, line, (size_t)len), 0);
}

static int ask(void)
{
    return ++asked;
}

static struct logger logger_for_test(struct logger_levels *levels)
{
    struct logger logger;
    logger_init(&logger, "test 1", NULL, NULL);
    logger.sink = take;
    logger.levels = levels;
    lines.len = 0;
    return logger;
}

static void check_level(const struct logger_levels *levels, enum logger_area area,
                        enum logger_level level)
{
    CHECK_STR(logger_level_word(logger_levels_get(levels, area)), logger_level_word(level));
}

static void an_area_has_the_level_above_it(void)
{
    struct logger_levels levels;
    logger_levels_init(&levels, LOGGER_INFO);
    for (int i = 0; i < LOGGER_AREAS; i++)
        check_level(&levels, (enum logger_area)i, LOGGER_INFO);
    logger_levels_set(&levels, LOGGER_BROKER, LOGGER_WARN);
    check_level(&levels, LOGGER_ROOT, LOGGER_INFO);
    check_level(&levels, LOGGER_BROKER, LOGGER_WARN);
    check_level(&levels, LOGGER_BROKER_LOG, LOGGER_WARN);
    check_level(&levels, LOGGER_CONTROLLER_RAFT, LOGGER_INFO);
    logger_levels_set(&levels, LOGGER_BROKER_LOG, LOGGER_TRACE);
    logger_levels_set(&levels, LOGGER_ROOT, LOGGER_FATAL);
    check_level(&levels, LOGGER_CONTROLLER_RAFT, LOGGER_FATAL);
    check_level(&levels, LOGGER_BROKER, LOGGER_WARN);
    logger_levels_unset(&levels, LOGGER_BROKER);
    check_level(&levels, LOGGER_BROKER, LOGGER_FATAL);
    check_level(&levels, LOGGER_BROKER_NET, LOGGER_FATAL);
    check_level(&levels, LOGGER_BROKER_LOG, LOGGER_TRACE);
}

static void names_are_found(void)
{
    for (int i = 0; i < LOGGER_AREAS; i++) {
        enum logger_area area = LOGGER_AREAS;
        const char *name = logger_area_name((enum logger_area)i);
        CHECK(logger_area_find(name, strlen(name), &area));
        CHECK_INT(area, i);
        CHECK(!logger_area_find(name, strlen(name) - 1, &area));
    }
    enum logger_level level;
    CHECK(logger_level_find("FATAL", 5, &level));
    CHECK_INT(level, LOGGER_FATAL);
    CHECK(!logger_level_find("fatal", 5, &level));
    CHECK(!logger_level_find("", 0, &level));
}

static void check_wrong(const char *text, const char *problem)
{
    struct logger_levels levels;
    struct buf said;
    buf_init(&said);
    logger_levels_init(&levels, LOGGER_INFO);
    CHECK_INT(logger_levels_read(&levels, text, &said), ERR_INVALID);
    CHECK_STR(buf_text(&said), problem);
    buf_close(&said);
}

static void levels_are_read(void)
{
    struct logger_levels levels;
    struct buf said;
    buf_init(&said);
    logger_levels_init(&levels, LOGGER_INFO);
    CHECK_INT(logger_levels_read(&levels, "", &said), 0);
    CHECK_INT(logger_levels_read(&levels, " , broker = WARN,broker.log=DEBUG ,", &said), 0);
    check_level(&levels, LOGGER_BROKER_NET, LOGGER_WARN);
    check_level(&levels, LOGGER_BROKER_LOG, LOGGER_DEBUG);
    CHECK_INT(said.len, 0);
    buf_close(&said);
    check_wrong("broker=WARN,broker.log", "broker.log: write it as area=LEVEL, where LEVEL is one "
                                          "of TRACE DEBUG INFO WARN ERROR FATAL");
    check_wrong("broker=LOUD", "broker=LOUD: write it as area=LEVEL, where LEVEL is one of TRACE "
                               "DEBUG INFO WARN ERROR FATAL");
    check_wrong("kafka=INFO",
                "kafka is no area: those are root node broker broker.channel broker.group "
                "broker.log broker.metadata broker.net broker.replica controller "
                "controller.election controller.peer controller.raft");
}

static void a_line_below_the_level_costs_nothing(void)
{
    struct logger_levels levels;
    buf_init(&lines);
    logger_levels_init(&levels, LOGGER_INFO);
    struct logger logger = logger_for_test(&levels);
    struct logger raft = logger_of_area(&logger, LOGGER_CONTROLLER_RAFT);
    asked = 0;
    logger_debug(&logger, "%d", ask());
    logger_trace(&raft, "%d", ask());
    CHECK_INT(asked, 0);
    logger_levels_set(&levels, LOGGER_CONTROLLER, LOGGER_DEBUG); /* the copy sees it */
    logger_debug(&logger, "%d", ask());
    logger_debug(&raft, "%d", ask());
    logger_trace(&raft, "%d", ask());
    logger_warn(&logger, "%d", ask());
    logger_levels_set(&levels, LOGGER_ROOT, LOGGER_FATAL);
    logger_error(&logger, "%d", ask());
    CHECK_STR(buf_text(&lines), "DEBUG [test 1] 1\nWARN [test 1] 2\n");
    buf_close(&lines);
}

static void a_logger_without_areas_has_its_own_level(void)
{
    buf_init(&lines);
    struct logger logger = logger_for_test(NULL);
    logger_debug(&logger, "off");
    logger.level = LOGGER_TRACE;
    logger_trace(&logger, "on");
    CHECK_STR(buf_text(&lines), "TRACE [test 1] on\n");
    buf_close(&lines);
}

static void lines_on_demand_are_not_held_back(void)
{
    struct logger_quota quota = {.left = 1};
    buf_init(&lines);
    struct logger logger = logger_for_test(NULL);
    logger.quota = &quota;
    logger.level = LOGGER_DEBUG;
    for (int i = 0; i < 2; i++) {
        logger_debug(&logger, "debug");
        logger_info(&logger, "info");
    }
    CHECK_STR(buf_text(&lines), "DEBUG [test 1] debug\nINFO [test 1] info\nDEBUG [test 1] debug\n");
    CHECK_INT(quota.held, 1);
    buf_close(&lines);
}

static void data_can_not_forge_a_line(void)
{
    buf_init(&lines);
    struct logger logger = logger_for_test(NULL);
    logger_info(&logger, "a%sb", "\nWARN [test 1] \x1b[2J\x7f");
    CHECK_STR(buf_text(&lines), "INFO [test 1] a\\x0aWARN [test 1] \\x1b[2J\\x7fb\n");
    buf_close(&lines);
}

TAP_MAIN(TAP_TEST(an_area_has_the_level_above_it), TAP_TEST(names_are_found),
         TAP_TEST(levels_are_read), TAP_TEST(a_line_below_the_level_costs_nothing),
         TAP_TEST(a_logger_without_areas_has_its_own_level),
         TAP_TEST(lines_on_demand_are_not_held_back), TAP_TEST(data_can_not_forge_a_line))
