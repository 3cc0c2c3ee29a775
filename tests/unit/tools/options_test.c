/* The command line of a tool, and tables. */
#include "../tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "tools/options.h"
#include "tools/table.h"

static const struct option_row rows[] = {
    OPTION("topic", "NAME", "The topic."),
    OPTION("partitions", "N", "How many."),
    OPTION("create", NULL, "Make it."),
    OPTION_MANY("config", "NAME=VALUE", "A setting."),
    OPTION_REST("props", "NAME=VALUE ...", "Settings."),
    OPTION_SAME_REST("old-props", "NAME=VALUE ...", "props"),
    OPTION_WITH("create|alter", "replicas", "N", "How many replicas."),
    OPTION("bootstrap-server", "HOST:PORT", "Brokers."),
    OPTION_SAME("broker-list", "HOST:PORT", "bootstrap-server"),
    OPTION("compression-codec", "[CODEC]",
           "The codec; a long sentence that needs more than one line of "
           "the usage, since it goes on and on."),
    OPTION_LETTER('i', "id", "N", "An id."),
    OPTION_OLD("force", NULL),
    OPTION_END,
};

struct parsed {
    struct options *options;
    struct buf problem;
    int err;
};

/* The words of `line`, separated by blanks. */
static void parse(struct parsed *p, const char *line)
{
    static char copy[512];
    char *argv[32], *save = NULL;
    int argc = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    buf_init(&p->problem);
    p->options = NULL;
    p->err = options_parse(rows, argc, argv, 1, &p->problem, &p->options);
}

static void done(struct parsed *p)
{
    options_free(p->options);
    buf_close(&p->problem);
}

static void check_problem(const char *line, int err, const char *sentence)
{
    struct parsed p;
    parse(&p, line);
    CHECK_STR(buf_text(&p.problem), sentence);
    CHECK_INT(p.err, err);
    done(&p);
}

static void values_come_in_all_forms(void)
{
    static const char *const lines[] = {
        "--create --topic T --partitions 3",
        "-create -topic T -partitions 3",
        "--topic=T --create --partitions=3",
        "-topic=T -partitions=3 --create",
        "--topic T --topic T --partitions 3 --partitions 3 --create",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct parsed p;
        int64_t partitions;
        parse(&p, lines[i]);
        CHECK_INT(p.err, 0);
        CHECK_STR(options_get(p.options, "topic"), "T");
        CHECK(options_has(p.options, "create"));
        CHECK(!options_has(p.options, "config"));
        CHECK(options_get(p.options, "config") == NULL);
        CHECK_INT(options_int(p.options, "partitions", 1, 9, 1, &partitions, &p.problem), 0);
        CHECK_INT(partitions, 3);
        done(&p);
    }
}

static void repeated_options_add_values(void)
{
    struct parsed p;
    size_t cursor = 0;
    parse(&p, "--config a=1 --topic T --config b=2=3");
    CHECK_STR(options_next(p.options, "config", &cursor), "a=1");
    CHECK_STR(options_next(p.options, "config", &cursor), "b=2=3");
    CHECK(options_next(p.options, "config", &cursor) == NULL);
    done(&p);
}

static void some_options_take_all_that_follow(void)
{
    struct parsed p;
    size_t cursor = 0;
    parse(&p, "--old-props a=1 b=2 --topic T --props=c=3 d=4 -create");
    static const char *const values[] = {"a=1", "b=2", "c=3", "d=4"};
    CHECK_INT(p.err, 0);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        CHECK_STR(options_next(p.options, "props", &cursor), values[i]);
    CHECK(options_next(p.options, "props", &cursor) == NULL);
    CHECK_STR(options_get(p.options, "topic"), "T");
    CHECK(options_has(p.options, "create"));
    done(&p);
}

static void other_names_and_letters(void)
{
    struct parsed p;
    parse(&p, "--broker-list a:1 -i 7");
    CHECK_STR(options_get(p.options, "bootstrap-server"), "a:1");
    CHECK_STR(options_written(p.options, "bootstrap-server"), "broker-list");
    CHECK_STR(options_get(p.options, "id"), "7");
    CHECK(options_written(p.options, "topic") == NULL);
    done(&p);
}

static void some_values_may_be_left_out(void)
{
    struct parsed p;
    parse(&p, "--compression-codec --topic T");
    CHECK_STR(options_get(p.options, "compression-codec"), "");
    CHECK_STR(options_get(p.options, "topic"), "T");
    done(&p);
    parse(&p, "--compression-codec lz4");
    CHECK_STR(options_get(p.options, "compression-codec"), "lz4");
    done(&p);
    parse(&p, "--topic T --compression-codec");
    CHECK_STR(options_get(p.options, "compression-codec"), "");
    done(&p);
}

static void values_may_begin_with_a_dash(void)
{
    struct parsed p;
    int64_t id;
    parse(&p, "--id -1 --topic --strange");
    CHECK_INT(options_int(p.options, "id", -1, 5, 0, &id, &p.problem), 0);
    CHECK_INT(id, -1);
    CHECK_STR(options_get(p.options, "topic"), "--strange");
    done(&p);
}

