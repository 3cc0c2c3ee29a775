/* Rows as Kafka's text, as a table and as JSON. */
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
    static const struct report_column rows[] = {{"topic", "TOPIC", 8, NULL},
                                                {.name = "lowWatermark"},
                                                {"error", "ERROR", 0, "none"},
                                                REPORT_END};
    struct report *report = report_new("partitions");
    report_columns(report, rows);
    return report;
}

static void all_forms_say_the_same(void)
{
    struct report *report = columns();
    report_text(report, "orders");
    report_number(report, INT64_MAX);
    report_text(report, NULL);
    report_text(report, "\"q\"");
    report_number_unless(report, -1, -2);
    report_text(report, "OFFSET_OUT_OF_RANGE");
    CHECK_STR(printed(report, REPORT_JSON),
              "{\"partitions\":["
              "{\"topic\":\"orders\",\"lowWatermark\":9223372036854775807,\"error\":null},"
              "{\"topic\":\"\\\"q\\\"\",\"lowWatermark\":-1,\"error\":\"OFFSET_OUT_OF_RANGE\"}]}"
              "\n");
    const char *table = printed(report, REPORT_TABLE);
    CHECK(strncmp(table, "TOPIC  LOW-WATERMARK       ERROR", 32) == 0);
    CHECK(strstr(table, "\norders 9223372036854775807 -"));
    CHECK(strstr(table, "\n\"q\"    -1                  OFFSET_OUT_OF_RANGE"));
    CHECK_STR(printed(report, REPORT_KAFKA), "TOPIC    ERROR\n"
                                             "orders   none\n"
                                             "\"q\"      OFFSET_OUT_OF_RANGE\n");
    report_lines(report, "{topic}:{lowWatermark} {error}");
    CHECK_STR(printed(report, REPORT_KAFKA), "orders:9223372036854775807 none\n"
                                             "\"q\":-1 OFFSET_OUT_OF_RANGE\n");
    report_show(report, "error", false);
    CHECK(strncmp(printed(report, REPORT_TABLE), "TOPIC  LOW-WATERMARK\n", 21) == 0);
    CHECK(strstr(printed(report, REPORT_JSON), "\"error\":null"));
    report_lines(report, NULL);
    CHECK_STR(printed(report, REPORT_KAFKA), "TOPIC\norders\n\"q\"\n");
    report_clear(report);
    CHECK_STR(printed(report, REPORT_KAFKA), "TOPIC\n");
    report_free(report);
}

static void no_rows(void)
{
    struct report *report = columns();
    CHECK_STR(printed(report, REPORT_JSON), "{\"partitions\":[]}\n");
    CHECK_STR(printed(report, REPORT_TABLE), "TOPIC LOW-WATERMARK ERROR\n");
    CHECK_STR(printed(report, REPORT_KAFKA), "TOPIC    ERROR\n");
    report_free(report);
}

static struct report *cells(void)
{
    static const struct report_column rows[] = {{.name = "leaderId"}, {.name = "ids"},
                                                {.name = "none"},     {.name = "isFenced"},
                                                {.name = "nodes"},    REPORT_END};
    struct report *report = report_new(NULL);
    const int32_t ids[] = {3, 1, 2};
    report_columns(report, rows);
    report_number(report, 7);
    report_as(report, "%d ms ago", 5);
    report_ids(report, ids, 3);
    report_ids(report, NULL, -1);
    report_flag(report, true);
    report_value(report, json_pack("[{s:i}]", "id", 1));
    return report;
}

static void one_row_with_all_kinds_of_cells(void)
{
    struct report *report = cells();
    CHECK_STR(printed(report, REPORT_JSON),
              "{\"leaderId\":7,\"ids\":[3,1,2],\"none\":null,\"isFenced\":true,"
              "\"nodes\":[{\"id\":1}]}\n");
    CHECK_STR(printed(report, REPORT_TABLE), "FIELD     VALUE\n"
                                             "LEADER-ID 5 ms ago\n"
                                             "IDS       3,1,2\n"
                                             "NONE      -\n"
                                             "IS-FENCED true\n"
                                             "NODES     [{\"id\": 1}]\n");
    report_lines(report, "{leaderId}|{ids}|{none}|{isFenced}|{nodes}");
    CHECK_STR(printed(report, REPORT_KAFKA), "5 ms ago|3,1,2|-|true|[{\"id\": 1}]\n");
    report_free(report);
}

static void several_in_one_object(void)
{
    struct report *rows = columns(), *one = cells();
    const struct report *both[] = {rows, one};
    size_t size;
    free(text);
    FILE *out = open_memstream(&text, &size);
    report_print_all(both, 2, REPORT_JSON, out);
    fclose(out);
    CHECK(strncmp(text, "{\"partitions\":[],\"leaderId\":7,", 30) == 0);
    free(text);
    out = open_memstream(&text, &size);
    report_print_all(both, 2, REPORT_TABLE, out);
    fclose(out);
    CHECK(strncmp(text, "TOPIC LOW-WATERMARK ERROR\n\nFIELD ", 33) == 0);
    report_free(rows);
    report_free(one);
}

static void bytes_that_are_no_text(void)
{
    struct report *report = columns();
    report_text(report, "a\xff\xc3\xa4");
    report_text(report, "\xc3\xa4");
    report_number(report, 0);
    CHECK_STR(printed(report, REPORT_JSON), "{\"partitions\":[{\"topic\":\"a???\",\"lowWatermark\":"
                                            "\"\xc3\xa4\",\"error\":0}]}\n");
    report_free(report);
}

TAP_MAIN(TAP_TEST(all_forms_say_the_same), TAP_TEST(no_rows),
         TAP_TEST(one_row_with_all_kinds_of_cells), TAP_TEST(several_in_one_object),
         TAP_TEST(bytes_that_are_no_text))
