/* Lines of syslog: both forms, what is left out, and what is none. */
#include "../tap.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "tools/agent/syslog.h"

/* 2026-12-01T12:00:00Z */
static int64_t now_ms = 1796126400000;

/* "name=value name=value|body" of the line. */
static void check_line(const struct syslog_rules *rules, const char *line, const char *wanted)
{
    char got[2000] = "";
    size_t len = strlen(line);
    struct block *block = block_new(len); /* so that a read beyond it is seen */
    memcpy(block->data, line, len);
    struct event event = {.block = block, .body = block->data, .len = (uint32_t)len};
    syslog_read(rules, now_ms, false, &event);
    for (size_t i = 0; i < event.headers->count; i++)
        snprintf(got + strlen(got), 500, "%s%s=%s", i ? " " : "", event.headers->rows[i].name,
                 event.headers->rows[i].value);
    snprintf(got + strlen(got), 500, "|%.*s", (int)event.len, (const char *)event.body);
    CHECK_STR(got, wanted);
    event_unref(&event);
}

static void both_forms(void)
{
    static const struct syslog_rules rules = {0};
    check_line(&rules, "<34>1 2026-11-30T12:00:00.5Z host-1.example app - hi",
               "Facility=4 Severity=2 host=host-1.example priority=34 timestamp=1796040000500 "
               "version=1|app - hi");
    check_line(&rules, "<165>1 2026-12-01T13:00:00.123456+01:00 h m",
               "Facility=20 Severity=5 host=h priority=165 timestamp=1796126400123 version=1|m");
    check_line(&rules, "<13>2026-12-01T11:00:00-0100 h m",
               "Facility=1 Severity=5 host=h priority=13 timestamp=1796126400000|m");
    check_line(&rules, "<13>Nov  1 00:00:00 h m m",
               "Facility=1 Severity=5 host=h priority=13 timestamp=1793491200000|m m");
    check_line(&rules, "<0>1 - - m", "Facility=0 Severity=0 priority=0 version=1|m");
}

/* Without a year it is the one that is near. */
static void years_are_near(void)
{
    static const struct syslog_rules rules = {.multiport = true};
    check_line(&rules, "<13>Dec 31 00:00:00 h m",
               "Facility=1 Priority=13 Severity=5 host=h timestamp=1798675200000|m");
    check_line(&rules, "<13>Jan 10 00:00:00 h m",
               "Facility=1 Priority=13 Severity=5 host=h timestamp=1768003200000|m");
    now_ms = 1798718400000; /* 2026-12-31T12:00:00Z */
    check_line(&rules, "<13>Jan  2 00:00:00 h m",
               "Facility=1 Priority=13 Severity=5 host=h timestamp=1798848000000|m");
    now_ms = 1798848000000; /* 2027-01-02T00:00:00Z */
    check_line(&rules, "<13>Dec 31 00:00:00 h m",
               "Facility=1 Priority=13 Severity=5 host=h timestamp=1798675200000|m");
    now_ms = 1796126400000;
}

static void what_is_none(void)
{
    static const struct syslog_rules tcp = {0}, multiport = {.multiport = true};
    static const char *const bad[] = {"no priority", "<>x", "<1234>x", "<1", "<12x>y", "<"};
    static const char *const half[] = {"<13>",
                                       "<13>hello",
                                       "<13>Dec 1",
                                       "<13>Dec 32 00:00:00 h m",
                                       "<13>Dec 1 24:00:00 h m",
                                       "<13>2026-13-01T00:00:00Z h m",
                                       "<13>2026-12-01T00:00:00.Z h m",
                                       "<13>2026-12-01T00:00:00+1 h m",
                                       "<13>Dec 1 00:00:00 h",
                                       "<13>1 2026-12-01T00:00:00Zh m",
                                       "<13>Dec 1 00:00:00  m"};
    char wanted[200];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(wanted, sizeof(wanted), "Facility=0 Severity=0 flume.syslog.status=Invalid|%s",
                 bad[i]);
        check_line(&tcp, bad[i], wanted);
        snprintf(wanted, sizeof(wanted), "flume.syslog.status=Invalid|%s", bad[i]);
        check_line(&multiport, bad[i], wanted);
    }
    for (size_t i = 0; i < sizeof(half) / sizeof(half[0]); i++) {
        snprintf(wanted, sizeof(wanted), "Facility=1 Severity=5|%s", half[i]);
        check_line(&tcp, half[i], wanted);
        snprintf(wanted, sizeof(wanted), "flume.syslog.status=Invalid|%s", half[i]);
        check_line(&multiport, half[i], wanted);
    }
}

static void fields_are_kept(void)
{
    static const char line[] = "<34>1 2026-11-30T12:00:00Z h m";
    static const char head[] = "Facility=4 Severity=2 host=h priority=34 timestamp=1796040000000 "
                               "version=1|";
    static const struct {
        const char *fields, *body;
    } rows[] = {{"none", "m"},
                {"false", "m"},
                {"all", line},
                {"true", line},
                {"priority version", "<34>1 m"},
                {"hostname,timestamp", "2026-11-30T12:00:00Z h m"}};
    char wanted[300];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct syslog_rules rules = {0};
        CHECK(syslog_keep(&rules, rows[i].fields));
        snprintf(wanted, sizeof(wanted), "%s%s", head, rows[i].body);
        check_line(&rules, line, wanted);
    }
    struct syslog_rules rules = {0};
    CHECK(!syslog_keep(&rules, "priority host"));
}

static void every_cut(void)
{
    static const char line[] = "<34>1 2026-11-30T12:00:00.5+01:00 host message";
    static const struct syslog_rules rules = {.keep_hostname = true};
    for (size_t len = 1; len < sizeof(line); len++) {
        struct block *block = block_new(len);
        memcpy(block->data, line, len);
        struct event event = {.block = block, .body = block->data, .len = (uint32_t)len};
        syslog_read(&rules, now_ms, true, &event);
        const char *status = headers_find(event.headers, "flume.syslog.status")->value;
        CHECK_STR(status, len < 4 ? "Invalid" : "Incomplete");
        event_unref(&event);
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    static const struct tap_test tests[] = {TAP_TEST(both_forms), TAP_TEST(years_are_near),
                                            TAP_TEST(what_is_none), TAP_TEST(fields_are_kept),
                                            TAP_TEST(every_cut)};
    return tap_run(tests, (int)(sizeof(tests) / sizeof(tests[0])));
}
