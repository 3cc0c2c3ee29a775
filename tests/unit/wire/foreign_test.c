/* Clients of other protocols: their names, and how often they are told. */
#include "../tap.h"

#include <string.h>

#include "base/buf.h"
#include "wire/foreign.h"

static struct buf lines;

static void take(void *data, const char *line, int len)
{
    (void)data;
    CHECK_INT(buf_append(&lines, line, (size_t)len), 0);
}

static void check_name(const char *bytes, size_t len, const char *name)
{
    const char *found = foreign_name((const uint8_t *)bytes, len);
    CHECK_STR(found ? found : "", name);
}

static void first_bytes_tell(void)
{
    check_name("\x16\x03\x01\x02", 4, "TLS");
    check_name("\x16\x03\x03\x00\xf8", 5, "TLS");
    check_name("GET / HTTP/1.1", 14, "HTTP");
    check_name("POST", 4, "HTTP");
    check_name("SSH-2.0", 7, "SSH");
    check_name("PROXY TCP4", 10, "the PROXY protocol");
    check_name("\x16\x03\x01", 3, "");
    check_name("\x00\x00\x00\x20", 4, "");
    check_name("\x16\x03\x04\x00", 4, "");
    check_name("GETS", 4, "");
    CHECK(foreign_name(NULL, 0) == NULL);
}

static void once_a_minute(void)
{
    static struct foreign foreign;
    struct logger logger;
    buf_init(&lines);
    logger_init(&logger, "test", NULL, NULL);
    logger.sink = take;
    foreign_tell(&foreign, &logger, 1000, "10.0.0.1:4000", "TLS", "X");
    foreign_tell(&foreign, &logger, 1001, "10.0.0.1:4001", "TLS", "X");
    foreign_tell(&foreign, &logger, 1002, "10.0.0.1:4002", "HTTP", "X");
    foreign_tell(&foreign, &logger, 1003, "10.0.0.11:4003", "TLS", "X");
    foreign_sweep(&foreign, &logger, 1000 + FOREIGN_QUIET_MS - 1);
    CHECK_STR(buf_text(&lines),
              "WARN [test] closing the connection of 10.0.0.1:4000: it speaks TLS, and X\n"
              "WARN [test] closing the connection of 10.0.0.1:4002: it speaks HTTP, and X\n"
              "WARN [test] closing the connection of 10.0.0.11:4003: it speaks TLS, and X\n");
    lines.len = 0;
    foreign_sweep(&foreign, &logger, 1000 + FOREIGN_QUIET_MS);
    CHECK_STR(buf_text(&lines), "WARN [test] closed 1 more connections of 10.0.0.1 that speak "
                                "TLS in this minute\n");
    lines.len = 0;
    foreign_tell(&foreign, &logger, 1001 + FOREIGN_QUIET_MS, "10.0.0.1:5", "TLS", "X");
    CHECK_STR(buf_text(&lines), "WARN [test] closing the connection of 10.0.0.1:5: it speaks TLS, "
                                "and X\n");
    buf_close(&lines);
}

/* Those that can't be remembered get their line: the logger has a limit of its own. */
static void more_hosts_than_are_remembered(void)
{
    static struct foreign foreign;
    struct logger logger;
    char peer[ENV_ADDRESS_TEXT_MAX];
    buf_init(&lines);
    logger_init(&logger, "test", NULL, NULL);
    logger.sink = take;
    for (int i = 0; i < 2 * (FOREIGN_HOSTS_MAX + 1); i++) {
        snprintf(peer, sizeof(peer), "10.0.1.%d:1", i % (FOREIGN_HOSTS_MAX + 1));
        foreign_tell(&foreign, &logger, 1000, peer, "SSH", "X");
    }
    int count = 0;
    for (const char *at = buf_text(&lines); (at = strchr(at, '\n')); at++)
        count++;
    CHECK_INT(count, FOREIGN_HOSTS_MAX + 2);
    buf_close(&lines);
}

TAP_MAIN(TAP_TEST(first_bytes_tell), TAP_TEST(once_a_minute),
         TAP_TEST(more_hosts_than_are_remembered))
