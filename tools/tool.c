/* What the tools share: reaching the cluster, messages, patterns.
 *
 * Happy path: --bootstrap-server names a broker. --zookeeper, which old scripts write, gives the
 * host only: the notice says which brokers are asked instead. */
#include "tools/tool.h"

#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kafka/messages/metadata.h"
#include "tools/text_file.h"

/* The brokers of one machine, as config/server0..2.properties have them: with --zookeeper any of
 * them may be asked, since one may be down. */
enum { TOOL_PORT_FIRST = 9092, TOOL_PORT_COUNT = 3 };

/* Over a slow network a dial may take seconds; a dead local broker refuses at once. */
enum { TOOL_CONNECT_TIMEOUT_MS = 10000, TOOL_REQUEST_TIMEOUT_MS = 60000 };

/* An election of the controller takes a fraction of a second; five are plenty. */
enum { TOOL_CONTROLLER_TRIES = 50, TOOL_CONTROLLER_WAIT_MS = 100 };

static void tool_print_problem(const struct tool_run *run, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", run->called);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int tool_fail(const struct tool_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_print_problem(run, format, args);
    va_end(args);
    return 1;
}

void tool_warn(const struct tool_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_print_problem(run, format, args);
    va_end(args);
}

int tool_misuse(const struct tool_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_print_problem(run, format, args);
    va_end(args);
    fprintf(stderr, "%s --help lists the options.\n", run->called);
    return 1;
}

int tool_number(const struct tool_run *run, const char *name, int64_t min, int64_t max,
                int64_t otherwise, int64_t *value)
{
    struct buf problem;
    buf_init(&problem);
    int err = options_int(run->options, name, min, max, otherwise, value, &problem);
    if (err)
        tool_misuse(run, "%s", buf_text(&problem));
    buf_close(&problem);
    return err ? 1 : 0;
}

int tool_check_action(const struct tool_run *run, const char *action)
{
    struct buf problem;
    buf_init(&problem);
    int err = options_check_action(run->options, action, &problem);
    if (err)
        tool_misuse(run, "%s", buf_text(&problem));
    buf_close(&problem);
    return err ? 1 : 0;
}

int tool_check_command(const struct tool_run *run, const char *command)
{
    const char *other = options_find_other(run->options, command);
    return other ? tool_misuse(run, "--%s does not go with %s: leave it out", other, command) : 0;
}

int tool_run_command(struct tool_run *run, const struct tool_command *commands, size_t count)
{
    const char *word = options_positional(run->options, 0);
    struct buf names;
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(commands[i].name, word) == 0)
            return tool_check_command(run, word) ? 1 : commands[i].run(run);
    buf_init(&names);
    for (size_t i = 0; i < count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", commands[i].name);
    tool_misuse(run, "%s%sthe commands are %s", word ? word : "",
                word ? " is none of them: " : "which command? ", buf_text(&names));
    buf_close(&names);
    return 1;
}

int tool_fail_client(const struct tool_run *run)
{
    return tool_fail(run, "%s", client_problem(run->client));
}

/* ---- the cluster ---- */

/* The port of the first address in $MILLRACE_BOOTSTRAP; 0 when there is none. */
static int tool_env_port(void)
{
    const char *text = getenv("MILLRACE_BOOTSTRAP");
    if (!text || text[0] == '\0')
        return 0;
    const char *colon = memrchr(text, ':', strcspn(text, ","));
    return colon ? (int)strtol(colon + 1, NULL, 10) : TOOL_PORT_FIRST;
}

