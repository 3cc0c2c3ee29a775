/* millrace completion bash|zsh: a script that completes tools, commands, options and values, made
 * of the tables of options.
 *
 * In both, the words of one tool are a branch of a case over all names that the tool has. */
#include <string.h>

#include "tools/tools.h"

static const struct option_row completion_options[] = {TOOL_LAST_OPTIONS};

/* What --help shows of a tool that reads its arguments itself. */
static const struct option_row *completion_rows(const struct tool *tool)
{
    return tool->options ? tool->options : completion_options;
}

/* "topics|kafka-topics|kafka-topics.sh", the pattern of a branch. */
static void completion_print_names(const struct tool *tool)
{
    printf("%s", tool->name);
    if (tool->link && strcmp(tool->link, tool->name) != 0)
        printf("|%s", tool->link);
    if (tool->link)
        printf("|%s.sh", tool->link);
}

/* The names of tools with `separator` between, and those of the links where asked. */
static void completion_print_tools(const char *separator)
{
    for (size_t i = 0; i < tools_count; i++)
        printf("%s%s", i ? separator : "", tools_all[i]->name);
}

static void completion_print_links(void)
{
    for (size_t i = 0; i < tools_count; i++)
        if (tools_all[i]->link)
            printf(" %s %s.sh", tools_all[i]->link, tools_all[i]->link);
}

/* "a|b" as "a b", without what stands for other words: of "N|earliest" the N. */
static void completion_print_words(const char *words, bool all)
{
    const char *blank = "";
    words += words[0] == '[';
    for (const char *at = words; *at;) {
        size_t len = strcspn(at, "|]");
        bool kind = strcspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < len;
        if (all || !kind) {
            printf("%s%.*s", blank, (int)len, at);
            blank = " ";
        }
        at += len + (at[len] != '\0');
    }
}

/* Whether the value is one of some words: "json|table", "[gzip|none]", "N|earliest". */
static bool completion_is_words(const char *value)
{
    return value && strpbrk(value, "abcdefghijklmnopqrstuvwxyz") &&
           value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_|[]")] == '\0';
}

static bool completion_has_words(const struct option_row *row)
{
    return row->words || completion_is_words(row->value);
}

static void completion_print_choice(const struct option_row *row)
{
    completion_print_words(row->words ? row->words : row->value, row->words != NULL);
}

/* What the cluster has: the topics and groups that there are. */
static const struct {
    const char *option, *shell; /* the function that asks */
} completion_asked[] = {
    {"topic", "_millrace_topics"},
    {"group", "_millrace_groups"},
};

/* NULL when it is nothing that the cluster knows. */
static const char *completion_asks(const struct option_row *row)
{
    for (size_t i = 0; row->value && i < ARRAY_LEN(completion_asked); i++)
        if (strcmp(row->name, completion_asked[i].option) == 0)
            return completion_asked[i].shell;
    return NULL;
}

static bool completion_is_file(const char *value)
{
    return value && (strcmp(value, "FILE") == 0 || strncmp(value, "FILE,", 5) == 0);
}

/* ---- bash ---- */

/* Where a value may be left out, options may follow as well. */
static void completion_bash_values(const struct tool *tool)
{
    for (const struct option_row *row = completion_rows(tool); row->name; row++) {
        bool may_lack = row->value && row->value[0] == '[';
        if (!row->value || (may_lack && !completion_has_words(row)))
            continue;
        printf("        --%s|-%s", row->name, row->name);
        if (row->letter)
            printf("|-%c", row->letter);
        printf(") ");
        if (completion_has_words(row)) {
            printf(may_lack ? "more='" : "words='");
            completion_print_choice(row);
            printf("'");
        } else if (completion_asks(row)) {
            printf("%s", completion_asks(row));
        } else {
            printf(completion_is_file(row->value) ? "files=1" : "words=");
        }
        printf(may_lack ? ";;\n" : "; return;;\n");
    }
}

