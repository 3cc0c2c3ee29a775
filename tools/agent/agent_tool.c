/* flume-ng agent, and millrace agent: runs one agent of a configuration file.
 *
 * Happy path: the file is read and checked, the agent is started and works until SIGTERM or SIGINT;
 * then its sources end and its sinks empty the channels in memory. Failure modes: mistakes in the
 * file are all told at once, with status 1; a second SIGINT ends at once. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/version.h"
#include "tools/agent/agent_host.h"
#include "tools/agent/agent_line.h"
#include "tools/agent/avro_client.h"
#include "tools/agent/flume_start.h"
#include "tools/agent/types.h"
#include "tools/tools.h"

static const struct option_row agent_options[] = {
    OPTION_LETTER('n', "name", "NAME", "The agent of the file that is run: the NAME of its lines."),
    OPTION_MANY_LETTER(
        'f', "conf-file", "FILE",
        "The configuration, in Flume's format. Of several what stands in a later one "
        "counts."),
    OPTION_LETTER('c', "conf", "DIR", "The directory in which FILE is looked for as well."),
    OPTION_GLUED(
        'D', "define", "KEY=VALUE",
        "A value for ${sys:KEY}. flume.root.logger=LEVEL says how much is logged, "
        "flume.monitoring.type=http|prometheus and flume.monitoring.port=N show counters."),
    OPTION("no-reload-conf", NULL, "Don't look whether FILE changes."),
    OPTION("no-live-line", NULL, "No line that shows, at a terminal, how the agent does."),
    OPTION("check", NULL, "Only read the file and tell its mistakes."),
    OPTION("keys", NULL, "All types and their keys, in Markdown."),
    OPTION_GLUED('X', "jvm", "...", "Options of a Java machine: there is none, so without effect."),
    OPTION_MANY_LETTER('u', "conf-uri", "URI",
                       "The same as a URI, file:///PATH or classpath:FILE, which is looked for in "
                       "DIR. Those count as if they stood in front of all FILEs."),
    OPTION_OLD_LETTER('z', "zkConnString", "HOST:PORT"),
    OPTION_OLD("zkBasePath", "PATH"),
    OPTION_OLD("conf-user", "NAME"),
    OPTION_SAME("user", "NAME", "conf-user"),
    OPTION_OLD("conf-password", "WORD"),
    OPTION_SAME("pwd", "WORD", "conf-password"),
    OPTION_OLD_LETTER('a', "auth-provider", "CLASS"),
    OPTION_OLD("verify-host", "true|false"),
    OPTION_OLD("conf-provider", "CLASS"),
    OPTION_SAME("prov", "CLASS", "conf-provider"),
    OPTION_OLD_LETTER('i', "poll-interval", "SECONDS"),
    OPTION_OLD_LETTER('b', "backup-directory", "DIR"),
    OPTION_OLD_LETTER('d', "dryrun", NULL),
    OPTION_OLD_LETTER('C', "classpath", "PATH"),
    OPTION_OLD("plugins-path", "PATH"),
    OPTION_LETTER('H', "host", "HOST", "avro-client: the host of the avro source."),
    OPTION_LETTER('p', "port", "PORT", "avro-client: its port."),
    OPTION_LETTER('F', "filename", "FILE",
                  "avro-client: the file whose lines are sent; else stdin."),
    OPTION_LETTER('R', "headerFile", "FILE", "avro-client: properties, the headers of each line."),
    OPTION_OLD_LETTER('P', "rpcProps", "FILE"),
    OPTION_OLD("dirname", "DIR"),
    TOOL_LAST_OPTIONS,
};

/* Options of Flume that ask for what is not here. */
static const struct {
    const char *option, *why;
} agent_refused[] = {
    {"zkConnString", "there is no ZooKeeper: give the file with --conf-file"},
    {"zkBasePath", "there is no ZooKeeper: give the file with --conf-file"},
    {"conf-user", "configurations are read from files only: there is nobody to log in to"},
    {"conf-password", "configurations are read from files only: there is nobody to log in to"},
    {"auth-provider", "configurations are read from files only: there is nobody to log in to"},
    {"verify-host", "configurations are read from files only: no host has to be verified"},
    {"conf-provider", "no Java classes can be loaded: give the file with --conf-file"},
    {"poll-interval", "the files are looked at each second: leave it out"},
    {"backup-directory", "configurations are files, and need no copy: leave it out"},
    {"dryrun", "there is no Java command to be shown: --check reads the file and tells mistakes"},
    {"classpath", "parts are built in, no Java classes can be loaded: --help types lists them"},
    {"rpcProps", "give --host and --port; an agent with an avro sink has all other settings"},
    {"dirname", "run an agent with a spooldir or taildir source, which sends directories on"},
    {"plugins-path", "parts are built in, no Java classes can be loaded: --help types lists them"},
};

struct agent_program {
    struct tool_run *run;
    struct env *env;
    struct logger logger;
    struct props system;
    struct flume_start start;
    char *file;
    const char *name;
    struct agent_host host;
    struct agent_line line;
};

