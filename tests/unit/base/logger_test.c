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
        check_level(&levels, (enum logger_area)i, i == LOGGER_REQUEST ? LOGGER_WARN : LOGGER_INFO);
    logger_levels_set(&levels, LOGGER_BROKER, LOGGER_WARN);
    check_level(&levels, LOGGER_ROOT, LOGGER_INFO);
    check_level(&levels, LOGGER_BROKER, LOGGER_WARN);
    check_level(&levels, LOGGER_BROKER_LOG, LOGGER_WARN);
    check_level(&levels, LOGGER_CONTROLLER_RAFT, LOGGER_INFO);
    logger_levels_set(&levels, LOGGER_BROKER_LOG, LOGGER_TRACE);
    logger_levels_set(&levels, LOGGER_ROOT, LOGGER_FATAL);
    check_level(&levels, LOGGER_CONTROLLER_RAFT, LOGGER_FATAL);
    logger_levels_set(&levels, LOGGER_ROOT, LOGGER_DEBUG);
    check_level(&levels, LOGGER_REQUEST, LOGGER_WARN); /* it is asked for by name */
    logger_levels_unset(&levels, LOGGER_REQUEST);
    check_level(&levels, LOGGER_REQUEST, LOGGER_DEBUG);
    logger_levels_set(&levels, LOGGER_ROOT, LOGGER_FATAL);
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
    check_wrong(
        "kafka=INFO",
        "kafka is no area: those are root node broker broker.channel broker.group "
        "broker.log broker.metadata broker.net broker.replica broker.txn "
        "controller controller.election controller.peer controller.raft kafka.request.logger");
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

static int64_t wall_ms(void *data)
{
    (void)data;
    return 951827696007; /* a leap day */
}

static struct logger json_logger(void)
{
    struct logger logger = logger_for_test(NULL);
    logger.json = true;
    logger.node_id = 7;
    logger.area = LOGGER_BROKER_LOG;
    return logger;
}

/* The message of a line as it stands between its quotes. */
static void check_message(const char *text, const char *message)
{
    struct logger logger = json_logger();
    struct buf expected;
    buf_init(&expected);
    logger_info(&logger, "%s", text);
    buf_printf(&expected,
               "{\"level\":\"INFO\",\"area\":\"broker.log\",\"node\":7,\"message\":\"%s\"}\n",
               message);
    CHECK_STR(buf_text(&lines), buf_text(&expected));
    buf_close(&expected);
}

static void a_line_is_an_object(void)
{
    buf_init(&lines);
    struct logger logger = json_logger();
    logger.wall_ms = wall_ms;
    logger_warn(&logger, "%d files", 3);
    CHECK_STR(buf_text(&lines),
              "{\"time\":\"2000-02-29T12:34:56.007Z\",\"level\":\"WARN\",\"area\":"
              "\"broker.log\",\"node\":7,\"message\":\"3 files\"}\n");
    buf_close(&lines);
}

static void any_byte_can_stand_in_a_message(void)
{
    buf_init(&lines);
    check_message("\"\\/", "\\\"\\\\/");
    check_message("a\n\t\x01\x1b\x1f\x7f", "a\\u000a\\u0009\\u0001\\u001b\\u001f\\u007f");
    check_message("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbf",
                  "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbf");
    check_message("\x80-\xff-\xc3", "\\\\x80-\\\\xff-\\\\xc3"); /* no UTF-8 */
    check_message("\xc1\xbf", "\\\\xc1\\\\xbf");                /* longer than it need be */
    check_message("\xe0\x9f\xbf", "\\\\xe0\\\\x9f\\\\xbf");
    check_message("\xf0\x8f\xbf\xbf", "\\\\xf0\\\\x8f\\\\xbf\\\\xbf");
    check_message("\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80");            /* half a pair */
    check_message("\xf4\x90\x80\x80", "\\\\xf4\\\\x90\\\\x80\\\\x80"); /* beyond the last */
    check_message("\xe2\x82", "\\\\xe2\\\\x82");
    buf_close(&lines);
}

/* What does not fit is cut between characters, wherever it comes to an end. */
static void a_long_line_is_a_whole_object(void)
{
    static const char *const parts[] = {"x", "\"", "\x01", "\xff", "\xc3\xa4", "\xf0\x9f\x98\x80"};
    buf_init(&lines);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (int before = 0; before < 8; before++) {
            struct logger logger = json_logger();
            struct buf text;
            buf_init(&text);
            buf_printf(&text, "%.*s", before, "........");
            while (text.len < 3000)
                buf_printf(&text, "%s", parts[i]);
            logger_info(&logger, "%s", buf_text(&text));
            buf_close(&text);
            const char *line = buf_text(&lines);
            size_t len = strlen(line);
            CHECK(len > 1900 && len <= 2048);
            CHECK_STR(line + len - 3, "\"}\n");
            CHECK(strchr(line, '\n') == line + len - 1);
            CHECK(i != 1 || line[len - 5] == '\\'); /* the last quote is an escaped one */
            CHECK(i != 2 || memcmp(line + len - 9, "\\u0001", 6) == 0);
            CHECK(i != 3 || memcmp(line + len - 8, "\\\\xff", 5) == 0);
        }
    }
    buf_close(&lines);
}

TAP_MAIN(TAP_TEST(an_area_has_the_level_above_it), TAP_TEST(names_are_found),
         TAP_TEST(levels_are_read), TAP_TEST(a_line_below_the_level_costs_nothing),
         TAP_TEST(a_logger_without_areas_has_its_own_level),
         TAP_TEST(lines_on_demand_are_not_held_back), TAP_TEST(data_can_not_forge_a_line),
         TAP_TEST(a_line_is_an_object), TAP_TEST(any_byte_can_stand_in_a_message),
         TAP_TEST(a_long_line_is_a_whole_object))