static void arguments_without_a_dash(void)
{
    struct parsed p;
    parse(&p, "describe --topic T");
    CHECK_STR(options_positional(p.options, 0), "describe");
    CHECK(options_positional(p.options, 1) == NULL);
    done(&p);
    parse(&p, "--create -- --topic");
    CHECK_STR(options_positional(p.options, 0), "--topic");
    CHECK(!options_has(p.options, "topic"));
    done(&p);
    check_problem("a b", ERR_INVALID, "b: this tool takes fewer arguments");
}

static void mistakes_are_told(void)
{
    check_problem("--partition 3", ERR_UNKNOWN_OPTION,
                  "--partition is not an option of this tool: did you mean --partitions?");
    check_problem("--xyz", ERR_UNKNOWN_OPTION, "--xyz is not an option of this tool");
    check_problem(
        "-bootstrap-servers=a:1", ERR_UNKNOWN_OPTION,
        "-bootstrap-servers is not an option of this tool: did you mean --bootstrap-server?");
    check_problem("--topic", ERR_INVALID, "--topic needs a value: --topic NAME");
    check_problem("--topic --create", ERR_INVALID, "--topic needs a value: --topic NAME");
    check_problem("--create=yes", ERR_INVALID, "--create takes no value");
    check_problem("--topic T --topic U", ERR_INVALID,
                  "--topic is given twice, as T and as U: give it once");
    check_problem("--broker-list a:1 --bootstrap-server b:1", ERR_INVALID,
                  "--broker-list a:1 and --bootstrap-server b:1 mean the same: give one of them");
    struct parsed p;
    int64_t value;
    parse(&p, "--partitions many --id 12");
    CHECK_INT(options_int(p.options, "partitions", 1, 9, 1, &value, &p.problem), ERR_INVALID);
    CHECK_STR(buf_text(&p.problem), "--partitions many: write a whole number from 1 to 9");
    p.problem.len = 0;
    CHECK_INT(options_int(p.options, "id", 20, INT64_MAX, 1, &value, &p.problem), ERR_INVALID);
    CHECK_STR(buf_text(&p.problem), "--id 12: write a whole number from 20 upwards");
    done(&p);
}

static void options_go_with_actions(void)
{
    struct parsed p;
    parse(&p, "--create --replicas 3 --config a=1");
    CHECK_INT(options_check_action(p.options, "create", &p.problem), 0);
    CHECK_INT(options_check_action(p.options, "alter", &p.problem), 0);
    CHECK(!options_find_other(p.options, "alter"));
    CHECK_STR(options_find_other(p.options, "list"), "replicas");
    CHECK_INT(options_check_action(p.options, "alte", &p.problem), ERR_INVALID);
    p.problem.len = 0;
    CHECK_INT(options_check_action(p.options, "list", &p.problem), ERR_INVALID);
    CHECK_STR(buf_text(&p.problem),
              "--replicas goes with --create or --alter, not with --list: leave it out");
    done(&p);
}

static char *captured(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    print(out);
    fclose(out);
    return text;
}

static void print_usage(FILE *out)
{
    options_usage(rows, "tool", "--topic NAME", "Does things.", out);
}

static void print_text(FILE *out)
{
    options_print_text("A sentence that is longer than what stands in one line of a terminal of "
                       "this width, and more.",
                       40, out);
}

static void text_is_broken_between_words(void)
{
    char *text = captured(print_text);
    CHECK_STR(text, "A sentence that is longer than what stands in one line of a\n"
                    "                                        terminal of this width, and more.\n");
    free(text);
}

static void the_usage_lists_what_is_current(void)
{
    char *text = captured(print_usage);
    CHECK(strstr(text, "Does things.\n\nUsage: tool --topic NAME\n\n  --topic NAME  ") == text);
    CHECK(strstr(text, "  -i, --id N   ") != NULL);
    CHECK(strstr(text, "force") == NULL);
    CHECK(strstr(text, "broker-list") == NULL);
    for (const char *line = text; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        CHECK(strcspn(line, "\n") <= 100);
    free(text);
}

static void print_tables(FILE *out)
{
    for (int style = TABLE_SPACES; style <= TABLE_TABS; style++) {
        struct table *table = table_new((enum table_style)style);
        table_column(table, "ID", 4);
        table_column(table, "HOST", 0);
        table_cell(table, "%d", 12345);
        table_cell(table, "a");
        table_cell(table, "6");
        table_cell(table, "b.example");
        table_print(table, out);
        table_free(table);
    }
}

static void tables_are_padded(void)
{
    char *text = captured(print_tables);
    CHECK_STR(text, "ID    HOST\n12345 a\n6     b.example\n"
                    "ID   \tHOST     \t\n12345\ta        \t\n6    \tb.example\t\n");
    free(text);
}

TAP_MAIN(TAP_TEST(values_come_in_all_forms), TAP_TEST(repeated_options_add_values),
         TAP_TEST(some_options_take_all_that_follow), TAP_TEST(other_names_and_letters),
         TAP_TEST(some_values_may_be_left_out), TAP_TEST(values_may_begin_with_a_dash),
         TAP_TEST(arguments_without_a_dash), TAP_TEST(mistakes_are_told),
         TAP_TEST(options_go_with_actions), TAP_TEST(the_usage_lists_what_is_current),
         TAP_TEST(text_is_broken_between_words), TAP_TEST(tables_are_padded))