/* "a:2181,b:2181/chroot" -> brokers on those hosts. */
static char *tool_from_zookeeper(const struct tool_run *run, const char *zookeeper)
{
    struct buf list;
    int port = tool_env_port();
    buf_init(&list);
    for (const char *at = zookeeper; *at && *at != '/';) {
        size_t len = strcspn(at, ",/");
        const char *colon = len > 0 && at[len - 1] != ']' ? memrchr(at, ':', len) : NULL;
        int host_len = colon ? (int)(colon - at) : (int)len;
        for (int i = 0; host_len > 0 && i < (port ? 1 : TOOL_PORT_COUNT); i++)
            buf_printf(&list, "%s%.*s:%d", list.len ? "," : "", host_len, at,
                       port ? port : TOOL_PORT_FIRST + i);
        at += len + (at[len] == ',');
    }
    fprintf(stderr, "%s: --zookeeper is not needed any more: asking the brokers at %s\n",
            run->called, buf_text(&list));
    char *copy = mem_strdup(buf_text(&list));
    buf_close(&list);
    return copy;
}

char *tool_bootstrap(struct tool_run *run, const char **option)
{
    const char *given = options_get(run->options, "bootstrap-server");
    const char *zookeeper = options_get(run->options, "zookeeper");
    const char *variable = getenv("MILLRACE_BOOTSTRAP");
    const char *property = props_get(&run->props, "bootstrap.servers");
    const char *controllers = options_get(run->options, "bootstrap-controller");
    *option = "--bootstrap-server";
    if (controllers && (given || zookeeper || !run->tool->controllers)) {
        tool_misuse(run, run->tool->controllers
                             ? "--bootstrap-server or --bootstrap-controller: not both"
                             : "--bootstrap-controller: this tool asks brokers only: give one with "
                               "--bootstrap-server");
        return NULL;
    }
    run->controllers = controllers != NULL;
    if (controllers) {
        *option = "--bootstrap-controller";
        return mem_strdup(controllers);
    }
    if (given) {
        if (strcmp(options_written(run->options, "bootstrap-server"), "broker-list") == 0)
            *option = "--broker-list";
        return mem_strdup(given);
    }
    if (zookeeper)
        return tool_from_zookeeper(run, zookeeper);
    if (property)
        return mem_strdup(property);
    if (variable && variable[0] != '\0') {
        *option = "MILLRACE_BOOTSTRAP or --bootstrap-server";
        return mem_strdup(variable);
    }
    tool_misuse(run, "which cluster? Give one of its brokers with --bootstrap-server HOST:PORT");
    return NULL;
}

/* With plain stdio: the tools that stand on librdkafka need no event loop. */
int tool_read_props_file(struct tool_run *run, const char *written, const char *path)
{
    size_t len;
    int line = 0;
    char *text = text_file_read(path, &len);
    if (!text)
        return tool_fail(run, "%s %s: it can't be read (%s): name a properties file", written, path,
                         strerror(errno));
    if (len == TEXT_FILE_MAX) {
        mem_free(text);
        return tool_fail(run, "%s %s: it is larger than any properties file: name one", written,
                         path);
    }
    int err = props_parse(&run->props, text, len, &line);
    mem_free(text);
    if (err)
        return tool_fail(run, "%s %s line %d: this is no setting: write name=value", written, path,
                         line);
    return 0;
}

int tool_read_props(struct tool_run *run, const char *name)
{
    const char *path = options_get(run->options, name);
    if (!path)
        return 0;
    char *written = mem_printf("--%s", options_written(run->options, name));
    int status = tool_read_props_file(run, written, path);
    mem_free(written);
    return status;
}

/* Reads --command-config. A setting that would change who may listen in is an error; what only
 * Java's clients know is said. */