static void completion_bash_tool(const struct tool *tool)
{
    bool files = !tool->options || completion_is_file(tool->commands);
    printf("    ");
    completion_print_names(tool);
    printf(")\n        case $2 in\n");
    completion_bash_values(tool);
    printf("        esac\n        words=\"$more ");
    if (tool->commands && !files)
        completion_print_words(tool->commands, true);
    for (const struct option_row *row = completion_rows(tool); row->name; row++)
        if (row->doc)
            printf(" --%s", row->name);
    printf("\"\n        %s;;\n", files ? "files=1 " : "");
}

/* The cluster is asked when the line or the environment names it, and not for long. */
static const char completion_bash_ask[] =
    "_millrace_ask() {\n"
    "    local program=millrace server=$MILLRACE_BOOTSTRAP\n"
    "    [[ ${COMP_WORDS[0]} != */* ]] || program=${COMP_WORDS[0]%/*}/millrace\n"
    "    [[ ! $COMP_LINE =~ (-bootstrap-server|-broker-list|\\ -b)[=\\ ]+([^\\ ]+) ]] ||\n"
    "        server=${BASH_REMATCH[2]}\n"
    "    [ -z \"$server\" ] ||\n"
    "        words=$(timeout 1 \"$program\" \"$@\" --bootstrap-server \"$server\" 2>/dev/null)\n"
    "}\n"
    "_millrace_topics() { _millrace_ask topics --list; }\n"
    "_millrace_groups() { _millrace_ask consumer-groups --list; }\n";