static int64_t agent_wall_ms(void *data)
{
    return env_wall_ms(data);
}

/* ---- help ---- */

static void agent_print_types(FILE *out)
{
    for (int kind = 0; kind < PART_KINDS; kind++) {
        fprintf(out, "%ss:\n", part_kind_word((enum part_kind)kind));
        for (size_t i = 0; i < agent_types_count; i++)
            if (agent_types[i]->kind == (enum part_kind)kind && !agent_types[i]->missing) {
                fprintf(out, "  %-20s ", agent_types[i]->name);
                options_print_text(agent_types[i]->doc, 23, out);
            }
    }
}

/* --help TYPE, --help types */
static bool agent_help(const struct tool_run *run)
{
    bool found = false;
    for (int i = 0; i < run->argc && !found; i++) {
        if (strcmp(run->argv[i], "types") == 0) {
            agent_print_types(stdout);
            return true;
        }
        for (int kind = 0; kind < PART_KINDS; kind++) {
            const struct part_type *type = part_type_find((enum part_kind)kind, run->argv[i]);
            if (!type)
                continue;
            printf("%s", found ? "\n" : "");
            part_type_print(type, stdout);
            found = true;
        }
    }
    return found;
}

/* ---- running ---- */

static void agent_program_end(void *data)
{
    struct agent_program *program = data;
    env_stop(program->env);
}

static void agent_program_signal(void *data, int signum)
{
    struct agent_program *program = data;
    if (program->host.stopping && signum == SIGINT) {
        logger_warn(&program->logger, "a second SIGINT: ending at once");
        _exit(1);
    }
    if (program->host.stopping)
        return;
    logger_info(&program->logger, "stopping, since SIG%s came", sigabbrev_np(signum));
    agent_host_stop(&program->host, agent_program_end, program);
}

static int agent_program_work(struct agent_program *program, struct agent_config *config)
{
    struct agent_host *host = &program->host;
    struct buf problem;
    buf_init(&problem);
    int status = 0;
    if (!options_has(program->run->options, "no-live-line"))
        agent_line_open(&program->line, program->env, &program->logger, &host->agent);
    agent_host_init(host, program->env, &program->logger, &program->system, program->file,
                    program->name, !options_has(program->run->options, "no-reload-conf"));
    if (env_on_signal(program->env, SIGTERM, agent_program_signal, program) ||
        env_on_signal(program->env, SIGINT, agent_program_signal, program) ||
        env_on_signal(program->env, SIGHUP, agent_program_signal, program)) {
        agent_config_free(config);
        status = tool_fail(program->run, "can't catch signals");
    } else if (agent_host_start(host, config, &problem)) {
        status = tool_fail(program->run, "%s", buf_text(&problem));
        agent_host_stop(host, agent_program_end, program);
        env_run(program->env); /* as a stop would: what had been started ends here */
    } else {
        env_run(program->env);
    }
    agent_host_close(host);
    if (program->line.env)
        agent_line_close(&program->line);
    buf_close(&problem);
    return status;
}

/* ---- what was asked for ---- */

static int agent_read_defines(struct agent_program *program)
{
    const char *pair;
    for (size_t at = 0; (pair = options_next(program->run->options, "define", &at));) {
        const char *equals = strchr(pair, '=');
        char *key = equals ? mem_strndup(pair, (size_t)(equals - pair)) : mem_strdup(pair);
        props_set(&program->system, key, equals ? equals + 1 : "");
        mem_free(key);
    }
    /* flume.root.logger=DEBUG,console */
    const char *level = props_get(&program->system, "flume.root.logger");
    size_t len = level ? strcspn(level, ",") : 0;
    if (level && !logger_level_find(level, len, &program->logger.level))
        return tool_misuse(program->run,
                           "-Dflume.root.logger=%s: the level is one of TRACE, DEBUG, INFO, WARN, "
                           "ERROR",
                           level);
    return 0;
}

/* As it is named, else in the directory of --conf. */
static char *agent_find_file(struct agent_program *program, const char *file)
{
    const char *dir = options_get(program->run->options, "conf");
    if (dir && file[0] != '/' && !env_path_exists(program->env, file)) {
        char *inside = mem_printf("%s/%s", dir, file);
        if (env_path_exists(program->env, inside))
            return inside;
        mem_free(inside);
    }
    return mem_strdup(file);
}

/* All that were given, each on a line of its own, the URIs first. NULL with the message printed. */
static char *agent_find_files(struct agent_program *program)
{
    const struct options *options = program->run->options;
    struct buf files, problem;
    const char *file;
    buf_init(&files);
    buf_init(&problem);
    for (size_t at = 0; !problem.len && (file = options_next(options, "conf-uri", &at));) {
        char *found = flume_start_uri(file, options_get(options, "conf"), &problem);
        buf_printf(&files, "%s%s", files.len ? "\n" : "", found ? found : "");
        mem_free(found);
    }
    for (size_t at = 0; (file = options_next(options, "conf-file", &at));) {
        char *found = agent_find_file(program, file);
        buf_printf(&files, "%s%s", files.len ? "\n" : "", found);
        mem_free(found);
    }
    bool wrong = problem.len > 0;
    if (wrong)
        tool_misuse(program->run, "--conf-uri: %s", buf_text(&problem));
    char *all = wrong ? NULL : mem_strdup(buf_text(&files));
    ASSERT(wrong || all[0] != '\0');
    buf_close(&files);
    buf_close(&problem);
    return all;
}