static int tool_read_command_config(struct tool_run *run)
{
    static const char *const known[] = {"bootstrap.servers", "client.id", "request.timeout.ms"};
    const char *written = options_written(run->options, "command-config");
    size_t first = run->props.count;
    struct buf idle;
    if (tool_read_props(run, "command-config"))
        return 1;
    buf_init(&idle);
    int status = 0;
    for (size_t i = first; i < run->props.count; i++) {
        const struct props_entry *entry = &run->props.entries[i];
        bool protocol = strcmp(entry->key, "security.protocol") == 0, used = protocol;
        if (protocol && strcasecmp(entry->value, "PLAINTEXT") != 0)
            status = tool_fail(run,
                               "--%s: security.protocol=%s is not available yet: use a PLAINTEXT "
                               "listener",
                               written, entry->value);
        for (size_t j = 0; j < ARRAY_LEN(known); j++)
            used = used || strcmp(entry->key, known[j]) == 0;
        if (!used)
            buf_printf(&idle, "%s%s", idle.len ? ", " : "", entry->key);
    }
    if (status == 0 && idle.len > 0 && !run->server_file)
        tool_warn(run, "--%s: accepted, no effect: %s", written, buf_text(&idle));
    buf_close(&idle);
    return status;
}

static int64_t tool_request_timeout(const struct tool_run *run)
{
    const char *text = props_get(&run->props, "request.timeout.ms");
    long value = text ? strtol(text, NULL, 10) : 0;
    return value > 0 ? value : TOOL_REQUEST_TIMEOUT_MS;
}

static int tool_make_client(struct tool_run *run, const char *bootstrap, const char *option)
{
    const char *client_id = props_get(&run->props, "client.id");
    struct client_config config = {
        .bootstrap = bootstrap,
        .option = option,
        .client_id = client_id ? client_id : "adminclient",
        .connect_timeout_ms = TOOL_CONNECT_TIMEOUT_MS,
        .request_timeout_ms = tool_request_timeout(run),
        .controllers = run->controllers,
    };
    struct buf problem;
    buf_init(&problem);
    int err = run->env ? 0 : env_new(&run->env);
    if (err)
        buf_printf(&problem, "%s", err_text(err));
    else
        err = client_new(run->env, &config, &problem, &run->client);
    if (err)
        tool_fail(run, "%s", buf_text(&problem));
    buf_close(&problem);
    return err ? 1 : 0;
}

int tool_connect(struct tool_run *run)
{
    const char *option;
    if (tool_read_command_config(run))
        return 1;
    char *bootstrap = tool_bootstrap(run, &option);
    if (!bootstrap)
        return 1;
    int status = tool_make_client(run, bootstrap, option);
    mem_free(bootstrap);
    return status;
}

int tool_reconnect(struct tool_run *run, const char *bootstrap)
{
    ASSERT(run->env);
    client_free(run->client);
    run->client = NULL;
    return tool_make_client(run, bootstrap, "--bootstrap-server");
}

int tool_version(struct tool_run *run, int16_t key)
{
    int version = client_version(run->client, CLIENT_ANY, key, INT16_MAX);
    if (version < 0)
        tool_fail_client(run);
    return version;
}

int tool_call(struct tool_run *run, int32_t node, int16_t key, int version, const void *request,
              struct client_answer *answer)
{
    if (client_call(run->client, node, key, (int16_t)version, request, answer))
        return tool_fail_client(run);
    return 0;
}

int tool_metadata(struct tool_run *run, struct client_answer *answer)
{
    struct metadata_request request;
    int version = tool_version(run, KAFKA_API_METADATA);
    if (version < 0)
        return 1;
    wire_defaults(&metadata_request_desc, &request);
    request.topics.count = version == 0 ? 0 : -1;
    return tool_call(run, CLIENT_ANY, KAFKA_API_METADATA, version, &request, answer);
}

int tool_call_controller(struct tool_run *run, int16_t key, int version, const void *request,
                         bool (*moved)(const void *response), struct client_answer *answer)
{
    int32_t target = CLIENT_ANY;
    for (int tries = 1;; tries++) {
        if (tool_call(run, target, key, version, request, answer))
            return 1;
        if (tries == TOOL_CONTROLLER_TRIES || !moved(answer->response))
            return 0;
        client_answer_free(answer);
        if (target == CLIENT_CONTROLLER)
            client_wait(run->client, TOOL_CONTROLLER_WAIT_MS);
        client_forget_controller(run->client);
        target = CLIENT_CONTROLLER;
    }
}

