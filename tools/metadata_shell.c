/* kafka-metadata-shell: the metadata of a cluster as files to look at.
 *
 * Happy path: the tree is read once from a controller's directory, or from one of its files, and
 * each line of stdin, or the arguments, is a command. Failure modes: a path that is not there, or a
 * command that is none, is told, and the shell goes on; as the only command it ends with 1. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/metadata_tree.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row shell_options[] = {
    OPTION_LETTER('d', "directory", "DIR",
                  "A controller's directory: \"controller\" in a node's first log directory."),
    OPTION_LETTER('s', "snapshot", "FILE", "One of its files: snapshot, log-N."),
    OPTION_OLD_LETTER('c', "cluster", "URL"),
    OPTION("format", "json|table", "One JSON object, or a table, for each command."),
    TOOL_LAST_OPTIONS,
};

enum { SHELL_WORDS_MAX = 64, SHELL_DEPTH_MAX = 64, SHELL_LINE_MAX = 4096 };

struct shell {
    struct tool_run *run;
    json_t *root;
    char *at;              /* the directory, absolute: "/" or "/image/topics" */
    struct report *report; /* what the command finds; NULL: it is printed at once */
    bool ended;
};

/* ---- paths ---- */

/* "a/../b" from `at` as an absolute path; the caller's to mem_free. */
static char *shell_path(const struct shell *s, const char *text)
{
    char *whole = text[0] == '/' ? mem_strdup(text) : mem_printf("%s/%s", s->at, text);
    char *save = NULL;
    const char *parts[SHELL_DEPTH_MAX];
    size_t count = 0;
    struct buf out;
    for (char *part = strtok_r(whole, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0)
            count -= count > 0;
        else if (count < SHELL_DEPTH_MAX)
            parts[count++] = part;
    }
    buf_init(&out);
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "/%s", parts[i]);
    char *path = mem_strdup(out.len ? buf_text(&out) : "/");
    buf_close(&out);
    mem_free(whole);
    return path;
}

/* Calls fn for each node whose path matches the pattern; how many there were. */
static int shell_match(struct shell *s, json_t *node, const char *path, const char *pattern,
                       int (*fn)(struct shell *s, const char *path, json_t *node))
{
    const char *key;
    json_t *child;
    int found = 0;
    pattern += strspn(pattern, "/");
    size_t len = strcspn(pattern, "/");
    if (len == 0)
        return fn(s, path[0] ? path : "/", node) + 1;
    if (!json_is_object(node))
        return 0;
    char *part = mem_strndup(pattern, len);
    json_object_foreach(node, key, child)
    {
        if (fnmatch(part, key, 0) != 0)
            continue;
        char *below = mem_printf("%s/%s", path, key);
        found += shell_match(s, child, below, pattern + len, fn);
        mem_free(below);
    }
    mem_free(part);
    return found;
}

static int shell_each(struct shell *s, const char *command, const char *text,
                      int (*fn)(struct shell *s, const char *path, json_t *node))
{
    char *path = shell_path(s, text);
    int found = shell_match(s, s->root, "", path, fn);
    mem_free(path);
    if (found > 0)
        return 0;
    fflush(stdout);
    fprintf(stderr, "%s: %s: no such file or directory.\n", command, text);
    return 1;
}

/* ---- commands ---- */

static int shell_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a directory, sorted; the caller's to mem_free. Partitions are numbers. */
static const char **shell_names(json_t *node, size_t *count)
{
    const char **names = mem_alloc((json_object_size(node) + 1) * sizeof(*names));
    const char *key;
    json_t *child;
    *count = 0;
    json_object_foreach(node, key, child) names[(*count)++] = key;
    qsort(names, *count, sizeof(*names), shell_compare);
    return names;
}

