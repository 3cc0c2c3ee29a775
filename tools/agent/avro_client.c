/* Happy path: lines are read from the file or from stdin, a batch of them is sent, and when the
 * other side's channels have it the next one is read; status 0 means that they have all lines.
 * Failure modes: a batch that is not taken ends the client with status 1, and a line that says how
 * many lines went over before it: nothing is repeated here. */
#include "tools/agent/avro_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/lines.h"
#include "tools/agent/rpc_client.h"

enum {
    AVRO_CLIENT_BATCH = 100,
    AVRO_CLIENT_BLOCK = 64 * 1024,
    AVRO_CLIENT_LINE_MAX = 16 << 20,
    AVRO_CLIENT_HEADERS_MAX = 1 << 20, /* bytes of the file of headers */
    AVRO_CLIENT_TIMEOUT_MS = 20000
};

struct avro_client {
    struct tool_run *run;
    struct env *env;
    struct logger logger;
    struct sink_counters counters;
    struct rpc_client *rpc;
    struct lines lines;
    struct headers *headers;
    FILE *in;
    const char *file; /* for messages */
    struct event events[AVRO_CLIENT_BATCH];
    size_t count;
    uint64_t sent;
    bool ended; /* the file */
    int status;
};

static int64_t avro_client_wall_ms(void *data)
{
    return env_wall_ms(data);
}

/* ---- lines ---- */

static int avro_client_fill(struct avro_client *client)
{
    uint8_t *to;
    size_t room;
    int err = lines_room(&client->lines, &to, &room);
    if (err)
        return tool_fail(client->run, "%s: %s", client->file,
                         err == ERR_TOO_LARGE ? "a line is longer than 16 MB" : err_text(err));
    size_t got = fread(to, 1, room, client->in);
    if (got == 0 && ferror(client->in))
        return tool_fail(client->run, "can't read %s: %s", client->file, strerror(errno));
    lines_added(&client->lines, got);
    client->ended = got == 0;
    return 0;
}

static void avro_client_add(struct avro_client *client, struct event *event)
{
    ASSERT(client->count < AVRO_CLIENT_BATCH);
    event_take_headers(event, headers_ref(client->headers));
    client->events[client->count++] = *event;
}

/* The next batch; none at the end. */
static int avro_client_read(struct avro_client *client)
{
    struct event event;
    int status = 0;
    while (!status && client->count < AVRO_CLIENT_BATCH && !client->ended) {
        int found = lines_next(&client->lines, &event);
        if (found == 1)
            avro_client_add(client, &event);
        else
            status = avro_client_fill(client); /* which knows of a line that is too long, too */
    }
    if (client->ended && client->count < AVRO_CLIENT_BATCH && lines_rest(&client->lines, &event))
        avro_client_add(client, &event);
    return status;
}

/* ---- sending ---- */

static void avro_client_next(struct avro_client *client)
{
    client->status = avro_client_read(client);
    if (client->status == 0 && client->count > 0)
        rpc_client_send(client->rpc, client->events, client->count);
    else
        env_stop(client->env);
}

static void avro_client_sent(void *data, int status)
{
    struct avro_client *client = data;
    event_unref_all(client->events, client->count);
    client->sent += status ? 0 : client->count;
    client->count = 0;
    if (!status) {
        avro_client_next(client);
        return;
    }
    client->status = tool_fail(client->run, "the first %llu lines went over, the others did not",
                               (unsigned long long)client->sent);
    env_stop(client->env);
}

static int avro_client_headers(struct avro_client *client)
{
    const char *file = options_get(client->run->options, "headerFile");
    struct props props;
    char *text;
    size_t len;
    int line = 0;
    if (!file)
        return 0;
    int err = env_file_load(client->env, file, AVRO_CLIENT_HEADERS_MAX, &text, &len);
    if (err)
        return tool_fail(client->run, "can't read %s: %s", file, err_text(err));
    props_init(&props);
    err = props_parse(&props, text, len, &line);
    for (size_t i = 0; i < props.count; i++) {
        const char *value = props.entries[i].value;
        struct headers *more =
            headers_set(client->headers, props.entries[i].key, value, strlen(value));
        headers_unref(client->headers);
        client->headers = more;
    }
    props_close(&props);
    mem_free(text);
    return err ? tool_fail(client->run, "%s line %d: %s", file, line, err_text(err)) : 0;
}

static int avro_client_work(struct avro_client *client, uint16_t port)
{
    struct rpc_client_setup setup = {
        .env = client->env,
        .logger = &client->logger,
        .counters = &client->counters,
        .protocol = &avro_rpc,
        .host = options_get(client->run->options, "host"),
        .port = port,
        .connect_timeout_ms = AVRO_CLIENT_TIMEOUT_MS,
        .request_timeout_ms = AVRO_CLIENT_TIMEOUT_MS,
        .zip_level = -1,
        .done = avro_client_sent,
        .data = client,
    };
    lines_init(&client->lines, AVRO_CLIENT_BLOCK, AVRO_CLIENT_LINE_MAX, true);
    client->rpc = rpc_client_new(&setup);
    avro_client_next(client);
    if (client->status == 0 && client->count > 0)
        env_run(client->env);
    rpc_client_free(client->rpc);
    lines_close(&client->lines);
    ASSERT(client->count == 0 || client->status != 0);
    event_unref_all(client->events, client->count);
    return client->status;
}

int avro_client_run(struct tool_run *run)
{
    struct avro_client *client = mem_alloc(sizeof(*client));
    const char *file = options_get(run->options, "filename");
    int64_t port;
    int status = 0;
    client->run = run;
    client->file = file ? file : "stdin";
    if (!options_has(run->options, "host") || !options_has(run->options, "port"))
        status = tool_misuse(run, "where to? Give --host HOST and --port PORT of the avro source");
    else
        status = tool_number(run, "port", 1, 65535, 0, &port);
    if (!status && env_new(&client->env))
        status = tool_fail(run, "can't make the event loop");
    if (!status) {
        logger_init(&client->logger, "avro-client", avro_client_wall_ms, client->env);
        client->logger.level = LOGGER_WARN;
        status = avro_client_headers(client);
    }
    if (!status) {
        client->in = file ? fopen(file, "rb") : stdin;
        status = client->in ? avro_client_work(client, (uint16_t)port)
                            : tool_fail(run, "can't open %s: %s", file, strerror(errno));
    }
    if (file && client->in)
        (void)fclose(client->in);
    headers_unref(client->headers);
    if (client->env)
        env_free(client->env);
    mem_free(client);
    return status;
}
