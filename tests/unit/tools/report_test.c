/* Rows as a table and as JSON. */
#include "../tap.h"

#include <stdlib.h>

#include "tools/report.h"

static char *text; /* what was printed last */

static const char *printed(const struct report *report, enum report_format format)
{
    size_t size;
    free(text);
    FILE *out = open_memstream(&text, &size);
    report_print(report, format, out);
    fclose(out);
    return text;
}

static struct report *columns(void)
{
    struct report *report = report_new("partitions");
    report_column(report, "topic");
    report_column(report, "low_watermark");
    report_column(report, "error");
    return report;
}

static void both_forms_say_the_same(void)
{
    struct report *report = columns();
    report_text(report, "orders");
    report_number(report, INT64_MAX);
    report_text(report, NULL);
    report_text(report, "\"q\"");
    report_number(report, -1);
    report_text(report, "OFFSET_OUT_OF_RANGE");
    CHECK_STR(
        printed(report, REPORT_JSON),
        "{\"partitions\":["
        "{\"topic\":\"orders\",\"low_watermark\":9223372036854775807,\"error\":null},"
        "{\"topic\":\"\\\"q\\\"\",\"low_watermark\":-1,\"error\":\"OFFSET_OUT_OF_RANGE\"}]}\n");
    const char *table = printed(report, REPORT_TABLE);
    CHECK(strncmp(table, "TOPIC  LOW-WATERMARK       ERROR", 32) == 0);
    CHECK(strstr(table, "\norders 9223372036854775807 -"));
    CHECK(strstr(table, "\n\"q\"    -1                  OFFSET_OUT_OF_RANGE"));
    report_free(report);
}

static void no_rows(void)
{
    struct report *report = columns();
    CHECK_STR(printed(report, REPORT_JSON), "{\"partitions\":[]}\n");
    CHECK_STR(printed(report, REPORT_TABLE), "TOPIC LOW-WATERMARK ERROR\n");
    report_free(report);
}

static void bytes_that_are_no_text(void)
{
    struct report *report = columns();
    report_text(report, "a\xff\xc3\xa4");
    report_text(report, "\xc3\xa4");
    report_number(report, 0);
    CHECK_STR(printed(report, REPORT_JSON),
              "{\"partitions\":[{\"topic\":\"a???\",\"low_watermark\":"
              "\"\xc3\xa4\",\"error\":0}]}\n");
    report_free(report);
}

TAP_MAIN(TAP_TEST(both_forms_say_the_same), TAP_TEST(no_rows), TAP_TEST(bytes_that_are_no_text))
