/* Happy path: the script runs in a shell that prints its variables when it is through; options of
 * the file are put behind those of the command line, and all are parsed once more.
 *
 * Failure modes: a script that fails, takes longer than ten seconds or prints too much; a file of
 * options that is none, or has one that there is not; URIs of what is no file. What asks for a Java
 * machine has no effect, and is told. */
#include "tools/agent/flume_start.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/agent/config_filter.h"
#include "tools/options.h"
#include "tools/text_file.h"

#define FLUME_OPTS "/etc/flume/flume.opts"
#define FLUME_ENV  "MILLRACE_FLUME_ENV"

/* ---- flume.opts ---- */

void flume_start_close(struct flume_start *start)
{
    for (size_t i = 0; i < start->names_count; i++)
        mem_free(start->names[i]);
    mem_free(start->names);
    mem_free(start->argv);
    props_close(&start->opts);
}

/* A flag is given with "true". */
static bool flume_start_is_flag(const struct option_row *rows, const char *key)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, key) == 0)
            return rows->value == NULL;
    return false;
}

static const char *flume_start_long_name(const struct option_row *rows, const char *key)
{
    for (; rows->name; rows++)
        if (key[1] == '\0' && rows->letter == key[0])
            return rows->name;
    return key;
}

static bool flume_start_is_known(const struct option_row *rows, const char *key)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, key) == 0)
            return true;
    return false;
}

static int flume_start_merge(struct tool_run *run, const char *path, struct flume_start *start)
{
    const struct option_row *rows = run->tool->options;
    struct options *options;
    struct buf problem;
    int argc = run->argc;
    size_t count = start->opts.count;
    start->argv = mem_alloc(((size_t)argc + 2 * count + 1) * sizeof(char *));
    start->names = mem_alloc((count + 1) * sizeof(char *));
    for (int i = 0; i < argc; i++)
        start->argv[i] = run->argv[i];
    for (size_t i = 0; i < count; i++) {
        struct props_entry *entry = &start->opts.entries[i];
        const char *name = flume_start_long_name(rows, entry->key);
        if (!flume_start_is_known(rows, name))
            return tool_fail(run, "%s line %d: there is no option --%s", path, entry->line, name);
        bool flag = flume_start_is_flag(rows, name);
        if (options_has(run->options, name) || (flag && strcasecmp(entry->value, "true") != 0))
            continue;
        char *written = mem_printf("--%s", name);
        start->names[start->names_count++] = written;
        start->argv[argc++] = written;
        if (!flag)
            start->argv[argc++] = entry->value;
    }
    buf_init(&problem);
    int err = options_parse(rows, argc, start->argv, run->tool->positional, &problem, &options);
    if (err) {
        tool_fail(run, "%s: %s", path, buf_text(&problem));
    } else {
        options_free(run->options);
        run->options = options;
    }
    buf_close(&problem);
    return err ? 1 : 0;
}

int flume_start_add_options(struct tool_run *run, const char *conf, struct flume_start *start)
{
    size_t len;
    int line;
    char *inside = conf ? mem_printf("%s/flume.opts", conf) : NULL;
    const char *path = access(FLUME_OPTS, F_OK) == 0 ? FLUME_OPTS : inside;
    *start = (struct flume_start){0};
    props_init(&start->opts);
    char *text = path ? text_file_read(path, &len) : NULL;
    int status = 0, err = path && !text ? errno : 0;
    if (text && props_parse(&start->opts, text, len, &line))
        status =
            tool_fail(run, "%s line %d: it is no line of options, such as name = a1", path, line);
    else if (text)
        status = flume_start_merge(run, path, start);
    else if (err != 0 && err != ENOENT && err != ENOTDIR)
        status = tool_fail(run, "can't read %s: %s", path, strerror(err));
    mem_free(text);
    mem_free(inside);
    return status;
}

/* ---- flume-env.sh ---- */

/* Its words, as a shell splits what is not quoted. */
static void flume_start_read_java(const struct tool_run *run, const char *variable,
                                  struct props *system)
{
    char *words = mem_strdup(getenv(variable) ? getenv(variable) : ""), *save = NULL;
    struct buf others;
    buf_init(&others);
    for (char *word = strtok_r(words, " \t\n", &save); word;
         word = strtok_r(NULL, " \t\n", &save)) {
        if (word[0] != '-' || word[1] != 'D') {
            buf_printf(&others, " %s", word);
            continue;
        }
        char *equals = strchr(word, '=');
        if (equals)
            *equals = '\0';
        props_set(system, word + 2, equals ? equals + 1 : "");
    }
    if (others.len > 0)
        tool_warn(run, "%s has%s: without effect, there is no Java machine", variable,
                  buf_text(&others));
    buf_close(&others);
    mem_free(words);
}

