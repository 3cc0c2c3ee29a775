/* The URIs of configurations. */
#include "../tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "tools/agent/flume_start.h"

static void uris_are_paths(void)
{
    static const struct {
        const char *uri, *conf, *path; /* NULL = it is refused */
    } rows[] = {
        {"file:///etc/flume.conf", NULL, "/etc/flume.conf"},
        {"file:/etc/flume.conf", "/c", "/etc/flume.conf"},
        {"FILE://localhost/etc/a%20b%2Fc.conf", NULL, "/etc/a b/c.conf"},
        {"/etc/flume.conf", NULL, "/etc/flume.conf"},
        {"flume.conf", "/c", "flume.conf"},
        {"classpath:flume.conf", "/c", "/c/flume.conf"},
        {"classpath://flume.conf", "/c", "/c/flume.conf"},
        {"classpath:///sub/flume.conf", "/c", "/c/sub/flume.conf"},
        {"classpath:flume.conf", NULL, "flume.conf"},
        {"http://host/flume.conf", NULL, NULL},
        {"https://host/flume.conf", NULL, NULL},
        {"file://host/flume.conf", NULL, NULL},
        {"file:flume.conf", NULL, NULL},
        {"file:", NULL, NULL},
        {"", NULL, NULL},
        {"file:///a%0Ab", NULL, NULL},
        {"file:///a%00b", NULL, NULL},
        {"file:///a%4", NULL, NULL},
        {"file:///a%", NULL, NULL},
        {"file:///a%zz", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf problem;
        buf_init(&problem);
        char *path = flume_start_uri(rows[i].uri, rows[i].conf, &problem);
        CHECK_STR(path ? path : "refused", rows[i].path ? rows[i].path : "refused");
        CHECK((problem.len > 0) == (path == NULL));
        mem_free(path);
        buf_close(&problem);
    }
}

TAP_MAIN(TAP_TEST(uris_are_paths))
