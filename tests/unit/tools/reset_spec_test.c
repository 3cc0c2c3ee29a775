/* Points in time, lengths of time and CSV of offset resets. */
#include "../tap.h"

#include "base/mem.h"
#include "tools/reset_spec.h"

static void test_datetimes(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00.000", 0},
        {"1970-01-01T00:00:00", 0},
        {"1970-01-02T00:00:00.5", 86400500},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T12:34:56.789", INT64_C(951827696789)},
        {"2026-03-01T00:00:00.000Z", INT64_C(1772323200000)},
        {"2026-03-01T01:00:00.000+01:00", INT64_C(1772323200000)},
        {"2026-02-28T18:30:00.000-0530", INT64_C(1772323200000)},
        {"2026-03-01T02:00:00+02", INT64_C(1772323200000)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 7;
        CHECK(reset_spec_datetime(rows[i].text, &ms));
        CHECK_INT(ms, rows[i].ms);
    }
}

static void test_wrong_datetimes(void)
{
    static const char *const rows[] = {
        "",
        "now",
        "2026-03-01",
        "2026-03-01 00:00:00",
        "2026-13-01T00:00:00",
        "2026-02-29T00:00:00",
        "1900-02-29T00:00:00",
        "2026-03-01T24:00:00",
        "2026-03-01T00:60:00",
        "2026-03-01T00:00:00.",
        "2026-03-01T00:00:00.5X",
        "2026-03-01T00:00:00+",
        "2026-03-01T00:00:00+1:00",
        "26-03-01T00:00:00",
        "2026-00-01T00:00:00",
    };
    int64_t ms;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(!reset_spec_datetime(rows[i], &ms));
}

static void test_durations(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"P1D", 86400000}, {"PT1H", 3600000},          {"PT1M", 60000},  {"PT0.25S", 250},
        {"P0DT0H0M0S", 0}, {"P1DT2H3M4.5S", 93784500}, {"-PT1S", -1000}, {"PT-1S", -1000},
        {"pt10s", 10000},  {"PT1H30S", 3630000},       {"+PT1S", 1000},  {"PT-0.5S", -500},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 7;
        CHECK(reset_spec_duration(rows[i].text, &ms));
        CHECK_INT(ms, rows[i].ms);
    }
}

static void test_wrong_durations(void)
{
    static const char *const rows[] = {
        "",
        "P",
        "PT",
        "1D",
        "P1",
        "P1H",
        "PT1D",
        "PT1S1H",
        "PT1.5H",
        "PT1Sx",
        "P1DT",
        "PT1S1S",
        "PTS",
        "P99999999999999999999D",
        "P9999999999D",
    };
    int64_t ms;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(!reset_spec_duration(rows[i], &ms));
}

static void check_row(const char *line, const char *group, const char *topic, int partition,
                      int64_t offset)
{
    struct reset_spec_row row;
    CHECK(reset_spec_row(line, strlen(line), &row));
    CHECK_STR(row.group ? row.group : "(none)", group ? group : "(none)");
    CHECK_STR(row.topic, topic);
    CHECK_INT(row.partition, partition);
    CHECK_INT(row.offset, offset);
    reset_spec_row_free(&row);
}

static void test_rows(void)
{
    check_row("t,0,12", NULL, "t", 0, 12);
    check_row("g,t,3,0", "g", "t", 3, 0);
    check_row("\"g,\"\"1\",\"t\",3,9223372036854775807", "g,\"1", "t", 3, INT64_MAX);
}

static void test_wrong_rows(void)
{
    static const char *const rows[] = {
        "",
        "t",
        "t,0",
        "t,0,",
        "t,x,1",
        "t,0,-1",
        "t,-1,0",
        ",0,1",
        "a,b,c,0,1",
        "\"t,0,1",
        "t,2147483648,1",
        "t,0,1x",
        "t,0,9223372036854775808",
    };
    struct reset_spec_row row;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(!reset_spec_row(rows[i], strlen(rows[i]), &row));
}

static void test_cells(void)
{
    static const char *const texts[] = {"plain", "a,b", "say \"x\"", ""};
    static const char *const cells[] = {"plain", "\"a,b\"", "\"say \"\"x\"\"\"", ""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char *cell = reset_spec_cell(texts[i]);
        CHECK_STR(cell, cells[i]);
        mem_free(cell);
    }
}

TAP_MAIN(TAP_TEST(test_datetimes), TAP_TEST(test_wrong_datetimes), TAP_TEST(test_durations),
         TAP_TEST(test_wrong_durations), TAP_TEST(test_rows), TAP_TEST(test_wrong_rows),
         TAP_TEST(test_cells))
