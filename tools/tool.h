/* What every tool is, and what they share: how it is called, how it reaches the cluster, how it
 * ends.
 *
 * A tool has one `const struct tool`; tools/tools.h has the list of them. Exit status: 0, or 1 on
 * any failure, usage errors included; README.md has the few that differ. */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include "base/props.h"
#include "kafka/client.h"
#include "tools/options.h"

struct tool_run;

struct tool {
    const char *name;                 /* "topics": millrace topics */
    const char *link;                 /* "kafka-topics": also with .sh; NULL = none */
    const char *synopsis;             /* "--bootstrap-server HOST:PORT ..." */
    const char *summary;              /* one sentence */
    const struct option_row *options; /* NULL: the tool reads argv itself */
    int positional;                   /* the most arguments that are no options */
    const char *missing;              /* why there is no such thing here, and what to do instead */
    const char *formless;             /* why there is no --format; NULL: there is one */
    const char *commands; /* "describe|upgrade", "FILE": what the first argument may be */
    bool controllers;     /* --bootstrap-controller is taken, as by Kafka's tool */
    bool bare;            /* a call without any argument is no question for help */
    int (*run)(struct tool_run *run); /* returns the exit status */
    /* Answers --help for what else is named on the command line; false = with the usage. NULL =
     * always the usage. */
    bool (*help)(const struct tool_run *run);
};

struct tool_run {
    const struct tool *tool;
    const char *called;  /* as the user wrote it, for messages */
    const char *program; /* argv[0] */
    int argc;            /* the arguments after the name */
    char **argv;
    struct options *options; /* parsed, when the tool has a table */
    struct env *env;         /* made by tool_connect, as is client */
    struct client *client;
    struct props props; /* of --command-config and the like */
    bool controllers;   /* a controller is asked: --bootstrap-controller was given */
    bool server_file;   /* --command-config is a node's file: what a client does not use is right */
};

/* The end of each table. */
#define TOOL_LAST_OPTIONS                                                                          \
    OPTION_LETTER('h', "help", NULL, "This text."),                                                \
        OPTION_LETTER('v', "version", NULL, "The version."), OPTION_END

/* The options that tool_bootstrap reads: every tool that speaks to a cluster has them, so that each
 * of them is taken or refused by all alike. */
#define TOOL_BOOTSTRAP_OPTIONS                                                                     \
    OPTION_LETTER('b', "bootstrap-server", "HOST:PORT,...", "Brokers to ask first."),              \
        OPTION_OLD("zookeeper", "HOST:PORT"),                                                      \
        OPTION_OLD_LETTER('C', "bootstrap-controller", "HOST:PORT,...")

/* And those of tool_connect. */
#define TOOL_COMMAND_CONFIG                                                                        \
    OPTION_LETTER('c', "command-config", "FILE", "A file of client properties, such as client.id.")
#define TOOL_CONNECT_OPTIONS TOOL_BOOTSTRAP_OPTIONS, TOOL_COMMAND_CONFIG
/* The same for tools with `controllers`. */
#define TOOL_CONTROLLERS_OPTIONS                                                                   \
    OPTION_LETTER('b', "bootstrap-server", "HOST:PORT,...", "Brokers to ask first."),              \
        OPTION_LETTER('C', "bootstrap-controller", "HOST:PORT,...",                                \
                      "Controllers to ask first, instead of brokers."),                            \
        OPTION_OLD("zookeeper", "HOST:PORT"), TOOL_COMMAND_CONFIG

/* Prints "NAME: sentence" on stderr and returns 1. */
int tool_fail(const struct tool_run *run, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same for what does not end the tool. */
void tool_warn(const struct tool_run *run, const char *format, ...) PRINTF_LIKE(2, 3);
/* As tool_fail, with a pointer to --help. */
int tool_misuse(const struct tool_run *run, const char *format, ...) PRINTF_LIKE(2, 3);
/* The number that the option gives, else `otherwise`; 0, or 1 with the message printed. */
int tool_number(const struct tool_run *run, const char *name, int64_t min, int64_t max,
                int64_t otherwise, int64_t *value);
/* Whether every option that was given goes with the action; 0, or 1 with the message printed. */
int tool_check_action(const struct tool_run *run, const char *action);
/* The same for a command, the word that stands where others have --ACTION. */
int tool_check_command(const struct tool_run *run, const char *command);

struct tool_command {
    const char *name;
    int (*run)(struct tool_run *run); /* returns the exit status */
};
/* Runs the command that the first argument names, when all options go with it. */
int tool_run_command(struct tool_run *run, const struct tool_command *commands, size_t count);
/* The sentence of run->client on stderr; returns 1. */
int tool_fail_client(const struct tool_run *run);

/* The bootstrap servers from --bootstrap-server (or --broker-list), --zookeeper (its host, with a
 * notice on stderr), bootstrap.servers of the properties, or $MILLRACE_BOOTSTRAP; the caller's to
 * mem_free. *option is what they were written with. NULL, with the message printed, when there are
 * none. */
char *tool_bootstrap(struct tool_run *run, const char **option);
/* Reads the properties file of the option `name`, if given, into run->props. 0, or 1 with the
 * message printed. */
int tool_read_props(struct tool_run *run, const char *name);
/* The same for the file `path`; `written` is what names it in messages. */
int tool_read_props_file(struct tool_run *run, const char *written, const char *path);
/* Makes run->env and run->client. 0, or 1 with the message printed. */
int tool_connect(struct tool_run *run);
/* Asks these addresses from now on, "host:port,host:port". 0, or 1 with the message printed. */
int tool_reconnect(struct tool_run *run, const char *bootstrap);
/* The version to use for an API to any broker; negative with the message printed. */
int tool_version(struct tool_run *run, int16_t key);
/* client_call to any broker, or to `node`; 0, or 1 with the message printed. */
int tool_call(struct tool_run *run, int32_t node, int16_t key, int version, const void *request,
              struct client_answer *answer);

/* Metadata of all topics, which the answer's response is. 0, or 1 with the message printed. */
int tool_metadata(struct tool_run *run, struct client_answer *answer);

/* As tool_call, for what the controller does. Any broker is asked first; when `moved` finds
 * NOT_CONTROLLER in the answer, the controller is looked up and asked, for a few seconds. */
int tool_call_controller(struct tool_run *run, int16_t key, int version, const void *request,
                         bool (*moved)(const void *response), struct client_answer *answer);

/* A wire error for a person: the broker's message if it sent one, else the sentence; with its name.
 * Borrowed from `out`. */
const char *tool_error_text(int16_t code, struct wire_str message, struct buf *out);

/* A pattern as Kafka's tools take it: a regular expression over the whole name, alternatives also
 * separated by commas. */
struct tool_pattern;
/* NULL, with the message printed, when it is no regular expression. */
struct tool_pattern *tool_pattern_new(const struct tool_run *run, const char *text);
void tool_pattern_free(struct tool_pattern *pattern);
bool tool_pattern_matches(const struct tool_pattern *pattern, const char *name);
/* Whether the text is a plain name, without anything that a regular expression reads otherwise. */
bool tool_is_plain_name(const char *text);

#endif