/* The variables of the script in place of ours: each with a NUL behind it. */
static void flume_start_take_variables(const struct buf *out)
{
    const char *at = (const char *)out->data, *end = at + out->len;
    clearenv();
    for (const char *nul; at < end && (nul = memchr(at, '\0', (size_t)(end - at))); at = nul + 1) {
        const char *equals = memchr(at, '=', (size_t)(nul - at));
        if (!equals || equals == at)
            continue;
        char *name = mem_strndup(at, (size_t)(equals - at));
        if (strcmp(name, FLUME_ENV) != 0)
            setenv(name, equals + 1, 1);
        mem_free(name);
    }
}

/* bash, for which Flume's users write it, or the system's shell. What it prints goes to stderr. */
static int flume_start_run_script(const struct tool_run *run, const char *path)
{
    static const char script[] = "shell=$(command -v bash || command -v sh); "
                                 "exec \"$shell\" -c '. \"$" FLUME_ENV
                                 "\" >&2; export JAVA_OPTS FLUME_JAVA_OPTS; exec env -0'";
    char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)script,
                    NULL};
    struct buf out;
    buf_init(&out);
    unsetenv("JAVA_OPTS"); /* only the script's counts, as for Flume */
    setenv(FLUME_ENV, path, 1);
    int status = 0;
    if (config_filter_run(argv, &out) && out.len > 0)
        flume_start_take_variables(&out);
    else
        status = tool_fail(run,
                           "%s fails: it has to end by itself within 10 seconds, and its "
                           "variables have 64 kB together at most",
                           path);
    buf_close(&out);
    return status;
}

int flume_start_read_env(const struct tool_run *run, const char *conf, struct props *system)
{
    char *path = conf ? mem_printf("%s%s/flume-env.sh", conf[0] == '/' ? "" : "./", conf) : NULL;
    bool there = path && access(path, F_OK) == 0;
    int status = there ? flume_start_run_script(run, path) : 0;
    mem_free(path);
    if (status)
        return status;
    if (there)
        flume_start_read_java(run, "JAVA_OPTS", system);
    flume_start_read_java(run, "FLUME_JAVA_OPTS", system);
    return 0;
}

/* ---- URIs ---- */

/* %41 is A; NULL when that makes no path. */
static char *flume_start_decode(const char *text)
{
    char *path = mem_strdup(text), *to = path;
    for (const char *from = text; *from; from++) {
        char byte = *from;
        if (byte == '%') {
            const char digits[] = {from[1], from[1] ? from[2] : '\0', '\0'};
            if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1])) {
                mem_free(path);
                return NULL;
            }
            byte = (char)strtol(digits, NULL, 16);
            from += 2;
        }
        if ((unsigned char)byte < ' ') { /* paths of several files are lines */
            mem_free(path);
            return NULL;
        }
        *to++ = byte;
    }
    *to = '\0';
    return path;
}

static const char *flume_start_after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncasecmp(text, prefix, len) == 0 ? text + len : NULL;
}

char *flume_start_uri(const char *uri, const char *conf, struct buf *problem)
{
    const char *rest = flume_start_after(uri, "file:"),
               *name = flume_start_after(uri, "classpath:");
    size_t scheme = strcspn(uri, ":/?#");
    if (rest && strncmp(rest, "//", 2) == 0) {
        const char *local = flume_start_after(rest, "//localhost/");
        rest = local ? local - 1 : rest + 2;
    }
    if (name) {
        name += strspn(name, "/");
        rest = name;
    } else if (!rest && uri[scheme] != ':') {
        rest = uri;
    }
    if (!rest) {
        buf_printf(problem,
                   "%s: configurations are read from files only: fetch it, and give the "
                   "file with --conf-file",
                   uri);
        return NULL;
    }
    char *path = flume_start_decode(rest);
    bool absolute = path && (path[0] == '/' || !flume_start_after(uri, "file:"));
    if (!absolute || path[0] == '\0') {
        buf_printf(problem, "%s names no file: write file:///PATH", uri);
        mem_free(path);
        return NULL;
    }
    if (!name || !conf)
        return path;
    char *inside = mem_printf("%s/%s", conf, path);
    mem_free(path);
    return inside;
}