/* A path below another. The caller's to mem_free. */
static char *shell_below(const char *path, const char *name)
{
    return mem_printf("%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
}

/* What a command prints: a line, or a row. */
static void shell_put_path(struct shell *s, const char *path, const json_t *node, const char *line)
{
    if (!s->report) {
        puts(line);
        return;
    }
    report_text(s->report, path);
    report_flag(s->report, json_is_object(node));
}

/* Files say JSON, or plain text: a number is no other text. */
static void shell_put_value(struct shell *s, const char *path, const json_t *node)
{
    const char *text = json_string_value(node);
    json_t *value = json_loads(text, 0, NULL);
    report_text(s->report, path);
    report_value(s->report, value ? value : report_json_text(text, strlen(text)));
    report_as(s->report, "%s", text);
}

static int shell_print_names(struct shell *s, const char *path, json_t *node)
{
    size_t count;
    if (!json_is_object(node)) {
        shell_put_path(s, path, node, path);
        return 0;
    }
    const char **names = shell_names(node, &count);
    for (size_t i = 0; i < count; i++) {
        char *below = shell_below(path, names[i]);
        shell_put_path(s, below, json_object_get(node, names[i]), names[i]);
        mem_free(below);
    }
    mem_free(names);
    return 0;
}

static int shell_print_file(struct shell *s, const char *path, json_t *node)
{
    if (json_is_object(node)) {
        fflush(stdout);
        fprintf(stderr, "cat: %s: it is a directory.\n", path);
    } else if (s->report) {
        shell_put_value(s, path, node);
    } else {
        puts(json_string_value(node));
    }
    return 0;
}

static void shell_print_below(const json_t *node, const char *name, int depth)
{
    size_t count;
    if (!json_is_object(node)) {
        printf("%*s%s: %s\n", 2 * depth, "", name, json_string_value(node));
        return;
    }
    printf("%*s%s:\n", 2 * depth, "", name);
    const char **names = shell_names((json_t *)(uintptr_t)node, &count);
    for (size_t i = 0; i < count; i++)
        shell_print_below(json_object_get(node, names[i]), names[i], depth + 1);
    mem_free(names);
}

/* The files of a tree. */
static void shell_put_tree(struct shell *s, const char *path, json_t *node)
{
    size_t count;
    if (!json_is_object(node)) {
        shell_put_value(s, path, node);
        return;
    }
    const char **names = shell_names(node, &count);
    for (size_t i = 0; i < count; i++) {
        char *below = shell_below(path, names[i]);
        shell_put_tree(s, below, json_object_get(node, names[i]));
        mem_free(below);
    }
    mem_free(names);
}

static int shell_print_tree(struct shell *s, const char *path, json_t *node)
{
    const char *name = strrchr(path, '/') + 1;
    if (s->report)
        shell_put_tree(s, path, node);
    else
        shell_print_below(node, name[0] ? name : "/", 0);
    return 0;
}

static int shell_print_paths(struct shell *s, const char *path, json_t *node)
{
    size_t count;
    shell_put_path(s, path, node, path);
    if (!json_is_object(node))
        return 0;
    const char **names = shell_names(node, &count);
    for (size_t i = 0; i < count; i++) {
        char *below = shell_below(path, names[i]);
        shell_print_paths(s, below, json_object_get(node, names[i]));
        mem_free(below);
    }
    mem_free(names);
    return 0;
}

static int shell_enter(struct shell *s, const char *path, json_t *node)
{
    if (json_is_object(node)) {
        mem_free(s->at);
        s->at = mem_strdup(path);
    } else {
        fflush(stdout);
        fprintf(stderr, "cd: %s: it is not a directory.\n", path);
    }
    return 0;
}

static const struct report_column shell_paths[] = {
    {.name = "path"}, {.name = "directory"}, REPORT_END};
static const struct report_column shell_values[] = {
    {.name = "path"}, {.name = "value"}, REPORT_END};

static const struct shell_command {
    const char *name;
    int (*fn)(struct shell *s, const char *path, json_t *node); /* NULL: no paths */
    const char *otherwise; /* the path when none is given; NULL: one must be */
    const char *doc;
    const struct report_column *columns; /* of what it finds; NULL: it finds nothing */
} shell_commands[] = {
    {"ls", shell_print_names, ".", "ls [PATH...]: the names in a directory", shell_paths},
    {"cat", shell_print_file, NULL, "cat PATH...: what a file says", shell_values},
    {"cd", shell_enter, "/", "cd [PATH]: go to a directory", NULL},
    {"pwd", NULL, NULL, "pwd: where you are", shell_paths},
    {"tree", shell_print_tree, ".", "tree [PATH...]: all below, with what it says", shell_values},
    {"find", shell_print_paths, ".", "find [PATH...]: the paths of all below", shell_paths},
    {"help", NULL, NULL, "help: this list", NULL},
    {"exit", NULL, NULL, "exit: end; quit is the same", NULL},
    {"quit", NULL, NULL, NULL, NULL},
};

static int shell_run_plain(struct shell *s, const char *name)
{
    if (strcmp(name, "pwd") == 0)
        shell_put_path(s, s->at, s->root, s->at);
    else if (strcmp(name, "help") != 0)
        s->ended = true;
    else
        for (size_t i = 0; i < ARRAY_LEN(shell_commands); i++)
            if (shell_commands[i].doc)
                puts(shell_commands[i].doc);
    return 0;
}

static int shell_run_command(struct shell *s, const struct shell_command *command,
                             const char *const *words, size_t count)
{
    enum report_format format = report_format(s->run);
    int status = 0;
    if (format != REPORT_KAFKA && command->columns) {
        s->report = report_new("entries");
        report_columns(s->report, command->columns);
    }
    if (!command->fn)
        status = shell_run_plain(s, command->name);
    else if (count == 1)
        status = shell_each(s, command->name, command->otherwise, command->fn);
    for (size_t i = 1; command->fn && i < count; i++)
        status |= shell_each(s, command->name, words[i], command->fn);
    if (s->report) {
        report_print(s->report, format, stdout);
        report_free(s->report);
        s->report = NULL;
    }
    return status;
}

static int shell_run_words(struct shell *s, const char *const *words, size_t count)
{
    const struct shell_command *command = NULL;
    for (size_t i = 0; i < ARRAY_LEN(shell_commands); i++)
        if (strcmp(shell_commands[i].name, words[0]) == 0)
            command = &shell_commands[i];
    if (!command || (!command->fn && count > 1) ||
        (count == 1 && command->fn && !command->otherwise)) {
        fflush(stdout);
        fprintf(stderr, "%s: %s\n", words[0],
                command ? command->doc ? command->doc : "quit: end"
                        : "there is no such command; help lists them");
        return 1;
    }
    return shell_run_command(s, command, words, count);
}

static int shell_run_line(struct shell *s, char *line)
{
    const char *words[SHELL_WORDS_MAX];
    char *save = NULL;
    size_t count = 0;
    for (char *word = strtok_r(line, " \t\r\n", &save); word && count < SHELL_WORDS_MAX;
         word = strtok_r(NULL, " \t\r\n", &save))
        words[count++] = word;
    return count > 0 ? shell_run_words(s, words, count) : 0;
}

static void shell_loop(struct shell *s)
{
    char line[SHELL_LINE_MAX];
    bool terminal = isatty(STDIN_FILENO);
    while (!s->ended) {
        if (terminal && report_format(s->run) == REPORT_KAFKA)
            fputs(">> ", stdout);
        fflush(stdout);
        if (!fgets(line, sizeof(line), stdin))
            break;
        shell_run_line(s, line);
    }
}

static int shell_run_loaded(struct shell *s)
{
    const char *words[SHELL_WORDS_MAX];
    size_t count = 0;
    const char *word;
    while (count < SHELL_WORDS_MAX && (word = options_positional(s->run->options, (int)count)))
        words[count++] = word;
    if (count > 0)
        return shell_run_words(s, words, count);
    shell_loop(s);
    return 0;
}

static int shell_run(struct tool_run *run)
{
    const char *directory = options_get(run->options, "directory");
    const char *snapshot = options_get(run->options, "snapshot");
    struct shell s = {.run = run};
    if (options_has(run->options, "cluster"))
        return tool_misuse(run, "--cluster: the shell reads files: name those of a controller, "
                                "which may run meanwhile, with --directory");
    if (!directory == !snapshot)
        return tool_misuse(run, "which metadata? Give one of --directory DIR, --snapshot FILE");
    int err = env_new(&run->env);
    if (err)
        return tool_fail(run, "%s", err_text(err));
    s.root = metadata_tree_load(run, directory ? directory : snapshot);
    if (!s.root)
        return 1;
    s.at = mem_strdup("/");
    int status = shell_run_loaded(&s);
    mem_free(s.at);
    json_decref(s.root);
    return status;
}

const struct tool tool_metadata_shell = {
    .name = "metadata-shell",
    .link = "kafka-metadata-shell",
    .synopsis = "--directory DIR|--snapshot FILE [ls|cat|cd|pwd|tree|find|help|exit] [PATH...]",
    .summary = "Look at the metadata of a cluster as at files.",
    .options = shell_options,
    .positional = SHELL_WORDS_MAX,
    .commands = "ls|cat|cd|pwd|tree|find|help|exit",
    .run = shell_run,
};
