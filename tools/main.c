/* millrace: all command-line tools in one program.
 *
 * Which tool: the name it was called by (bin/kafka-topics.sh is a link to it), or else the first
 * argument (millrace topics ...). Options are parsed here by the tool's table; --help and --version
 * (-h, -v) are the same for all. Called millrace-server it is a node with an agent inside, which
 * millrace-server becomes when its settings ask for one (tools/server/node.h). */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/mem.h"
#include "base/std_fds.h"
#include "base/version.h"
#include "tools/report.h"
#include "tools/server/guest.h"
#include "tools/tools.h"

enum { MAIN_USAGE_WIDTH = 100, MAIN_USAGE_INDENT = 26 };

/* Whether `name` is the tool's own name, its link, or the link with .sh. */
static bool main_is_name(const struct tool *tool, const char *name)
{
    if (strcmp(name, tool->name) == 0)
        return true;
    if (!tool->link)
        return false;
    size_t len = strlen(tool->link);
    return strncmp(name, tool->link, len) == 0 &&
           (name[len] == '\0' || strcmp(name + len, ".sh") == 0);
}

static const struct tool *main_find(const char *name)
{
    for (size_t i = 0; i < tools_count; i++)
        if (main_is_name(tools_all[i], name))
            return tools_all[i];
    return NULL;
}

/* The names of the tools that are not there, in lines of the usage's width. */
static void main_usage_missing(FILE *out)
{
    size_t at = MAIN_USAGE_WIDTH;
    fprintf(out, "\nNot available; each says why and what to do instead:");
    for (size_t i = 0; i < tools_count; i++) {
        if (!tools_all[i]->missing)
            continue;
        size_t len = strlen(tools_all[i]->name) + 1;
        bool next = at + len > MAIN_USAGE_WIDTH;
        fprintf(out, "%s%s", next ? "\n  " : " ", tools_all[i]->name);
        at = next ? len + 1 : at + len;
    }
    fputc('\n', out);
}

static void main_usage(FILE *out)
{
    fprintf(out, "The command line of Millrace: all tools in one program.\n\n"
                 "Usage: millrace TOOL [options]\n\n");
    for (size_t i = 0; i < tools_count; i++)
        if (!tools_all[i]->missing) {
            fprintf(out, "  %-*s ", MAIN_USAGE_INDENT - 3, tools_all[i]->name);
            options_print_text(tools_all[i]->summary, MAIN_USAGE_INDENT, out);
        }
    main_usage_missing(out);
    fprintf(out,
            "\n  -h, --help              This text.\n"
            "  -v, --version           The version.\n"
            "\nmillrace help TOOL lists the options of a tool. bin/kafka-TOOL.sh is the same as "
            "millrace\nTOOL; millrace help links lists those names.\n"
            "$MILLRACE_BOOTSTRAP=HOST:PORT stands for --bootstrap-server where that is not "
            "given.\n");
}

static int main_run_parsed(struct tool_run *run)
{
    struct buf problem;
    const struct tool *tool = run->tool;
    buf_init(&problem);
    int err = options_parse(tool->options, run->argc, run->argv, tool->positional, &problem,
                            &run->options);
    int status = 1;
    if (err)
        tool_misuse(run, "%s", buf_text(&problem));
    else
        status = report_check_format(run) ? 1 : tool->run(run);
    buf_close(&problem);
    options_free(run->options);
    return status;
}

/* "--help", "-help", "-h" */
static bool main_is(const char *arg, const char *option)
{
    if (arg[0] != '-')
        return false;
    return strcmp(arg + 1 + (arg[1] == '-'), option) == 0 ||
           (arg[1] == option[0] && arg[2] == '\0');
}

/* --help and --version count wherever they stand: a bad option elsewhere must not hide them. */
static bool main_asks(const struct tool_run *run, const char *option)
{
    for (int i = 0; i < run->argc && strcmp(run->argv[i], "--") != 0; i++)
        if (main_is(run->argv[i], option))
            return true;
    return false;
}

static void main_tool_usage(const struct tool_run *run, FILE *out)
{
    static const struct option_row none[] = {TOOL_LAST_OPTIONS};
    const struct tool *tool = run->tool;
    options_usage(tool->options ? tool->options : none, run->called, tool->synopsis, tool->summary,
                  out);
    if (tool->formless)
        fprintf(out, "\nThere is no --format: %s.\n", tool->formless);
    if (tool->missing)
        fprintf(out, "\nIt is not available: %s.\n", tool->missing);
}