const char *tool_error_text(int16_t code, struct wire_str message, struct buf *out)
{
    int err = err_from_wire(code);
    out->len = 0;
    if (message.len > 0)
        buf_printf(out, "%.*s (%s)", WIRE_STR_ARGS(message), err_name(err));
    else if (err == ERR_REQUEST_TIMED_OUT)
        buf_printf(out,
                   "the broker was not answered in time by the cluster's controller: see that most "
                   "nodes of controller.quorum.voters run, and try again (%s)",
                   err_name(err));
    else
        buf_printf(out, "%s (%s)", err_text(err), err_name(err));
    return buf_text(out);
}

/* ---- patterns ---- */

struct tool_pattern {
    regex_t regex;
};

/* What a letter behind a backslash stands for in Java's expressions, outside of brackets and inside
 * them. NULL: there is no such thing here. */
static const struct {
    char letter;
    const char *outside, *inside;
} tool_classes[] = {
    {'d', "[0-9]", "0-9"},        {'D', "[^0-9]", NULL}, {'w', "[A-Za-z0-9_]", "A-Za-z0-9_"},
    {'W', "[^A-Za-z0-9_]", NULL}, {'s', "[ \t]", " \t"}, {'S', "[^ \t]", NULL},
    {'b', "\\b", NULL},
};

/* One escape; false when it is none that can be said in POSIX's terms. */
static bool tool_translate_escape(char c, bool bracket, struct buf *out)
{
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
        if (bracket && (c == ']' || c == '^' || c == '-' || c == '\\'))
            return false; /* a bracket of POSIX has places for them instead */
        buf_printf(out, bracket ? "%c" : "\\%c", c);
        return c != '\0';
    }
    for (size_t i = 0; i < ARRAY_LEN(tool_classes); i++) {
        const char *class = bracket ? tool_classes[i].inside : tool_classes[i].outside;
        if (tool_classes[i].letter != c)
            continue;
        buf_printf(out, "%s", class ? class : "");
        return class != NULL;
    }
    return false;
}

/* Java's expression as POSIX's, alternatives also by commas; false when it can't be said. */
static bool tool_translate(const char *text, struct buf *out)
{
    bool bracket = false;
    for (const char *c = text; *c; c++) {
        if (*c == '\\') {
            if (!tool_translate_escape(*++c, bracket, out))
                return false;
            continue;
        }
        if (!bracket && *c == '(' && c[1] == '?') {
            if (c[2] != ':')
                return false;
            buf_printf(out, "(");
            c += 2;
            continue;
        }
        if (*c == '[')
            bracket = true;
        else if (*c == ']')
            bracket = false;
        buf_printf(out, "%c", *c == ',' && !bracket ? '|' : *c);
    }
    return true;
}

struct tool_pattern *tool_pattern_new(const struct tool_run *run, const char *text)
{
    struct tool_pattern *pattern = mem_alloc(sizeof(*pattern));
    struct buf whole;
    buf_init(&whole);
    buf_printf(&whole, "^(");
    bool right = tool_translate(text, &whole);
    buf_printf(&whole, ")$");
    right = right && regcomp(&pattern->regex, buf_text(&whole), REG_EXTENDED | REG_NOSUB) == 0;
    buf_close(&whole);
    if (right)
        return pattern;
    mem_free(pattern);
    tool_fail(run,
              "%s is no regular expression that can be used here: check brackets, stars and "
              "backslashes",
              text);
    return NULL;
}

void tool_pattern_free(struct tool_pattern *pattern)
{
    if (!pattern)
        return;
    regfree(&pattern->regex);
    mem_free(pattern);
}

bool tool_pattern_matches(const struct tool_pattern *pattern, const char *name)
{
    return regexec(&pattern->regex, name, 0, NULL, 0) == 0;
}

bool tool_is_plain_name(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] ==
               '\0';
}