static void agent_print_lines(const struct tool_run *run, struct buf *lines)
{
    char *save = NULL;
    for (char *line = strtok_r((char *)(uintptr_t)buf_text(lines), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        tool_warn(run, "%s", line);
}

static int agent_program_read(struct agent_program *program, struct agent_config **config)
{
    struct buf problems, notes;
    buf_init(&problems);
    buf_init(&notes);
    int err = agent_config_read(program->env, program->file, program->name, &program->system,
                                config, &problems, &notes);
    agent_print_lines(program->run, &problems);
    agent_print_lines(program->run, &notes);
    buf_close(&problems);
    buf_close(&notes);
    return err;
}

static int agent_program_run(struct agent_program *program)
{
    const struct options *options = program->run->options;
    struct agent_config *config;
    const char *file;
    program->name = options_get(options, "name");
    if (!options_has(options, "conf-file") && !options_has(options, "conf-uri"))
        return tool_misuse(program->run, "which configuration? Give it with --conf-file FILE");
    if (!program->name)
        return tool_misuse(program->run, "which agent of the file? Give it with --name NAME");
    for (size_t at = 0; (file = options_next(options, "conf-file", &at));)
        if (file[0] == '\0')
            return tool_misuse(program->run, "--conf-file is empty: name the file");
    if (agent_read_defines(program))
        return 1;
    program->file = agent_find_files(program);
    if (!program->file)
        return 1;
    if (agent_program_read(program, &config))
        return 1;
    if (!options_has(options, "check"))
        return agent_program_work(program, config);
    char parts[AGENT_PARTS_TEXT];
    printf("%.*s: agent %s has %s, and no mistake\n", (int)strcspn(program->file, "\n"),
           program->file, program->name, agent_config_count(config, parts, sizeof(parts)));
    agent_config_free(config);
    return 0;
}

/* What Flume's start script and its file of options add to the command line. */
static int agent_read_start(struct agent_program *program, bool client)
{
    struct tool_run *run = program->run;
    const char *conf = options_get(run->options, "conf");
    const char *jvm;
    if (flume_start_read_env(run, conf, &program->system))
        return 1;
    if (!client && flume_start_add_options(run, conf, &program->start))
        return 1;
    for (size_t at = 0; (jvm = options_next(run->options, "jvm", &at));)
        tool_warn(run, "-X%s: without effect, there is no Java machine", jvm);
    for (size_t i = 0; i < ARRAY_LEN(agent_refused); i++)
        if (options_has(run->options, agent_refused[i].option))
            return tool_misuse(run, "--%s: %s", agent_refused[i].option, agent_refused[i].why);
    return 0;
}

static int agent_program_begin(struct agent_program *program)
{
    int err = env_new(&program->env);
    if (err)
        return tool_fail(program->run, "can't make the event loop: %s", err_text(err));
    logger_init(&program->logger, "agent", agent_wall_ms, program->env);
    program->logger.level = LOGGER_INFO;
    int status = agent_program_run(program);
    mem_free(program->file);
    env_free(program->env);
    return status;
}

static int agent_run(struct tool_run *run)
{
    const char *command = options_positional(run->options, 0);
    struct agent_program program = {.run = run};
    if (command && strcmp(command, "version") == 0) {
        printf("%s (Millrace)\n", MILLRACE_VERSION);
        return 0;
    }
    if (command && strcmp(command, "help") == 0) {
        options_usage(agent_options, run->called, run->tool->synopsis, run->tool->summary, stdout);
        return 0;
    }
    bool client = command && strcmp(command, "avro-client") == 0;
    if (command && !client && strcmp(command, "agent") != 0)
        return tool_misuse(run, "%s is none of agent, avro-client, version, help", command);
    if (options_has(run->options, "keys")) {
        part_types_print_markdown(stdout);
        return 0;
    }
    props_init(&program.system);
    int status = agent_read_start(&program, client);
    if (!status)
        status = client ? avro_client_run(run) : agent_program_begin(&program);
    flume_start_close(&program.start);
    props_close(&program.system);
    return status;
}

const struct tool tool_agent = {
    .name = "agent",
    .link = "flume-ng",
    .synopsis = "agent --name NAME --conf-file FILE [--conf DIR] [-DKEY=VALUE]",
    .summary = "Run an agent of sources, channels and sinks, from a Flume configuration.",
    .options = agent_options,
    .positional = 1,
    .commands = "agent|avro-client|version|help",
    .formless = "it prints a log; its counters are JSON over HTTP (docs/agent.md)",
    .run = agent_run,
    .help = agent_help,
};
