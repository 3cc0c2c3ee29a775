/* Which events of a file channel are done, as ranges of their numbers. */
#include "../tap.h"

#include "tools/agent/file_ranges.h"

static void ranges(void)
{
    struct file_ranges done;
    file_ranges_init(&done, 10);
    CHECK_INT(file_ranges_add(&done, 5, 8), 0);
    CHECK_INT(file_ranges_add(&done, 20, 30), 10);
    CHECK_INT(file_ranges_add(&done, 40, 50), 10);
    CHECK_INT(file_ranges_add(&done, 25, 45), 10);
    CHECK_INT(done.count, 1);
    CHECK(file_ranges_has(&done, 49) && !file_ranges_has(&done, 50) && !file_ranges_has(&done, 19));
    CHECK_INT(file_ranges_left(&done, 60), 20);
    CHECK_INT(file_ranges_add(&done, 8, 20), 10);
    CHECK_INT(done.head, 50);
    CHECK_INT(done.count, 0);
    CHECK_INT(file_ranges_left(&done, 50), 0);
    file_ranges_close(&done);
}

TAP_MAIN(TAP_TEST(ranges))