static void completion_bash(void)
{
    printf("# bash completion of Millrace: eval \"$(millrace completion bash)\", or a file of\n"
           "# bash-completion. Made by millrace from its tables of options.\n"
           "%s_millrace_tool() {\n    local more=\n    words= files=\n    case $1 in\n",
           completion_bash_ask);
    for (size_t i = 0; i < tools_count; i++)
        completion_bash_tool(tools_all[i]);
    printf("    millrace-server)\n        words='--override --help --version'\n        files=1 ;;\n"
           "    esac\n}\n_millrace() {\n"
           "    local words files tool=${1##*/} word=${COMP_WORDS[COMP_CWORD]}\n"
           "    if [ \"$tool\" = millrace ]; then\n"
           "        tool=${COMP_WORDS[1]}\n"
           "        if [ \"$COMP_CWORD\" = 1 ]; then\n"
           "            words='--help --version help ");
    completion_print_tools(" ");
    printf("'\n"
           "            COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "            return\n"
           "        fi\n"
           "        if [ \"$tool\" = help ] || [ \"$tool\" = man ]; then\n"
           "            words='");
    completion_print_tools(" ");
    printf("'\n"
           "            COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "            return\n"
           "        fi\n"
           "    fi\n"
           "    _millrace_tool \"$tool\" \"${COMP_WORDS[COMP_CWORD-1]}\"\n"
           "    COMPREPLY=()\n"
           "    [ -z \"$words\" ] || COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "    [ -z \"$files\" ] || COMPREPLY+=($(compgen -f -- \"$word\"))\n"
           "}\ncomplete -o filenames -F _millrace millrace millrace-server");
    completion_print_links();
    putchar('\n');
}

/* ---- zsh ---- */

/* In an option's specification brackets and colons have a meaning of their own, and the whole
 * stands between single quotes. */
static void completion_zsh_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

/* ":VALUE:(json table)", ":FILE:_files", ":NAME:_millrace_topics", ":N: " */
static void completion_zsh_value(const struct option_row *row)
{
    printf(row->value[0] == '[' ? "::" : ":");
    completion_zsh_text(row->value);
    putchar(':');
    if (completion_has_words(row)) {
        putchar('(');
        completion_print_choice(row);
        putchar(')');
    } else if (completion_asks(row)) {
        printf("%s", completion_asks(row));
    } else {
        printf(completion_is_file(row->value) ? "_files" : " ");
    }
}

static const char completion_zsh_ask[] =
    "_millrace_ask() {\n"
    "    local server=$MILLRACE_BOOTSTRAP\n"
    "    local -a names\n"
    "    [[ ! $BUFFER =~ '(-bootstrap-server|-broker-list| -b)[= ]+([^ ]+)' ]] ||\n"
    "        server=$match[2]\n"
    "    [[ -n $server ]] || return 1\n"
    "    names=(${(f)\"$(timeout 1 $program $@ --bootstrap-server $server 2>/dev/null)\"})\n"
    "    compadd -a names\n"
    "}\n"
    "_millrace_topics() { _millrace_ask topics --list }\n"
    "_millrace_groups() { _millrace_ask consumer-groups --list }\n";

static void completion_zsh_option(const char *dashes, const char *name,
                                  const struct option_row *row)
{
    printf(" \\\n            '%s%s%s[", row->many ? "*" : "", dashes, name);
    completion_zsh_text(row->doc);
    putchar(']');
    if (row->value)
        completion_zsh_value(row);
    putchar('\'');
}

static void completion_zsh_tool(const struct tool *tool)
{
    printf("    ");
    completion_print_names(tool);
    printf(")\n        _arguments");
    for (const struct option_row *row = completion_rows(tool); row->name; row++) {
        char letter[2] = {row->letter, '\0'};
        if (!row->doc)
            continue;
        completion_zsh_option("--", row->name, row);
        if (row->letter)
            completion_zsh_option("-", letter, row);
    }
    bool files = !tool->options || completion_is_file(tool->commands);
    if (tool->commands && !files) {
        printf(" \\\n            '1:command:(");
        completion_print_words(tool->commands, true);
        printf(")'");
    } else if (files) {
        printf(" \\\n            '*:file:_files'");
    }
    printf(";;\n");
}

static void completion_zsh(void)
{
    printf("#compdef millrace millrace-server");
    completion_print_links();
    printf(
        "\n# zsh completion of Millrace: eval \"$(millrace completion zsh)\", or a file _millrace "
        "in a\n# folder of $fpath. Made by millrace from its tables of options.\n"
        "%s_millrace() {\n"
        "    local tool=${service:t} program=millrace\n"
        "    [[ $words[1] != */* ]] || program=${words[1]:h}/millrace\n"
        "    if [[ $tool == millrace ]]; then\n"
        "        local -a tools=(",
        completion_zsh_ask);
    for (size_t i = 0; i < tools_count; i++) {
        printf("\n            '%s:", tools_all[i]->name);
        completion_zsh_text(tools_all[i]->summary);
        putchar('\'');
    }
    printf(")\n"
           "        if (( CURRENT == 2 )) || [[ $words[2] == (help|man) ]]; then\n"
           "            _describe tool tools\n"
           "            return\n"
           "        fi\n"
           "        tool=$words[2]\n"
           "        shift words\n"
           "        (( CURRENT-- ))\n"
           "    fi\n"
           "    case $tool in\n");
    for (size_t i = 0; i < tools_count; i++)
        completion_zsh_tool(tools_all[i]);
    printf("    millrace-server)\n"
           "        _arguments '*--override[A setting, in place of that in the file.]:NAME=VALUE:' "
           "\\\n            '--help[What it does.]' '--version[The version.]' '*:file:_files' ;;\n"
           "    esac\n}\n"
           "if [[ $funcstack[1] == _millrace ]]; then\n"
           "    _millrace \"$@\"\n"
           "else\n"
           "    compdef _millrace millrace millrace-server");
    completion_print_links();
    printf("\nfi\n");
}

static int completion_run(struct tool_run *run)
{
    const char *shell = options_positional(run->options, 0);
    if (shell && strcmp(shell, "bash") == 0)
        completion_bash();
    else if (shell && strcmp(shell, "zsh") == 0)
        completion_zsh();
    else
        return tool_misuse(run, "%s%swrite bash or zsh", shell ? shell : "", shell ? ": " : "");
    return 0;
}

const struct tool tool_completion = {
    .name = "completion",
    .synopsis = "bash|zsh",
    .summary = "Print a script that completes the tools and their options in a shell.",
    .options = completion_options,
    .positional = 1,
    .commands = "bash|zsh",
    .formless = "a script for a shell is what it prints",
    .run = completion_run,
};
