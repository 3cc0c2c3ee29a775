/* millrace: all command-line tools in one program.
 *
 * Which tool: the name it was called by (bin/kafka-topics.sh is a link to it), or else the first
 * argument (millrace topics ...). Options are parsed here by the tool's table; --help and --version
 * are the same for all. */
#include <string.h>

#include "base/mem.h"
#include "base/version.h"
#include "tools/tools.h"

static const struct tool *const main_tools[] = {
#define MAIN_TOOL_ROW(row) &row,
    TOOLS_LIST(MAIN_TOOL_ROW)
#undef MAIN_TOOL_ROW
};

/* Whether `name` is the tool's own name, its link, or the link with .sh. */
static bool main_is_name(const struct tool *tool, const char *name)
{
    size_t len = strlen(tool->link);
    if (strcmp(name, tool->name) == 0)
        return true;
    return strncmp(name, tool->link, len) == 0 &&
           (name[len] == '\0' || strcmp(name + len, ".sh") == 0);
}

static const struct tool *main_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(main_tools); i++)
        if (main_is_name(main_tools[i], name))
            return main_tools[i];
    return NULL;
}

static void main_usage(FILE *out)
{
    fprintf(out, "millrace %s: the command line of Millrace\n\nUsage: millrace TOOL [options]\n\n",
            MILLRACE_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(main_tools); i++)
        fprintf(out, "  %-26s%s\n", main_tools[i]->name, main_tools[i]->summary);
    fprintf(out,
            "\nmillrace TOOL --help lists the options of a tool. bin/kafka-TOOL.sh is the same "
            "as millrace TOOL.\n");
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
        status = tool->run(run);
    buf_close(&problem);
    options_free(run->options);
    return status;
}

/* --help and --version count wherever they stand: a bad option elsewhere must not hide them. */
static bool main_asks(const struct tool_run *run, const char *option)
{
    for (int i = 0; i < run->argc; i++) {
        const char *arg = run->argv[i];
        if (strcmp(arg, "--") == 0)
            return false;
        if (arg[0] == '-' && strcmp(arg + 1 + (arg[1] == '-'), option) == 0)
            return true;
    }
    return false;
}

static int main_run(struct tool_run *run)
{
    const struct tool *tool = run->tool;
    static const struct option_row none[] = {TOOL_LAST_OPTIONS};
    const struct option_row *rows = tool->options ? tool->options : none;
    bool help = main_asks(run, "help");
    if (help || (run->argc == 0 && tool->options)) {
        options_usage(rows, run->called, tool->synopsis, tool->summary, help ? stdout : stderr);
        return help ? 0 : 1;
    }
    if (main_asks(run, "version")) {
        printf("%s (Millrace)\n", MILLRACE_VERSION);
        return 0;
    }
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

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    struct tool_run run = {.program = argv[0], .called = name};
    char *called = NULL;
    int status = 1, skip = 1;
    run.tool = main_find(name);
    if (!run.tool && argc > 1) {
        run.tool = main_find(argv[1]);
        run.called = called = mem_printf("millrace %s", argv[1]);
        skip = 2;
    }
    const char *word = argc > 1 ? argv[1] : "";
    bool help = strcmp(word, "help") == 0 || strcmp(word, "--help") == 0;
    if (run.tool) {
        run.argc = argc - skip;
        run.argv = argv + skip;
        status = main_run(&run);
    } else if (strcmp(word, "--version") == 0) {
        printf("%s (Millrace)\n", MILLRACE_VERSION);
        status = 0;
    } else {
        if (argc > 1 && !help)
            fprintf(stderr, "millrace: there is no tool %s\n\n", word);
        main_usage(help ? stdout : stderr);
        status = help ? 0 : 1;
    }
    mem_free(called);
    return status;
}
