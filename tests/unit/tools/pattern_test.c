/* Patterns for names: Java's regular expressions, as far as they can be said here. */
#include "../tap.h"

#include "tools/tool.h"

static const struct tool_run run = {.called = "test"};

static void check(const char *text, const char *name, bool matches)
{
    struct tool_pattern *pattern = tool_pattern_new(&run, text);
    CHECK(pattern != NULL);
    CHECK_INT(tool_pattern_matches(pattern, name), matches);
    tool_pattern_free(pattern);
}

static void whole_names_match(void)
{
    check("orders", "orders", true);
    check("orders", "orders2", false);
    check("o.*", "orders", true);
    check("a,b|c", "b", true);
    check("a,b|c", "ab", false);
    check("a\\.b", "a.b", true);
    check("a\\.b", "axb", false);
}

static void javas_classes_are_known(void)
{
    check("t\\d+", "t17", true);
    check("t\\d+", "td", false);
    check("t\\D", "tx", true);
    check("t[\\d_]+", "t1_2", true);
    check("t[\\w.]+", "tA.9_", true);
    check("\\w+\\W", "a-", true);
    check("(?:a|b)c", "bc", true);
}

static void what_cannot_be_said_is_refused(void)
{
    static const char *const texts[] = {
        "x[",    "x*(", "\\p{L}+", "(?i)a", "(?!a)b",
        "a\\1b", "a\\", "[\\D]",   "a{1,2}" /* a comma separates, as in Kafka's tools */};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK(tool_pattern_new(&run, texts[i]) == NULL);
}

TAP_MAIN(TAP_TEST(whole_names_match), TAP_TEST(javas_classes_are_known),
         TAP_TEST(what_cannot_be_said_is_refused))
