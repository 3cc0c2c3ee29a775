/* millrace man [TOOL]: the manual page of a tool, or of millrace itself, in troff, made of the
 * tables of options. `make install` puts all of them where man(1) looks.
 *
 * A page is called as Kafka calls the tool; `millrace man --list` has the names of all. */
#include <string.h>

#include "base/version.h"
#include "tools/tools.h"

static const struct option_row man_options[] = {
    OPTION("list", NULL, "The names of the tools that have a page, and of their pages."),
    TOOL_LAST_OPTIONS,
};

/* As it stands: dashes that can be copied, no line that begins with a command of troff. */
static void man_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        printf("\\&");
    for (; *text; text++) {
        if (*text == '-')
            printf("\\-");
        else if (*text == '\\')
            printf("\\e");
        else
            putchar(*text);
    }
}

static void man_bold(const char *text)
{
    printf("\\fB");
    man_text(text);
    printf("\\fR");
}

static void man_title(const char *page)
{
    printf(".TH \"");
    for (const char *c = page; *c; c++)
        putchar(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    printf("\" 1 \"\" \"Millrace %s\" \"Millrace\"\n", MILLRACE_VERSION);
}

/* "millrace-topics", or where Kafka has the tool "kafka-topics". */
static void man_page(const struct tool *tool, struct buf *out)
{
    if (tool->link)
        buf_printf(out, "%s", tool->link);
    else
        buf_printf(out, "millrace-%s", tool->name);
}

static bool man_is_option(const struct option_row *rows, const char *name, size_t len)
{
    for (; rows->name; rows++)
        if (strlen(rows->name) == len && memcmp(rows->name, name, len) == 0)
            return true;
    return false;
}

/* "It goes with --create or --alter.", or with commands, which have no dashes. */
static void man_with(const struct option_row *rows, const char *with)
{
    printf(" It goes with ");
    for (const char *at = with; *at;) {
        size_t len = strcspn(at, "|");
        const char *next = at + len + (at[len] == '|');
        char *action = mem_printf("%s%.*s", man_is_option(rows, at, len) ? "--" : "", (int)len, at);
        printf("%s", at == with ? "" : *next ? ", " : " or ");
        man_bold(action);
        mem_free(action);
        at = next;
    }
    putchar('.');
}

static void man_option(const struct option_row *rows, const struct option_row *row)
{
    char letter[] = {'-', row->letter, '\0'};
    char *name = mem_printf("--%s", row->name);
    printf(".TP\n");
    if (row->letter) {
        man_bold(letter);
        printf(", ");
    }
    man_bold(name);
    mem_free(name);
    if (row->value) {
        printf(" \\fI");
        man_text(row->value);
        printf("\\fR");
    }
    putchar('\n');
    man_text(row->doc);
    if (row->with)
        man_with(rows, row->with);
    if (row->many)
        printf(" It may be given several times.");
    putchar('\n');
}

/* The older names of current options, which the usage leaves out. */
static void man_same(const struct option_row *rows)
{
    bool any = false;
    for (const struct option_row *row = rows; row->name; row++) {
        if (!row->same_as)
            continue;
        char *name = mem_printf("--%s", row->name), *other = mem_printf("--%s", row->same_as);
        printf(any ? ".br\n" : ".SH OTHER NAMES\n");
        man_bold(name);
        printf(" is the same as ");
        man_bold(other);
        printf(".\n");
        mem_free(name);
        mem_free(other);
        any = true;
    }
}

static void man_tool(const struct tool *tool)
{
    static const struct option_row none[] = {TOOL_LAST_OPTIONS};
    const struct option_row *rows = tool->options ? tool->options : none;
    struct buf page;
    buf_init(&page);
    man_page(tool, &page);
    man_title(buf_text(&page));
    printf(".SH NAME\n");
    man_text(buf_text(&page));
    printf(" \\- ");
    man_text(tool->summary);
    printf("\n.SH SYNOPSIS\n");
    if (tool->link) {
        man_bold(tool->link);
        putchar(' ');
        man_text(tool->synopsis);
        printf("\n.br\n");
    }
    printf("\\fBmillrace ");
    man_text(tool->name);
    printf("\\fR ");
    man_text(tool->synopsis);
    putchar('\n');
    if (tool->missing) {
        printf(".SH DESCRIPTION\nIt is not available: ");
        man_text(tool->missing);
        printf(".\n");
    }
    if (tool->formless) {
        printf(".SH DESCRIPTION\nThere is no ");
        man_bold("--format");
        printf(": ");
        man_text(tool->formless);
        printf(".\n");
    }
    printf(".SH OPTIONS\n");
    for (const struct option_row *row = rows; row->name; row++)
        if (row->doc)
            man_option(rows, row);
    man_same(rows);
    printf(".SH EXIT STATUS\n0, or 1 on any failure.\n.SH SEE ALSO\n\\fBmillrace\\fR(1)\n");
    buf_close(&page);
}

/* millrace(1) */
static void man_all(void)
{
    struct buf page;
    man_title("millrace");
    printf(".SH NAME\nmillrace \\- the command line of Millrace, a broker for the Kafka protocol\n"
           ".SH SYNOPSIS\n\\fBmillrace\\fR \\fITOOL\\fR [options]\n.br\n"
           "\\fBmillrace help\\fR \\fITOOL\\fR\n.SH DESCRIPTION\n"
           "One program with all tools. Those that Kafka has, too, can be called by their names "
           "there, with and without .sh: \\fBkafka\\-topics.sh\\fR is \\fBmillrace topics\\fR.\n"
           ".SH TOOLS\n");
    buf_init(&page);
    for (size_t i = 0; i < tools_count; i++) {
        page.len = 0;
        man_page(tools_all[i], &page);
        printf(".TP\n");
        man_bold(tools_all[i]->name);
        putchar('\n');
        man_text(tools_all[i]->summary);
        printf("%s See \\fB", tools_all[i]->missing ? " Not available." : "");
        man_text(buf_text(&page));
        printf("\\fR(1).\n");
    }
    buf_close(&page);
    printf(".SH ENVIRONMENT\n.TP\n\\fBMILLRACE_BOOTSTRAP\\fR\n"
           "HOST:PORT of a broker, for the calls without \\fB\\-\\-bootstrap\\-server\\fR.\n");
}

static int man_list(void)
{
    struct buf page;
    buf_init(&page);
    for (size_t i = 0; i < tools_count; i++) {
        page.len = 0;
        man_page(tools_all[i], &page);
        printf("%s %s\n", tools_all[i]->name, buf_text(&page));
    }
    buf_close(&page);
    return 0;
}

static int man_run(struct tool_run *run)
{
    const char *word = options_positional(run->options, 0);
    if (options_has(run->options, "list"))
        return word ? tool_misuse(run, "--list needs no tool: leave %s out", word) : man_list();
    if (!word) {
        man_all();
        return 0;
    }
    for (size_t i = 0; i < tools_count; i++) {
        const struct tool *tool = tools_all[i];
        if (strcmp(tool->name, word) == 0 || (tool->link && strcmp(tool->link, word) == 0)) {
            man_tool(tool);
            return 0;
        }
    }
    return tool_misuse(run, "there is no tool %s: millrace --help lists the tools", word);
}

const struct tool tool_man = {
    .name = "man",
    .synopsis = "[TOOL]",
    .summary = "Print the manual page of a tool, for man -l - and the like.",
    .options = man_options,
    .positional = 1,
    .bare = true,
    .formless = "pages for man(1) are what it prints",
    .run = man_run,
};
