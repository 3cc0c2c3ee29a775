/* Lists of settings: what is added and taken away. */
#include "../tap.h"

#include <string.h>

#include "meta/config_list.h"

static void check(const char *list, const char *more, bool append, const char *expected)
{
    char out[64];
    config_list_change(list, more, append, out);
    CHECK_STR(out, expected);
}

static void elements_are_added_once(void)
{
    check("", "", true, "");
    check("", "a", true, "a");
    check("a,b", "b,c,c", true, "a,b,c");
    check("a,,a,", ",ab", true, "a,ab");
}

static void elements_are_taken_away(void)
{
    check("a,b,c,b", "b", false, "a,c");
    check("a,ab", "a,,x", false, "ab");
    check("a,a", "", false, "a,a");
    check("a", "a", false, "");
}

static void elements_are_counted(void)
{
    CHECK_INT(config_list_count("", 0), 0);
    CHECK_INT(config_list_count("a", 1), 1);
    CHECK_INT(config_list_count("a,b,", 4), 3);
}

TAP_MAIN(TAP_TEST(elements_are_added_once), TAP_TEST(elements_are_taken_away),
         TAP_TEST(elements_are_counted))