/* Nothing was written, and nothing needs to be: the tool has no use for arguments, or the cluster
 * is named by the environment. A tool that needs more says what. */
static bool main_may_be_bare(const struct tool *tool)
{
    const char *variable = getenv("MILLRACE_BOOTSTRAP");
    if (!tool->options || tool->bare)
        return true;
    for (const struct option_row *row = tool->options; row->name; row++)
        if (strcmp(row->name, "bootstrap-server") == 0)
            return variable && variable[0] != '\0';
    return false;
}

/* --format is no spelling of another option: a tool that has none says why. */
static bool main_refuses_format(const struct tool_run *run)
{
    for (int i = 0; run->tool->formless && i < run->argc && strcmp(run->argv[i], "--") != 0; i++) {
        const char *name = run->argv[i] + 1 + (run->argv[i][0] == '-' && run->argv[i][1] == '-');
        if (run->argv[i][0] == '-' && strncmp(name, "format", 6) == 0 &&
            (name[6] == '\0' || name[6] == '='))
            return tool_misuse(run, "--format: %s", run->tool->formless);
    }
    return false;
}

static int main_run(struct tool_run *run)
{
    const struct tool *tool = run->tool;
    bool help = main_asks(run, "help");
    if (help && tool->help && tool->help(run))
        return 0;
    if (help || (run->argc == 0 && !main_may_be_bare(tool))) {
        main_tool_usage(run, help ? stdout : stderr);
        return help ? 0 : 1;
    }
    if (main_asks(run, "version")) {
        printf("%s (Millrace)\n", MILLRACE_VERSION);
        return 0;
    }
    if (main_refuses_format(run))
        return 1;
    props_init(&run->props);
    int status = tool->options ? main_run_parsed(run) : tool->run(run);
    client_free(run->client);
    if (run->env)
        env_free(run->env);
    props_close(&run->props);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: the output is not whole: it can't be written\n", run->called);
        status = 1; /* the disk is full, say */
    }
    return status;
}

/* A word that is no tool gets its line, not the list of all tools. */
static int main_no_tool(const char *word)
{
    fprintf(stderr, "millrace: there is no tool %s: millrace --help lists the tools\n", word);
    return 1;
}

/* millrace help links: the names under which Kafka has the tools, for scripts that link them. */
static int main_links(void)
{
    for (size_t i = 0; i < tools_count; i++)
        if (tools_all[i]->link)
            printf("%s\n%s.sh\n", tools_all[i]->link, tools_all[i]->link);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* millrace help TOOL */
static int main_help(const char *word)
{
    if (strcmp(word, "links") == 0)
        return main_links();
    struct tool_run run = {.tool = main_find(word)};
    if (!run.tool)
        return main_no_tool(word);
    char *called = mem_printf("millrace %s", run.tool->name);
    run.called = called;
    main_tool_usage(&run, stdout);
    mem_free(called);
    return 0;
}

/* Called as millrace, without a tool. */
static int main_alone(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    bool help = word && (main_is(word, "help") || strcmp(word, "help") == 0);
    if (help && argc > 2)
        return main_help(argv[2]);
    if (help || !word) {
        main_usage(help ? stdout : stderr);
        return help ? 0 : 1;
    }
    if (!main_is(word, "version"))
        return main_no_tool(word);
    printf("%s (Millrace)\n", MILLRACE_VERSION);
    return 0;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    struct tool_run run = {.program = argv[0], .called = name};
    char *called = NULL;
    int status, skip = 1;
    std_fds_open();
    if (strcmp(name, "millrace-server") == 0) {
        prctl(PR_SET_NAME, name); /* as ps and pgrep show it */
        return node_main(argc, argv, &agent_guest_type);
    }
    run.tool = main_find(name);
    if (!run.tool && argc > 1) {
        run.tool = main_find(argv[1]);
        run.called = called = mem_printf("millrace %s", argv[1]);
        skip = 2;
    }
    if (run.tool) {
        run.argc = argc - skip;
        run.argv = argv + skip;
        status = main_run(&run);
    } else {
        status = main_alone(argc, argv);
    }
    mem_free(called);
    return status;
}
